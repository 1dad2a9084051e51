package compat

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// Limits of one JSON Schema, because compiling takes time that grows with the
// square of these.
const (
	// MaxSubschemas is the most subschemas.
	MaxSubschemas = 10_000
	// MaxOddReferences is the most different references by JSON pointer to
	// places where JSON Schema has no schema, such as #/components/schemas/A.
	MaxOddReferences = 200
)

// jsonSchema is a JSON Schema as its tree, and those that it refers to by the
// name under which it does.
type jsonSchema struct {
	root *strictjson.Value
	refs map[string]*jsonSchema
}

// Where a keyword holds subschemas.
var (
	jsonSingle = wordSet(`additionalItems additionalProperties contains contentSchema else if items not
		propertyNames then unevaluatedItems unevaluatedProperties dependencies`)
	jsonLists = wordSet(`allOf anyOf oneOf prefixItems items`)
	jsonMaps  = wordSet(`properties patternProperties $defs definitions dependentSchemas dependencies`)
	// jsonSets hold arrays of strings whose order has no meaning.
	jsonSets = wordSet(`required type`)
)

// jsonDialects are the values of $schema without an empty fragment.
var jsonDialects = wordSet(`
	https://json-schema.org/draft/2020-12/schema
	https://json-schema.org/draft/2019-09/schema
	http://json-schema.org/draft-07/schema
`)

func parseJSON(text string, refs references) (model, error) {
	root, err := strictjson.Parse(text, jsonLimits)
	if err != nil {
		return nil, err
	}
	if root.Kind != strictjson.Object && root.Kind != strictjson.Bool {
		return nil, refuse(root, "", "a JSON Schema is an object, true or false")
	}
	s := &jsonSchema{root: root}
	if err := s.refer(refs); err != nil {
		return nil, err
	}
	return s, s.check()
}

// check holds what the text says by itself to the rules, once it is known that
// what it refers to is there.
func (s *jsonSchema) check() error {
	alone, err := s.alone()
	if err != nil {
		return err
	}
	pointers, err := checkJSON(alone)
	if err != nil {
		return err
	}
	compiled, err := compileJSON(alone, lean{judged: map[string]bool{}, pointers: pointers, refers: len(s.refs) > 0})
	if err != nil {
		return jsonPlace(alone, err)
	}
	if loop := findLoop(compiled); loop != "" {
		path := strings.TrimPrefix(loop, jsonURL+"#")
		return refuse(jsonAt(alone, path), path, "refers to itself without ever looking at a smaller part of the data: no value could be judged")
	}
	return nil
}

var plainAnchor = regexp.MustCompile(`^[A-Za-z_][-A-Za-z0-9._]*$`)

// jsonChecker bounds a schema before the library sees it.
type jsonChecker struct {
	places map[string]bool              // pointers of all subschemas
	refs   map[string]*strictjson.Value // references by JSON pointer
}

// checkJSON reports whether any reference is a JSON pointer.
func checkJSON(root *strictjson.Value) (pointers bool, err error) {
	c := jsonChecker{places: map[string]bool{}, refs: map[string]*strictjson.Value{}}
	if err := c.schema(root, ""); err != nil {
		return false, err
	}
	odd := 0
	for ref, v := range c.refs {
		if c.places[ref] {
			continue
		}
		if odd++; odd > MaxOddReferences {
			return false, refuse(v, "", "more than %d references to places where JSON Schema has no schema: move the definitions under $defs", MaxOddReferences)
		}
	}
	return len(c.refs) > 0, nil
}

func (c *jsonChecker) schema(v *strictjson.Value, path string) error {
	if c.places[path] = true; len(c.places) > MaxSubschemas {
		return refuse(v, path, "more than %d subschemas: too complex", MaxSubschemas)
	}
	for _, key := range []string{"$ref", "$dynamicRef"} {
		if _, fragment, _ := strings.Cut(v.StringAt(key), "#"); fragment != "" && !plainAnchor.MatchString(fragment) {
			c.refs[fragment] = v.Get(key)
		}
	}
	for _, m := range v.Members {
		at := path + "/" + strictjson.Escape(m.Key)
		if err := checkJSONKeyword(m, at); err != nil {
			return err
		}
		if err := eachSubschema(m, at, c.schema); err != nil {
			return err
		}
	}
	return nil
}

func checkJSONKeyword(m strictjson.Member, at string) error {
	if m.Value.Kind != strictjson.String {
		return nil // the meta-schema judges it
	}
	switch text := m.Value.Text; m.Key {
	case "$schema":
		if !jsonDialects[strings.TrimSuffix(text, "#")] {
			return refuse(m.Value, at, "dialect %q is not supported: use https://json-schema.org/draft/2020-12/schema, https://json-schema.org/draft/2019-09/schema or http://json-schema.org/draft-07/schema#", text)
		}
	case "$id":
		if strings.HasPrefix(text, "file:") {
			return refuse(m.Value, at, "an identifier is no file: write an https or urn URI")
		}
	}
	return nil
}

// eachSubschema calls visit for every schema directly under one keyword.
func eachSubschema(m strictjson.Member, at string, visit func(*strictjson.Value, string) error) error {
	switch {
	case m.Value.Kind == strictjson.Array && jsonLists[m.Key]:
		for i, item := range m.Value.Items {
			if err := visit(item, at+"/"+strconv.Itoa(i)); err != nil {
				return err
			}
		}
	case m.Value.Kind == strictjson.Object && jsonMaps[m.Key]:
		for _, sub := range m.Value.Members {
			if sub.Value.Kind == strictjson.Array {
				continue // a dependency on properties
			}
			if err := visit(sub.Value, at+"/"+strictjson.Escape(sub.Key)); err != nil {
				return err
			}
		}
	case m.Value.Kind == strictjson.Object && jsonSingle[m.Key], m.Value.Kind == strictjson.Bool && jsonSingle[m.Key]:
		return visit(m.Value, at)
	}
	return nil
}

// jsonURL is the base of a schema that has no $id. It is no address. It has a
// path, because a relative reference against a URI without one would come out
// as the base itself, and pass.
const jsonURL = "datamesh://schema/"

var errRemote = errors.New("remote references are not followed: declare the schema as a reference under this name, or copy the definition under $defs and refer to it with #/$defs/NAME")

// noLoader is the only loader: it stops every reference that leaves the text
// before a file is opened or a host is dialled.
type noLoader struct{}

func (noLoader) Load(string) (any, error) { return nil, errRemote }

func compileJSON(root *strictjson.Value, l lean) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.DefaultDraft(defaultDraft(root))
	if err := c.AddResource(jsonURL, l.schema(root)); err != nil {
		return nil, err
	}
	if l.refers {
		if err := c.AddResource(jsonElsewhere, true); err != nil {
			return nil, err
		}
	}
	return c.Compile(jsonURL)
}

// defaultDraft is the draft of a text without $schema: 2020-12, or draft-07
// when it is written in a form that the later drafts refuse. Clients of
// Confluent's registry, where draft-07 is the default, leave $schema out.
func defaultDraft(root *strictjson.Value) *jsonschema.Draft {
	if olderForm(root) {
		return jsonschema.Draft7
	}
	return jsonschema.Draft2020
}

// olderForm reports whether a schema, or one below it, lists the schemas of an
// array's items in items, or has an $id that is an anchor.
func olderForm(v *strictjson.Value) bool {
	if items := v.Get("items"); items != nil && items.Kind == strictjson.Array {
		return true
	}
	if strings.HasPrefix(v.StringAt("$id"), "#") {
		return true
	}
	found := false
	for _, m := range v.Members {
		_ = eachSubschema(m, "", func(sub *strictjson.Value, _ string) error { // visit never fails
			found = found || olderForm(sub)
			return nil
		})
	}
	return found
}

// canonical drops $comment, sorts keys and sets, and prints by RFC 8785 with
// exact numbers.
func (s *jsonSchema) canonical() string { return canonicalSchema(s.root).Print(strictjson.Decimal) }

func canonicalSchema(v *strictjson.Value) *strictjson.Value {
	if v.Kind != strictjson.Object {
		return v
	}
	out := &strictjson.Value{Kind: strictjson.Object}
	for _, m := range v.Members {
		if m.Key != "$comment" {
			out.Members = append(out.Members, strictjson.Member{Key: m.Key, Value: canonicalKeyword(m)})
		}
	}
	return out
}

func canonicalKeyword(m strictjson.Member) *strictjson.Value {
	v := m.Value
	switch {
	case v.Kind == strictjson.Array && jsonSets[m.Key]:
		return sortedSet(v)
	case v.Kind == strictjson.Array && jsonLists[m.Key]:
		out := &strictjson.Value{Kind: strictjson.Array}
		for _, item := range v.Items {
			out.Items = append(out.Items, canonicalSchema(item))
		}
		return out
	case v.Kind == strictjson.Object && (jsonMaps[m.Key] || m.Key == "dependentRequired"):
		out := &strictjson.Value{Kind: strictjson.Object}
		for _, sub := range v.Members {
			value := canonicalSchema(sub.Value)
			if value.Kind == strictjson.Array {
				value = sortedSet(value)
			}
			out.Members = append(out.Members, strictjson.Member{Key: sub.Key, Value: value})
		}
		return out
	case jsonSingle[m.Key]:
		return canonicalSchema(v)
	}
	return v
}

func sortedSet(v *strictjson.Value) *strictjson.Value {
	out := *v
	out.Items = slices.SortedFunc(slices.Values(v.Items), func(a, b *strictjson.Value) int { return strings.Compare(a.Text, b.Text) })
	return &out
}
