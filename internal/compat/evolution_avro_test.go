package compat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hamba/avro/v2"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// change is one step of evolution: backward and forward list "path KIND" of
// what the two directions find, nothing where they are compatible.
type change struct {
	name     string
	old, new string
	backward []string
	forward  []string
}

// agreesWithLibrary holds a verdict to that of the library that reads Avro. Its
// check has no bounds, ends at the first finding and has no path for it.
func agreesWithLibrary(t testing.TB, reader, writer *Schema) {
	t.Helper()
	found, err := avroReads(reader, writer)
	if err != nil || slices.Contains(kindsOf(found), avroAmbiguous) {
		return // the library takes the first field that matches
	}
	parse := func(s *Schema) avro.Schema {
		parsed, err := avro.ParseWithCache(s.Canonical(), "", &avro.SchemaCache{})
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	if want := avro.NewSchemaCompatibility().Compatible(parse(reader), parse(writer)); (want == nil) != (len(found) == 0) {
		t.Fatalf("got %v, the library says %v\nreader %s\nwriter %s", found, want, reader.Canonical(), writer.Canonical())
	}
}

func runChanges(t *testing.T, typ catalog.SchemaType, table []change) {
	t.Helper()
	for _, c := range table {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			old, candidate := mustParse(t, typ, c.old), mustParse(t, typ, c.new)
			for mode, want := range map[catalog.Compatibility][]string{
				catalog.CompatibilityBackward: c.backward,
				catalog.CompatibilityForward:  c.forward,
				catalog.CompatibilityFull:     append(slices.Clone(c.backward), c.forward...),
			} {
				found := mustCheck(t, mode, []*Schema{old}, candidate)
				var got []string
				for _, f := range found {
					got = append(got, f.Path+" "+f.Kind)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", mode, diff)
				}
			}
			if typ == avroT {
				agreesWithLibrary(t, candidate, old)
				agreesWithLibrary(t, old, candidate)
			}
		})
	}
}

// avroRecord is a record with one field f of the type.
func avroRecord(typ string) string {
	return `{"type":"record","name":"T","fields":[{"name":"f","type":` + typ + `}]}`
}

func avroFields(fields string) string {
	return `{"type":"record","name":"T","fields":[` + fields + `]}`
}

// TestAvroEvolution follows "Schema Resolution" of the Avro specification, and
// Avro's Java SchemaCompatibility where the specification leaves room.
func TestAvroEvolution(t *testing.T) {
	t.Parallel()
	const noDefault, typeAt = "/fields/1 READER_FIELD_MISSING_DEFAULT_VALUE", "/fields/0/type"
	a, b := `{"name":"a","type":"int"}`, `{"name":"b","type":"string"}`
	bWithDefault := `{"name":"b","type":"string","default":""}`
	runChanges(t, avroT, []change{
		{"same", avroFields(a), avroFields(a), nil, nil},
		{"field order", avroFields(a + "," + b), avroFields(b + "," + a), nil, nil},
		{"field with default added", avroFields(a), avroFields(a + "," + bWithDefault), nil, nil},
		{"field without default added", avroFields(a), avroFields(a + "," + b), []string{noDefault}, nil},
		{"field without default removed", avroFields(a + "," + b), avroFields(a), nil, []string{noDefault}},
		{"field with null default", avroFields(a), avroFields(a + `,{"name":"b","type":["null","int"],"default":null}`), nil, nil},
		{"optional type is no default", avroFields(a), avroFields(a + `,{"name":"b","type":["null","int"]}`), []string{noDefault}, nil},
		{"default of the enum is no default of the field", avroFields(a),
			avroFields(a + `,{"name":"b","type":{"type":"enum","name":"E","symbols":["X"],"default":"X"}}`), []string{noDefault}, nil},
		{"field renamed with alias", avroFields(`{"name":"old","type":"int"}`), avroFields(`{"name":"new","type":"int","aliases":["old"]}`),
			nil, []string{"/fields/0 READER_FIELD_MISSING_DEFAULT_VALUE"}},
		{"alias of two fields", avroFields(`{"name":"x","type":"int"},{"name":"y","type":"int"}`),
			avroFields(`{"name":"z","type":"int","aliases":["x","y"]}`), []string{"/fields/0 READER_FIELD_AMBIGUOUS"},
			[]string{"/fields/0 READER_FIELD_MISSING_DEFAULT_VALUE", "/fields/1 READER_FIELD_MISSING_DEFAULT_VALUE"}},
		{"alias of a field that stays is no matter in one schema", avroFields(`{"name":"a","type":"int","aliases":["b"]},` + b),
			avroFields(`{"name":"a","type":"int","aliases":["b"]},` + b), nil, nil},

		{"int to long", avroRecord(`"int"`), avroRecord(`"long"`), nil, []string{typeAt + " TYPE_MISMATCH"}},
		{"int to float", avroRecord(`"int"`), avroRecord(`"float"`), nil, []string{typeAt + " TYPE_MISMATCH"}},
		{"long to double", avroRecord(`"long"`), avroRecord(`"double"`), nil, []string{typeAt + " TYPE_MISMATCH"}},
		{"float to double", avroRecord(`"float"`), avroRecord(`"double"`), nil, []string{typeAt + " TYPE_MISMATCH"}},
		{"bytes to string", avroRecord(`"bytes"`), avroRecord(`"string"`), nil, nil},
		{"boolean to int", avroRecord(`"boolean"`), avroRecord(`"int"`), []string{typeAt + " TYPE_MISMATCH"}, []string{typeAt + " TYPE_MISMATCH"}},
		{"string to enum", avroRecord(`"string"`), avroRecord(`{"type":"enum","name":"E","symbols":["X"]}`),
			[]string{typeAt + " TYPE_MISMATCH"}, []string{typeAt + " TYPE_MISMATCH"}},
		{"bytes to fixed", avroRecord(`"bytes"`), avroRecord(`{"type":"fixed","name":"F","size":2}`),
			[]string{typeAt + " TYPE_MISMATCH"}, []string{typeAt + " TYPE_MISMATCH"}},
		{"logical type changed", avroRecord(`{"type":"long","logicalType":"timestamp-millis"}`),
			avroRecord(`{"type":"long","logicalType":"timestamp-micros"}`), nil, nil},
		{"items promoted", avroRecord(`{"type":"array","items":"int"}`), avroRecord(`{"type":"array","items":"long"}`),
			nil, []string{typeAt + "/items TYPE_MISMATCH"}},
		{"values retyped", avroRecord(`{"type":"map","values":"int"}`), avroRecord(`{"type":"map","values":"string"}`),
			[]string{typeAt + "/values TYPE_MISMATCH"}, []string{typeAt + "/values TYPE_MISMATCH"}},
		{"array to map", avroRecord(`{"type":"array","items":"int"}`), avroRecord(`{"type":"map","values":"int"}`),
			[]string{typeAt + " TYPE_MISMATCH"}, []string{typeAt + " TYPE_MISMATCH"}},

		{"type becomes optional", avroRecord(`"int"`), avroRecord(`["null","int"]`), nil, []string{typeAt + "/0 TYPE_MISMATCH"}},
		{"union widened", avroRecord(`["null","int"]`), avroRecord(`["null","int","string"]`), nil, []string{typeAt + "/2 MISSING_UNION_BRANCH"}},
		{"union reordered", avroRecord(`["null","int"]`), avroRecord(`["int","null"]`), nil, nil},
		{"branch promoted", avroRecord(`["null","int"]`), avroRecord(`["null","long"]`), nil, []string{typeAt + "/1 MISSING_UNION_BRANCH"}},
		{"type outside the union", avroRecord(`"int"`), avroRecord(`["null","string"]`),
			[]string{typeAt + " MISSING_UNION_BRANCH"}, []string{typeAt + "/0 TYPE_MISMATCH", typeAt + "/1 TYPE_MISMATCH"}},

		{"symbol added", avroRecord(`{"type":"enum","name":"E","symbols":["X"]}`), avroRecord(`{"type":"enum","name":"E","symbols":["X","Y"]}`),
			nil, []string{typeAt + "/symbols MISSING_ENUM_SYMBOLS"}},
		{"symbols reordered", avroRecord(`{"type":"enum","name":"E","symbols":["X","Y"]}`), avroRecord(`{"type":"enum","name":"E","symbols":["Y","X"]}`), nil, nil},
		{"symbol removed under a default", avroRecord(`{"type":"enum","name":"E","symbols":["X","Y"],"default":"X"}`),
			avroRecord(`{"type":"enum","name":"E","symbols":["X"],"default":"X"}`), nil, nil},
		{"symbol added under an old default", avroRecord(`{"type":"enum","name":"E","symbols":["X"],"default":"X"}`),
			avroRecord(`{"type":"enum","name":"E","symbols":["X","Y"]}`), nil, nil},
		{"fixed resized", avroRecord(`{"type":"fixed","name":"F","size":2}`), avroRecord(`{"type":"fixed","name":"F","size":3}`),
			[]string{typeAt + "/size FIXED_SIZE_MISMATCH"}, []string{typeAt + "/size FIXED_SIZE_MISMATCH"}},

		{"record renamed with alias", `{"type":"record","name":"n.Old","fields":[]}`, `{"type":"record","name":"n.New","aliases":["Old"],"fields":[]}`,
			nil, []string{"/name NAME_MISMATCH"}},
		{"record renamed with full alias", `{"type":"record","name":"n.Old","fields":[]}`, `{"type":"record","name":"m.New","aliases":["n.Old"],"fields":[]}`,
			nil, []string{"/name NAME_MISMATCH"}},
		{"alias of another namespace", `{"type":"record","name":"n.Old","fields":[]}`, `{"type":"record","name":"m.New","aliases":["Old"],"fields":[]}`,
			[]string{"/name NAME_MISMATCH"}, []string{"/name NAME_MISMATCH"}},
		{"namespace changed", `{"type":"record","name":"n.T","fields":[]}`, `{"type":"record","name":"m.T","fields":[]}`, nil, nil},
		{"renamed and retyped", avroRecord(`"int"`), strings.Replace(avroRecord(`"string"`), `"T"`, `"U"`, 1),
			[]string{"/name NAME_MISMATCH", typeAt + " TYPE_MISMATCH"}, []string{"/name NAME_MISMATCH", typeAt + " TYPE_MISMATCH"}},

		{"recursive type evolves", avroFields(a + `,{"name":"next","type":["null","T"]}`),
			avroFields(`{"name":"a","type":"long"},{"name":"next","type":["null","T"]}`), nil, []string{"/fields/0/type TYPE_MISMATCH"}},
		{"a type used twice is reported where it is first used",
			avroFields(`{"name":"p","type":{"type":"fixed","name":"F","size":1}},{"name":"q","type":"F"}`),
			avroFields(`{"name":"p","type":{"type":"fixed","name":"F","size":2}},{"name":"q","type":"F"}`),
			[]string{"/fields/0/type/size FIXED_SIZE_MISMATCH"}, []string{"/fields/0/type/size FIXED_SIZE_MISMATCH"}},
		{"whole schema retyped", `"int"`, `"string"`, []string{"/ TYPE_MISMATCH"}, []string{"/ TYPE_MISMATCH"}},
	})
}

// avroRing is n records in a ring: the field "last" of each leads to the next.
// The others stand in optional fields whose names start with the prefix.
func avroRing(n int, prefix string) string {
	next := "T"
	fields := many(n, ",", func(i int) string {
		record := fmt.Sprintf(`{"type":"record","name":"%s%d","fields":[{"name":"last","type":["null",%q],"default":null}]}`, prefix, i, next)
		next = fmt.Sprintf("%s%d", prefix, i)
		return fmt.Sprintf(`{"name":"%s%d","type":["null",%s],"default":null}`, prefix, i, record)
	})
	return avroFields(fmt.Sprintf(`%s,{"name":"last","type":["null",%q],"default":null}`, fields, next))
}

// TestAvroRingsAreBounded is the attack of two rings of types whose lengths
// share no divisor: they meet in as many pairs as the product of the lengths,
// each one level deeper.
func TestAvroRingsAreBounded(t *testing.T) {
	t.Parallel()
	_, err := Check(catalog.CompatibilityBackward, []*Schema{mustParse(t, avroT, avroRing(1000, "A"))}, mustParse(t, avroT, avroRing(1001, "B")))
	if !errors.Is(err, ErrTooComplex) || !strings.Contains(err.Error(), "10000 levels") {
		t.Errorf("got %v, want ErrTooComplex with the bound", err)
	}
	same := mustParse(t, avroT, avroRing(1000, "A"))
	if found := mustCheck(t, catalog.CompatibilityFull, []*Schema{same}, mustParse(t, avroT, avroRing(1000, "A"))); len(found) > 0 {
		t.Errorf("got %v for a ring and itself, want nothing", found)
	}
}

// TestAvroAlternativesAreBounded is the attack of many alternatives, each of
// which reads none of many others.
func TestAvroAlternativesAreBounded(t *testing.T) {
	t.Parallel()
	union := func(n int, name string) string {
		return "[" + many(n, ",", func(i int) string {
			return fmt.Sprintf(`{"type":"record","name":"%s%d","fields":[{"name":"x","type":"int"}]}`, name, i)
		}) + "]"
	}
	older, candidate := mustParse(t, avroT, union(1500, "A")), mustParse(t, avroT, union(1500, "B"))
	_, err := Check(catalog.CompatibilityFull, []*Schema{older}, candidate)
	if !errors.Is(err, ErrTooComplex) || !strings.Contains(err.Error(), "1000000 steps") {
		t.Errorf("got %v, want ErrTooComplex with the bound", err)
	}
}
