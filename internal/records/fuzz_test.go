package records_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

// fuzz filters arbitrary bytes: it must not panic, and what comes out whole
// passes through again unchanged, with nothing to withhold. It returns what
// came out, made whole where the stream ended with an error.
func fuzz(t *testing.T, format records.Format, property, in string) string {
	out, tally, err := filterFrom(t, format, property, strings.NewReader(in))
	if err != nil {
		return out
	}
	again, second, err := filterFrom(t, format, property, strings.NewReader(out))
	if err != nil || again != out || second.Withheld != 0 || second.Delivered != tally.Delivered && tally.Delivered != 0 {
		t.Fatalf("%q gave %q, which gave %q %+v %v", in, out, again, second, err)
	}
	return out
}

// object is a record as encoding/json decodes it, which takes the last of equal
// names where others take the first.
func object(t *testing.T, record string) map[string]any {
	d := json.NewDecoder(strings.NewReader(record))
	d.UseNumber() // a number may be too large for a double
	var o map[string]any
	if err := d.Decode(&o); err != nil {
		t.Fatalf("%q: %v", record, err)
	}
	return o
}

// whole parses what a stream has written, cut off or not.
func whole(t *testing.T, format records.Format, out string) []string {
	for _, end := range []string{"", "}", "\n]}", "]}"} {
		if json.Valid([]byte(out + end)) {
			return parse(t, format, out+end)
		}
	}
	if out != "" && out != "{" {
		t.Fatalf("%q is the beginning of no document", out)
	}
	return nil
}

func mustBeOpen(t *testing.T, mark any, in, out string) {
	if text, _ := mark.(string); !open(text) {
		t.Fatalf("%q gave %q, in which %v is marked", in, out, mark)
	}
}

func FuzzGeoJSON(f *testing.F) {
	f.Fuzz(func(t *testing.T, in string) {
		out := fuzz(t, records.GeoJSON, "m", in)
		if strings.HasSuffix(out, "}\n") && object(t, out)["type"] == "Feature" {
			properties, _ := object(t, out)["properties"].(map[string]any)
			mustBeOpen(t, properties["m"], in, out)
			return
		}
		for _, record := range whole(t, records.GeoJSON, out) {
			properties, _ := object(t, record)["properties"].(map[string]any)
			mustBeOpen(t, properties["m"], in, out)
		}
	})
}

func FuzzJSONLines(f *testing.F) {
	f.Fuzz(func(t *testing.T, in string) {
		out := fuzz(t, records.JSONLines, "a.m", in)
		for line := range strings.Lines(out) {
			inner, _ := object(t, line)["a"].(map[string]any)
			mustBeOpen(t, inner["m"], in, out)
		}
	})
}

func FuzzSTIX(f *testing.F) {
	f.Fuzz(func(t *testing.T, in string) {
		out := fuzz(t, records.STIX, records.MarkingRefs, in)
		defined := map[string]bool{}
		for _, record := range whole(t, records.STIX, out) {
			o := object(t, record)
			refs, _ := o[records.MarkingRefs].([]any)
			for _, ref := range refs {
				if id, _ := ref.(string); !defined[id] {
					t.Fatalf("%q gave %q: %v was not defined before", in, out, ref)
				}
			}
			if o["type"] == "marking-definition" {
				definition, _ := o["definition"].(map[string]any)
				mustBeOpen(t, definition["statement"], in, out)
				id, _ := o["id"].(string)
				defined[id] = true
			} else if len(refs) == 0 || o["granular_markings"] != nil {
				t.Fatalf("%q gave %q", in, out)
			}
		}
	})
}

func FuzzAvro(f *testing.F) {
	known := header("avro.schema", emitters)
	f.Fuzz(func(t *testing.T, in string) {
		fuzz(t, records.Avro, "marking", in)
		// Behind a header that the library can be trusted with, it must read
		// what came out as well.
		out := fuzz(t, records.Avro, "marking", known+block(int64(len(in)%5), in))
		if out == "" || strings.Contains(in, string(marker[:])) {
			return
		}
		for _, record := range decoded(t, out) {
			mustBeOpen(t, record.(map[string]any)["marking"], in, out)
		}
	})
}

// FuzzAvroSchema reads records under arbitrary schemas: it must neither panic nor
// take for ever, and what is delivered under a schema is read under it again.
func FuzzAvroSchema(f *testing.F) {
	f.Fuzz(func(t *testing.T, schema string) {
		fuzz(t, records.Avro, "a.m", header("avro.schema", schema)+block(1, text("(U)")+"\x00"))
		fuzz(t, records.Avro, "m", header("avro.schema", schema)+block(2, "\x02"+text("(U)")+"\x02"+text("(TS)")))
	})
}
