package opa

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestColumnsOfASchema: which columns are shown to somebody who is let in to
// what is marked (S//NF) and to nothing that is marked (TS//NF), in each
// language. What may hold something higher is not shown.
func TestColumnsOfASchema(t *testing.T) {
	t.Parallel()
	kept := map[string]bool{"": true, "(S//NF)": true, "(TS//NF)": false}
	for _, c := range []struct {
		name   string
		schema catalog.Schema
		want   map[string]bool
	}{
		{"JSON", catalog.Schema{Type: catalog.SchemaJSON, Definition: `{"type":"object","properties":{
			"id":{"type":"string"},"low":{"type":"string","x-marking":"(S//NF)"},"high":{"type":"string","x-marking":"(TS//NF)"},
			"around":{"type":"object","x-marking":"(TS//NF)","properties":{"x":{"type":"string"}}},
			"list":{"type":"array","items":{"type":"object","properties":{"x":{"type":"string","x-marking":"(TS//NF)"},"y":{"type":"string"}}}}}}`},
			map[string]bool{"id": true, "ID": true, "low": true, "high": false, "around": false, "list": false, "x": false, "": false}},
		{"JSON, shared and high", catalog.Schema{Type: catalog.SchemaJSON, Definition: `{"type":"object","$defs":{"p":{"type":"object","properties":{"x":{"type":"string","x-marking":"(TS//NF)"}}}},
			"properties":{"id":{"type":"string"},"a":{"$ref":"#/$defs/p"}}}`},
			map[string]bool{"id": false, "a": false}},
		{"JSON, shared and low", catalog.Schema{Type: catalog.SchemaJSON, Definition: `{"type":"object","$defs":{"p":{"type":"object","properties":{"x":{"type":"string","x-marking":"(S//NF)"}}}},
			"properties":{"id":{"type":"string"},"a":{"$ref":"#/$defs/p"}}}`},
			map[string]bool{"id": true, "a": true, "$defs": false}},
		{"Avro", catalog.Schema{Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"Track","fields":[{"name":"id","type":"string"},
			{"name":"high","type":"string","marking":"(TS//NF)"},
			{"name":"inner","type":["null",{"type":"record","name":"Inner","fields":[{"name":"x","type":"string","marking":"(TS//NF)"}]}]},
			{"name":"list","type":{"type":"array","items":"string"}},{"name":"low","type":["null","string"],"marking":"(S//NF)"}]}`},
			map[string]bool{"id": true, "high": false, "inner": false, "list": true, "low": true, "x": false}},
		{"Avro, a high type is used again", catalog.Schema{Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"Track","fields":[
			{"name":"inner","type":{"type":"record","name":"Inner","fields":[{"name":"x","type":"string","marking":"(TS//NF)"}]}},
			{"name":"again","type":"Inner"},{"name":"perhaps","type":["null","Inner"]},{"name":"list","type":{"type":"array","items":"Inner"}}]}`},
			map[string]bool{"inner": false, "again": false, "perhaps": false, "list": false}},
		{"JSON, a high property is used again", catalog.Schema{Type: catalog.SchemaJSON, Definition: `{"type":"object","properties":{
			"a":{"x-marking":"(TS//NF)","type":"object","properties":{"x":{"type":"string"}}},
			"b":{"\u0024ref":"#/properties/a/properties/x"},"c":{"allOf":[{"$ref":"#/properties/a"}]},"d":{"type":"array","items":{"$ref":"#/properties/a"}}}}`},
			map[string]bool{"a": false, "b": false, "c": false, "d": false}},
		{"Protobuf, a message in the message is high", catalog.Schema{Type: catalog.SchemaProtobuf, Definition: "syntax = \"proto3\";\nmessage Track {\n  message Inner {\n    // Marking: (TS//NF)\n    string x = 1;\n  }\n  string id = 1;\n  Inner foo = 2;\n}\n"},
			map[string]bool{"id": false, "foo": false, "inner": false}},
		{"Protobuf", catalog.Schema{Type: catalog.SchemaProtobuf, Definition: "syntax = \"proto3\";\nmessage Track {\n  string id = 1;\n  // Marking: (TS//NF)\n  string high = 2;\n  // Marking: (S//NF)\n  string low = 3;\n}\n"},
			map[string]bool{"id": true, "high": false, "low": true, "Track": false}},
		{"Protobuf, another message is high", catalog.Schema{Type: catalog.SchemaProtobuf, Definition: "syntax = \"proto3\";\nmessage Track {\n  string id = 1;\n  Inner inner = 2;\n}\nmessage Inner {\n  // Marking: (TS//NF)\n  string x = 1;\n}\n"},
			map[string]bool{"id": false, "inner": false}},
		{"not to be read by itself", catalog.Schema{Type: catalog.SchemaJSON, Definition: `{"properties":{"id":{"$ref":"https://enclave.example/other.json"}}}`}, nil},
	} {
		fields, readable := fieldsIn(&c.schema)
		if readable != (c.want != nil) {
			t.Errorf("%s: readable is %v", c.name, readable)
		}
		show := columnsOf(fields, false, kept)
		for column, want := range c.want {
			if show(column) != want {
				t.Errorf("%s: column %q is shown: %v, want %v; fields %+v", c.name, column, !want, want, fields)
			}
		}
	}
}
