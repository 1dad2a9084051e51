package compat

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
