package compat

import (
	"errors"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// fuzzReferring holds a text with a reference to the promises of Parse, Check
// and Nonconformities, and then puts another schema in the reference's place.
func fuzzReferring(f *testing.F, typ catalog.SchemaType, name string) {
	f.Helper()
	f.Add(position[typ].text, position[typ].changed, position[typ].user)
	f.Fuzz(func(t *testing.T, base, other, text string) {
		first, err := Parse(typ, base)
		if err != nil {
			return
		}
		s, err := ParseReferring(typ, text, []Reference{{name, first}})
		if err != nil {
			var e *ParseError
			if !errors.As(err, &e) || e.Line > strings.Count(text, "\n")+1 || strings.Contains(e.Reason, "gave up") {
				t.Fatalf("got %#v, want a *ParseError inside the text and no panic", err)
			}
			return
		}
		again, err := ParseReferring(typ, s.Canonical(), s.refs.direct)
		if err != nil || again.Canonical() != s.Canonical() || len(again.Fields()) != len(s.Fields()) {
			t.Fatalf("canonical form %q: got %v, want it a fixed point with the same fields", s.Canonical(), err)
		}
		_ = s.Report(marking.Default())
		sameInEveryMode(t, s)
		conformsToItself(t, s, text+base)
		if second, err := Parse(typ, other); err == nil {
			if changed, err := ParseReferring(typ, text, []Reference{{name, second}}); err == nil {
				fullIsBoth(t, s, changed)
				_ = Nonconformities(s, changed)
			}
		}
	})
}

// conformsToItself holds a schema to the first promise of Nonconformities. One
// whose fields say that they stand for others than their own name is compared as
// any other pair only by the way.
func conformsToItself(t testing.TB, s *Schema, text string) {
	t.Helper()
	if gaps := Nonconformities(s, s); gaps != nil {
		t.Fatalf("got %v, want a schema to conform to itself", gaps)
	}
	gaps := project(s, s)
	if gaps != nil && !strings.Contains(text, "eference") && !strings.Contains(gaps[0].Reason, "too complex") {
		t.Fatalf("got %v, want a schema to be a projection of itself\n%.2000s", gaps, text)
	}
}

func FuzzParseReferringAvro(f *testing.F)     { fuzzReferring(f, avroT, "geo.Position") }
func FuzzParseReferringJSON(f *testing.F)     { fuzzReferring(f, jsonT, "position.json") }
func FuzzParseReferringProtobuf(f *testing.F) { fuzzReferring(f, protoT, "geo/position.proto") }

// FuzzNonconformities holds pairs of languages to an answer that is bounded and
// prints, and every schema to itself.
func FuzzNonconformities(f *testing.F) {
	for name, reference := range conforming {
		f.Add(boardSchema(f, reference).Canonical(), coalitionText(f, name))
	}
	types := []catalog.SchemaType{avroT, jsonT, protoT}
	f.Fuzz(func(t *testing.T, reference, candidate string) {
		for _, typ := range types {
			asked, err := Parse(typ, reference)
			if err != nil {
				continue
			}
			conformsToItself(t, asked, reference)
			for _, typ := range types {
				if given, err := Parse(typ, candidate); err == nil {
					printable(t, Nonconformities(asked, given))
				}
			}
		}
	})
}

func printable(t *testing.T, gaps []catalog.FieldGap) {
	t.Helper()
	if len(gaps) > MaxIncompatibilities {
		t.Fatalf("got %d gaps, want at most %d", len(gaps), MaxIncompatibilities)
	}
	for _, gap := range gaps {
		harmless(t, "gap", gap.Path, maxExcerpt)
		harmless(t, "gap", gap.Reason, maxExcerpt)
		if gap.Reason == "" {
			t.Fatal("got a gap without reason")
		}
	}
}
