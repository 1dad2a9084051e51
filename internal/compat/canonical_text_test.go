package compat

import (
	"errors"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestCanonicalTextOfTextsThatRefer: layout, order without meaning and comments
// do not count, although nothing is known of what the names stand for.
func TestCanonicalTextOfTextsThatRefer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		typ  catalog.SchemaType
		a, b string
		same bool
	}{
		"Avro layout": {catalog.SchemaAvro, `{"type":"record","name":"T","fields":[{"name":"p","type":"geo.Position"}]}`,
			"{\n \"name\": \"T\", \"type\": \"record\",\n \"fields\": [ {\"type\": \"geo.Position\", \"name\": \"p\"} ]\n}", true},
		"Avro name": {catalog.SchemaAvro, `{"type":"record","name":"T","fields":[{"name":"p","type":"geo.Position"}]}`,
			`{"type":"record","name":"T","fields":[{"name":"p","type":"geo.Area"}]}`, false},
		"JSON comment": {catalog.SchemaJSON, `{"properties":{"p":{"$ref":"position.json"}},"required":["a","b"]}`,
			`{"$comment":"reviewed","required":["b","a"],"properties":{"p":{"$ref":"position.json"}}}`, true},
		"JSON reference": {catalog.SchemaJSON, `{"$ref":"position.json"}`, `{"$ref":"position.json#/a"}`, false},
		"Protobuf comment": {catalog.SchemaProtobuf, "syntax = \"proto3\";\nimport \"geo.proto\";\nmessage T { geo.Position p = 1; }\n",
			"// Reviewed.\nsyntax = 'proto3';\nimport \"geo.proto\"; message T {\n  geo.Position p = 1; // where\n}\n", true},
		"Protobuf import": {catalog.SchemaProtobuf, "syntax = \"proto3\";\nimport \"geo.proto\";\n", "syntax = \"proto3\";\nimport public \"geo.proto\";\n", false},
	} {
		a, errA := CanonicalText(c.typ, c.a)
		b, errB := CanonicalText(c.typ, c.b)
		if errA != nil || errB != nil || (a == b) != c.same {
			t.Errorf("%s: got\n%s\n%s\n%v %v, want the same: %t", name, a, b, errA, errB, c.same)
		}
	}
}

func TestCanonicalTextSaysWhereTheGrammarIsBroken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		typ    catalog.SchemaType
		text   string
		line   int
		reason string
	}{
		"cut off":      {catalog.SchemaAvro, "{\n\"type\":", 2, ""},
		"a key twice":  {catalog.SchemaJSON, "{\"$ref\":\"a\",\n\"$ref\":\"b\"}", 2, ""},
		"Protobuf":     {catalog.SchemaProtobuf, "syntax = \"proto3\";\nmessage T { geo.Position = 1; }", 2, ""},
		"edition":      {catalog.SchemaProtobuf, "edition = \"2023\";", 1, "editions are not supported"},
		"nested":       {catalog.SchemaJSON, strings.Repeat(`{"not":`, 200) + "{}" + strings.Repeat("}", 200), 1, ""},
		"nested proto": {catalog.SchemaProtobuf, "message A " + strings.Repeat("{ message A ", 200) + strings.Repeat("}", 200), 1, ""},
		"too long":     {catalog.SchemaJSON, strings.Repeat(" ", MaxBytes+1), 0, "the limit is"},
		"no language":  {"XML", "{}", 0, "unknown schema type"},
	} {
		_, err := CanonicalText(c.typ, c.text)
		var at *ParseError
		if !errors.As(err, &at) || at.Line != c.line || !strings.Contains(at.Reason, c.reason) {
			t.Errorf("%s: got %v, want line %d and %q", name, err, c.line, c.reason)
		}
	}
}

// FuzzCanonicalText: it is the canonical form of what parses, and its own.
func FuzzCanonicalText(f *testing.F) {
	for i, text := range []string{
		`{"type":"record","name":"T","fields":[{"name":"p","type":"geo.Position","doc":"x"}]}`,
		`{"$ref":"position.json","$comment":"c","required":["b","a"]}`,
		"syntax = \"proto3\";\nimport \"geo.proto\";\nmessage T { geo.Position p = 1; }\n",
	} {
		f.Add(uint8(i), text)
	}
	languages := []catalog.SchemaType{catalog.SchemaAvro, catalog.SchemaJSON, catalog.SchemaProtobuf}
	f.Fuzz(func(t *testing.T, which uint8, text string) {
		language := languages[int(which)%len(languages)]
		got, err := CanonicalText(language, text)
		schema, parseErr := Parse(language, text)
		if parseErr == nil && (err != nil || got != schema.Canonical()) {
			t.Fatalf("got %q, %v, want %q", got, err, schema.Canonical())
		}
		if err != nil {
			return
		}
		if again, err := CanonicalText(language, got); err != nil && len(got) <= MaxBytes || err == nil && again != got {
			t.Fatalf("the canonical form of %q is %q, %v", got, again, err)
		}
	})
}
