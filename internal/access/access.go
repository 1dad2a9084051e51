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
//  4. no country of the subject is shut out by the caveat policy, else excluded,
//     and each is let in by it, else not_releasable or display_only;
//  5. where the caveat policy limits purposes, the stated purpose is one of
//     them, and one of those that the subject's issuer gives it, else purpose.
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
	DenyPurpose    = "purpose"
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

// Use is what somebody wants to do with data.
type Use struct {
	// Action other than display is judged as a download.
	Action marking.Action
	// Purpose is what the data is wanted for, as the asker states it; "" for
	// none, which no policy names.
	Purpose string
	// Given are the purposes that the subject's own issuer gives it, from the
	// same verified source as its holder.
	Given []string
}

// Terms are what one product asks of whoever wants its data, prepared so that
// a decision allocates nothing. Safe for concurrent use.
type Terms struct {
	vocabulary *marking.Vocabulary
	effective  marking.Marking
	closed     string   // deny code for everybody, "" for none
	listed     []string // organisations that may see ORCON data
	bounds     *bounds  // of the policy, nil for none
	purposes   []string // empty for no limit
}

// Terms prepares an effective marking and the caveat policy on it, nil for
// none. A policy that excludes a code which the vocabulary does not know shuts
// everybody out: nobody can tell whom it means.
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
	t.listed, t.purposes = slices.Clone(policy.DisseminationList), slices.Clone(policy.Purposes)
	var err error
	if t.bounds, err = s.boundsOf(policy); err != nil && t.closed == "" {
		t.closed = DenyExcluded
	}
	return t
}

// Closed are terms that deny everybody with one code.
func Closed(code string) *Terms { return &Terms{closed: code} }

// Decide answers one question. A holder of another vocabulary than the terms
// is denied, and so is nil.
func (t *Terms) Decide(h *marking.Holder, use Use) marking.Decision {
	if t.closed != "" {
		return marking.Decision{Code: t.closed, Vocabulary: t.version()}
	}
	d := t.vocabulary.AccessOf(t.effective, h, marking.Request{Action: use.Action, DisseminationList: t.listed})
	if !d.Permit || t.bounds == nil {
		return d
	}
	switch code, looks := t.limit(h, use); {
	case code != "":
		return marking.Decision{Code: code, Vocabulary: d.Vocabulary}
	case looks:
		d.Obligations = looking(d.Obligations)
	}
	return d
}

// limit returns the code by which the policy denies whom the marking lets in, ""
// for none, and whether it lets them look only.
func (t *Terms) limit(h *marking.Holder, use Use) (code string, looks bool) {
	if code, looks = t.bounds.check(h, use.Action); code == "" && !t.serves(use) {
		code = DenyPurpose
	}
	return code, looks
}

// serves reports whether the data may be used for what it is wanted for.
func (t *Terms) serves(use Use) bool {
	if len(t.purposes) == 0 {
		return true
	}
	return use.Purpose != "" && slices.Contains(t.purposes, use.Purpose) && slices.Contains(use.Given, use.Purpose)
}

func (t *Terms) version() string {
	if t.vocabulary == nil {
		return ""
	}
	return t.vocabulary.Version()
}
