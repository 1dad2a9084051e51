// Package access is the one decision behind every door of the mesh: may this
// subject do this with data so marked? It is a pure function over parsed input,
// without I/O, and it fails closed.
//
// # Order of the checks
//
// The first failure decides, and its code is the answer:
//
//  1. the marking is known to the vocabulary, else unknown_marking;
//  2. the data does not exceed what the system is accredited for, else
//     system_high, whoever asks: it should not be here;
//  3. the checks of [marking.Vocabulary.Access], from missing_claim to nodis;
//  4. no country of the subject is shut out by the caveat policy, else excluded.
//
// What a policy adds can only shut out. A product has one policy of its own;
// those of its inputs count because each input is decided on as well, which is
// for the caller to do.
package access

import (
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// The deny codes that come beside those of package marking.
const (
	DenyExcluded   = "excluded"
	DenySystemHigh = "system_high"
)

// System is what one installation decides by.
type System struct {
	// Vocabulary is what markings and claims are read under.
	Vocabulary *marking.Vocabulary
	// High is the highest marking that the system is accredited for; the zero
	// Marking when nobody has set one.
	High marking.Marking
}

// Terms are what one product asks of whoever wants its data, prepared so that
// a decision allocates nothing. Safe for concurrent use.
type Terms struct {
	vocabulary *marking.Vocabulary
	effective  marking.Marking
	closed     string   // deny code for everybody, "" for none
	listed     []string // organisations that may see ORCON data
	excluded   []string // nations, sorted
}

// Terms prepares an effective marking and the caveat policy on it, nil for
// none. A policy with a code that the vocabulary does not know shuts everybody
// out: nobody can tell whom it means.
func (s System) Terms(effective marking.Marking, policy *catalog.CaveatPolicy) *Terms {
	t := &Terms{vocabulary: s.Vocabulary, effective: effective}
	switch {
	case effective.IsZero():
		t.closed = marking.DenyUnknownMarking
	case !s.High.IsZero() && s.Vocabulary.Exceeds(effective, s.High):
		t.closed = DenySystemHigh
	}
	if policy == nil {
		return t
	}
	t.listed = slices.Clone(policy.DisseminationList)
	nations, err := s.Vocabulary.Nations(policy.Excluded)
	if err != nil && t.closed == "" {
		t.closed = DenyExcluded
	}
	if len(policy.Excluded) > 0 {
		t.excluded = nations
	}
	return t
}

// Closed are terms that deny everybody with one code.
func Closed(code string) *Terms { return &Terms{closed: code} }

// Decide answers one question. An action other than display is judged as a
// download. A holder of another vocabulary than the terms is denied, and so is
// nil.
func (t *Terms) Decide(h *marking.Holder, action marking.Action) marking.Decision {
	if t.closed != "" {
		return marking.Decision{Code: t.closed, Vocabulary: t.version()}
	}
	d := t.vocabulary.AccessOf(t.effective, h, marking.Request{Action: action, DisseminationList: t.listed})
	if d.Permit && t.excludes(h.Subject().CountryOfAffiliation) {
		return marking.Decision{Code: DenyExcluded, Vocabulary: d.Vocabulary}
	}
	return d
}

func (t *Terms) version() string {
	if t.vocabulary == nil {
		return ""
	}
	return t.vocabulary.Version()
}

// excludes reports whether one of the countries is shut out.
func (t *Terms) excludes(countries []string) bool {
	for _, c := range countries {
		if _, found := slices.BinarySearch(t.excluded, c); found {
			return true
		}
	}
	return false
}
