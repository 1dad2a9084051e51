package catalog_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

func TestSubjectsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]catalog.Subject{
		"orders-value":                          {Name: "orders-value"},
		"a/b c%20":                              {Name: "a/b c%20"},
		"über.東京":                               {Name: "über.東京"},
		"a:b":                                   {Name: "a:b"},
		":.:orders":                             {Name: "orders"},
		":.lab:orders":                          {Context: "lab", Name: "orders"},
		":.lab:a:b":                             {Context: "lab", Name: "a:b"},
		":.lab:":                                {Context: "lab"},
		":.Lab_1-x:" + strings.Repeat("x", 255): {Context: "Lab_1-x", Name: strings.Repeat("x", 255)},
		strings.Repeat("x", catalog.MaxSubject): {Name: strings.Repeat("x", catalog.MaxSubject)},
		":." + strings.Repeat("c", 63) + ":track": {Context: strings.Repeat("c", 63), Name: "track"},
	} {
		got, err := catalog.ParseSubject(text)
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", ":.:", ":orders", ":.lab", ":.lab:__GLOBAL", "__GLOBAL", "__EMPTY", ":.a b:x", ":.*:x", ":.ü:x", ":." + strings.Repeat("c", 64) + ":x",
		"a\nb", "a\tb", "a\x00b", "a\x7fb", "a\u202eb", "a\u200bb", "a\xffb", ":.lab::.other:x", "::x", strings.Repeat("x", catalog.MaxSubject+1),
	} {
		if got, err := catalog.ParseSubject(text); err == nil {
			t.Errorf("%q: got %+v, want it refused", text, got)
		}
	}
}

func TestSubjectsAndTheCatalogue(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		ref    catalog.Ref
		domain string
	}{
		"sigint.track":                      {catalog.Ref{Kind: catalog.KindSchema, ID: "sigint/track"}, "sigint"},
		":.:sigint.track":                   {catalog.Ref{Kind: catalog.KindSchema, ID: "sigint/track"}, "sigint"},
		":.lab:sigint.track":                {catalog.Ref{}, "sigint"},
		":.reference:track":                 {catalog.Ref{Kind: catalog.KindReferenceSchema, ID: "track"}, ""},
		":.reference:sigint.track":          {catalog.Ref{}, ""}, // of nobody: no domain writes among the board's
		":.Reference:sigint.track":          {catalog.Ref{}, "sigint"},
		"sigint.track.value":                {catalog.Ref{}, ""},
		"sigint.track-value":                {catalog.Ref{Kind: catalog.KindSchema, ID: "sigint/track-value"}, "sigint"},
		"sigint.Track":                      {catalog.Ref{}, ""},
		"sigint/track":                      {catalog.Ref{}, ""},
		"sigint..track":                     {catalog.Ref{}, ""},
		".track":                            {catalog.Ref{}, ""},
		"sigint.":                           {catalog.Ref{}, ""},
		"orders":                            {catalog.Ref{}, ""},
		"sigint.tr\u0430ck":                 {catalog.Ref{}, ""}, // a Cyrillic letter
		"sigint." + strings.Repeat("x", 64): {catalog.Ref{}, ""},
	} {
		s, err := catalog.ParseSubject(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		ref, ok := s.Schema()
		if ref != want.ref || ok != (want.ref != catalog.Ref{}) || s.Domain() != want.domain {
			t.Errorf("%q: got %v, %v of domain %q, want %v of %q", text, ref, ok, s.Domain(), want.ref, want.domain)
		}
		if ok && ref.Kind == catalog.KindSchema && catalog.SubjectOf(ref.ID) != s {
			t.Errorf("%q: got subject %v of its schema, want itself", text, catalog.SubjectOf(ref.ID))
		}
	}
}

// FuzzParseSubject: a subject that is read prints as itself, and belongs to an
// object of the catalogue only under a name that the object can have.
func FuzzParseSubject(f *testing.F) {
	for _, text := range []string{"orders-value", "sigint.track", ":.lab:sigint.track", ":.:x", ":.lab:", ":.reference:track", "__GLOBAL", "a\u202eb", ":.a:b:c", "é.ü"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := catalog.ParseSubject(text)
		if err != nil {
			for _, r := range err.Error() {
				if !unicode.IsPrint(r) {
					t.Errorf("%q: the error has %U, which does not print", text, r)
				}
			}
			return
		}
		again, err := catalog.ParseSubject(s.String())
		if err != nil || again != s {
			t.Errorf("%q: prints as %q, which is read as %+v, %v", text, s, again, err)
		}
		if ref, ok := s.Schema(); ok && ref.Kind.CheckID(ref.ID) != nil {
			t.Errorf("%q: is %v, which nothing can be", text, ref)
		}
		if domain := s.Domain(); domain != "" && catalog.CheckName(domain) != nil {
			t.Errorf("%q: belongs to %q, which is no domain", text, domain)
		}
	})
}
