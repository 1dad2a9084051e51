package catalog_test

import (
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// FuzzObject: whatever an object holds, its normal form is stable and survives
// JSON, a copy is a copy, and its problems are printable sentences in order.
func FuzzObject(f *testing.F) {
	for i, o := range []catalog.Object{
		soundDomain(), &catalog.Schema{Domain: "a", Name: "s", Type: "AVRO", Definition: "{}"},
		&catalog.CaveatPolicy{Domain: "a", Name: "c", ReleasableTo: []string{"GBR", "USA"}, Excluded: []string{"FVEY", "x"}},
		&catalog.SLA{Domain: "a", Name: "l", Freshness: &catalog.Freshness{MaxAge: "90m", TargetPercent: 99}}, soundProduct(),
	} {
		body, err := json.Marshal(o)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), body)
	}
	v := marking.Default()
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		o := catalog.Kinds()[int(kind)%len(catalog.Kinds())].New()
		if json.Unmarshal(body, o) != nil {
			t.Skip("not an object of this kind")
		}
		o.Normalize(v)
		again := o.Clone()
		again.Normalize(v)
		if diff := cmp.Diff(o, again); diff != "" {
			t.Errorf("normalized twice (-once +twice):\n%s", diff)
		}
		wire, err := json.Marshal(o)
		if err != nil {
			t.Fatalf("to JSON: %v", err)
		}
		back := o.Ref().Kind.New()
		if err := json.Unmarshal(wire, back); err != nil {
			t.Fatalf("from JSON: %v", err)
		}
		if diff := cmp.Diff(o, back); diff != "" {
			t.Errorf("through JSON (-before +after):\n%s", diff)
		}
		problems := o.Check(v)
		if !slices.IsSortedFunc(problems, func(a, b catalog.Problem) int {
			if a.Field < b.Field {
				return -1
			}
			if a.Field > b.Field {
				return 1
			}
			return 0
		}) {
			t.Errorf("got %v, want them sorted by field", problems)
		}
		for _, p := range problems {
			if p.Rule == "" || p.Detail == "" || !utf8.ValidString(p.String()) {
				t.Errorf("got %+v, want a rule and a sentence", p)
			}
		}
		if len(problems) == 0 && o.Ref().Kind.CheckID(o.Ref().ID) != nil {
			t.Errorf("got no problem with id %q", o.Ref().ID)
		}
	})
}

// FuzzDuration: a duration that parses has one canonical text of the same span.
func FuzzDuration(f *testing.F) {
	for _, text := range []string{"15m", "1w", "1h30m", "3650d", "90s", "0s", "", "1d1w", "999999999w"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		span, err := catalog.Duration(text).Parse()
		if err != nil {
			if got := catalog.Duration(text).Canonical(); string(got) != text {
				t.Errorf("got %q of an invalid text, want it untouched", got)
			}
			return
		}
		canonical := catalog.Duration(text).Canonical()
		if again, err := canonical.Parse(); err != nil || again != span || canonical.Canonical() != canonical {
			t.Errorf("%q: got %q = %v, %v; want one text of %v", text, canonical, again, err, span)
		}
	})
}
