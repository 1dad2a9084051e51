package marking

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func label(classification string, categories ...Category) Label {
	return Label{PolicyIdentifier: "NATO", Classification: classification, Categories: categories}
}

func TestDominantLabel(t *testing.T) {
	t.Parallel()
	atomal := Category{Restrictive, "Additional Sensitivity", []string{"ATOMAL"}}
	crypto := Category{Restrictive, "Additional Sensitivity", []string{"CRYPTO"}}
	toSWE := Category{Permissive, "Releasable To", []string{"SWE", "FIN"}}
	toFIN := Category{Permissive, "Releasable To", []string{"FIN"}}
	info := Category{Informative, "Administrative", []string{"PRESS"}}
	for _, c := range []struct {
		title  string
		labels []Label
		want   Label
	}{
		{"one", []Label{label("SECRET", atomal)}, label("SECRET", atomal)},
		{"highest level", []Label{label("CONFIDENTIAL"), label("COSMIC TOP SECRET"), label("NATO SECRET")}, Label{"NATO", "COSMIC TOP SECRET", []Category{}}},
		{"restrictive values unite", []Label{label("SECRET", crypto), label("SECRET", atomal)}, label("SECRET", Category{Restrictive, "Additional Sensitivity", []string{"ATOMAL", "CRYPTO"}})},
		{"permissive values intersect", []Label{label("SECRET", toSWE), label("SECRET", toFIN)}, label("SECRET", toFIN)},
		{"a permissive category of one part stays", []Label{label("SECRET", toFIN), label("SECRET")}, label("SECRET", toFIN)},
		{"informative values unite", []Label{label("SECRET", info), label("SECRET", info)}, label("SECRET", info)},
	} {
		for range 2 {
			got, err := DominantLabel(c.labels...)
			if err != nil {
				t.Errorf("%s: %v", c.title, err)
				continue
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.title, diff)
			}
			slices.Reverse(c.labels)
		}
	}
}

// TestEmptyAudienceIsNotDropped: dropping the category would let in everybody
// at the level.
func TestEmptyAudienceIsNotDropped(t *testing.T) {
	t.Parallel()
	only := func(values ...string) Label {
		return label("SECRET", Category{Permissive, "Only", values})
	}
	for _, labels := range [][]Label{
		{only("USA", "GBR"), only("DEU", "FRA")},
		{only("USA", "GBR"), only("GBR", "FRA"), only("USA", "FRA")},
	} {
		if got, err := DominantLabel(labels...); !errors.Is(err, ErrEmptyAudience) {
			t.Errorf("got %+v, %v, want %v", got, err, ErrEmptyAudience)
		}
	}
}

func TestDominantLabelRefuses(t *testing.T) {
	t.Parallel()
	other := label("SECRET")
	other.PolicyIdentifier = "GBR"
	for _, c := range []struct {
		labels []Label
		want   string
	}{
		{nil, "no label"},
		{[]Label{label("SECRET"), other}, "one policy"},
		{[]Label{label("SEKRET")}, "unknown"},
		{[]Label{{Classification: "SECRET"}}, "policyIdentifier"},
		{[]Label{label("SECRET", Category{"MAYBE", "X", []string{"A"}})}, "RESTRICTIVE"},
		{[]Label{label("SECRET", Category{Permissive, "X", nil})}, "nobody"},
		{[]Label{label("SECRET", Category{Restrictive, "X", []string{""}})}, "empty value"},
		{[]Label{label("SECRET", Category{Restrictive, "X", []string{"A"}}, Category{Permissive, "X", []string{"A"}})}, "twice"},
		{[]Label{label("SECRET", Category{Restrictive, "X", []string{"A"}}), label("SECRET", Category{Permissive, "X", []string{"A"}})}, "in another"},
	} {
		if got, err := DominantLabel(c.labels...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %+v, %v, want an error with %q", c.labels, got, err, c.want)
		}
	}
}

func TestPermits(t *testing.T) {
	t.Parallel()
	clearance := LabelClearance{PolicyIdentifier: "NATO", Classifications: []string{"RESTRICTED", "SECRET"},
		Categories: map[string][]string{"Additional Sensitivity": {"ATOMAL"}, "Releasable To": {"SWE"}}}
	foreign := label("SECRET")
	foreign.PolicyIdentifier = "GBR"
	for _, c := range []struct {
		title string
		label Label
		want  bool
	}{
		{"bare", label("SECRET"), true},
		{"level not held", label("CONFIDENTIAL"), false},
		{"another policy", foreign, false},
		{"restrictive held", label("SECRET", Category{Restrictive, "Additional Sensitivity", []string{"ATOMAL"}}), true},
		{"one restrictive value not held", label("SECRET", Category{Restrictive, "Additional Sensitivity", []string{"ATOMAL", "CRYPTO"}}), false},
		{"one permissive value held", label("SECRET", Category{Permissive, "Releasable To", []string{"FIN", "SWE"}}), true},
		{"no permissive value held", label("SECRET", Category{Permissive, "Releasable To", []string{"FIN"}}), false},
		{"permissive category unknown to the holder", label("SECRET", Category{Permissive, "Only", []string{"SWE"}}), false},
		{"permissive category without values", label("SECRET", Category{Permissive, "Releasable To", nil}), false},
		{"unknown type", label("SECRET", Category{"OPEN", "X", []string{"A"}}), false},
		{"informative decides nothing", label("SECRET", Category{Informative, "Administrative", []string{"PRESS"}}), true},
	} {
		if got := clearance.Permits(&c.label); got != c.want {
			t.Errorf("%s: got %t, want %t", c.title, got, c.want)
		}
	}
}

func TestReadLabel(t *testing.T) {
	t.Parallel()
	l, err := ReadLabel([]byte(`{"policyIdentifier":"NATO","classification":"SECRET","categories":[{"type":"PERMISSIVE","tagName":"Only","values":["GBR"]}]}`))
	if err != nil || l.Categories[0].Values[0] != "GBR" {
		t.Errorf("got %+v, %v", l, err)
	}
	for _, text := range []string{`{}`, `{"policyIdentifier":"NATO","classification":"SECRET","classification":"RESTRICTED"}`, `{"policyIdentifier":"NATO","classification":"SECRET","x":1}`} {
		if l, err := ReadLabel([]byte(text)); err == nil {
			t.Errorf("%s: got %+v, want an error", text, l)
		}
	}
}
