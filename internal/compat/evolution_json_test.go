package compat

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

const (
	modern  = `"$schema":"https://json-schema.org/draft/2020-12/schema"`
	draft07 = `"$schema":"http://json-schema.org/draft-07/schema#"`
)

// narrows is a change that lets fewer values through: old data may break it,
// while the old schema reads all new data.
func narrows(name, old, new, finding string) change {
	return change{name, old, new, []string{finding}, nil}
}

// replaces is a change that neither side survives.
func replaces(name, old, new, backward, forward string) change {
	return change{name, old, new, []string{backward}, []string{forward}}
}

// alike is a change that both sides survive.
func alike(name, old, new string) change { return change{name, old, new, nil, nil} }

func TestJSONValues(t *testing.T) {
	t.Parallel()
	runChanges(t, jsonT, []change{
		alike("annotations", `{"type":"string","title":"a","description":"b","default":"c"}`, `{"type":"string","$comment":"d","x-unit":"e"}`),
		alike("formats", `{"type":"string","format":"date"}`, `{"type":"string","format":"time"}`),
		alike("true and the empty schema", `true`, `{}`),
		alike("conditions are not compared", `{"if":{"type":"string"},"then":{"minLength":1}}`, `{"if":{"type":"string"},"then":{"minLength":9}}`),
		narrows("anything to a type", `{}`, `{"type":"string"}`, "#/ TYPE_CHANGED"),
		narrows("a type to nothing", `{"type":"string"}`, `false`, "#/ TYPE_CHANGED"),
		replaces("type", `{"type":"string"}`, `{"type":"boolean"}`, "#/ TYPE_CHANGED", "#/ TYPE_CHANGED"),
		narrows("number to integer", `{"type":"number"}`, `{"type":"integer"}`, "#/ TYPE_NARROWED"),
		alike("bytes of Kafka Connect", `{"type":"string","connect.type":"bytes"}`, `{"type":"number","connect.type":"bytes"}`),
		replaces("bytes on one side", `{"type":"string","connect.type":"bytes"}`, `{"type":"number"}`, "#/ TYPE_CHANGED", "#/ TYPE_CHANGED"),

		narrows("maxLength added", `{"type":"string"}`, `{"type":"string","maxLength":5}`, "#/maxLength MAX_LENGTH_ADDED"),
		narrows("maxLength decreased", `{"type":"string","maxLength":10}`, `{"type":"string","maxLength":9}`, "#/maxLength MAX_LENGTH_DECREASED"),
		narrows("minLength added", `{"type":"string"}`, `{"type":"string","minLength":0}`, "#/minLength MIN_LENGTH_ADDED"),
		narrows("minLength increased", `{"type":"string","minLength":9}`, `{"type":"string","minLength":10}`, "#/minLength MIN_LENGTH_INCREASED"),
		narrows("pattern added", `{"type":"string"}`, `{"type":"string","pattern":"^a"}`, "#/pattern PATTERN_ADDED"),
		replaces("pattern changed", `{"type":"string","pattern":"^a"}`, `{"type":"string","pattern":"^ab"}`, "#/pattern PATTERN_CHANGED", "#/pattern PATTERN_CHANGED"),
		narrows("maximum", `{"type":"number","maximum":1e2}`, `{"type":"number","maximum":99.5}`, "#/maximum MAXIMUM_DECREASED"),
		narrows("maximum of 64 bits", `{"type":"integer","maximum":9223372036854775807}`, `{"type":"integer","maximum":9223372036854775806}`, "#/maximum MAXIMUM_DECREASED"),
		alike("maximum written otherwise", `{"type":"number","maximum":100}`, `{"type":"number","maximum":1.0e2}`),
		narrows("minimum added", `{"type":"number"}`, `{"type":"number","minimum":0}`, "#/minimum MINIMUM_ADDED"),
		narrows("minimum", `{"type":"number","minimum":-2}`, `{"type":"number","minimum":-1}`, "#/minimum MINIMUM_INCREASED"),
		narrows("exclusiveMaximum", `{"type":"number","exclusiveMaximum":3}`, `{"type":"number","exclusiveMaximum":2}`, "#/exclusiveMaximum EXCLUSIVE_MAXIMUM_DECREASED"),
		narrows("exclusiveMinimum", `{"type":"number","exclusiveMinimum":2}`, `{"type":"number","exclusiveMinimum":3}`, "#/exclusiveMinimum EXCLUSIVE_MINIMUM_INCREASED"),
		narrows("multipleOf added", `{"type":"number"}`, `{"type":"number","multipleOf":2}`, "#/multipleOf MULTIPLE_OF_ADDED"),
		narrows("multipleOf expanded", `{"type":"number","multipleOf":0.1}`, `{"type":"number","multipleOf":0.5}`, "#/multipleOf MULTIPLE_OF_EXPANDED"),
		replaces("multipleOf changed", `{"type":"number","multipleOf":2}`, `{"type":"number","multipleOf":3}`, "#/multipleOf MULTIPLE_OF_CHANGED", "#/multipleOf MULTIPLE_OF_CHANGED"),
		narrows("enum", `{"enum":["a",{"x":1,"y":[1.0]}]}`, `{"enum":[{"y":[1],"x":1e0}]}`, "#/enum ENUM_ARRAY_NARROWED"),
		replaces("enum changed", `{"enum":["a","b"]}`, `{"enum":["b","c"]}`, "#/enum ENUM_ARRAY_CHANGED", "#/enum ENUM_ARRAY_CHANGED"),
		replaces("enum of another kind", `{"enum":[1]}`, `{"enum":["1"]}`, "#/enum ENUM_ARRAY_CHANGED", "#/enum ENUM_ARRAY_CHANGED"),
		replaces("const", `{"const":null}`, `{"const":0}`, "#/const ENUM_ARRAY_CHANGED", "#/const ENUM_ARRAY_CHANGED"),
		replaces("const is no enum", `{"const":1}`, `{"enum":[1]}`, "#/ TYPE_CHANGED", "#/ TYPE_CHANGED"),
		narrows("not", `{"not":{"type":"integer"}}`, `{"not":{"type":"number"}}`, "#/not NOT_TYPE_EXTENDED"),
		{"keywords of several kinds", `{"type":"string","enum":["a","b"]}`, `{"type":"string","enum":["a"]}`,
			[]string{"#/ COMBINED_TYPE_SUBSCHEMAS_CHANGED", "#/enum ENUM_ARRAY_NARROWED"}, nil},
	})
}

func TestJSONObjects(t *testing.T) {
	t.Parallel()
	object := func(rest string) string { return `{"type":"object"` + rest + `}` }
	properties := func(list, rest string) string { return object(`,"properties":{` + list + `}` + rest) }
	const a, b, closed = `"a":{"type":"string"}`, `"b":{"type":"number"}`, `,"additionalProperties":false`
	const numbers, at = `,"additionalProperties":{"type":"number"}`, "#/properties/b "
	runChanges(t, jsonT, []change{
		narrows("open, optional property", properties(a, ``), properties(a+`,`+b, ``), at+"OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"),
		narrows("open, required property", properties(a, ``), properties(a+`,`+b, `,"required":["b"]`), at+"REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL"),
		narrows("open, required property with default", properties(a, ``), properties(a+`,"b":{"type":"number","default":0}`, `,"required":["b"]`),
			at+"REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL"),
		alike("open, property of any value", properties(a, ``), properties(a+`,"b":{"description":"any"}`, ``)),
		narrows("closed, property removed", properties(a+`,`+b, closed), properties(a, closed), at+"PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL"),
		alike("closed, forbidden property removed", properties(a+`,"b":false`, closed), properties(a, closed)),
		replaces("closed, required property", properties(a, closed), properties(a+`,`+b, `,"required":["b"]`+closed),
			at+"REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", at+"PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL"),
		change{name: "closed, required property with default", old: properties(a, closed), new: properties(a+`,"b":{"type":"number","default":0}`, `,"required":["b"]`+closed)}.
			finds(nil, []string{at + "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL"}),
		alike("partially open, property covered", properties(a, numbers), properties(a+`,`+b, numbers)),
		change{name: "partially open, property not covered", old: properties(a, numbers), new: properties(a+`,"b":{"type":"null"}`, numbers)}.finds(
			[]string{at + "TYPE_CHANGED", at + "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"},
			[]string{at + "TYPE_CHANGED", at + "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"}),
		alike("pattern covers", properties(a, `,"patternProperties":{"^b":{"type":"number"}}`), properties(a+`,`+b, `,"patternProperties":{"^b":{"type":"number"}}`)),
		alike("pattern that matches nothing here is not closed to new names", properties(a, `,"patternProperties":{"^z":false}`), properties(a, `,"patternProperties":{"^z":false}`)),
		alike("unevaluated schema covers", `{`+modern+`,"properties":{`+a+`},"unevaluatedProperties":{"type":"number"}}`,
			`{`+modern+`,"properties":{`+a+`,`+b+`},"unevaluatedProperties":{"type":"number"}}`),

		narrows("required", properties(a, ``), properties(a, `,"required":["a"]`), "#/required/a REQUIRED_ATTRIBUTE_ADDED"),
		alike("required with default", properties(`"a":{"type":"string","default":""}`, ``), properties(`"a":{"type":"string","default":""}`, `,"required":["a"]`)),
		alike("required without a schema", object(``), object(`,"required":["a"]`)),
		narrows("nested", properties(`"p":{"properties":{"q/r":{"type":"number"}}}`, ``), properties(`"p":{"properties":{"q/r":{"type":"integer"}}}`, ``),
			"#/properties/p/properties/q~1r TYPE_NARROWED"),
		alike("type left out", properties(a, ``), `{"properties":{`+a+`}}`),
		narrows("additionalProperties false", object(``), object(closed), "#/additionalProperties ADDITIONAL_PROPERTIES_REMOVED"),
		narrows("additionalProperties schema", object(``), object(numbers), "#/additionalProperties ADDITIONAL_PROPERTIES_NARROWED"),
		narrows("additionalProperties schema to false", object(numbers), object(closed), "#/additionalProperties ADDITIONAL_PROPERTIES_REMOVED"),
		narrows("additionalProperties of another type", object(numbers), object(`,"additionalProperties":{"type":"integer"}`), "#/additionalProperties TYPE_NARROWED"),
		narrows("unevaluatedProperties false", `{`+modern+`,"type":"object"}`, `{`+modern+`,"type":"object","unevaluatedProperties":false}`,
			"#/unevaluatedProperties UNEVALUATED_PROPERTIES_REMOVED"),
		narrows("unevaluatedProperties schema", `{`+modern+`,"type":"object","unevaluatedProperties":true}`, `{`+modern+`,"type":"object","unevaluatedProperties":{"type":"null"}}`,
			"#/unevaluatedProperties UNEVALUATED_PROPERTIES_NARROWED"),
		alike("draft-07 has no unevaluatedProperties", `{`+draft07+`,"type":"object"}`, `{`+draft07+`,"type":"object","unevaluatedProperties":false}`),
		narrows("maxProperties", object(`,"maxProperties":3`), object(`,"maxProperties":2`), "#/maxProperties MAX_PROPERTIES_DECREASED"),
		narrows("minProperties", object(``), object(`,"minProperties":2`), "#/minProperties MIN_PROPERTIES_ADDED"),
		narrows("dependency", object(``), object(`,"dependentRequired":{"a":["b"]}`), "#/dependencies/a DEPENDENCY_ARRAY_ADDED"),
		narrows("dependency extended", object(`,"dependencies":{"a":["b"]}`), object(`,"dependentRequired":{"a":["c","b"]}`), "#/dependencies/a DEPENDENCY_ARRAY_EXTENDED"),
		replaces("dependency changed", object(`,"dependencies":{"a":["b"]}`), object(`,"dependencies":{"a":["c"]}`),
			"#/dependencies/a DEPENDENCY_ARRAY_CHANGED", "#/dependencies/a DEPENDENCY_ARRAY_CHANGED"),
		narrows("dependency on a schema", object(``), object(`,"dependentSchemas":{"a":{"required":["b"]}}`), "#/dependencies/a DEPENDENCY_SCHEMA_ADDED"),
		narrows("dependency on a tighter schema", object(`,"dependencies":{"a":{"maxProperties":5}}`), object(`,"dependencies":{"a":{"maxProperties":4}}`),
			"#/dependencies/a/maxProperties MAX_PROPERTIES_DECREASED"),
	})
}

func TestJSONArrays(t *testing.T) {
	t.Parallel()
	tuple := func(items, rest string) string { return `{"type":"array","items":[` + items + `]` + rest + `}` }
	prefix := func(items, rest string) string {
		return `{` + modern + `,"type":"array","prefixItems":[` + items + `]` + rest + `}`
	}
	list := func(rest string) string { return `{` + modern + `,"type":"array"` + rest + `}` }
	const s, n, closed, more = `{"type":"string"}`, `{"type":"number"}`, `,"additionalItems":false`, `,"additionalItems":{"type":"number"}`
	runChanges(t, jsonT, []change{
		narrows("items", `{"type":"array","items":{"type":"number"}}`, `{"type":"array","items":{"type":"integer"}}`, "#/items TYPE_NARROWED"),
		narrows("items of any value", `{"type":"array"}`, `{"type":"array","items":{}}`, "#/items SCHEMA_ADDED"),
		narrows("open tuple", tuple(s, ``), tuple(s+`,`+n, ``), "#/items/1 ITEM_ADDED_TO_OPEN_CONTENT_MODEL"),
		alike("open tuple, item of any value", tuple(s, ``), tuple(s+`,true`, ``)),
		change{name: "closed tuple", old: tuple(s, closed), new: tuple(s+`,`+n, closed)}.finds(nil, []string{"#/items/1 ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL"}),
		alike("partially open tuple, item covered", tuple(s, more), tuple(s+`,`+n, more)),
		change{name: "partially open tuple, item not covered", old: tuple(s, more), new: tuple(s+`,`+s, more)}.finds(
			[]string{"#/items/1 TYPE_CHANGED", "#/items/1 ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"},
			[]string{"#/items/1 TYPE_CHANGED", "#/items/1 ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL"}),
		replaces("item of a tuple", tuple(s, ``), tuple(n, ``), "#/items/0 TYPE_CHANGED", "#/items/0 TYPE_CHANGED"),
		narrows("tuple closed", tuple(s, ``), tuple(s, closed), "#/additionalItems ADDITIONAL_ITEMS_REMOVED"),
		narrows("tuple partially closed", tuple(s, ``), tuple(s, more), "#/additionalItems ADDITIONAL_ITEMS_NARROWED"),
		narrows("more items", tuple(s, more), tuple(s, `,"additionalItems":{"type":"integer"}`), "#/additionalItems TYPE_NARROWED"),
		narrows("prefix", prefix(s, ``), prefix(s+`,`+n, ``), "#/items/1 ITEM_ADDED_TO_OPEN_CONTENT_MODEL"),
		change{name: "closed prefix", old: prefix(s, `,"items":false`), new: prefix(s+`,`+n, `,"items":false`)}.finds(nil, []string{"#/items/1 ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL"}),
		narrows("prefix partially closed", prefix(s, ``), prefix(s, `,"items":{"type":"number"}`), "#/additionalItems ADDITIONAL_ITEMS_NARROWED"),
		alike("prefix in both forms", `{"$schema":"https://json-schema.org/draft/2019-09/schema","type":"array","items":[`+s+`]}`, prefix(s, ``)),
		narrows("unevaluatedItems", list(``), list(`,"unevaluatedItems":false`), "#/unevaluatedItems UNEVALUATED_ITEMS_REMOVED"),
		narrows("maxItems", list(`,"maxItems":3`), list(`,"maxItems":2`), "#/maxItems MAX_ITEMS_DECREASED"),
		narrows("minItems", list(`,"minItems":2`), list(`,"minItems":3`), "#/minItems MIN_ITEMS_INCREASED"),
		narrows("uniqueItems", list(`,"uniqueItems":false`), list(`,"uniqueItems":true`), "#/uniqueItems UNIQUE_ITEMS_ADDED"),
		narrows("contains", list(``), list(`,"contains":{"type":"null"}`), "#/minContains MIN_CONTAINS_ADDED"),
		narrows("maxContains", list(`,"contains":{},"maxContains":3`), list(`,"contains":{},"maxContains":2`), "#/maxContains MAX_CONTAINS_DECREASED"),
		alike("minContains without contains", list(``), list(`,"minContains":3`)),
		alike("contains of draft-07", `{`+draft07+`,"type":"array"}`, `{`+draft07+`,"type":"array","contains":{"type":"null"}}`),
	})
}

func TestJSONCombinations(t *testing.T) {
	t.Parallel()
	of := func(word string, branches ...string) string {
		return `{"` + word + `":[` + strings.Join(branches, ",") + `]}`
	}
	least := func(length int) string { return fmt.Sprintf(`{"type":"string","minLength":%d}`, length) }
	const s, n, i, b = `{"type":"string"}`, `{"type":"number"}`, `{"type":"integer"}`, `{"type":"boolean"}`
	runChanges(t, jsonT, []change{
		alike("order of branches", of("oneOf", s, n), of("oneOf", n, s)),
		alike("repeated branch", of("oneOf", s, n), of("oneOf", s, n, `{"$comment":"again","type":"number"}`)),
		narrows("branch removed", of("oneOf", s, n), of("oneOf", s), "#/ SUM_TYPE_NARROWED"),
		narrows("one branch left", of("anyOf", s, n), s, "#/ TYPE_CHANGED"),
		alike("branch alone", of("anyOf", s), s),
		narrows("product extended", of("allOf", s), of("allOf", s, `{"maxLength":9}`), "#/ PRODUCT_TYPE_EXTENDED"),
		narrows("one of a product", `{"maxLength":9}`, of("allOf", `{"maxLength":9}`, s), "#/ TYPE_CHANGED"),
		replaces("another branch", of("oneOf", s, n), of("oneOf", s, b), "#/ COMBINED_TYPE_SUBSCHEMAS_CHANGED", "#/ COMBINED_TYPE_SUBSCHEMAS_CHANGED"),
		change{name: "branch widened", old: of("anyOf", i, s), new: of("anyOf", s, n)}.finds(nil, []string{"#/ COMBINED_TYPE_SUBSCHEMAS_CHANGED", "#/anyOf/1 TYPE_NARROWED"}),
		// The first old branch fits both new ones, the second only the one that
		// the first would take.
		change{name: "branches paired anew", old: of("anyOf", least(9), least(3)), new: of("anyOf", least(1), least(5))}.
			finds(nil, []string{"#/ COMBINED_TYPE_SUBSCHEMAS_CHANGED", "#/anyOf/0/minLength MIN_LENGTH_INCREASED"}),
		change{name: "anyOf for oneOf", old: of("oneOf", s, n), new: of("anyOf", s, n)}.finds(nil, []string{"#/ COMBINED_TYPE_CHANGED"}),
		change{name: "anyOf for allOf", old: of("allOf", s, n), new: of("anyOf", s, n)}.finds(nil, []string{"#/ COMBINED_TYPE_CHANGED"}),
		alike("type list and anyOf", `{"type":["string","null"]}`, `{"anyOf":[{"type":"null"},{"type":"string"}]}`),
		narrows("type list", `{"type":["string","null"]}`, `{"type":"string"}`, "#/ TYPE_CHANGED"),
		{"keyword under a type list", `{"type":["string","null"],"maxLength":9}`, `{"type":["string","null"],"maxLength":8}`,
			[]string{"#/ COMBINED_TYPE_SUBSCHEMAS_CHANGED", "#/maxLength MAX_LENGTH_DECREASED"}, nil},
	})
}

func TestJSONReferences(t *testing.T) {
	t.Parallel()
	to := func(ref, rest string) string {
		return `{"properties":{"a":{"$ref":"` + ref + `"}},` + rest + `}`
	}
	const number, integer, at = `{"type":"number"}`, `{"type":"integer"}`, "#/properties/a TYPE_NARROWED"
	inline := `{"properties":{"a":` + number + `}}`
	runChanges(t, jsonT, []change{
		alike("$defs", inline, to("#/$defs/N", `"$defs":{"N":`+number+`}`)),
		alike("definitions", inline, to("#/definitions/N", `"definitions":{"N":`+number+`}`)),
		alike("$anchor", inline, to("#n", `"$defs":{"N":{"$anchor":"n","type":"number"}}`)),
		alike("$id that is an anchor", inline, to("#n", `"definitions":{"N":{"$id":"#n","type":"number"}}`)),
		alike("$id", inline, to("n.json", `"$id":"https://example.test/s.json","$defs":{"N":{"$id":"n.json","type":"number"}}`)),
		alike("$id and pointer", inline, to("n.json#/$defs/M", `"$defs":{"N":{"$id":"n.json","$defs":{"M":`+number+`}}}`)),
		alike("pointer to no keyword of schemas", inline, to("#/components/schemas/N", `"components":{"schemas":{"N":`+number+`}}`)),
		alike("escapes", inline, to("#/$defs/a~1b%25", `"$defs":{"a/b%":`+number+`}`)),
		alike("chain", inline, to("#/$defs/A", `"$defs":{"A":{"$ref":"#/$defs/N"},"N":`+number+`}`)),
		narrows("changed behind the reference", to("#/$defs/N", `"$defs":{"N":`+number+`}`), to("#/$defs/N", `"$defs":{"N":`+integer+`}`), at),
		alike("unused definition", inline, `{"properties":{"a":`+number+`},"$defs":{"N":`+integer+`}}`),
		alike("siblings in draft-07", `{`+draft07+`,"definitions":{"N":{}},"$ref":"#/definitions/N"}`, `{`+draft07+`,"definitions":{"N":{}},"$ref":"#/definitions/N","maxLength":1}`),
		narrows("siblings in 2020-12", `{`+modern+`,"$defs":{"N":{"type":"string"}},"$ref":"#/$defs/N"}`, `{`+modern+`,"$defs":{"N":{"type":"string"}},"$ref":"#/$defs/N","maxLength":1}`,
			"#/ TYPE_CHANGED"),
		alike("default beside the reference", `{"properties":{"a":{"$ref":"#/$defs/N"}},"$defs":{"N":`+number+`}}`,
			`{"properties":{"a":{"$ref":"#/$defs/N","default":1}},"required":["a"],"$defs":{"N":`+number+`}}`),
		alike("schema of a dialect", `{"properties":{"a":{"$ref":"https://json-schema.org/draft/2020-12/schema"}}}`, `{"properties":{"a":{"$ref":"https://json-schema.org/draft/2020-12/schema"}}}`),
		replaces("schemas of two dialects", `{"properties":{"a":{"$ref":"https://json-schema.org/draft/2020-12/schema"}}}`, `{"properties":{"a":{"$ref":"http://json-schema.org/draft-07/schema"}}}`,
			"#/properties/a/$ref TYPE_CHANGED", "#/properties/a/$ref TYPE_CHANGED"),
	})
}

// list is a schema of linked nodes: a value, and the next node under a name.
func list(value, next string) string {
	return `{"$ref":"#/$defs/Node","$defs":{"Node":{"type":"object","properties":{"v":{"type":"` + value + `"},"next":` + next + `}}}}`
}

func TestJSONRecursion(t *testing.T) {
	t.Parallel()
	const again = `{"$ref":"#/$defs/Node"}`
	runChanges(t, jsonT, []change{
		alike("same", list("string", again), list("string", again)),
		narrows("value", list("number", again), list("integer", again), "#/properties/v TYPE_NARROWED"),
		alike("unrolled once", list("string", again), list("string", `{"type":"object","properties":{"v":{"type":"string"},"next":`+again+`}}`)),
		narrows("difference in the unrolled node", list("string", again), list("string", `{"type":"object","properties":{"v":{"type":"string","maxLength":1},"next":`+again+`}}`),
			"#/properties/next/properties/v/maxLength MAX_LENGTH_ADDED"),
		alike("root", `{"properties":{"r":{"$ref":"#"}}}`, `{"properties":{"r":{"$ref":"#"}}}`),
	})
}

// TestJSONRecursionHidesNoDifference: while T0 is compared with itself, the
// way back from T2 into T0 counts as compatible. The verdict on T2 must not
// outlive that assumption: T0 itself changed.
func TestJSONRecursionHidesNoDifference(t *testing.T) {
	t.Parallel()
	text := func(first, second string) string {
		node := func(id, next string) string {
			return `{"type":"object","properties":{"id":{"type":"` + id + `"},"ref":{"$ref":"#/$defs/` + next + `"}}}`
		}
		return `{"oneOf":[{"$ref":"#/$defs/T0"},{"$ref":"#/$defs/T1"}],"$defs":{"T0":{"type":"object","properties":{"ref":{"$ref":"#/$defs/T2"},"id":{"type":"` + first + `"}}},
			"T1":` + node(second, "T2") + `,"T2":` + node("integer", "T0") + `}}`
	}
	old, candidate := mustParse(t, jsonT, text("integer", "boolean")), mustParse(t, jsonT, text("boolean", "integer"))
	found := mustCheck(t, catalog.CompatibilityBackward, []*Schema{old}, candidate)
	if len(found) == 0 || found[0].Kind != "COMBINED_TYPE_SUBSCHEMAS_CHANGED" {
		t.Errorf("got %v, want COMBINED_TYPE_SUBSCHEMAS_CHANGED", found)
	}
}

func TestJSONFindingsShowBothSides(t *testing.T) {
	t.Parallel()
	older := mustParse(t, jsonT, `{"type":"object","properties":{"s":{"type":"string","maxLength":10}}}`)
	candidate := mustParse(t, jsonT, `{"type":"object","properties":{"s":{"type":"string","maxLength":9}}}`)
	found := mustCheck(t, catalog.CompatibilityBackward, []*Schema{older}, candidate)
	want := catalog.Incompatibility{
		Kind: "MAX_LENGTH_DECREASED", Path: "#/properties/s/maxLength", Old: "10", New: "9", Version: 1,
		Direction: catalog.CompatibilityBackward, Fix: "Keep the older limit, or one that lets more values through.",
	}
	if len(found) != 1 || found[0] != want {
		t.Errorf("got %+v, want %+v", found, want)
	}
}

// TestJSONDefaultDraft: a text without $schema is of the draft whose form it
// has.
func TestJSONDefaultDraft(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"properties":{"p":{"items":[{"type":"string"}],"additionalItems":false}}}`:                               true,
		`{"$ref":"#n","definitions":{"N":{"$id":"#n","type":"string"}}}`:                                           true,
		`{"$schema":"https://json-schema.org/draft/2020-12/schema","items":[{"type":"string"}]}`:                   false,
		`{"prefixItems":[{"type":"string"}],"items":[{"type":"string"}]}`:                                          true,
		`{"prefixItems":[{"type":"string"}],"items":false,"$defs":{"N":{"$anchor":"n"}},"contains":{"$ref":"#n"}}`: true,
	} {
		if _, err := Parse(jsonT, text); (err == nil) != want {
			t.Errorf("%s: got %v, want accepted: %t", text, err, want)
		}
	}
}

// jsonRing is n objects in a ring of references.
func jsonRing(n int) string {
	return `{"$ref":"#/$defs/D0","$defs":{` + many(n, ",", func(i int) string {
		return fmt.Sprintf(`"D%d":{"properties":{"next":{"$ref":"#/$defs/D%d"}}}`, i, (i+1)%n)
	}) + `}}`
}

// diamonds has 2^40 ways to its last definition.
func diamonds(value string) string {
	return `{"$ref":"#/$defs/D0","$defs":{` + many(40, ",", func(i int) string {
		return fmt.Sprintf(`"D%d":{"properties":{"a":{"$ref":"#/$defs/D%d"},"b":{"$ref":"#/$defs/D%d"}}}`, i, i+1, i+1)
	}) + `,"D40":{"type":"` + value + `"}}}`
}

// TestJSONReportEndsAtItsLimit: one difference that many ways lead to is told
// MaxIncompatibilities times, and no way is walked after that.
func TestJSONReportEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	w := newJSONWalk()
	o, u := w.root(mustParse(t, jsonT, diamonds("number"))), w.root(mustParse(t, jsonT, diamonds("integer")))
	if w.compare(spot{loud: true}, o, u) || len(w.found) != MaxIncompatibilities || w.steps > MaxSteps/10 {
		t.Errorf("got %d findings after %d steps, want %d after at most %d", len(w.found), w.steps, MaxIncompatibilities, MaxSteps/10)
	}
}

// TestJSONAttacksEndInTime: each text is small and legal, and asks for more
// comparisons than a process has time or stack for.
func TestJSONAttacksEndInTime(t *testing.T) {
	t.Parallel()
	branches := func(title string, length func(i int) int) string {
		return `{"oneOf":[` + many(1500, ",", func(i int) string {
			return fmt.Sprintf(`{"type":"string","title":"%s%d","maxLength":%d}`, title, i, length(i))
		}) + `]}`
	}
	enums := func(title string, length func(i int) int) string {
		return `{"oneOf":[` + many(40, ",", func(i int) string {
			return `{"title":"` + title + `","enum":[` + many(2000+length(i), ",", func(j int) string { return fmt.Sprint(j) }) + `]}`
		}) + `]}`
	}
	up, down := func(i int) int { return i }, func(i int) int { return 1500 - i }
	wide := func(value string) string { // the last but one has more parts than there are steps for each way
		return strings.Replace(diamonds(value), `"D39":{"properties":{`, `"D39":{"properties":{`+many(4000, "", func(i int) string { return fmt.Sprintf(`"x%d":true,`, i) }), 1)
	}
	expanding := func(maximum int) string { // each level compares all alternatives with all
		return `{"$ref":"#/$defs/D0","$defs":{` + many(200, ",", func(i int) string {
			return fmt.Sprintf(`"D%d":{"oneOf":[%s,{"type":"number","maximum":%d}]}`, i, many(8, ",", func(j int) string {
				return fmt.Sprintf(`{"properties":{"p%d":{"$ref":"#/$defs/D%d"}}}`, j, (i*7+j*13+1)%200)
			}), maximum)
		}) + `}}`
	}
	deep := func(leaf string) string {
		return strings.Repeat(`{"not":`, 95) + leaf + strings.Repeat(`}`, 95)
	}
	name := strings.Repeat("n", 200_000)
	steps, levels := fmt.Sprintf("%d steps", MaxSteps), fmt.Sprintf("%d levels", maxLevels)
	for title, c := range map[string]struct {
		old, new string
		bound    string // in the error, "" for a verdict
	}{
		"thousand branches":                     {branches("a", up), branches("b", down), steps},
		"thousand branches of the next version": {branches("a", up), branches("b", up), ""},
		"thousand branches without the first":   {branches("", up), strings.Replace(branches("", up), `{"type":"string","title":"0","maxLength":0},`, "", 1), ""},
		"branches of many constants":            {enums("a", up), enums("b", func(i int) int { return 40 - i }), steps},
		"rings":                                 {jsonRing(1000), jsonRing(1001), levels},
		"ring and itself":                       {jsonRing(2500), jsonRing(2500), ""},
		"diamonds":                              {diamonds("number"), diamonds("integer"), ""},
		"wide diamonds":                         {wide("number"), wide("integer"), ""},
		"self-expanding":                        {expanding(5), expanding(4), ""},
		"nested negations":                      {deep(`{"type":"number"}`), deep(`{"type":"integer"}`), ""},
		"long name and pattern":                 {`{"properties":{"` + name + `":{}},"additionalProperties":false}`, `{"patternProperties":{"` + name + `x":{}}}`, steps},
		"many constants":                        {`{"enum":[` + many(20_000, ",", func(i int) string { return fmt.Sprint(i) }) + `]}`, `{"enum":[1e300,-1e-300]}`, ""},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			older, candidate := mustParse(t, jsonT, c.old), mustParse(t, jsonT, c.new)
			start := time.Now()
			found, err := Check(catalog.CompatibilityBackward, []*Schema{older}, candidate)
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %s", took)
			}
			switch {
			case c.bound == "" && (err != nil || len(found) > MaxIncompatibilities):
				t.Errorf("got %d findings, %v, want a verdict", len(found), err)
			case c.bound != "" && (!errors.Is(err, ErrTooComplex) || !strings.Contains(err.Error(), c.bound)):
				t.Errorf("got %d findings, %v, want ErrTooComplex with %s", len(found), err, c.bound)
			}
		})
	}
}

// TestJSONFindingsAreShort: names and values of any length come from
// strangers.
func TestJSONFindingsAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 50_000)
	property := func(rest string) string {
		return `{"additionalProperties":false,"properties":{"` + long + `":` + rest + `}}`
	}
	for _, c := range [][2]string{
		{property(`{"properties":{"` + long + `":{"maximum":5}}}`), property(`{"properties":{"` + long + `":{"maximum":4}}}`)},
		{property(`{"enum":["` + long + `",{"` + long + `":[["` + long + `"]]}]}`), property(`{"enum":["a"]}`)},
		{`{"patternProperties":{"^x":{"type":"string"}}}`, property(`{"type":"string"}`)},
		{property(`{"oneOf":[{"const":"` + long + `"},{"const":1}]}`), property(`{"oneOf":[{"const":2},{"const":3}]}`)},
	} {
		found := mustCheck(t, catalog.CompatibilityFull, []*Schema{mustParse(t, jsonT, c[0])}, mustParse(t, jsonT, c[1]))
		if len(found) == 0 {
			t.Errorf("%.60s: got nothing, want findings", c[0])
		}
		for _, f := range found {
			if len(f.Old) > maxSide || len(f.New) > maxSide || len(f.Path) > maxPath || !utf8.ValidString(f.Old+f.New+f.Path) {
				t.Errorf("%s: got sides of %d and %d bytes and a path of %d", f.Kind, len(f.Old), len(f.New), len(f.Path))
			}
		}
	}
}

func FuzzCheckJSON(f *testing.F) {
	f.Add(list("number", `{"$ref":"#/$defs/Node"}`), list("integer", `{"oneOf":[{"type":"null"},{"$ref":"#/$defs/Node"}]}`))
	f.Add(`{"type":"array","items":[{"enum":[1,"a"]},false],"additionalItems":{"not":{"const":null}}}`, `{"prefixItems":[{"type":["string","integer"]}],"items":false,"contains":{}}`)
	f.Add(`{"patternProperties":{"^a":{}},"dependentRequired":{"a":["b"]}}`, `{"properties":{"a":{"default":1}},"required":["a"],"unevaluatedProperties":{"multipleOf":0.5}}`)
	fuzzCheck(f, jsonT)
}

func BenchmarkCheckJSON500Fields(b *testing.B) {
	text := func(n int) string {
		return `{"type":"object","additionalProperties":false,"properties":{` + many(n, ",", func(i int) string {
			return fmt.Sprintf(`"f%d":{"type":"number","minimum":0,"description":"Field %d."}`, i, i)
		}) + `}}`
	}
	benchmarkCheck(b, jsonT, text(500), text(501))
}
