package compat

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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

func paths(gaps []catalog.FieldGap) []string {
	var out []string
	for _, g := range gaps {
		out = append(out, g.Path+": "+g.Reason)
	}
	return out
}

var _ = cmp.Diff
var _ = strings.Contains
