package records_test

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

// branching is a schema of so many levels of records, at each of which a union
// has so many of them: width to the power of levels are the ways to the mark.
func branching(width, levels int) string {
	next := `"string"`
	for n := levels - 1; n >= 0; n-- {
		branches := make([]string, width)
		for i := range branches {
			branches[i] = fmt.Sprintf(`{"type":"record","name":"r%d_%d","fields":[{"name":"m","type":%s}]}`, n, i, next)
			if n+1 < levels { // they have been written out once
				next = mentioned(width, n+1)
			}
		}
		next = "[" + strings.Join(branches, ",") + "]"
	}
	return `{"type":"record","name":"top","fields":[{"name":"m","type":` + next + `}]}`
}

func mentioned(width, level int) string {
	names := make([]string, width)
	for i := range names {
		names[i] = fmt.Sprintf(`"r%d_%d"`, level, i)
	}
	return "[" + strings.Join(names, ",") + "]"
}

// TestSchemaBomb: a schema of 70 kilobytes, in which a million ways lead to the
// mark, takes no room for each of them. One with thousands is read.
func TestSchemaBomb(t *testing.T) {
	read := func(width int) (grown uint64, err error) {
		schema := header("avro.schema", branching(width, 3))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err = records.Avro.Filter(t.Context(), io.Discard, strings.NewReader(schema), records.Rules{Property: "m.m.m.m", Admits: open})
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc, err
	}
	if grown, err := read(100); !errors.Is(err, records.ErrMalformed) || grown > 64<<20 {
		t.Errorf("a million ways: allocated %d bytes, %v; want less than 64 MiB and ErrMalformed", grown, err)
	}
	if _, err := read(20); err != nil {
		t.Errorf("some thousand ways: got %v", err)
	}
}

// TestBombsInDefaults: the library makes room for the whole of a fixed that has a
// default, which no process survives, looks through records within records every
// way, and panics at a record within itself. The records of such schemas are read.
func TestBombsInDefaults(t *testing.T) {
	t.Parallel()
	doubled := `{"type":"record","name":"d0","fields":[{"name":"a","type":"int","default":0}]}`
	for i := 1; i <= 28; i++ {
		doubled = fmt.Sprintf(`{"type":"record","name":"d%d","fields":[{"name":"a","type":%s,"default":{}},{"name":"b","type":"d%d","default":{}}]}`, i, doubled, i-1)
	}
	for name, field := range map[string]string{
		"a fixed of 70 TB":        `"type":{"type":"array","items":{"type":"fixed","name":"F","size":70000000000000}},"default":["x"]`,
		"in other case":           `"type":{"type":"array","items":{"type":"fixed","name":"F","size":70000000000000}},"Default":["x"]`,
		"records within records":  `"type":["null",` + doubled + `]`,
		"a record within itself":  `"type":["null",{"type":"record","name":"S","fields":[{"name":"s","type":["S","null"],"default":{}}]}]`,
		"a default that is wrong": `"type":"int","default":"x"`,
	} {
		schema := `{"type":"record","name":"R","fields":[{"name":"m","type":"string"},{"name":"x",` + field + `}]}`
		in := header("avro.schema", schema) + block(1, text("(U)")+"\x00")
		if out, _, err := filter(t, records.Avro, "m", in); err != nil || out != written(in) {
			t.Errorf("%s: got %q, %v", name, out, err)
		}
	}
}

// TestSchemaOfTwoMeanings: of equal names readers take the first or the last, and
// would find the mark in different places.
func TestSchemaOfTwoMeanings(t *testing.T) {
	t.Parallel()
	m, x := `{"name":"m","type":"string"}`, `{"name":"x","type":"string"}`
	for name, schema := range map[string]string{
		"fields twice":      `{"type":"record","name":"R","fields":[` + m + "," + x + `],"fields":[` + x + "," + m + `]}`,
		"a name twice":      `{"type":"record","name":"R","fields":[{"name":"m","name":"x","type":"string"},{"name":"x","name":"m","type":"string"}]}`,
		"two fields marked": `{"type":"record","name":"R","fields":[` + m + "," + m + `]}`,
	} {
		in := header("avro.schema", schema) + block(1, text("(U)")+text("(TS)"))
		if out, _, err := filter(t, records.Avro, "m", in); !errors.Is(err, records.ErrMalformed) || out != "" {
			t.Errorf("%s: got %q, %v", name, out, err)
		}
	}
}
