package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/swaggest/jsonschema-go"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

const schemaPrefix = "#/components/schemas/"

// schema is a JSON schema as the document holds it.
type schema = map[string]any

// schemas are the definitions of the bodies.
type schemas struct {
	comments comments
	all      map[string]schema
}

// bodies are the types that have a definition each, those that others are
// made of included.
func bodies() []reflect.Type {
	list := []reflect.Type{
		reflect.TypeFor[wire.Problem](), reflect.TypeFor[catalog.Problem](), reflect.TypeFor[catalog.SchemaVersion](),
		reflect.TypeFor[wire.Proposal](), reflect.TypeFor[wire.Change](), reflect.TypeFor[wire.Name](),
		reflect.TypeFor[wire.Verdict](), reflect.TypeFor[wire.Finding](),
		reflect.TypeFor[catalog.Member](), reflect.TypeFor[catalog.Freshness](), reflect.TypeFor[catalog.Objective](),
		reflect.TypeFor[catalog.SchemaDependency](), reflect.TypeFor[catalog.SchemaReport](), reflect.TypeFor[catalog.FieldGap](),
		reflect.TypeFor[catalog.Derivation](), reflect.TypeFor[catalog.TokenOrigin](),
		reflect.TypeFor[catalog.VocabularyImpact](), reflect.TypeFor[catalog.VersionStep](), reflect.TypeFor[catalog.ProductImpact](),
		reflect.TypeFor[catalog.PolicyImpact](), reflect.TypeFor[catalog.Shift](), reflect.TypeFor[catalog.VocabularyChange](),
		reflect.TypeFor[marking.Difference](),
		reflect.TypeFor[catalog.OutputPort](), reflect.TypeFor[catalog.Pipeline](),
	}
	for _, kind := range catalog.Kinds() {
		list = append(list, typeOf(kind))
	}
	return list
}

func typeOf(kind catalog.Kind) reflect.Type { return reflect.TypeOf(kind.New()).Elem() }

// define reflects every body and adds what the source says of it.
func (s *schemas) define() error {
	s.all = map[string]schema{}
	for _, t := range bodies() {
		body, err := reflectType(t)
		if err != nil {
			return fmt.Errorf("schema of %s: %w", t, err)
		}
		if text := wireNames(t, s.comments.text[t.Name()]); text != "" {
			body["description"] = text
		}
		properties, ok := body["properties"].(schema)
		if !ok {
			return fmt.Errorf("schema of %s: it has no properties", t)
		}
		for i := range t.NumField() {
			s.property(properties, t, t.Field(i))
		}
		s.all[definition(t)] = body
	}
	return nil
}

// reflectType is the schema of one struct, in which other structs are
// references.
func reflectType(t reflect.Type) (schema, error) {
	r := jsonschema.Reflector{}
	reflected, err := r.Reflect(reflect.New(t).Elem().Interface(),
		jsonschema.DefinitionsPrefix(schemaPrefix),
		jsonschema.CollectDefinitions(func(string, jsonschema.Schema) {}), // each is reflected on its own
		jsonschema.InterceptDefName(func(t reflect.Type, _ string) string { return definition(t) }))
	if err != nil {
		return nil, fmt.Errorf("reflect: %w", err)
	}
	text, err := json.Marshal(reflected)
	if err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	var body schema
	if err := json.Unmarshal(text, &body); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	return body, nil
}

// definition is the name of a type in the document. A catalog.Problem is an
// entry of a wire.Problem, and both cannot be called Problem.
func definition(t reflect.Type) string {
	if t == reflect.TypeFor[catalog.Problem]() {
		return "ProblemEntry"
	}
	return t.Name()
}

// property completes the schema of one field: its comment, its permitted
// values, and whether the platform computes it.
func (s *schemas) property(properties schema, owner reflect.Type, field reflect.StructField) {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	property, ok := properties[name].(schema)
	if !ok {
		property = schema{}
	}
	dropNull(property)
	if field.Type == reflect.TypeFor[json.RawMessage]() {
		property = schema{"anyOf": anyObject(owner == reflect.TypeFor[wire.Finding]())}
	}
	if values := s.comments.values[field.Type.Name()]; values != nil {
		property["enum"] = values
	}
	if text := wireNames(owner, s.comments.text[owner.Name()+"."+field.Name]); text != "" {
		property["description"] = text
		if strings.Contains(strings.ToLower(text), "read-only") {
			property["readOnly"] = true
		}
	}
	properties[name] = property
}

// wireNames turns the Go names of a type's fields in a comment into the names
// that a reader of the document knows: DisplayOnlyTo into display_only_to.
func wireNames(t reflect.Type, comment string) string {
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		comment = regexp.MustCompile(`\b`+field.Name+`\b`).ReplaceAllString(comment, name)
	}
	return comment
}

// dropNull takes the type null away: it means absent, so it says nothing.
func dropNull(property schema) {
	if types, ok := property["type"].([]any); ok {
		property["type"] = types[0]
		for _, t := range types {
			if t != "null" {
				property["type"] = t
			}
		}
	}
	if choice, ok := property["anyOf"].([]any); ok { // a reference or null
		for _, c := range choice {
			if ref, ok := c.(schema)["$ref"]; ok {
				delete(property, "anyOf")
				property["$ref"] = ref
			}
		}
	}
}

// anyObject is the choice among the kinds, and null where none may be.
func anyObject(nullable bool) (choice []schema) {
	for _, kind := range catalog.Kinds() {
		choice = append(choice, reference(typeOf(kind)))
	}
	if nullable {
		choice = append(choice, schema{"type": "null"})
	}
	return choice
}

// reference is the schema that points at a definition.
func reference(t reflect.Type) schema { return schema{"$ref": schemaPrefix + definition(t)} }

// list is the schema of a list of a kind.
func list(kind catalog.Kind) schema {
	return schema{"type": "object", "required": []string{"items"}, "properties": schema{
		"items": schema{"type": "array", "maxItems": catalog.MaxLimit, "items": reference(typeOf(kind))},
		"revisions": schema{"type": "object", "additionalProperties": schema{"type": "string"},
			"description": "The revision of each object by its id. In double quotes it is the object's entity tag."},
		"next_cursor": schema{"type": "string", "description": "The cursor of the next page; absent on the last."},
	}}
}

// versions is the schema of the versions of a schema.
func versions() schema { return items(reflect.TypeFor[catalog.SchemaVersion]()) }

// items is the schema of a list that is whole.
func items(of reflect.Type) schema {
	return schema{"type": "object", "required": []string{"items"}, "properties": schema{
		"items": schema{"type": "array", "items": reference(of)},
	}}
}
