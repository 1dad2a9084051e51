package compat

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

type badText struct {
	name         string
	text         string
	line, column int
	reason       string
}

func runBad(t *testing.T, typ catalog.SchemaType, table []badText) {
	t.Helper()
	for _, tt := range table {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			refused(t, typ, tt.text, tt.line, tt.column, tt.reason)
		})
	}
}

func TestAvroRefuses(t *testing.T) {
	t.Parallel()
	field := func(typ string) string {
		return "{\"type\":\"record\",\"name\":\"A\",\"fields\":[\n{\"name\":\"f\",\"type\":" + typ + "}]}"
	}
	runBad(t, avroT, []badText{
		{"a bare name", `string`, 1, 1, "not JSON"},
		{"a number", `1`, 1, 1, "a schema is"},
		{"an unknown type", field(`"strin"`), 2, 20, `unknown type "strin"`},
		{"a type used before its definition", field(`"B"`), 2, 20, "define the named type before"},
		{"no type", `{"name":"A"}`, 1, 1, `"type" must be`},
		{"a union inside type", `{"type":["null","int"]}`, 1, 9, `"type" must be`},
		{"a nested union", field(`["null",["int"]]`), 2, 28, "directly in a union"},
		{"a branch twice", field(`["int","string","int"]`), 2, 36, "two branches of type int"},
		{"an empty union", field(`[]`), 2, 20, "without branches"},
		{"an array without items", field(`{"type":"array"}`), 2, 20, `without "items"`},
		{"a map without values", field(`{"type":"map"}`), 2, 20, `without "values"`},
		{"an enum without symbols", field(`{"type":"enum","name":"E"}`), 2, 20, `"symbols"`},
		{"a symbol twice", field(`{"type":"enum","name":"E","symbols":["A","A"]}`), 2, 61, "twice"},
		{"a symbol that is no name", field(`{"type":"enum","name":"E","symbols":["a-b"]}`), 2, 57, "a symbol is a name"},
		{"an enum default outside", field(`{"type":"enum","name":"E","symbols":["A"],"default":"B"}`), 2, 72, "one of its symbols"},
		{"a fixed without size", field(`{"type":"fixed","name":"F"}`), 2, 20, `"size"`},
		{"a fixed of no bytes", field(`{"type":"fixed","name":"F","size":0}`), 2, 54, "whole number"},
		{"a fixed of half a byte", field(`{"type":"fixed","name":"F","size":1.5}`), 2, 54, "whole number"},
		{"a record without name", `{"type":"record","fields":[]}`, 1, 1, "needs a name"},
		{"a record with a bad name", `{"type":"record","name":"a-b","fields":[]}`, 1, 25, "needs a name"},
		{"a bad namespace", `{"type":"record","name":"A","namespace":"1x","fields":[]}`, 1, 25, "namespace"},
		{"a record without fields", `{"type":"record","name":"A"}`, 1, 1, `"fields"`},
		{"a record twice", field(`{"type":"record","name":"A","fields":[]}`), 2, 44, "defined twice"},
		{"a field twice", field(`"int"},{"name":"f","type":"int"`), 2, 35, "two fields"},
		{"a field without name", `{"type":"record","name":"A","fields":[{"type":"int"}]}`, 1, 39, "a field needs a name"},
		{"a field without type", `{"type":"record","name":"A","fields":[{"name":"f"}]}`, 1, 39, `no "type"`},
		{"a field with a bad order", field(`"int","order":"up"`), 1, 1, "order"},
		{"a doc that is no text", `{"type":"record","name":"A","doc":1,"fields":[]}`, 1, 1, "doc"},
	})
	for typ, defaults := range map[string][]string{
		`"int"`:                                {`"x"`, `1.5`, `2147483648`, `null`},
		`"long"`:                               {`9223372036854775808`, `true`},
		`"boolean"`:                            {`0`},
		`"string"`:                             {`1`},
		`"double"`:                             {`"1"`},
		`"bytes"`:                              {`"€"`, `1`},
		`["null","string"]`:                    {`"x"`},
		`["string","null"]`:                    {`null`},
		`{"type":"fixed","name":"F","size":2}`: {`"a"`, `"abc"`},
		`{"type":"enum","name":"E","symbols":["A"]}`:                                 {`"B"`, `1`},
		`{"type":"array","items":"int"}`:                                             {`{}`, `["x"]`},
		`{"type":"map","values":"int"}`:                                              {`[]`, `{"a":"x"}`},
		`{"type":"record","name":"R","fields":[{"name":"g","type":"int"}]}`:          {`{}`, `[]`, `{"g":"x"}`},
		`{"type":"record","name":"R","fields":[{"name":"g","type":["int","null"]}]}`: {`{"g":null}`},
	} {
		for _, def := range defaults {
			text := field(typ + `,"default":` + def)
			refused(t, avroT, text, 2, 20+len([]rune(typ))+11, "invalid default")
		}
	}
}

func TestAvroAccepts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`"string"`, `["null","string"]`, `{"type":"int","logicalType":"date"}`,
		`{"type":"record","name":"a.b.C","aliases":["D"],"fields":[{"name":"self","type":["null","C"],"default":null},{"name":"all","type":{"type":"array","items":"a.b.C"},"default":[]}]}`,
		`{"type":"record","name":"A","fields":[{"name":"f","type":{"type":"record","name":"B","fields":[{"name":"g","type":"int","default":1}]},"default":{}}]}`,
		`{"type":"record","name":"A","fields":[{"name":"f","type":"long","default":9223372036854775807},{"name":"g","type":"int","default":1e3}]}`,
		`{"type":"record","name":"A","fields":[{"name":"f","type":"bytes","default":"\u0000\u00ff"}]}`,
	} {
		if _, err := Parse(avroT, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestJSONRefuses(t *testing.T) {
	t.Parallel()
	runBad(t, jsonT, []badText{
		{"a list", `[]`, 1, 1, "object, true or false"},
		{"an unknown dialect", "{\n\"$schema\":\"https://example.org/meta\"}", 2, 11, "not supported"},
		{"draft-04", `{"$schema":"http://json-schema.org/draft-04/schema#"}`, 1, 12, "not supported"},
		{"a dialect further down", `{"properties":{"a":{"$id":"https://x/y","$schema":"https://x/z"}}}`, 1, 51, "not supported"},
		{"an unknown type", "{\"properties\":{\n\"a\":{\"type\":\"strin\"}}}", 2, 13, "value must be one of"},
		{"a type that is no text", `{"type":1}`, 1, 9, ""},
		{"required that is no list", `{"required":"a"}`, 1, 13, "is a JSON string where array is wanted"},
		{"a negative length", `{"minLength":-1}`, 1, 14, "minimum"},
		{"properties that are no object", `{"properties":[]}`, 1, 15, "where object is wanted"},
		{"a pattern that does not parse", `{"pattern":"("}`, 1, 12, "regex"},
		{"look-ahead", `{"pattern":"(?=a)"}`, 1, 12, "regex"},
		{"a reference to nothing", "{\n\"$ref\":\"#/$defs/a\"}", 2, 8, "/$defs/a"},
		{"an anchor that is not there", `{"$ref":"#a"}`, 1, 9, "#a"},
		{"an anchor twice", `{"$defs":{"a":{"$anchor":"x"},"b":{"$anchor":"x"}}}`, 1, 35, "already defined at /$defs/a"},
		{"itself", `{"$ref":"#"}`, 1, 1, "refers to itself"},
		{"itself by way of another", `{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#"}]}}}`, 1, 1, "refers to itself"},
		{"itself by the recursive anchor", `{"$schema":"https://json-schema.org/draft/2019-09/schema","anyOf":[{"$recursiveRef":"#"}]}`, 1, 1, "refers to itself"},
	})
	_, err := Parse(jsonT, `{"properties":{"a":{"properties":{"b":{"$ref":"#/properties/a/properties/b"}}}}}`)
	var e *ParseError
	if !errors.As(err, &e) || e.Path != "/properties/a/properties/b" {
		t.Errorf("a loop further down: got %v, want a refusal at /properties/a/properties/b", err)
	}
}

func TestJSONAccepts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`true`, `{}`, `{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}`,
		`{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"a":{}},"items":[{"$ref":"#/definitions/a"}],"dependencies":{"a":["b"],"c":{}}}`,
		`{"$schema":"https://json-schema.org/draft/2019-09/schema","properties":{"a":{"$recursiveRef":"#"}}}`,
		`{"properties":{"child":{"$ref":"#"}}}`,
		`{"items":{"$ref":"#"}}`,
		`{"$id":"https://example.org/tree","$dynamicAnchor":"node","properties":{"children":{"type":"array","items":{"$dynamicRef":"#node"}}}}`,
		`{"$id":"https://example.org/a","$defs":{"b":{"$id":"b","$anchor":"x"}},"$ref":"b#x"}`,
		`{"components":{"schemas":{"A":{"type":"string"}}},"$ref":"#/components/schemas/A"}`,
		`{"patternProperties":{"^x-[a-z]+$":{}},"additionalProperties":false}`,
	} {
		if _, err := Parse(jsonT, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestProtobufRefuses(t *testing.T) {
	t.Parallel()
	const p3 = "syntax = \"proto3\";\n"
	runBad(t, protoT, []badText{
		{"no Protobuf", `{"type":"record"}`, 1, 1, "syntax error"},
		{"an edition", `edition = "2023";`, 1, 1, "editions are not supported"},
		{"an unknown syntax", `syntax = "proto4";`, 1, 10, "syntax value must be"},
		{"an unknown type", p3 + "message A {\n  Foo a = 1;\n}", 3, 3, "unknown type Foo"},
		{"a number twice", p3 + "message A {\n  string a = 1;\n  string b = 1;\n}", 4, 14, "same tag 1"},
		{"a name twice", p3 + "message A {\n  string a = 1;\n  string a = 2;\n}", 4, 10, "already defined"},
		{"a message twice", p3 + "message A {}\nmessage A {}", 3, 9, "already defined"},
		{"number zero", p3 + "message A { string a = 0; }", 2, 24, "0"},
		{"a reserved number", p3 + "message A { reserved 1; string a = 1; }", 2, 36, "reserved"},
		{"required in proto3", p3 + "message A { required string a = 1; }", 2, 13, "required"},
		{"an enum that does not start at zero", p3 + "enum E { A = 1; }", 2, 14, "zero"},
		{"an unknown option", p3 + "option (x.y) = 1;", 2, 8, "x.y"},
		{"a missing import", p3 + "import \"confluent/meta.proto\";", 2, 8, "missing import"},
		{"a brace too few", p3 + "message A {", 2, 12, "syntax error"},
	})
}

func TestProtobufAccepts(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `message A { optional group G = 1 { optional int32 x = 2; } extensions 100 to max; } extend A { optional int32 e = 100; }`,
		`syntax="proto3"; message A { A next = 1; map<string, A> all = 2; oneof o { B b = 3; } message B { A a = 1; } }`,
		`syntax="proto3"; import "google/protobuf/timestamp.proto"; message A { google.protobuf.Timestamp t = 1; }`,
		`syntax="proto3"; service S { rpc Get(A) returns (stream A) { option deprecated = true; } rpc Put(A) returns (A); } message A {}`,
		`syntax="proto2"; import "google/protobuf/descriptor.proto"; message M { optional string s = 1; repeated int32 n = 2; }
		 extend google.protobuf.MessageOptions { optional M m = 50000; } message A { option (m) = { s: "x" n: [1, -2], n: 3 }; }`,
		`message A { optional double d = 1 [default = -inf]; optional float f = 2 [default = 1.50e3]; optional bytes b = 3 [default = "\xff\001\""]; reserved 5, 7 to 9; reserved "x", 'y'; }`,
	} {
		s, err := Parse(protoT, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if again := mustParse(t, protoT, s.Canonical()).Canonical(); again != s.Canonical() {
			t.Errorf("canonical form is no fixed point: got %s, want %s", again, s.Canonical())
		}
	}
}

func TestParseErrorText(t *testing.T) {
	t.Parallel()
	_, err := Parse(avroT, "{\"type\":\"record\",\"name\":\"A\",\"fields\":[\n {\"name\":\"f\",\"type\":\"strin\"}]}")
	want := `AVRO schema, line 2, column 21 (/fields/0/type): unknown type "strin": refer to the schema that defines it, use a primitive type or define the named type before this place`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestUnits(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"Hz", "MHz", "m/s", "m/s2", "m·s-1", "W/m²", "km/h", "kg", "deg", "°", "%", "percent", "1", "dBm", "KiB", "kB", "metres per second squared", "square kilometres", "nautical miles", "timestamp-millis", "decibels"} {
		if !isUnit(unit) {
			t.Errorf("%q: got no unit, want one", unit)
		}
	}
	for _, unit := range []string{"", " ", "/", "furlong", "m//", "speed", "m/speed", "second attempt", "percentile", "2"} {
		if isUnit(unit) {
			t.Errorf("%q: got a unit, want none", unit)
		}
	}
	for prose, want := range map[string]string{
		"Lower bound of the carrier frequency, hertz":              "hertz",
		"Longitude in degrees, WGS 84.":                            "degrees",
		"Longitude, latitude, optional height; degrees and metres": "degrees and metres",
		"Time of it, milliseconds since 1970, UTC":                 "milliseconds",
		"Confidence in that association, percent":                  "percent",
		"Speed (metres per second)":                                "metres per second",
		"Level, dBm":                                               "dBm",
		"Number of records seen":                                   "count",
		"Speed, second attempt":                                    "",
		"Percentile of the group":                                  "",
		"Hertz":                                                    "",
		"Rank in group":                                            "",
		"Speed over ground":                                        "",
	} {
		if got := unitInProse(prose); got != want {
			t.Errorf("%q: got unit %q, want %q", prose, got, want)
		}
	}
}

// fuzzText holds Parse to its promises: an error is a *ParseError with a place
// inside the text, and a canonical form is a fixed point with the same fields.
func fuzzText(f *testing.F, typ catalog.SchemaType) {
	f.Helper()
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(typ, text)
		if err != nil {
			var e *ParseError
			if !errors.As(err, &e) || e.Line < 0 || e.Line > strings.Count(text, "\n")+1 || strings.Contains(e.Reason, "gave up") {
				t.Fatalf("got %#v, want a *ParseError inside the text and no panic", err)
			}
			return
		}
		_ = s.Report(marking.Default())
		again, err := Parse(typ, s.Canonical())
		if err != nil {
			t.Fatalf("canonical form %q is refused: %v", s.Canonical(), err)
		}
		if again.Canonical() != s.Canonical() {
			t.Fatalf("got %q, want %q", again.Canonical(), s.Canonical())
		}
		if got, want := len(again.Fields()), len(s.Fields()); got != want {
			t.Fatalf("the canonical form has %d fields, want %d", got, want)
		}
	})
}

func FuzzParseAvro(f *testing.F) {
	f.Add(coalitionText(f, "emitter.avsc"))
	f.Add(`{"type":"record","name":"a.B","fields":[{"name":"f","type":["null",{"type":"map","values":"B"}],"default":null}]}`)
	f.Add(`{"type":"record","name":"R","fields":[{"name":"a","type":"R","default":{}}]}`)
	f.Add(`{"type":"fixed","name":"F","size":2,"logicalType":"decimal","precision":3}`)
	fuzzText(f, avroT)
}

func FuzzParseJSON(f *testing.F) {
	f.Add(coalitionText(f, "track.schema.json"))
	f.Add(`{"$defs":{"a":{"$anchor":"x","type":["number"]}},"properties":{"p":{"$ref":"#x"}},"required":["p"],"$comment":"c"}`)
	f.Add(`{"$ref":"#"}`)
	f.Add(`{"$schema":"http://json-schema.org/draft-07/schema#","items":[{"enum":[1e2]}],"dependencies":{"a":["b"]}}`)
	fuzzText(f, jsonT)
}

func FuzzParseProtobuf(f *testing.F) {
	f.Add(coalitionText(f, "picture.proto"))
	f.Add(`message A { optional group G = 1 { optional int32 x = 0x2 [default = -1]; } extensions 100 to max; reserved 5, "x"; }`)
	f.Add(`syntax="proto3"; import "google/protobuf/any.proto"; enum E { option allow_alias = true; A = 0; B = 0; } service S { rpc R(M) returns (stream M) {} } message M { map<string, E> m = 1; oneof o { string s = 2; } }`)
	fuzzText(f, protoT)
}

func benchmarkParse(b *testing.B, typ catalog.SchemaType, text string) {
	b.Helper()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(typ, text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseAvro500Fields(b *testing.B) {
	benchmarkParse(b, avroT, `{"type":"record","name":"A","fields":[`+many(500, ",", func(i int) string {
		return fmt.Sprintf(`{"name":"f%d","type":["null","double"],"default":null,"doc":"Reading %d, volts"}`, i, i)
	})+`]}`)
}

func BenchmarkParseJSON500Fields(b *testing.B) {
	benchmarkParse(b, jsonT, `{"type":"object","properties":{`+many(500, ",", func(i int) string {
		return fmt.Sprintf(`"f%d":{"type":"number","description":"Reading %d","x-unit":"V"}`, i, i)
	})+`}}`)
}

func BenchmarkParseProtobuf500Fields(b *testing.B) {
	benchmarkParse(b, protoT, "syntax = \"proto3\";\nmessage A {\n"+many(500, "", func(i int) string {
		return fmt.Sprintf("  // Reading %d, volts\n  double f%d = %d;\n", i, i, i+1)
	})+"}\n")
}

func BenchmarkCanonicalJSON500Fields(b *testing.B) {
	s := mustParse(b, jsonT, `{"properties":{`+many(500, ",", func(i int) string {
		return fmt.Sprintf(`"f%d":{"type":"number","description":"Reading %d","x-unit":"V"}`, i, i)
	})+`}}`)
	for b.Loop() {
		_ = s.Canonical()
	}
}
