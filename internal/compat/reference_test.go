package compat

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hamba/avro/v2"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

func mustRefer(t testing.TB, typ catalog.SchemaType, text string, refs ...Reference) *Schema {
	t.Helper()
	s, err := ParseReferring(typ, text, refs)
	if err != nil {
		t.Fatalf("ParseReferring(%s, %.200s): %v", typ, text, err)
	}
	return s
}

// position is one schema in each language, with the names that others know it
// by and a text that uses it.
var position = map[catalog.SchemaType]struct{ text, name, user, changed string }{
	avroT: {
		`{"type":"record","name":"geo.Position","doc":"Where","fields":[{"name":"lat","type":"double","doc":"Latitude, degrees"}]}`,
		"geo.Position",
		`{"type":"record","name":"T","namespace":"geo","fields":[{"name":"p","type":"Position"},{"name":"q","type":["null","geo.Position"],"default":null}]}`,
		`{"type":"record","name":"geo.Position","fields":[{"name":"lat","type":"int"}]}`,
	},
	jsonT: {
		`{"type":"object","description":"Where","properties":{"lat":{"type":"number","description":"Latitude, degrees"}},"$defs":{"angle":{"$anchor":"angle","type":"number","description":"Angle","x-unit":"deg"}}}`,
		"position.json",
		`{"properties":{"p":{"$ref":"position.json"},"q":{"$ref":"position.json#/$defs/angle"},"r":{"$ref":"position.json#angle"}}}`,
		`{"type":"object","description":"Where","properties":{"lat":{"type":"integer"}},"$defs":{"angle":{"$anchor":"angle","type":"integer"}}}`,
	},
	protoT: {
		"syntax=\"proto3\"; package geo;\n// Where\nmessage Position { double lat = 1; message Inner {} }",
		"geo/position.proto",
		"syntax=\"proto3\"; import \"geo/position.proto\"; message T { geo.Position p = 1; \n// By name\nmap<string, geo.Position> q = 2; }",
		`syntax="proto3"; package geo; message Position { string lat = 1; message Inner {} }`,
	},
}

func TestReferences(t *testing.T) {
	t.Parallel()
	for typ, c := range position {
		refused := func(reason string, refs ...Reference) {
			t.Helper()
			if _, err := ParseReferring(typ, c.user, refs); err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%s: got %v, want an error with %q", typ, err, reason)
			}
		}
		s := mustParse(t, typ, c.text)
		user := mustRefer(t, typ, c.user, Reference{c.name, s})
		if got := user.Canonical(); got != mustRefer(t, typ, got, Reference{c.name, s}).Canonical() {
			t.Errorf("%s: the canonical form is no fixed point: %s", typ, got)
		}
		for _, f := range user.Fields() {
			if f.Description == "" || strings.Contains(f.Path, "lat") {
				t.Errorf("%s: got field %+v, want only the fields of the text, described by their type", typ, f)
			}
		}
		if typ != avroT { // its names are those of types
			refused(c.name, Reference{"other", s})
		}
		refused("has no name", Reference{"", s})
		refused("has no schema", Reference{c.name, nil})
		other := avroT
		if typ == avroT {
			other = jsonT
		}
		refused("is a schema of type", Reference{c.name, mustParse(t, other, position[other].text)})
		refused("two different schemas", Reference{c.name, s}, Reference{c.name, mustParse(t, typ, c.changed)})
		mustRefer(t, typ, c.user, Reference{c.name, s}, Reference{c.name, mustParse(t, typ, c.text)})
	}
}

func TestCheckLeadsThroughReferences(t *testing.T) {
	t.Parallel()
	want := map[catalog.SchemaType][]string{
		avroT:  {"/fields/0/type/fields/0/type TYPE_MISMATCH", "/fields/1/type/1 MISSING_UNION_BRANCH"},
		jsonT:  {"#/properties/p/properties/lat TYPE_NARROWED", "#/properties/q TYPE_NARROWED", "#/properties/r TYPE_NARROWED"},
		protoT: {"#/T/1/1 FIELD_SCALAR_KIND_CHANGED"},
	}
	for typ, c := range position {
		old := mustRefer(t, typ, c.user, Reference{c.name, mustParse(t, typ, c.text)})
		again := mustRefer(t, typ, c.user, Reference{c.name, mustParse(t, typ, c.text)})
		changed := mustRefer(t, typ, c.user, Reference{c.name, mustParse(t, typ, c.changed)})
		for _, mode := range allModes {
			if found := mustCheck(t, mode, []*Schema{old}, again); found != nil {
				t.Errorf("%s, %s with itself: got %v, want nothing", typ, mode, found)
			}
		}
		var got []string
		for _, f := range mustCheck(t, catalog.CompatibilityBackward, []*Schema{old}, changed) {
			got = append(got, f.Path+" "+f.Kind)
		}
		if diff := cmp.Diff(want[typ], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", typ, diff)
		}
	}
}

// TestSchemasReachedOnTwoWaysCountOnce: a diamond of schemas that were parsed
// apart is one of each.
func TestSchemasReachedOnTwoWaysCountOnce(t *testing.T) {
	t.Parallel()
	for typ, c := range map[catalog.SchemaType]struct {
		base, side, top string
		baseName        string
		sideName        string
	}{
		avroT: {`{"type":"enum","name":"E","symbols":["A"]}`, `{"type":"record","name":"S%d","fields":[{"name":"e","type":"E"}]}`,
			`{"type":"record","name":"T","fields":[{"name":"a","type":"S1"},{"name":"b","type":"S2"},{"name":"c","type":"E"}]}`, "E", "S%d"},
		jsonT: {`{"type":"string"}`, `{"title":"%d","properties":{"e":{"$ref":"e.json"}}}`, `{"properties":{"a":{"$ref":"s1"},"b":{"$ref":"s2"},"c":{"$ref":"e.json"}}}`, "e.json", "s%d"},
		protoT: {`syntax="proto3"; enum E { ZERO = 0; }`, `syntax="proto3"; import "e.proto"; message S%d { E e = 1; }`,
			`syntax="proto3"; import "s1"; import "e.proto"; import "s2"; message T { S1 a = 1; S2 b = 2; E c = 3; }`, "e.proto", "s%d"},
	} {
		base := func() Reference { return Reference{c.baseName, mustParse(t, typ, c.base)} }
		refs := []Reference{base()}
		for i := range 2 {
			refs = append(refs, Reference{fmt.Sprintf(c.sideName, i+1), mustRefer(t, typ, fmt.Sprintf(c.side, i+1), base())})
		}
		s := mustRefer(t, typ, c.top, refs...)
		if got := len(s.refs.all); got != 3 {
			t.Errorf("%s: refers to %d schemas, want 3", typ, got)
		}
		sameInEveryMode(t, s)
	}
}

// referring is the error of a text with references, "" for none.
func referring(typ catalog.SchemaType, text string, refs ...Reference) string {
	_, err := ParseReferring(typ, text, refs)
	if err == nil {
		return ""
	}
	return err.Error()
}

// refusals holds texts to the start of an error each, "" for none.
func refusals(t *testing.T, typ catalog.SchemaType, refs []Reference, table map[string]string) {
	t.Helper()
	for text, want := range table {
		got := referring(typ, text, refs...)
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s:\n got %s\nwant …%s…", text, got, want)
		}
	}
}

func TestJSONReferencesToOtherTexts(t *testing.T) {
	t.Parallel()
	p := position[jsonT]
	refs := []Reference{
		{"position.json", mustParse(t, jsonT, p.text)},
		{"https://example.org/mark", mustParse(t, jsonT, `{"$id":"https://elsewhere.example/m","$anchor":"top","type":"string","x":{"odd":{}},"$defs":{"in":{"$id":"in","$anchor":"deep"}}}`)},
		{"old.json", mustParse(t, jsonT, `{`+draft07+`,"definitions":{"a":{"$id":"#a","type":"string"}},"items":[{}]}`)},
		{"new.json#", mustParse(t, jsonT, `{`+modern+`,"$dynamicAnchor":"node","$defs":{"t":{"prefixItems":[{}]}}}`)},
	}
	refusals(t, jsonT, refs, map[string]string{
		`{"$ref":"position.json"}`:                                                               "",
		`{"$ref":"position.json#"}`:                                                              "",
		`{"$ref":"position.json#/$defs/angle"}`:                                                  "",
		`{"$ref":"position.json#/properties/lat"}`:                                               "",
		`{"$ref":"./x/../position.json#angle"}`:                                                  "",
		`{"$id":"https://x.example/track.json","$ref":"position.json"}`:                          "",
		`{"$id":"https://x.example/a/t","$ref":"../a/position.json"}`:                            "",
		`{"$id":"https://example.org/t","$ref":"/mark"}`:                                         "",
		`{"$ref":"https://example.org/mark#top"}`:                                                "",
		`{"$ref":"old.json#a"}`:                                                                  "",
		`{"$ref":"old.json#/definitions/a"}`:                                                     "",
		`{"$ref":"new.json#node"}`:                                                               "",
		`{"$dynamicRef":"new.json#node"}`:                                                        "",
		`{` + draft07 + `,"items":[{"$ref":"new.json#/$defs/t"}]}`:                               "",
		`{"components":{"a":{"$ref":"position.json"}},"$ref":"#/components/a"}`:                  "",
		`{"$defs":{"own":{"$id":"position.json","$anchor":"mine"}},"$ref":"position.json#mine"}`: "",
		`{"const":{"$ref":"nowhere.json"},"default":{"$ref":"position.json#/nowhere"}}`:          "",
		`{"properties":{"a":{"$ref":"position.json"},"b":{"$ref":"other.json"}}}`:                "(/properties/b/$ref): refers to \"datamesh://schema/other.json\": remote references are not followed",
		`{"properties":{"a":{"$ref":"position.json#/$defs/none"}}}`:                              `(/properties/a/$ref): refers to "position.json#/$defs/none", but the referenced schema has no schema at this place`,
		`{"$ref":"position.json#none"}`:                                                          "has no schema at this place",
		`{"$ref":"position.json#/properties"}`:                                                   "has no schema at this place",
		`{"$ref":"position.json#/$defs/angle/type"}`:                                             "has no schema at this place",
		`{"$ref":"https://example.org/mark#/x/odd"}`:                                             "has no schema at this place",
		`{"$ref":"https://example.org/mark#deep"}`:                                               "has no schema at this place",
		`{"$ref":"https://elsewhere.example/m"}`:                                                 "remote references are not followed",
		`{"$ref":"https://elsewhere.example/in"}`:                                                "remote references are not followed",
		`{"$ref":"https://example.org/mark/"}`:                                                   "remote references are not followed",
		`{"$ref":"datamesh://elsewhere/"}`:                                                       "remote references are not followed",
		`{"$ref":"//elsewhere/"}`:                                                                "remote references are not followed",
		`{"$id":"//elsewhere/","$ref":"#"}`:                                                      "remote references are not followed",
		`{"$id":"datamesh://elsewhere/","properties":{"a":{"$ref":"position.json"}}}`:            "remote references are not followed",
		`{"$ref":"file:///etc/passwd"}`:                                                          "remote references are not followed",
		`{"allOf":[{"$ref":"position.json"},{"$ref":"#"}]}`:                                      "refers to itself",
	})
}

// TestTheStandInIsNoSchema: a text that refers to no other must not reach what
// stands for others.
func TestTheStandInIsNoSchema(t *testing.T) {
	t.Parallel()
	refusals(t, jsonT, nil, map[string]string{
		`{"$ref":"datamesh://elsewhere/"}`:                       "remote references are not followed",
		`{"$ref":"//elsewhere/"}`:                                "remote references are not followed",
		`{"properties":{"a":{"$ref":"datamesh://elsewhere/#"}}}`: "remote references are not followed",
	})
}

// TestJSONReferencesInReferencedTexts: the same name means in each text what
// that text's own references say.
func TestJSONReferencesInReferencedTexts(t *testing.T) {
	t.Parallel()
	name := func(s *Schema) Reference { return Reference{"p.json", s} }
	text := mustParse(t, jsonT, `{"type":"string"}`)
	number := mustParse(t, jsonT, `{"type":"number"}`)
	const useA, both = `{"properties":{"a":{"$ref":"p.json"}}}`, `{"properties":{"a":{"$ref":"a.json"},"p":{"$ref":"p.json"}}}`
	build := func(inner, outer *Schema) *Schema {
		return mustRefer(t, jsonT, both, Reference{"a.json", mustRefer(t, jsonT, useA, name(inner))}, name(outer))
	}
	for _, c := range []struct {
		old, new *Schema
		want     []string
	}{
		{build(text, number), build(text, number), nil},
		{build(text, number), build(number, number), []string{"#/properties/a/properties/a TYPE_CHANGED"}},
		{build(text, number), build(text, text), []string{"#/properties/p TYPE_CHANGED"}},
		{build(text, number), build(number, text), []string{"#/properties/a/properties/a TYPE_CHANGED", "#/properties/p TYPE_CHANGED"}},
	} {
		var got []string
		for _, f := range mustCheck(t, catalog.CompatibilityBackward, []*Schema{c.old}, c.new) {
			got = append(got, f.Path+" "+f.Kind)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestCycleBetweenTexts: texts cannot refer to each other in a circle, because
// each names finished schemas; a text that names an older version of itself is
// no circle.
func TestCycleBetweenTexts(t *testing.T) {
	t.Parallel()
	if got := referring(jsonT, `{"$ref":"a.json"}`); !strings.Contains(got, "remote references are not followed") {
		t.Errorf("the first of two texts in a circle: got %q, want a refusal", got)
	}
	s := mustParse(t, jsonT, `{"properties":{"next":{"type":"string"}}}`)
	for range 3 {
		s = mustRefer(t, jsonT, `{"properties":{"next":{"$ref":"me.json"}}}`, Reference{"me.json", s})
		sameInEveryMode(t, s)
	}
	sameInEveryMode(t, mustRefer(t, jsonT, `{"properties":{"next":{"$ref":"#"},"other":{"$ref":"me.json"}}}`, Reference{"me.json", s}))
}

func TestAvroReferences(t *testing.T) {
	t.Parallel()
	enum := mustParse(t, avroT, `{"type":"enum","name":"a.E","symbols":["X","Y"]}`)
	user := mustRefer(t, avroT, `{"type":"record","name":"b.U","fields":[{"name":"e","type":"a.E","default":"X"},{"name":"f","type":{"type":"fixed","name":"F","size":2}}]}`, Reference{"a.E", enum})
	refusals(t, avroT, []Reference{{"b.U", user}}, map[string]string{
		`"b.U"`: "",
		`{"type":"record","name":"T","namespace":"b","fields":[{"name":"u","type":["null","U"]},{"name":"f","type":"F"},{"name":"e","type":"a.E","default":"Y"}]}`: "",
		`{"type":"record","name":"T","fields":[{"name":"e","type":"a.E","default":"Z"}]}`:                                                                          "invalid default",
		`{"type":"record","name":"T","fields":[{"name":"u","type":"b.U","default":{"f":"ab"}}]}`:                                                                   "",
		`{"type":"record","name":"T","fields":[{"name":"u","type":"b.U","default":{}}]}`:                                                                           `field "f" of record b.U has no value`,
		`{"type":"record","name":"T","fields":[{"name":"u","type":"U"}]}`:                                                                                          `unknown type "U"`,
		`["b.U","b.U"]`: "two branches",
		`{"type":"record","name":"T","fields":[{"name":"e","type":{"type":"enum","name":"E","namespace":"a","symbols":["Z"]}}]}`: "type a.E is defined by a referenced schema already",
		`{"type":"record","name":"U","namespace":"b","fields":[]}`:                                                               "defined by a referenced schema already",
	})
	other := mustParse(t, avroT, `{"type":"enum","name":"a.E","symbols":["Z"]}`)
	if got := referring(avroT, `"b.U"`, Reference{"b.U", user}, Reference{"a.E", other}); !strings.Contains(got, "two schemas that define type a.E") {
		t.Errorf("two definitions of one type: got %q", got)
	}
	mustParse(t, avroT, `{"type":"enum","name":"a.E","symbols":["Q"]}`)
	if got := referring(avroT, `"b.U"`, Reference{"a.E", enum}); !strings.Contains(got, "unknown type") {
		t.Errorf("a type of a text that was parsed with the same reference: got %q, want it unknown", got)
	}
	if avro.DefaultSchemaCache.Get("a.E") != nil || avro.DefaultSchemaCache.Get("b.U") != nil {
		t.Error("a referenced type reached the cache of the process")
	}
}

func TestProtobufReferences(t *testing.T) {
	t.Parallel()
	const p3 = "syntax=\"proto3\";\n"
	base := mustParse(t, protoT, p3+`package b; message Base { double x = 1; }`)
	public := mustRefer(t, protoT, p3+`import public "b.proto"; message Public { b.Base b = 1; }`, Reference{"b.proto", base})
	private := mustRefer(t, protoT, p3+`import "base.proto"; message Private { b.Base b = 1; }`, Reference{"base.proto", base})
	options := mustParse(t, protoT, p3+`package o; import "google/protobuf/descriptor.proto"; extend google.protobuf.FieldOptions { string unit = 50001; string marking = 50002; }`)
	refs := []Reference{
		{"b.proto", base}, {"dir/public.proto", public}, {"private.proto", private}, {"o.proto", options},
		{"again.proto", base}, {"../up.proto", base}, {"google/protobuf/timestamp.proto", base},
		{"clash.proto", mustParse(t, protoT, p3+`package b; message Base { string y = 1; }`)},
	}
	refusals(t, protoT, refs, map[string]string{
		p3 + `import "b.proto"; message T { b.Base b = 1; }`:                                            "",
		p3 + `import "dir/public.proto"; message T { b.Base b = 1; Public p = 2; }`:                     "",
		p3 + `import "private.proto"; message T { Private p = 1; }`:                                     "",
		p3 + `import "private.proto"; import "b.proto"; message T { Private p = 1; b.Base b = 2; }`:     "",
		p3 + `import "o.proto"; message T { double x = 1 [(o.unit) = "m"]; }`:                           "",
		p3 + `import "google/protobuf/timestamp.proto"; message T { google.protobuf.Timestamp t = 1; }`: "",
		p3 + `import "b.proto"; message T {}`:                                                           "",
		p3 + `import "private.proto"; message T { b.Base b = 1; }`:                                      "b.Base",
		p3 + `message T { b.Base b = 1; }`:                                                              "unknown type b.Base",
		p3 + `import "google/protobuf/timestamp.proto"; message T { b.Base b = 1; }`:                    "unknown type b.Base",
		p3 + `import "b.proto"; import "again.proto"; message T {}`:                                     `line 2, column 26: imports the same schema twice, as "b.proto" and as "again.proto"`,
		p3 + `import "b.proto"; import "b.proto"; message T {}`:                                         "b.proto",
		p3 + `import "schema.proto"; message T {}`:                                                      `missing import "schema.proto"`,
		p3 + `import "` + protoPath(base.id) + `"; message T {}`:                                        "missing import",
		p3 + `import "/b.proto";`:                                                                       "missing import",
		p3 + `import "../b.proto";`:                                                                     "missing import",
		p3 + `import "./b.proto";`:                                                                      "missing import",
		p3 + `import "nothing.proto";`:                                                                  "missing import",
		p3 + `import "b.proto"; import "clash.proto"; message T {}`:                                     `"b.Base" already defined`,
		p3 + `import "b.proto"; package b; message Base {}`:                                             `"b.Base" already defined at `,
		`edition = "2023"; import "b.proto";`:                                                           "editions are not supported",
	})
	for _, f := range mustRefer(t, protoT, p3+`import "o.proto"; message T { double x = 1 [(o.unit) = "m", (o.marking) = "(U)"]; }`, refs...).Fields() {
		if f.Unit != "m" || f.Marking != "(U)" {
			t.Errorf("got %+v, want the unit and the marking of options that a referenced text declares", f)
		}
	}
}

// TestProtobufMessagesMove: a message that moves into another text, or comes
// from there, stays the same message.
func TestProtobufMessagesMove(t *testing.T) {
	t.Parallel()
	const p3, base = `syntax="proto3"; package p; `, `message B { double x = 1; B next = 2; message Inner { int32 i = 1; } Inner in = 3; }`
	ref := func(text string) Reference { return Reference{"b.proto", mustParse(t, protoT, p3+text)} }
	inside := mustParse(t, protoT, p3+`message T { B b = 1; repeated B c = 2; } `+base)
	outside := mustRefer(t, protoT, p3+`import "b.proto"; message T { B b = 1; repeated B c = 2; }`, ref(base))
	changed := mustRefer(t, protoT, p3+`import "b.proto"; message T { B b = 1; repeated B c = 2; }`, ref(strings.ReplaceAll(strings.ReplaceAll(base, "double x", "string x"), "int32 i", "bytes i")))
	foreign := mustRefer(t, protoT, p3+`import "b.proto"; message T { q.B b = 1; repeated q.B c = 2; }`, Reference{"b.proto", mustParse(t, protoT, `syntax="proto3"; package q; `+base)})
	for _, c := range []struct {
		old, new *Schema
		want     []string
	}{
		{inside, outside, []string{"#/B MESSAGE_REMOVED"}},
		{outside, inside, nil},
		{outside, changed, []string{"#/T/1/1 FIELD_SCALAR_KIND_CHANGED", "#/T/1/3/1 FIELD_SCALAR_KIND_CHANGED"}},
		{outside, foreign, []string{"#/T/1 FIELD_NAMED_TYPE_CHANGED", "#/T/2 FIELD_NAMED_TYPE_CHANGED"}},
	} {
		var got []string
		for _, f := range mustCheck(t, catalog.CompatibilityBackward, []*Schema{c.old}, c.new) {
			got = append(got, f.Path+" "+f.Kind)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// BenchmarkParseReferring reads a schema of 500 fields, each of a type of a
// referenced schema of 500 definitions.
func BenchmarkParseReferring(b *testing.B) {
	for _, c := range []struct {
		typ                    catalog.SchemaType
		name, base, head, tail string
		definition, field      func(i int) string
	}{
		{avroT, "b", `[%s]`, `{"type":"record","name":"T","fields":[`, `]}`,
			func(i int) string {
				return fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"v","type":"double","doc":"Reading, volts"}]}`, i)
			}, func(i int) string { return fmt.Sprintf(`{"name":"f%d","type":"R%[1]d"}`, i) }},
		{jsonT, "b", `{"$defs":{%s}}`, `{"properties":{`, `}}`,
			func(i int) string {
				return fmt.Sprintf(`"r%d":{"type":"number","description":"Reading","x-unit":"V"}`, i)
			},
			func(i int) string { return fmt.Sprintf(`"f%d":{"$ref":"b#/$defs/r%[1]d"}`, i) }},
		{protoT, "b", "%s", `import "b"; message T {`, `}`,
			func(i int) string {
				return fmt.Sprintf("message R%d {\n// Reading, volts\nrequired double v = 1; }\n", i)
			},
			func(i int) string { return fmt.Sprintf("required R%d f%[1]d = %d;\n", i, i+1) }},
	} {
		separator := ","
		if c.typ == protoT {
			separator = ""
		}
		base := mustParse(b, c.typ, fmt.Sprintf(c.base, many(500, separator, c.definition)))
		text := c.head + many(500, separator, c.field) + c.tail
		b.Run(string(c.typ), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				mustRefer(b, c.typ, text, Reference{c.name, base})
			}
		})
	}
}
