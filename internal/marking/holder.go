package marking

import (
	"slices"
	"strings"
	"unique"
)

// Holder is a subject as a vocabulary reads its claims: who would hold the
// data. It is made once and decided on many times; the subject must not change
// meanwhile. Safe for concurrent use.
type Holder struct {
	v            *Vocabulary
	s            *Subject
	clearance    level
	known        bool          // clearance and every country are known, and there is one
	affiliations []Affiliation // of each country, in its order; all there are when known
	accesses     []access      // each read-in
	american     bool          // every affiliation is with the USA
	usOrg        bool          // serves a United States organisation
	nodis        bool          // is read in to NODIS
	employed     employed
}

// Holder reads the claims of a subject. Claims that the vocabulary does not
// know make a holder that every decision denies.
func (v *Vocabulary) Holder(s *Subject) *Holder {
	if s == nil {
		return nil
	}
	h := v.holder(s)
	return &h
}

// Subject is whose claims they are.
func (h *Holder) Subject() *Subject { return h.s }

// Affiliations are those of the subject by their numbers, one for each country
// in its order. They count only of who is let in to something: until then some
// may be unknown. Shared: do not change.
func (h *Holder) Affiliations() []Affiliation { return h.affiliations }

func (v *Vocabulary) holder(s *Subject) Holder {
	h := Holder{v: v, s: s, american: american(s), usOrg: usOrganization(s), employed: employment(s.EmploymentType)}
	h.clearance, h.known = levelOf(s.Clearance)
	h.known = h.known && len(s.CountryOfAffiliation) > 0
	h.affiliations = make([]Affiliation, len(s.CountryOfAffiliation))
	for i, c := range s.CountryOfAffiliation {
		n, ok := v.numbers[c]
		h.affiliations[i], h.known = n, h.known && ok
	}
	h.accesses, h.nodis = accesses(s.FineAccessControls), slices.Contains(s.FineAccessControls, "ND")
	return h
}

func accesses(tokens []string) []access {
	held := make([]access, len(tokens))
	for i, token := range tokens {
		held[i] = unique.Make(token)
	}
	return held
}

// claimed reports whether the holder states, in known words, everything that
// this marking asks about.
func (g *gate) claimed(h *Holder) bool {
	if !h.known || (g.noforn || g.orcon || g.usgov || g.government) && h.s.DutyOrganization == "" {
		return false
	}
	return !g.propin || h.employed != employedUnknown
}

type employed uint8

const (
	employedUnknown employed = iota
	employedGovernment
	employedContractor
)

func employment(s string) employed {
	for _, name := range [...]string{"gov", "mil", "civ", "staff", "government", "military", "civilian"} {
		if strings.EqualFold(s, name) {
			return employedGovernment
		}
	}
	for _, name := range [...]string{"ctr", "contractor"} {
		if strings.EqualFold(s, name) {
			return employedContractor
		}
	}
	return employedUnknown
}

// american reports whether every affiliation of the subject is with the USA.
func american(s *Subject) bool {
	for _, c := range s.CountryOfAffiliation {
		if c != "USA" {
			return false
		}
	}
	return true
}

// usOrganization reports whether the subject serves a United States
// organisation.
func usOrganization(s *Subject) bool {
	return s.DutyOrganization == "USA" || strings.HasPrefix(s.DutyOrganization, "USA.")
}

// Exceeds reports whether a marking is above what a system is accredited for,
// stated as a marking too: a higher level, or a compartment, programme or other
// access that is not among those of the other. Release and dissemination are
// between subject and data, and do not count. Data without a marking exceeds
// every system, and any data a system without one.
func (v *Vocabulary) Exceeds(m, high Marking) bool {
	m, high = v.adopt(m), v.adopt(high)
	if m.s == nil || high.s == nil || m.s.gate.clearance > high.s.gate.clearance {
		return true
	}
	return m.s.gate.checkReadIns(accesses(high.ReadIns())) != ""
}
