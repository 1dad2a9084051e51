package compat

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// What a schema calls its parts reaches terminals through errors and reports.
// A name must neither flood them nor move their cursor.
func TestNamesCannotTakeOverATerminal(t *testing.T) {
	t.Parallel()
	const bound = maxExcerpt
	long := strings.Repeat("n", 100_000)
	for name, c := range map[string]struct {
		typ  catalog.SchemaType
		text string
	}{
		"a long key":            {catalog.SchemaJSON, `{"type":"object","properties":{"` + long + `":{"type":"nothing"}}}`},
		"an escape in a key":    {catalog.SchemaJSON, `{"type":"object","properties":{"\u001b[2Jx\nError: forged":{"type":"nothing"}}}`},
		"a long type":           {catalog.SchemaAvro, `"` + long + `"`},
		"an escape in a type":   {catalog.SchemaAvro, `"\u001b[2J"`},
		"a long Protobuf name":  {catalog.SchemaProtobuf, `syntax = "proto3"; message M { ` + long + ` x = 1; }`},
		"an override of order":  {catalog.SchemaJSON, `{"type":"object","properties":{"\u202egnp.exe":{"type":"nothing"}}}`},
		"an escape in Protobuf": {catalog.SchemaProtobuf, "syntax = \"proto3\"; import \"\x1b[2J\";"},
	} {
		_, err := Parse(c.typ, c.text)
		var at *ParseError
		if !errors.As(err, &at) {
			t.Errorf("%s: got %v, want a parse error", name, err)
			continue
		}
		harmless(t, name, at.Path, bound)
		harmless(t, name, at.Reason, bound)
	}
}

func TestReportsCannotTakeOverATerminal(t *testing.T) {
	t.Parallel()
	for name, field := range map[string]string{
		"escape": `\u001b[2Jx`, "long": strings.Repeat("n", 100_000), "line": `a\nError: forged`,
	} {
		s, err := Parse(catalog.SchemaJSON, fmt.Sprintf(
			`{"type":"object","properties":{"%s":{"type":"number","x-unit":"%s"}}}`, field, field))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := s.Report(marking.Default())
		gaps := slices.Concat(r.Undescribed, r.WithoutUnit)
		if len(gaps) != 2 {
			t.Errorf("%s: got %d gaps, want no description and no unit", name, len(gaps))
		}
		for _, gap := range gaps {
			harmless(t, name, gap.Path, maxExcerpt)
			harmless(t, name, gap.Reason, maxExcerpt)
		}
	}
}

func harmless(t *testing.T, name, text string, bound int) {
	t.Helper()
	if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("%s: %.80q holds a character that does not print", name, text[i:])
	}
	if n := len([]rune(text)); n > bound {
		t.Errorf("%s: got %d characters, want at most %d", name, n, bound)
	}
}
