package marking

import (
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// publicCase is one case of testdata/markings.json; each names its source.
type publicCase struct {
	ID, Kind, Title, Basis string
	Input                  struct {
		Marking           json.RawMessage
		Portion, Banner   string
		Portions          []string
		Subject           json.RawMessage
		Action            Action
		DisseminationList []string
		Labels            []Label
		Label             Label
		Clearance         LabelClearance
	}
	Expect struct {
		Banner, Portion string
		Valid           *bool
		Rule            string
		Decision        *bool
		Reason          string
		Label           *Label
		Platform        string
	}
	Audience []string
}

func readCases(t testing.TB) []publicCase {
	t.Helper()
	data, err := os.ReadFile("testdata/markings.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []publicCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 35 {
		t.Fatalf("got %d cases, want all of the file", len(file.Cases))
	}
	return file.Cases
}

func TestPublishedCases(t *testing.T) {
	t.Parallel()
	for _, c := range readCases(t) {
		if c.Basis == "contested" {
			continue
		}
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			t.Log(c.Title)
			switch c.Kind {
			case "render", "validate":
				checkValidity(t, &c)
			case "rollup":
				checkRollup(t, &c)
			case "access":
				checkAccess(t, &c)
			case "dominant":
				checkDominant(t, &c)
			case "acdf":
				if got := c.Input.Clearance.Permits(&c.Input.Label); got != *c.Expect.Decision {
					t.Errorf("got permit %t, want %t", got, *c.Expect.Decision)
				}
			case "property":
				// TestJoinLaws and TestAccessToJoin hold these.
			default:
				t.Errorf("no check for cases of kind %q", c.Kind)
			}
		})
	}
}

func (c *publicCase) marking(t *testing.T) (Marking, error) {
	t.Helper()
	v := Default()
	if c.Input.Marking == nil {
		return v.Parse(c.Input.Banner + c.Input.Portion)
	}
	m, err := ReadISM(c.Input.Marking)
	if err != nil {
		t.Fatal(err)
	}
	return v.FromISM(m)
}

func checkValidity(t *testing.T, c *publicCase) {
	m, err := c.marking(t)
	if c.Expect.Valid != nil && !*c.Expect.Valid {
		if !slices.Contains(Rules(err), c.Expect.Rule) {
			t.Fatalf("got error %v, want rule %s", err, c.Expect.Rule)
		}
		if first := Rules(err)[0]; first != c.Expect.Rule {
			t.Errorf("got rule %s first, want %s", first, c.Expect.Rule)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := c.Expect.Banner; want != "" && m.Banner() != want {
		t.Errorf("got banner %q, want %q", m.Banner(), want)
	}
	if want := c.Expect.Portion; want != "" && m.Portion() != want {
		t.Errorf("got portion %q, want %q", m.Portion(), want)
	}
}

func checkRollup(t *testing.T, c *publicCase) {
	v := Default()
	want, err := v.Parse(c.Expect.Banner)
	if err != nil {
		t.Fatal(err)
	}
	for order := range permutations(parseAll(t, c.Input.Portions...)) {
		got := v.Rollup(order...)
		if got.Banner() != c.Expect.Banner && (c.Audience == nil || !got.Equal(want)) {
			t.Fatalf("got %q from %v, want %q", got, order, c.Expect.Banner)
		}
		if c.Audience != nil {
			if diff := cmp.Diff(c.Audience, v.Audience(got).Release); diff != "" {
				t.Errorf("audience (-want +got):\n%s", diff)
			}
		}
	}
}

func checkAccess(t *testing.T, c *publicCase) {
	m, err := c.marking(t)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ReadSubject(c.Input.Subject)
	if err != nil {
		t.Fatal(err)
	}
	got := Default().Access(m, &s, Request{Action: c.Input.Action, DisseminationList: c.Input.DisseminationList})
	if got.Permit != *c.Expect.Decision || got.Code != c.Expect.Reason {
		t.Errorf("got permit %t, code %q; want %t, %q", got.Permit, got.Code, *c.Expect.Decision, c.Expect.Reason)
	}
}

func checkDominant(t *testing.T, c *publicCase) {
	got, err := DominantLabel(c.Input.Labels...)
	if c.Expect.Platform == "refuse_or_escalate" {
		if !errors.Is(err, ErrEmptyAudience) {
			t.Errorf("got %v, %v; want a refusal", got, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*c.Expect.Label, got); diff != "" {
		t.Errorf("dominant label (-want +got):\n%s", diff)
	}
}

func parseAll(t testing.TB, texts ...string) []Marking {
	t.Helper()
	out := make([]Marking, len(texts))
	for i, text := range texts {
		m, err := Default().Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = m
	}
	return out
}

// permutations yields every order of the markings.
func permutations(all []Marking) func(func([]Marking) bool) {
	return func(yield func([]Marking) bool) {
		var place func(int) bool
		place = func(k int) bool {
			if k == len(all) {
				return yield(slices.Clone(all))
			}
			for i := k; i < len(all); i++ {
				all[k], all[i] = all[i], all[k]
				if !place(k + 1) {
					return false
				}
				all[k], all[i] = all[i], all[k]
			}
			return true
		}
		place(0)
	}
}
