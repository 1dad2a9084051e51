package marking

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestDerive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		parts []string
		want  string
	}{
		{nil, "classification U: combination []"},
		{[]string{"SECRET"}, "classification S: highest [0]"},
		{[]string{"TOP SECRET//SI//NOFORN", "SECRET//ORCON/NOFORN", "UNCLASSIFIED"},
			"classification TS: highest [0]; SCIcontrols SI: union [0]; disseminationControls OC: union [1]; disseminationControls NF: union [0 1]"},
		{[]string{"SECRET//REL TO USA, JPN", "CONFIDENTIAL//RELIDO"},
			"classification S: highest [0]; disseminationControls NF: combination [0 1]"},
		{[]string{"SECRET//REL TO USA, AUS, CAN, GBR", "SECRET//REL TO USA, FVEY"},
			"classification S: highest [0 1]; disseminationControls REL: union [0 1]; releasableTo USA AUS CAN GBR: intersection [0]"},
		{[]string{"SECRET//REL TO USA, GBR", "SECRET//REL TO USA, GBR"},
			"classification S: highest [0 1]; disseminationControls REL: union [0 1]; releasableTo USA GBR: intersection [0 1]"},
		{[]string{"SECRET//REL TO USA, JPN", "UNCLASSIFIED//LES NOFORN"},
			"classification S: highest [0]; disseminationControls NF: combination [0 1]; nonICmarkings LES: combination [0 1]"},
		{[]string{"//DEU SECRET", "SECRET"},
			"classification S: highest [0 1]; FGIsourceOpen DEU: combination [0 1]"},
	} {
		var parts []Marking
		for _, text := range c.parts {
			m, err := Default().Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, m)
		}
		var got []string
		for _, o := range Default().Derive(parts...) {
			got = append(got, fmt.Sprintf("%s %s: %s %v", o.Attribute, o.Token, o.Rule, o.Parts))
		}
		if text := strings.Join(got, "; "); text != c.want {
			t.Errorf("%q: got\n%s, want\n%s", c.parts, text, c.want)
		}
	}
	if got := Default().Derive(Marking{}); got != nil {
		t.Errorf("of no marking: got %v, want none", got)
	}
}

// TestEveryTokenHasAnOrigin: each token of a join is explained by parts, and
// what is said to be carried is carried.
func TestEveryTokenHasAnOrigin(t *testing.T) {
	t.Parallel()
	v := Default()
	eachRound(t, 4, func(t *testing.T, _ *rand.Rand, in []Marking) {
		origins := v.Derive(in...)
		want := v.Rollup(in...).attributes()
		if len(origins) != len(want) {
			t.Errorf("got %d tokens, want %d", len(origins), len(want))
		}
		for i, o := range origins {
			if !o.says(want[i]) || len(o.Parts) == 0 || o.Rule == "" || !slices.IsSorted(o.Parts) {
				t.Errorf("token %d is %+v, want the origin of %+v", i, o, want[i])
			}
			for _, p := range o.Parts {
				if (o.Rule == RuleUnion || o.Rule == RuleHighest) && !slices.ContainsFunc(in[p].attributes(), o.says) {
					t.Errorf("part %d does not say %+v", p, o)
				}
			}
		}
	})
}
