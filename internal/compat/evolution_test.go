package compat

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var allModes = []catalog.Compatibility{
	catalog.CompatibilityNone,
	catalog.CompatibilityBackward, catalog.CompatibilityForward, catalog.CompatibilityFull,
	catalog.CompatibilityBackwardTransitive, catalog.CompatibilityForwardTransitive, catalog.CompatibilityFullTransitive,
}

// evolutionCase is one case of testdata/compatibility.json, which names the
// source of every expectation.
type evolutionCase struct {
	ID             string                         `json:"id"`
	Type           catalog.SchemaType             `json:"type"`
	RegisteredType catalog.SchemaType             `json:"registeredType"` // "" for Type
	Title          string                         `json:"title"`
	Registered     []json.RawMessage              `json:"registered"`
	Candidate      json.RawMessage                `json:"candidate"`
	Expect         map[catalog.Compatibility]bool `json:"expect"`
	Difference     string                         `json:"difference"`
}

func readCases(t testing.TB) []evolutionCase {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "compatibility.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []evolutionCase `json:"cases"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

// schemaText is the text of a schema in the case file: a Protobuf text is a
// JSON string there, the others are what they are.
func schemaText(t testing.TB, typ catalog.SchemaType, raw json.RawMessage) string {
	t.Helper()
	if typ != protoT {
		return string(raw)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		t.Fatal(err)
	}
	return text
}

func (c evolutionCase) schemas(t testing.TB) (older []*Schema, candidate *Schema) {
	t.Helper()
	registered := c.RegisteredType
	if registered == "" {
		registered = c.Type
	}
	for _, raw := range c.Registered {
		older = append(older, mustParse(t, registered, schemaText(t, registered, raw)))
	}
	return older, mustParse(t, c.Type, schemaText(t, c.Type, c.Candidate))
}

// TestCases holds every mode of every case to its expectation, and the finding
// of a candidate that cannot read to the difference that the case names.
func TestCases(t *testing.T) {
	t.Parallel()
	cases := readCases(t)
	if len(cases) < 28 {
		t.Fatalf("got %d cases, want at least 28", len(cases))
	}
	for _, c := range cases {
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			older, candidate := c.schemas(t)
			for _, mode := range allModes {
				want, stated := c.Expect[mode]
				found := mustCheck(t, mode, older, candidate)
				if !stated || want != (len(found) == 0) {
					t.Errorf("%s, %s: got %v, want compatible: %t (stated: %t)", c.Title, mode, found, want, stated)
				}
				if mode == catalog.CompatibilityBackwardTransitive && !want && c.Difference != "" && !slices.Contains(kindsOf(found), c.Difference) {
					t.Errorf("%s: got %v, want the difference %s", c.Title, found, c.Difference)
				}
			}
		})
	}
}

func mustCheck(t testing.TB, mode catalog.Compatibility, older []*Schema, candidate *Schema) []catalog.Incompatibility {
	t.Helper()
	found, err := Check(mode, older, candidate)
	if err != nil {
		t.Fatalf("%s: %v", mode, err)
	}
	return found
}

func kindsOf(found []catalog.Incompatibility) []string {
	kinds := make([]string, 0, len(found))
	for _, f := range found {
		kinds = append(kinds, f.Kind)
	}
	return kinds
}

// TestCheckLooksAtTheVersionsOfItsMode tells which older versions a mode looks
// at, and how findings name version, direction and sides.
func TestCheckLooksAtTheVersionsOfItsMode(t *testing.T) {
	t.Parallel()
	x, xy, xyDefault := avroFields(`{"name":"x","type":"int"}`), avroFields(`{"name":"x","type":"int"},{"name":"y","type":"int"}`),
		avroFields(`{"name":"x","type":"int"},{"name":"y","type":"int","default":0}`)
	const backward, forward = catalog.CompatibilityBackward, catalog.CompatibilityForward
	y := func(version int, direction catalog.Compatibility, old, new, fix string) catalog.Incompatibility {
		return catalog.Incompatibility{Kind: avroNoDefault, Path: "/fields/1", Old: old, New: new, Version: version, Direction: direction, Fix: fix}
	}
	missing := func(version int) catalog.Incompatibility {
		return y(version, backward, "", "field y without default", "Give the field a default.")
	}
	dropped := func(version int) catalog.Incompatibility {
		return y(version, forward, "field y without default", "", "Keep the field: the older version has no default for it.")
	}
	for _, c := range []struct {
		mode      catalog.Compatibility
		older     []string
		candidate string
		want      []catalog.Incompatibility
	}{
		{backward, nil, xy, nil},
		{backward, []string{x, xyDefault}, xy, nil},
		{catalog.CompatibilityBackwardTransitive, []string{x, xyDefault, x}, xy, []catalog.Incompatibility{missing(1), missing(3)}},
		{backward, []string{xyDefault, x}, xy, []catalog.Incompatibility{missing(2)}},
		{forward, []string{xy, xyDefault}, x, nil},
		{forward, []string{x, xy}, x, []catalog.Incompatibility{dropped(2)}},
		{catalog.CompatibilityForwardTransitive, []string{xy, xyDefault}, x, []catalog.Incompatibility{dropped(1)}},
		{catalog.CompatibilityFull, []string{xy, x}, xy, []catalog.Incompatibility{missing(2)}},
		{catalog.CompatibilityFullTransitive, []string{xy, xyDefault}, x, []catalog.Incompatibility{dropped(1)}},
		{catalog.CompatibilityNone, []string{x, `"int"`}, xy, nil},
	} {
		var older []*Schema
		for _, text := range c.older {
			older = append(older, mustParse(t, avroT, text))
		}
		if diff := cmp.Diff(c.want, mustCheck(t, c.mode, older, mustParse(t, avroT, c.candidate))); diff != "" {
			t.Errorf("%s of %d versions (-want +got):\n%s", c.mode, len(older), diff)
		}
	}
}

// TestCheckRefusesAnotherType: the types of versions that the mode looks at
// must be the candidate's.
func TestCheckRefusesAnotherType(t *testing.T) {
	t.Parallel()
	number := mustParse(t, avroT, `"int"`)
	anything := mustParse(t, jsonT, `true`)
	for _, c := range []struct {
		mode  catalog.Compatibility
		older []*Schema
		want  []string
	}{
		{catalog.CompatibilityNone, []*Schema{anything}, []string{}},
		{catalog.CompatibilityBackward, []*Schema{anything}, []string{kindTypeChanged}},
		{catalog.CompatibilityForward, []*Schema{anything}, []string{kindTypeChanged}},
		{catalog.CompatibilityFullTransitive, []*Schema{anything, number}, []string{kindTypeChanged, kindTypeChanged}},
		{catalog.CompatibilityFull, []*Schema{anything, number}, []string{}},
	} {
		if diff := cmp.Diff(c.want, kindsOf(mustCheck(t, c.mode, c.older, number))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.mode, diff)
		}
	}
}

// TestRulesRefuseOtherTypes: rules that Check hands a schema of another type to
// say so.
func TestRulesRefuseOtherTypes(t *testing.T) {
	t.Parallel()
	other := mustParse(t, jsonT, `true`)
	for typ, rules := range map[catalog.SchemaType]func(reader, writer *Schema) ([]catalog.Incompatibility, error){avroT: avroReads, protoT: protoReads} {
		own := mustParse(t, typ, map[catalog.SchemaType]string{avroT: `"int"`, protoT: `message T {}`}[typ])
		for _, pair := range [][2]*Schema{{own, other}, {other, own}} {
			if _, err := rules(pair[0], pair[1]); err == nil {
				t.Errorf("%s: got no error for a schema of type JSON", typ)
			}
		}
	}
}

func TestCheckRefusesAnUnknownMode(t *testing.T) {
	t.Parallel()
	s := mustParse(t, avroT, `"int"`)
	for _, mode := range []catalog.Compatibility{"", "backward", "SIDEWAYS"} {
		if found, err := Check(mode, []*Schema{s}, s); err == nil || !strings.Contains(err.Error(), "unknown compatibility mode") {
			t.Errorf("%q: got %v, %v, want an error", mode, found, err)
		}
	}
}

// TestFindingsAreShort: names of any length and number come from strangers,
// and findings go to plans and logs.
func TestFindingsAreShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("n", 50_000)
	for name, c := range map[string]struct {
		typ      catalog.SchemaType
		old, new string
	}{
		"AVRO long name":         {avroT, avroFields(``), avroFields(`{"name":"` + long + `","type":"int"}`)},
		"AVRO many symbols":      {avroT, avroRecord(`{"type":"enum","name":"E","symbols":["X` + long + `","Y"]}`), avroRecord(`{"type":"enum","name":"E","symbols":["Y"]}`)},
		"AVRO many branches":     {avroT, `"boolean"`, `[` + many(2000, ",", func(i int) string { return fmt.Sprintf(`{"type":"fixed","name":"F%d","size":1}`, i) }) + `]`},
		"AVRO many fields":       {avroT, avroFields(``), avroFields(many(3000, ",", func(i int) string { return fmt.Sprintf(`{"name":"f%d","type":"int"}`, i) }))},
		"PROTOBUF long name":     {protoT, `message T {}`, `message T { required int32 ` + long + ` = 1; }`},
		"PROTOBUF many messages": {protoT, many(3000, "", func(i int) string { return fmt.Sprintf("message M%d {}", i) }), ``},
		"PROTOBUF many fields":   {protoT, "message T {" + many(3000, "", func(i int) string { return fmt.Sprintf("required int32 f%d = %d;", i, i+1) }) + "}", `message T {}`},
		"PROTOBUF long oneof":    {protoT, `message T { oneof ` + long + ` { int32 a = 1; int32 b = 2; } }`, `message T { oneof ` + long + ` { int32 a = 1; } }`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := mustCheck(t, catalog.CompatibilityBackward, []*Schema{mustParse(t, c.typ, c.old)}, mustParse(t, c.typ, c.new))
			if len(found) == 0 || len(found) > MaxIncompatibilities {
				t.Fatalf("got %d findings, want 1 to %d", len(found), MaxIncompatibilities)
			}
			for _, f := range found {
				if len(f.Old) > maxSide || len(f.New) > maxSide || len(f.Path) > maxPath || f.Fix == "" || !utf8.ValidString(f.Old+f.New+f.Path) {
					t.Fatalf("got sides of %d and %d bytes, a path of %d and %q", len(f.Old), len(f.New), len(f.Path), f.Fix)
				}
			}
		})
	}
}

// TestFindingsPrintOnOneLine is the attack of a name that forges a line of the
// output or moves the cursor of a terminal.
func TestFindingsPrintOnOneLine(t *testing.T) {
	t.Parallel()
	i := catalog.Incompatibility{Kind: "K", Path: "#/a\ncompatible\x1b[2K", Old: "\u202e\"old\"", Version: 1, Direction: "BACKWARD", Fix: "Undo."}
	const want = `#/a\ncompatible\x1b[2K: K: version 1 has \u202e"old", the candidate has nothing (BACKWARD); Undo.`
	if got := i.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestClipKeepsCharactersWhole(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"", "short", strings.Repeat("x", maxSide), strings.Repeat("é", maxSide), "x" + strings.Repeat("漢", maxSide)} {
		got := clip(side)
		if len(got) > maxSide || !utf8.ValidString(got) || len(side) <= maxSide && got != side {
			t.Errorf("clip(%.10q…, %d bytes): got %d bytes, %q", side, len(side), len(got), got)
		}
	}
}

// TestEveryKindHasAdvice: a finding without a sentence for its direction helps
// nobody.
func TestEveryKindHasAdvice(t *testing.T) {
	t.Parallel()
	for _, table := range adviceTables {
		for kind, a := range table {
			if a.reader == "" || a.writer == "" || !strings.HasSuffix(a.reader, ".") || !strings.HasSuffix(a.writer, ".") {
				t.Errorf("%s: got %+v, want a sentence for each direction", kind, a)
			}
		}
	}
}

// sameInEveryMode holds one schema to the first promise of Check: it follows
// itself in every mode, also when it was written in another layout.
func sameInEveryMode(t testing.TB, s *Schema) {
	t.Helper()
	again := mustRefer(t, s.Type(), s.Canonical(), s.refs.direct...)
	for _, mode := range allModes {
		found, err := Check(mode, []*Schema{s, again}, again)
		if len(found) > 0 || err != nil && !errors.Is(err, ErrTooComplex) {
			t.Fatalf("%s of a schema with itself: got %v, %v, want nothing\n%.2000s", mode, found, err, s.Canonical())
		}
	}
}

// fullIsBoth holds a pair to the second promise: FULL finds what BACKWARD and
// FORWARD find, and each of them finds in one direction what the other finds
// with the schemas exchanged.
func fullIsBoth(t testing.TB, a, b *Schema) {
	t.Helper()
	check := func(mode catalog.Compatibility, old, candidate *Schema) []catalog.Incompatibility {
		found, err := Check(mode, []*Schema{old}, candidate)
		if err != nil && !errors.Is(err, ErrTooComplex) {
			t.Fatal(err)
		}
		return found
	}
	backward, forward := check(catalog.CompatibilityBackward, a, b), check(catalog.CompatibilityForward, a, b)
	full, err := Check(catalog.CompatibilityFull, []*Schema{a}, b)
	if err == nil && !cmp.Equal(full, append(slices.Clone(backward), forward...), cmpopts.EquateEmpty()) {
		t.Fatalf("FULL: got %v, want %v and %v", full, backward, forward)
	}
	if got, want := kindsOf(check(catalog.CompatibilityForward, b, a)), kindsOf(backward); !slices.Equal(got, want) {
		t.Fatalf("FORWARD of the exchanged pair: got %v, want %v", got, want)
	}
}

func TestPropertiesOfCases(t *testing.T) {
	t.Parallel()
	byType := map[catalog.SchemaType][]*Schema{}
	for _, c := range readCases(t) {
		older, candidate := c.schemas(t)
		for _, s := range append(older, candidate) {
			byType[s.Type()] = append(byType[s.Type()], s)
		}
	}
	for name, typ := range coalition {
		byType[typ] = append(byType[typ], mustParse(t, typ, coalitionText(t, name)))
	}
	for _, list := range byType {
		for i, s := range list {
			sameInEveryMode(t, s)
			fullIsBoth(t, s, list[(i+1)%len(list)])
		}
	}
}

// fuzzCheck holds two texts of a type to the promises of Check.
func fuzzCheck(f *testing.F, typ catalog.SchemaType) {
	f.Helper()
	for _, c := range readCases(f) {
		if c.Type == typ && c.RegisteredType == "" {
			f.Add(schemaText(f, typ, c.Registered[0]), schemaText(f, typ, c.Candidate))
		}
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		old, err := Parse(typ, a)
		if err != nil {
			return
		}
		sameInEveryMode(t, old)
		if candidate, err := Parse(typ, b); err == nil {
			fullIsBoth(t, old, candidate)
		}
	})
}

func FuzzCheckAvro(f *testing.F) {
	f.Add(avroFields(`{"name":"next","type":["null","T"]}`), avroFields(`{"name":"n","type":["T","null"],"aliases":["next"]}`))
	f.Add(`{"type":"enum","name":"E","symbols":["A","B"],"default":"A"}`, `{"type":"enum","name":"n.E","aliases":["E"],"symbols":["A"]}`)
	fuzzCheck(f, avroT)
}

func FuzzCheckProtobuf(f *testing.F) {
	f.Add(`message A { optional group G = 1 { optional int32 x = 2; } required A a = 3; }`, `message A { oneof o { group H = 1 {} A a = 3; } map<int32, A> m = 4; }`)
	fuzzCheck(f, protoT)
}

// benchmarkCheck compares two texts of 500 fields in both directions.
func benchmarkCheck(b *testing.B, typ catalog.SchemaType, old, candidate string) {
	b.Helper()
	older, next := []*Schema{mustParse(b, typ, old)}, mustParse(b, typ, candidate)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Check(catalog.CompatibilityFull, older, next); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckAvro500Fields(b *testing.B) {
	text := func(n int) string {
		return avroFields(many(n, ",", func(i int) string { return fmt.Sprintf(`{"name":"f%d","type":["null","long"],"default":null}`, i) }))
	}
	benchmarkCheck(b, avroT, text(500), text(501))
}

func BenchmarkCheckProtobuf500Fields(b *testing.B) {
	text := func(n int) string {
		return `syntax="proto3"; message T {` + many(n, "", func(i int) string { return fmt.Sprintf("optional int64 f%d = %d;", i, i+1) }) + `}`
	}
	benchmarkCheck(b, protoT, text(500), text(501))
}
