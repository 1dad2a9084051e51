package compat

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hamba/avro/v2"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

const (
	avroT  = catalog.SchemaAvro
	jsonT  = catalog.SchemaJSON
	protoT = catalog.SchemaProtobuf
)

func mustParse(t testing.TB, typ catalog.SchemaType, text string) *Schema {
	t.Helper()
	s, err := Parse(typ, text)
	if err != nil {
		t.Fatalf("Parse(%s, %.200s): %v", typ, text, err)
	}
	return s
}

// refused holds a text to an error that names a place and a reason.
func refused(t *testing.T, typ catalog.SchemaType, text string, line, column int, reason string) {
	t.Helper()
	_, err := Parse(typ, text)
	var e *ParseError
	if !errors.As(err, &e) {
		t.Fatalf("%.200s: got %v, want a *ParseError", text, err)
	}
	if e.Type != typ || e.Line != line || e.Column != column || !strings.Contains(e.Reason, reason) {
		t.Errorf("%.200s:\n got %s %d:%d %.300s\nwant %s %d:%d …%s…", text, e.Type, e.Line, e.Column, e.Reason, typ, line, column, reason)
	}
}

var coalition = map[string]catalog.SchemaType{
	"annotation.schema.json": jsonT,
	"track.schema.json":      jsonT,
	"emitter.avsc":           avroT,
	"picture.proto":          protoT,
}

func coalitionText(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "coalition", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The example schemas document every field and every unit, and each number's
// unit is found where the author wrote it.
func TestCoalitionSchemas(t *testing.T) {
	t.Parallel()
	units := map[string]map[string]string{
		"annotation.schema.json": {"confidence": "percent"},
		"track.schema.json": {
			"features[].geometry.coordinates":  "degrees and metres",
			"features[].properties.speed":      "m/s",
			"features[].properties.course":     "deg",
			"features[].properties.confidence": "percent",
		},
		"emitter.avsc": {
			"frequency_min_hz": "hertz", "frequency_max_hz": "hertz", "pulse_width_s": "seconds",
			"pulse_repetition_interval_s": "seconds", "platform_confidence": "percent", "collected_at": "timestamp-millis",
		},
		"picture.proto": {"Entity.longitude": "degrees", "Entity.latitude": "degrees", "Entity.observed_at_ms": "milliseconds"},
	}
	counts := map[string]int{"annotation.schema.json": 14, "track.schema.json": 13, "emitter.avsc": 9, "picture.proto": 6}
	for name, typ := range coalition {
		s := mustParse(t, typ, coalitionText(t, name))
		if r := s.Report(marking.Default()); r.Undescribed != nil || r.WithoutUnit != nil {
			t.Errorf("%s: got gaps %v, want none", name, r)
		}
		got := map[string]string{}
		for _, f := range s.Fields() {
			if f.Numeric {
				got[f.Path] = f.Unit
			}
		}
		if diff := cmp.Diff(units[name], got); diff != "" {
			t.Errorf("%s: units (-want +got):\n%s", name, diff)
		}
		if got := len(s.Fields()); got != counts[name] {
			t.Errorf("%s: got %d fields, want %d", name, got, counts[name])
		}
	}
}

func TestCanonicalIsAFixedPoint(t *testing.T) {
	t.Parallel()
	for name, typ := range coalition {
		once := mustParse(t, typ, coalitionText(t, name)).Canonical()
		if twice := mustParse(t, typ, once).Canonical(); twice != once {
			t.Errorf("%s: got %s, want %s", name, twice, once)
		}
	}
}

func TestEquivalent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		typ  catalog.SchemaType
		a, b string
		want bool
	}{
		{"AVRO white space and keys", avroT, `{"type":"record","name":"A","fields":[{"name":"f","type":"int"}]}`, "{\"fields\": [ {\"type\":\"int\",\n\"name\":\"f\"}],\"name\":\"A\", \"type\":\"record\"}", true},
		{"AVRO number spelling", avroT, `{"type":"record","name":"A","fields":[{"name":"f","type":"double","default":1.0}]}`, `{"type":"record","name":"A","fields":[{"name":"f","type":"double","default":1e0}]}`, true},
		{"AVRO escape spelling", avroT, `{"type":"record","name":"A","doc":"é","fields":[]}`, `{"type":"record","name":"A","doc":"\u00e9","fields":[]}`, true},
		{"AVRO doc is meaning", avroT, `{"type":"record","name":"A","doc":"x","fields":[]}`, `{"type":"record","name":"A","doc":"y","fields":[]}`, false},
		{"AVRO field order is meaning", avroT, `{"type":"record","name":"A","fields":[{"name":"f","type":"int"},{"name":"g","type":"int"}]}`, `{"type":"record","name":"A","fields":[{"name":"g","type":"int"},{"name":"f","type":"int"}]}`, false},
		{"AVRO long default beyond 2^53", avroT, `{"type":"record","name":"A","fields":[{"name":"f","type":"long","default":9007199254740992}]}`, `{"type":"record","name":"A","fields":[{"name":"f","type":"long","default":9007199254740993}]}`, false},
		{"JSON keys, sets, comments", jsonT, `{"type":["string","null"],"required":["a","b"],"$comment":"x"}`, `{"required":["b","a"],"type":["null","string"]}`, true},
		{"JSON comment deep down", jsonT, `{"properties":{"a":{"items":{"$comment":"x"}}},"allOf":[{"$comment":"y"}]}`, `{"properties":{"a":{"items":{}}},"allOf":[{}]}`, true},
		{"JSON a property named $comment", jsonT, `{"properties":{"$comment":{"type":"string"}}}`, `{"properties":{}}`, false},
		{"JSON $comment in data", jsonT, `{"const":{"$comment":"x"}}`, `{"const":{}}`, false},
		{"JSON required in data", jsonT, `{"const":{"required":["a","b"]}}`, `{"const":{"required":["b","a"]}}`, false},
		{"JSON description is meaning", jsonT, `{"description":"x"}`, `{"description":"y"}`, false},
		{"JSON title is meaning", jsonT, `{"title":"x"}`, `{}`, false},
		{"JSON enum order is kept", jsonT, `{"enum":[1,2]}`, `{"enum":[2,1]}`, false},
		{"JSON limits beyond 2^53", jsonT, `{"maximum":9007199254740992}`, `{"maximum":9007199254740993}`, false},
		{"PROTOBUF comments and space", protoT, "syntax=\"proto3\";\n// c\nmessage A{/*x*/string a=1;// y\n}", "syntax = 'proto3'; message A { string a = 1; }", true},
		{"PROTOBUF field order", protoT, `syntax="proto3";message A{string b=2;string a=1;}`, `syntax="proto3";message A{string a=1;string b=2;}`, true},
		{"PROTOBUF imports and options", protoT, `syntax="proto3";import "google/protobuf/any.proto";import "google/protobuf/api.proto";option java_package="x";option go_package="y";message A{google.protobuf.Any a=1;google.protobuf.Api b=2;}`,
			`syntax="proto3";option go_package='y';import "google/protobuf/api.proto";option java_package="x";;import "google/protobuf/any.proto";message A{google.protobuf.Any a=1;google.protobuf.Api b=2;}`, true},
		{"PROTOBUF literals", protoT, `syntax="proto2";message A{optional int32 a=0x1[default=0x10];optional string b=2[default="a" 'b'];}`, `message A{optional int32 a=1[default=16];optional string b=2[default="ab"];}`, true},
		{"PROTOBUF message order is meaning", protoT, `syntax="proto3";message A{}message B{}`, `syntax="proto3";message B{}message A{}`, false},
		{"PROTOBUF enum order is meaning", protoT, `enum E{A=0;B=1;}`, `enum E{B=1;A=0;}`, false},
		{"PROTOBUF number is meaning", protoT, `syntax="proto3";message A{string a=1;}`, `syntax="proto3";message A{string a=2;}`, false},
		{"not a schema equals nothing", jsonT, `[`, `[`, false},
		{"one is not a schema", jsonT, `{}`, `[`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Equivalent(tt.typ, tt.a, tt.b); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
			for _, text := range []string{tt.a, tt.b} {
				s, err := Parse(tt.typ, text)
				if err != nil {
					if text != "[" {
						t.Error(err)
					}
					continue
				}
				if again := mustParse(t, tt.typ, s.Canonical()).Canonical(); again != s.Canonical() {
					t.Errorf("canonical form is no fixed point: got %s, want %s", again, s.Canonical())
				}
			}
		})
	}
}

func TestTextsRefusedForEveryType(t *testing.T) {
	t.Parallel()
	for _, typ := range []catalog.SchemaType{avroT, jsonT, protoT} {
		refused(t, typ, "\ufeff{}", 1, 1, "byte order mark")
		refused(t, typ, "\n \x00", 2, 2, "NUL")
		refused(t, typ, "é\xff", 1, 2, "UTF-8")
		refused(t, typ, strings.Repeat(" ", MaxBytes+1), 0, 0, "limit is 1048576")
		refused(t, typ, strings.Repeat(" ", 10<<20), 0, 0, "is 10485760 bytes long, the limit is 1048576")
	}
	refused(t, "XSD", "<schema/>", 0, 0, "use AVRO, JSON or PROTOBUF")
	for _, typ := range []catalog.SchemaType{avroT, jsonT} {
		refused(t, typ, "", 1, 1, "ends too early")
		refused(t, typ, `{"a":1,"a":2}`, 1, 8, "twice")
		refused(t, typ, "{\n\"a\": 1e-999999999}", 2, 6, "exponent")
		refused(t, typ, strings.Repeat("[", MaxBytes), 1, 101, "deeper than 100")
		refused(t, typ, `{"a":"\ud800"}`, 1, 7, "surrogate")
		refused(t, typ, `{} {}`, 1, 4, "after the end")
	}
}

// bounded runs a hostile text. One of the largest size may take about a second;
// what is not bounded takes hours, so the minute has room for a busy machine.
func bounded(t *testing.T, typ catalog.SchemaType, text, reason string) {
	t.Helper()
	if len(text) > MaxBytes {
		t.Fatalf("the text has %d bytes and would be refused for that alone", len(text))
	}
	start := time.Now()
	s, err := Parse(typ, text)
	if took := time.Since(start); took > time.Minute {
		t.Errorf("%.60s: took %s", text, took)
	}
	switch {
	case reason == "" && err != nil:
		t.Errorf("%.60s: got %.300v, want no error", text, err)
	case reason == "":
		_ = s.Canonical()
	case err == nil || !strings.Contains(err.Error(), reason):
		t.Errorf("%.60s: got error %.300v, want …%s…", text, err, reason)
	}
}

// many joins n texts.
func many(n int, separator string, text func(i int) string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = text(i)
	}
	return strings.Join(parts, separator)
}

func TestHostileTextsEndInTime(t *testing.T) {
	t.Parallel()
	record := func(fields string) string { return `{"type":"record","name":"R","fields":[` + fields + `]}` }
	for name, tt := range map[string]struct {
		typ          catalog.SchemaType
		text, reason string
	}{
		"AVRO 20,000 fields":  {avroT, record(many(20_000, ",", func(i int) string { return fmt.Sprintf(`{"name":"f%d","type":"int"}`, i) })), ""},
		"AVRO too many":       {avroT, record(many(20_001, ",", func(i int) string { return fmt.Sprintf(`{"name":"f%d","type":"int"}`, i) })), "20000 fields"},
		"AVRO 300,001 values": {avroT, `[` + many(300_001, ",", func(int) string { return `""` }) + `]`, "300000 values"},
		"AVRO default bomb": {avroT, record(`{"name":"f","type":{"type":"record","name":"A0","fields":[{"name":"x","type":"int","default":0}]}},` +
			many(40, ",", func(i int) string {
				return fmt.Sprintf(`{"name":"f%d","type":{"type":"record","name":"A%d","fields":[{"name":"a","type":"A%d","default":{}},{"name":"b","type":"A%d","default":{}}]}}`, i, i+1, i, i)
			})), "too complex"},
		"AVRO record within its own default": {avroT, record(`{"name":"a","type":"R","default":{}}`), "too complex"},
		"AVRO fixed of gigabytes":            {avroT, record(`{"name":"a","type":{"type":"fixed","name":"F","size":2147483647},"default":""}`), "2147483647 characters"},
		"JSON 10,000 subschemas":             {jsonT, `{"properties":{` + many(9_999, ",", func(i int) string { return fmt.Sprintf(`"f%d":{"type":"string"}`, i) }) + `}}`, ""},
		"JSON too many":                      {jsonT, `{"properties":{` + many(10_001, ",", func(i int) string { return fmt.Sprintf(`"f%d":true`, i) }) + `}}`, "too complex"},
		"JSON oneOf of 3,000":                {jsonT, `{"oneOf":[` + many(3_000, ",", func(int) string { return `{}` }) + `]}`, ""},
		"JSON chain of 5,000 references":     {jsonT, `{"$defs":{` + many(5_000, ",", func(i int) string { return fmt.Sprintf(`"a%d":{"$ref":"#/$defs/a%d"}`, i, i+1) }) + `,"a5000":{}},"$ref":"#/$defs/a0"}`, ""},
		"JSON references to odd places":      {jsonT, `{"x":[` + many(5_000, ",", func(int) string { return `{}` }) + `],"allOf":[` + many(5_000, ",", func(i int) string { return fmt.Sprintf(`{"$ref":"#/x/%d"}`, i) }) + `]}`, "no schema"},
		"JSON dynamic odd references":        {jsonT, `{"x":[` + many(5_000, ",", func(int) string { return `{}` }) + `],"allOf":[` + many(5_000, ",", func(i int) string { return fmt.Sprintf(`{"$dynamicRef":"#/x/%d"}`, i) }) + `]}`, "no schema"},
		"JSON odd references in disguise":    {jsonT, `{"x":[` + many(5_000, ",", func(int) string { return `{}` }) + `],"allOf":[` + many(5_000, ",", func(i int) string { return fmt.Sprintf(`{"$ref":"#%%2fx/%d"}`, i) }) + `]}`, "no schema"},
		"JSON doubling references": {jsonT, `{"$defs":{` + many(60, ",", func(i int) string {
			return fmt.Sprintf(`"a%d":{"allOf":[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]}`, i, i+1, i+1)
		}) + `,"a60":{"type":"number"}},"properties":{"p":{"$ref":"#/$defs/a0"}}}`, ""},
		"JSON pattern explosion":             {jsonT, `{"pattern":"` + strings.Repeat("(", 900) + "x" + strings.Repeat("{1000})", 900) + `"}`, "regex"},
		"PROTOBUF one line of 18,000 fields": {protoT, `syntax="proto3";message A{` + many(18_000, "", func(i int) string { return fmt.Sprintf("bool f%d=%d;", i, i+1) }) + `}`, ""},
		"PROTOBUF 50,000 fields":             {protoT, `syntax="proto3";message A{` + many(50_000, "", func(i int) string { return fmt.Sprintf("bool f%d=%d;", i, i+20_000) }) + `}`, "50000 fields"},
		"PROTOBUF too many oneofs":           {protoT, `syntax="proto3";message A{` + many(18_000, "", func(i int) string { return fmt.Sprintf("oneof o%d{bool f%d=%d;}", i, i, i+1) }) + `}`, "oneofs"},
		"PROTOBUF too many optionals":        {protoT, `syntax="proto3";message A{` + many(18_000, "", func(i int) string { return fmt.Sprintf("optional bool f%d=%d;", i, i+1) }) + `}`, "oneofs"},
		"PROTOBUF comments on one line":      {protoT, strings.Repeat("message A{}/**/", 60_000), "break the line"},
		"PROTOBUF comment never closed":      {protoT, "/*" + strings.Repeat("x", 1<<19), "never terminates"},
		"PROTOBUF string never closed":       {protoT, `import "` + strings.Repeat("{", 1<<19), "unexpected EOF"},
		"PROTOBUF nested messages":           {protoT, strings.Repeat("message A{", 101) + strings.Repeat("}", 101), "deeper than 100"},
		"PROTOBUF nested option values":      {protoT, `option x=` + strings.Repeat("{a:", 1<<17), "deeper than 100"},
		"PROTOBUF brackets in comments":      {protoT, "// " + strings.Repeat("{", 500) + "\n/*" + strings.Repeat("[", 500) + "*/ message A{}", ""},
	} {
		t.Run(name, func(t *testing.T) {
			bounded(t, tt.typ, tt.text, tt.reason)
		})
	}
}

// A reference that leaves the text must not reach a file or a host. The text
// names both a real file and a server that would answer.
func TestReferencesOutsideTheTextAreNeverFollowed(t *testing.T) {
	var dialled atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		dialled.Add(1)
		_, _ = w.Write([]byte(`{"type":"string"}`)) // a client that went away is no concern
	}))
	defer server.Close()
	server.Config.ConnState = func(net.Conn, http.ConnState) { dialled.Add(1) }
	file := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(file, []byte(`{"type":"string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{server.URL + "/a.json", "file://" + file, file, "../x.json", "//example.org/x", "urn:other"} {
		for _, form := range []string{`{"$ref":%q}`, `{"properties":{"a":{"$ref":%q}}}`, `{"$dynamicRef":%q}`, `{"$id":"https://example.org/s","allOf":[{"$ref":%q}]}`} {
			text := fmt.Sprintf(form, ref)
			_, err := Parse(jsonT, text)
			var e *ParseError
			if !errors.As(err, &e) || !strings.Contains(e.Reason, "remote references are not followed") || !strings.HasSuffix(e.Path, "ef") {
				t.Errorf("%s: got %v, want a refusal at the reference", text, err)
			}
		}
		if _, err := Parse(jsonT, fmt.Sprintf(`{"$schema":%q}`, ref)); err == nil {
			t.Errorf("$schema %s: got no error", ref)
		}
	}
	for _, path := range []string{file, "/etc/passwd", "../x.proto", "schema.proto", server.URL, "google/protobuf/../../etc/passwd", "google/protobuf/unknown.proto"} {
		refused(t, protoT, fmt.Sprintf("syntax=\"proto3\";\nimport %q;", path), 2, 8, "missing import")
	}
	if n := dialled.Load(); n != 0 {
		t.Errorf("the server was called %d times, want never", n)
	}
}

// The Avro library shares types by name between all texts of the process.
func TestAvroTypesDoNotLeakBetweenTexts(t *testing.T) {
	t.Parallel()
	mustParse(t, avroT, `{"type":"record","name":"Leak","fields":[]}`)
	refused(t, avroT, `{"type":"record","name":"B","fields":[{"name":"f","type":"Leak"}]}`, 1, 58, "unknown type")
	if avro.DefaultSchemaCache.Get("Leak") != nil {
		t.Error("the text's type reached the cache of the process")
	}
}

// brief is the path of each gap, with the start of its reason.
func brief(gaps []catalog.FieldGap) []string {
	var out []string
	for _, g := range gaps {
		reason, _, _ := strings.Cut(g.Reason, ":")
		out = append(out, g.Path+": "+reason)
	}
	return out
}

func TestReport(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		typ         catalog.SchemaType
		text        string
		undescribed []string
		withoutUnit []string
	}{
		"JSON": {jsonT, `{"properties":{
			"a":{"type":"number"},
			"b":{"type":"number","description":"Speed"},
			"c":{"type":"number","description":"Speed","x-unit":"furlongs"},
			"d":{"type":["integer","null"],"description":"Height"},
			"e":{"minimum":0,"description":"Height"},
			"f":{"enum":[1,2],"type":"integer","description":"Grade"},
			"g":{"type":"integer","const":4,"description":"Version"},
			"track_id":{"type":"integer","description":"Track"},
			"h":{"$ref":"#/$defs/position"},
			"i":{"type":"array","description":"Readings","items":{"type":"number","x-unit":"V"}},
			"j":{"type":"object","description":"Counters","additionalProperties":{"type":"integer","description":"Seen, count"}},
			"k":{"anyOf":[{"type":"number"},{"type":"null"}],"description":"Gain"},
			"l":true,
			"a.b":{}
		},
		"$defs":{"position":{"type":"object","description":"Where","properties":{"lat":{"type":"number","description":"Latitude, degrees"},"alt":{"type":"number","description":"Altitude"}}}},
		"if":{"properties":{"zz":{}}},
		"then":{"properties":{"b":{"maximum":3}}},
		"allOf":[{"properties":{"m":{"items":{"properties":{"n":{}}}}}}]}`, []string{
			"a: no description", "l: no description", `"a.b": no description`, "m: no description", "m[].n: no description",
		}, []string{
			"a: a number without a unit", "b: a number without a unit", `c: unit "furlongs" is not a known unit`,
			"d: a number without a unit", "e: a number without a unit", "k: a number without a unit",
			"$defs.position.alt: a number without a unit",
		}},
		"AVRO": {avroT, `{"type":"record","name":"A","fields":[
			{"name":"a","type":"int"},
			{"name":"b","type":["null","float"],"doc":"Speed"},
			{"name":"c","type":"float","doc":"Speed","unit":"km/h"},
			{"name":"d","type":{"type":"int","logicalType":"date"},"doc":"Day"},
			{"name":"e","type":{"type":"array","items":"double"},"doc":"Levels"},
			{"name":"f","type":{"type":"map","values":{"type":"record","name":"P","doc":"Position","fields":[{"name":"x","type":"double"}]}}},
			{"name":"g","type":["null","P"]},
			{"name":"h","type":{"type":"enum","name":"E","symbols":["X"]},"doc":"Kind"},
			{"name":"i","type":{"type":"bytes","logicalType":"decimal","precision":4,"scale":2},"doc":"Price"},
			{"name":"j","type":"bytes","doc":"Raw"},
			{"name":"next","type":["null","A"],"doc":"Next"}]}`, []string{
			"a: no description", "f: no description", "f{}.x: no description",
		}, []string{
			"a: a number without a unit", "b: a number without a unit", "e: a number without a unit", "f{}.x: a number without a unit",
		}},
		"PROTOBUF": {protoT, `syntax="proto3";
package p;
import "google/protobuf/wrappers.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions { string unit = 50001; } // no description

// A section heading is no description.

message A {
  // Detached from the field below.

  string a = 1;
  double b = 2; // Speed, metres per second
  /*
   * Height
   */
  google.protobuf.DoubleValue c = 3;
  // Seen
  google.protobuf.Timestamp d = 4;
  // Size
  uint32 e = 5 [(unit) = "kB"];
  // Size
  uint32 f = 6 [(unit) = "stone"];
  // Counts by name
  map<string, int64> g = 7;
  B h = 8;
  oneof o {
    // Mode
    E i = 9;
  }
  A next = 10; // Next
}
// A part of A.
message B { message C { bool x = 1; } }
enum E { ZERO = 0; }`, []string{
			"A.a: no description", "B.C.x: no description", "unit: no description",
		}, []string{
			"A.c: a number without a unit", `A.f: unit "stone" is not a known unit`, "A.g: a number without a unit",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := mustParse(t, tt.typ, tt.text).Report(marking.Default())
			if diff := cmp.Diff(tt.undescribed, brief(r.Undescribed)); diff != "" {
				t.Errorf("without description (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.withoutUnit, brief(r.WithoutUnit)); diff != "" {
				t.Errorf("without unit (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	s := mustParse(t, jsonT, `{"properties":{"b":{"type":["number","null"],"description":" Speed,\n knots "},"a":{"type":"string"}}}`)
	want := []Field{{Path: "b", Type: "number|null", Description: "Speed, knots", Numeric: true, Unit: "knots"}, {Path: "a", Type: "string"}}
	if diff := cmp.Diff(want, s.Fields(), cmpopts.IgnoreUnexported(Field{})); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	s.Fields()[0].Path = "changed"
	if got := s.Fields()[0].Path; got != "b" {
		t.Errorf("a caller changed the schema: got path %q, want b", got)
	}
}
