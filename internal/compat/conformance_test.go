package compat

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// boardSchema is one of the reference schemas of the stewardship board.
func boardSchema(t testing.TB, name string) *Schema {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "reference", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return mustParse(t, jsonT, string(text))
}

// conforming is which reference schema each of the coalition's schemas is a
// projection of.
var conforming = map[string]string{
	"track.schema.json":      "track",
	"emitter.avsc":           "entity",
	"picture.proto":          "entity",
	"annotation.schema.json": "event",
}

func TestCoalitionSchemasConform(t *testing.T) {
	t.Parallel()
	for name, reference := range conforming {
		if gaps := Nonconformities(boardSchema(t, reference), mustParse(t, coalition[name], coalitionText(t, name))); gaps != nil {
			t.Errorf("%s: got %v, want it to conform to %s", name, gaps, reference)
		}
	}
}

// TestSchemasOfAnotherSortDoNotConform: only a track has all that is asked of
// an entity as well.
func TestSchemasOfAnotherSortDoNotConform(t *testing.T) {
	t.Parallel()
	for name, own := range conforming {
		for _, other := range []string{"track", "entity", "event"} {
			got := Nonconformities(boardSchema(t, other), mustParse(t, coalition[name], coalitionText(t, name))) == nil
			if want := other == own || own == "track" && other == "entity"; got != want {
				t.Errorf("%s and %s: got conforms %t, want %t", name, other, got, want)
			}
		}
	}
}

// short is the gaps, path and the start of each reason.
func short(gaps []catalog.FieldGap) []string {
	var out []string
	for _, g := range gaps {
		reason, _, _ := strings.Cut(g.Reason, ":")
		out = append(out, g.Path+" "+reason)
	}
	return out
}

// TestMutationsAreFound changes one thing at a time in a schema that conforms.
func TestMutationsAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, old, new string
		want                 []string
	}{
		// JSON
		{"field removed", "track.schema.json", `"observed_at": {"type": "string", "format": "date-time", "description": "Time of the last observation, UTC"},`, ``,
			[]string{`observed_at must be time, but "properties.observed_at" is any value`}},
		{"field removed and not required", "track.schema.json", `"required": ["observed_at", "marking"],`, `"required": ["marking"],`,
			[]string{`observed_at must always be there, but "properties.observed_at" is optional`}},
		{"field gone", "track.schema.json", `"id": {"type": "string", "description": "Track identifier, stable for the life of the track"},`, ``,
			[]string{`id must be text, but "id" is any value`}},
		{"what is around it made optional", "track.schema.json", `"required": ["type", "id", "geometry", "properties"]`, `"required": ["type", "id", "geometry"]`,
			[]string{`observed_at must always be there, but "properties.observed_at" is optional`, `marking must always be there, but "properties.marking" is optional`}},
		{"type changed", "track.schema.json", `"observed_at": {"type": "string", "format": "date-time"`, `"observed_at": {"type": "string"`,
			[]string{`observed_at must be time, but "properties.observed_at" is text`}},
		{"null let through", "track.schema.json", `"observed_at": {"type": "string"`, `"observed_at": {"type": ["string", "null"]`,
			[]string{`observed_at must always be there, but "properties.observed_at" is optional`}},
		{"type of elements changed", "track.schema.json", `"items": {"type": "number"}`, `"items": {"type": "string"}`,
			[]string{`coordinates[] must be number, but "coordinates[]" is text`}},
		{"unit changed", "track.schema.json", `"x-unit": "m/s"`, `"x-unit": "knots"`, []string{`speed must be in "m/s", but "properties.speed" is in "knots"`}},
		{"unit spelled otherwise", "track.schema.json", `"x-unit": "m/s"`, `"x-unit": "metres per second"`, nil},
		{"unit removed", "track.schema.json", `, "x-unit": "m/s"`, ``, []string{`speed must be in "m/s", but "properties.speed" names no known unit`}},
		{"unit of elements changed", "track.schema.json", `degrees and metres`, `radians and metres`,
			[]string{`coordinates must be in "degrees and metres", but "geometry.coordinates" is in "radians and metres"`}},
		{"optional field removed", "track.schema.json", `"speed": {"type": "number", "minimum": 0, "description": "Speed over ground", "x-unit": "m/s"},`, ``, nil},
		{"optional field of another type", "track.schema.json", `"speed": {"type": "number"`, `"speed": {"type": "string"`,
			[]string{`speed must be number, but "properties.speed" is text`}},
		{"integer for a number", "track.schema.json", `"speed": {"type": "number"`, `"speed": {"type": "integer"`, nil},
		{"number for an integer", "track.schema.json", `"confidence": {"type": "integer"`, `"confidence": {"type": "number"`,
			[]string{`confidence must be integer, but "properties.confidence" is number`}},
		{"another style of names", "track.schema.json", `"observed_at"`, `"observedAt"`, nil},
		{"another name", "track.schema.json", `"observed_at"`, `"seen"`, []string{`observed_at is required, and the record has no such field`}},
		{"another name, bound", "track.schema.json", `"observed_at": {`, `"observed_at": {"x-reference": "marking"}, "seen": {"x-reference": "observed_at",`,
			[]string{`observed_at must always be there, but "properties.seen" is optional`, `marking must be text, but "properties.observed_at" is any value`}},

		// Avro
		{"field removed", "emitter.avsc", `{"name": "collected_at", "type": {"type": "long", "logicalType": "timestamp-millis"}, "doc": "Time of collection, UTC"},`, ``,
			[]string{`observed_at is required, and record "Emitter" has no such field`}},
		{"made optional", "emitter.avsc", `{"type": "long", "logicalType": "timestamp-millis"}`, `["null", {"type": "long", "logicalType": "timestamp-millis"}]`,
			[]string{`observed_at must always be there, but "collected_at" is optional`}},
		{"type changed", "emitter.avsc", `{"type": "long", "logicalType": "timestamp-millis"}`, `"long"`,
			[]string{`observed_at must be time, but "collected_at" is integer`}},
		{"written time", "emitter.avsc", `{"type": "long", "logicalType": "timestamp-millis"}, "doc": "Time of collection, UTC"`, `"long", "doc": "Time of collection, seconds since the epoch"`, nil},
		{"type of the id changed", "emitter.avsc", `{"name": "emitter_id", "type": "string"`, `{"name": "emitter_id", "type": "long"`,
			[]string{`id must be text, but "emitter_id" is integer`}},
		{"record renamed", "emitter.avsc", `"name": "Emitter"`, `"name": "Radar"`, []string{`id is required, and record "Radar" has no such field`}},
		{"id bound", "emitter.avsc", `{"name": "emitter_id",`, `{"name": "number", "reference": "id",`, nil},
		{"unit changed", "emitter.avsc", `Lower bound of the carrier frequency, hertz`, `Lower bound of the carrier frequency, kilohertz`,
			[]string{`frequency_min must be in "Hz", but "frequency_min_hz" is in "kilohertz"`}},
		{"unit changed under its own name", "emitter.avsc", `"name": "frequency_min_hz", "type": "double", "doc": "Lower bound of the carrier frequency, hertz"`, `"name": "frequency_min_khz", "type": "double", "doc": "Lower bound, kilohertz"`,
			[]string{`frequency_min must be in "Hz", but "frequency_min_khz" is in "kilohertz"`}},
		{"enumeration for text", "emitter.avsc", `{"name": "marking", "type": "string"`, `{"name": "marking", "type": {"type": "enum", "name": "Mark", "symbols": ["U"]}`, nil},
		{"bytes for text", "emitter.avsc", `{"name": "marking", "type": "string"`, `{"name": "marking", "type": "bytes"`, []string{`marking must be text, but "marking" is bytes`}},

		// Protobuf
		{"field removed", "picture.proto", `string marking = 6;`, ``, []string{`marking is required, and record "Entity" has no such field`}},
		{"made optional", "picture.proto", `string marking = 6;`, `optional string marking = 6;`, []string{`marking must always be there, but "marking" is optional`}},
		{"put into a oneof", "picture.proto", `string marking = 6;`, `oneof o { string marking = 6; }`, []string{`marking must always be there, but "marking" is optional`}},
		{"made a list", "picture.proto", `string marking = 6;`, `repeated string marking = 6;`, []string{`marking must be text, but "marking" is list`}},
		{"type changed", "picture.proto", `string id = 1;`, `bytes id = 1;`, []string{`id must be text, but "id" is bytes`}},
		{"time without an epoch", "picture.proto", `milliseconds since 1970, UTC`, `milliseconds`, []string{`observed_at must be time, but "observed_at_ms" is integer`}},
		{"unit changed", "picture.proto", `Longitude in degrees`, `Longitude in radians`, []string{`longitude must be in "deg", but "longitude" is in "radians"`}},
		{"bound", "picture.proto", "// Portion mark of this record.\n  string marking", "// Portion mark of this record.\n  // Reference: marking\n  string label", nil},
		{"renamed", "picture.proto", "string marking", "string label", []string{`marking is required, and record "Entity" has no such field`}},
	} {
		t.Run(c.file+" "+c.name, func(t *testing.T) {
			t.Parallel()
			text := coalitionText(t, c.file)
			if !strings.Contains(text, c.old) {
				t.Fatalf("the schema has no %q", c.old)
			}
			candidate := mustParse(t, coalition[c.file], strings.ReplaceAll(text, c.old, c.new))
			got := Nonconformities(boardSchema(t, conforming[c.file]), candidate)
			if diff := cmp.Diff(c.want, short(got)); diff != "" {
				t.Errorf("gaps (-want +got):\n%s", diff)
			}
		})
	}
}

// TestConformanceAcrossLanguages holds candidates to one reference that is
// written in each language.
func TestConformanceAcrossLanguages(t *testing.T) {
	t.Parallel()
	references := map[catalog.SchemaType]string{
		jsonT: `{"type":"object","required":["id","size","where","parts"],"properties":{
			"id":{"type":"string"},"size":{"type":"number","description":"Size","x-unit":"m"},"note":{"type":"string"},
			"where":{"type":"object","required":["lat"],"properties":{"lat":{"type":"number","description":"Latitude, degrees"},"name":{"type":"string"}}},
			"parts":{"type":"array","items":{"type":"object","required":["no"],"properties":{"no":{"type":"integer"}}}}}}`,
		avroT: `{"type":"record","name":"R","fields":[{"name":"id","type":"string"},{"name":"size","type":"double","doc":"Size, metres"},
			{"name":"note","type":["null","string"]},{"name":"extra","type":"int","default":0},
			{"name":"where","type":{"type":"record","name":"W","fields":[{"name":"lat","type":"double","doc":"Latitude, degrees"},{"name":"name","type":"string","default":""}]}},
			{"name":"parts","type":{"type":"array","items":{"type":"record","name":"P","fields":[{"name":"no","type":"int"}]}}}]}`,
		protoT: "syntax=\"proto3\"; message R { string id = 1;\n// Size, metres\ndouble size = 2; optional string note = 3; W where = 4; repeated P parts = 5; }\nmessage W {\n// Latitude, degrees\ndouble lat = 1; optional string name = 2; } message P { int32 no = 1; }",
	}
	const where, parts = `,{"name":"where","type":{"type":"record","name":"W","fields":[{"name":"lat","type":"double","doc":"Latitude, degrees"}]}}`,
		`,{"name":"parts","type":{"type":"array","items":{"type":"record","name":"P","fields":[{"name":"no","type":"int"}]}}}`
	avro := func(fields string) string {
		return `{"type":"record","name":"C","fields":[{"name":"id","type":"string"},{"name":"size","type":"float","doc":"Size, metres"}` + fields + `]}`
	}
	proto := func(fields string) string {
		return "syntax=\"proto2\"; message C { required string id = 1;\n// Size, metres\nrequired float size = 2;" + fields + "}"
	}
	for name, c := range map[string]struct {
		typ  catalog.SchemaType
		text string
		want []string
	}{
		"Avro":                     {avroT, avro(where + parts), nil},
		"Avro in a list":           {avroT, `{"type":"array","items":` + avro(where+parts) + `}`, nil},
		"Avro in a union":          {avroT, `["null",{"type":"record","name":"Heartbeat","fields":[]},` + avro(where+parts) + `]`, nil},
		"Avro deeper in a map":     {avroT, `{"type":"record","name":"Page","fields":[{"name":"all","type":{"type":"map","values":` + avro(where+parts) + `}}]}`, nil},
		"Avro scattered":           {avroT, avro(`,{"name":"north","type":"double","doc":"Latitude, degrees","reference":"where.lat"}` + parts), nil},
		"Avro scattered, wrong":    {avroT, avro(`,{"name":"north","type":["null","double"],"doc":"Latitude, degrees","reference":"where.lat"}` + parts), []string{`where.lat must always be there, but "north" is optional`}},
		"Avro without an object":   {avroT, avro(parts), []string{`where is required, and record "C" has no such field`}},
		"Avro another unit below":  {avroT, avro(strings.ReplaceAll(where, "degrees", "radians") + parts), []string{`where.lat must be in "degrees", but "lat" is in "radians"`}},
		"Avro another type below":  {avroT, avro(where + strings.ReplaceAll(parts, `"int"`, `"string"`)), []string{`parts[].no must be integer, but "no" is text`}},
		"Avro optional list":       {avroT, avro(where + `,{"name":"parts","type":["null",{"type":"array","items":{"type":"record","name":"P","fields":[{"name":"no","type":"int"}]}}]}`), []string{`parts must always be there, but "parts" is optional`}},
		"Avro list of another":     {avroT, avro(where + `,{"name":"parts","type":{"type":"array","items":"int"}}`), []string{`parts[] must be object, but "parts[]" is integer`}},
		"Protobuf":                 {protoT, proto("required W where = 3; repeated P parts = 4;") + "message W {\n// Latitude, degrees\nrequired double lat = 1; } message P { required sint64 no = 1; }", nil},
		"Protobuf, second message": {protoT, "syntax=\"proto2\"; message Header { optional string id = 1; }" + proto("required W where = 3; repeated P parts = 4;")[len("syntax=\"proto2\";"):] + "message W {\n// Latitude, degrees\nrequired double lat = 1; } message P { required sint64 no = 1; }", nil},
		"Protobuf, optional below": {protoT, proto("required W where = 3; repeated P parts = 4;") + "message W {\n// Latitude, degrees\noptional double lat = 1; } message P { required sint64 no = 1; }", []string{`where.lat must always be there, but "lat" is optional`}},
		"JSON through definitions": {jsonT, `{"$ref":"#/$defs/r","$defs":{"w":{"required":["lat"],"properties":{"lat":{"$ref":"#/$defs/angle"}}},"angle":{"type":"number","x-unit":"deg"},
			"r":{"allOf":[{"type":"object","required":["id","where"],"properties":{"id":{"const":"x"},"size":{"type":"integer","x-unit":"metres"}}},
			{"required":["size","parts"],"properties":{"where":{"$ref":"#/$defs/w"},"parts":{"type":"array","items":{"anyOf":[{"required":["no"],"properties":{"no":{"type":"integer"}}},{"required":["no"],"properties":{"no":{"enum":[1,2]}}}]}}}}]}}}`, nil},
		"JSON in one branch only": {jsonT, `{"oneOf":[{"required":["id","size"],"properties":{"id":{"type":"string"},"size":{"type":"number","x-unit":"m"}}},{"required":["size"],"properties":{"size":{"type":"number","x-unit":"m"}}}],
			"required":["parts","where"],"properties":{"where":{"type":"object","required":["lat"],"properties":{"lat":{"type":"number","x-unit":"deg"}}},"parts":{"type":"array","items":{"required":["no"],"properties":{"no":{"type":"integer"}}}}}}`,
			[]string{`id must always be there, but "id" is optional`}},
		"JSON that is no object": {jsonT, `{"type":"string"}`, []string{` the schema describes no object`}},
	} {
		for typ, text := range references {
			got := short(Nonconformities(mustParse(t, typ, text), mustParse(t, c.typ, c.text)))
			want := c.want
			if typ == protoT { // which cannot ask for a list
				want = slices.DeleteFunc(slices.Clone(want), func(s string) bool { return strings.HasPrefix(s, "parts must always") })
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s and a reference in %s (-want +got):\n%s", name, typ, diff)
			}
		}
	}
}

// TestOptionalFieldsAreThoseOfTheRecord: an optional field of the reference is
// not one of that name in an object that has nothing to do with the record.
func TestOptionalFieldsAreThoseOfTheRecord(t *testing.T) {
	t.Parallel()
	reference := mustParse(t, jsonT, `{"required":["id"],"properties":{"id":{"type":"string"},"name":{"type":"string"}}}`)
	for candidate, want := range map[string][]string{
		`{"required":["id"],"properties":{"id":{"type":"string"},"owner":{"properties":{"name":{"type":"integer"}}}}}`:                                 nil,
		`{"required":["id"],"properties":{"id":{"type":"string"},"name":{"type":"integer"}}}`:                                                          {`name must be text, but "name" is integer`},
		`{"required":["props"],"properties":{"props":{"required":["id"],"properties":{"id":{"type":"string"},"name":{"type":"integer"}}},"other":{}}}`: {`name must be text, but "props.name" is integer`},
	} {
		if diff := cmp.Diff(want, short(Nonconformities(reference, mustParse(t, jsonT, candidate)))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", candidate, diff)
		}
	}
}

// TestConformanceAttacksEnd: each text is small and legal, and asks for more
// comparisons than a process has time, memory or stack for. What takes too many
// steps is no projection.
func TestConformanceAttacksEnd(t *testing.T) {
	t.Parallel()
	ring := func(n int) string { // of objects that each need the next
		return `{"$ref":"#/$defs/D0","$defs":{` + many(n, ",", func(i int) string {
			return fmt.Sprintf(`"D%d":{"required":["n"],"properties":{"n":{"$ref":"#/$defs/D%d"}}}`, i, (i+1)%n)
		}) + `}}`
	}
	growing := func(bound string) string { // each level merges the merged types of the one before
		return `{"$ref":"#/$defs/A","$defs":{"B":{"required":["n"],"properties":{"n":{"$ref":"#/$defs/A"},"m":{"$ref":"#/$defs/B"}}},
			"A":{"allOf":[{"required":["n"],"properties":{"n":{"$ref":"#/$defs/B"},"m":{"maximum":` + bound + `}}},{"properties":{"n":{"$ref":"#/$defs/A"},"m":{"$ref":"#/$defs/A"}}}]}}}`
	}
	lists := func(name string, n int) string {
		return `{"properties":{` + many(n, ",", func(i int) string {
			return fmt.Sprintf(`"l%d":{"items":{"properties":{"%s%[1]d":{"type":"string"}}}}`, i, name)
		}) + `}}`
	}
	asks := func(n int) string {
		return `{"required":[` + many(n, ",", func(i int) string { return fmt.Sprintf(`"q%d"`, i) }) + `]}`
	}
	inherits := func(title string) string {
		return `{"title":"` + title + `","$ref":"#/$defs/D0","$defs":{` + many(2000, ",", func(i int) string {
			return fmt.Sprintf(`"D%d":{"allOf":[{"required":["p%[1]d"],"properties":{"p%[1]d":{}}},{"$ref":"#/$defs/D%[2]d"}]}`, i, i+1)
		}) + `,"D2000":{}}}`
	}
	const complex = "too complex to compare in 250000 steps"
	for name, c := range map[string]struct {
		typ                  catalog.SchemaType
		reference, candidate string
		want                 string // in the first reason, "" for no gap
	}{
		"ring and itself":           {jsonT, ring(2500), ring(2500), ""},
		"rings":                     {jsonT, ring(1000), ring(1001), complex},
		"merges that grow":          {jsonT, growing("1"), growing("2"), ""},
		"thousand lists":            {jsonT, asks(300), lists("p", 1500), complex},
		"thousand lists, one field": {jsonT, asks(1), lists("q", 3000), "must always be there"},
		"long inheritance":          {jsonT, inherits("a"), inherits("b"), complex},
		"diamonds":                  {jsonT, diamonds("number"), diamonds("string"), "must be number"},
		"long names":                {jsonT, `{"required":["` + strings.Repeat("n", 300_000) + `"]}`, lists(strings.Repeat("m", 1000), 300), "is required"},
		"Avro records in records":   {avroT, nestedRecords(90, "int"), nestedRecords(90, "string"), "must be integer"},
		"Protobuf rings": {protoT, many(1000, "", func(i int) string { return fmt.Sprintf("message A%d { required A%d n = 1; }", i, (i+1)%1000) }),
			many(1001, "", func(i int) string { return fmt.Sprintf("message B%d { required B%d n = 1; }", i, (i+1)%1001) }), complex},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gaps := project(mustParse(t, c.typ, c.reference), mustParse(t, c.typ, c.candidate))
			printable(t, gaps)
			if c.want == "" && gaps != nil || c.want != "" && (gaps == nil || !strings.Contains(gaps[0].Reason, c.want)) {
				t.Errorf("got %v, want %q", gaps, c.want)
			}
		})
	}
}

// nestedRecords is an Avro record of records.
func nestedRecords(n int, leaf string) string {
	text := `"` + leaf + `"`
	for i := range n / 3 { // three levels of brackets each
		text = fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"f","type":%s}]}`, i, text)
	}
	return text
}

// BenchmarkNonconformities500Fields holds a schema of 500 fields in each language
// against a reference of as many in JSON Schema.
func BenchmarkNonconformities500Fields(b *testing.B) {
	reference := mustParse(b, jsonT, `{"required":[`+many(500, ",", func(i int) string { return fmt.Sprintf(`"f%d"`, i) })+`],"properties":{`+
		many(500, ",", func(i int) string { return fmt.Sprintf(`"f%d":{"type":"number","x-unit":"V"}`, i) })+`}}`)
	for typ, text := range map[catalog.SchemaType]string{
		avroT: `{"type":"record","name":"T","fields":[` + many(500, ",", func(i int) string { return fmt.Sprintf(`{"name":"f%d","type":"double","unit":"volts"}`, i) }) + `]}`,
		jsonT: `{"properties":{"all":{"items":{"required":[` + many(500, ",", func(i int) string { return fmt.Sprintf(`"f%d"`, i) }) + `],"properties":{` +
			many(500, ",", func(i int) string { return fmt.Sprintf(`"f%d":{"type":"integer","description":"Reading, volts"}`, i) }) + `}}}}}`,
		protoT: `message T {` + many(500, "", func(i int) string { return fmt.Sprintf("required double f%d = %d; // Reading, volts\n", i, i+1) }) + `}`,
	} {
		candidate := mustParse(b, typ, text)
		if gaps := Nonconformities(reference, candidate); gaps != nil {
			b.Fatalf("%s: got %v, want none", typ, gaps[0])
		}
		b.Run(string(typ), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Nonconformities(reference, candidate)
			}
		})
	}
}
