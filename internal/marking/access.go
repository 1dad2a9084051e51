package marking

import (
	"slices"
	"strconv"
	"strings"
	"unique"
)

// Action is what a subject wants to do.
type Action string

// The actions. Anything else is judged as a download.
const (
	ActionRead     Action = "read"
	ActionDisplay  Action = "display"
	ActionDownload Action = "download"
)

// Subject is what a verified token says of a person or service. Attributes are
// named after the IC Unified Identity Attribute Set. A service that acts for a
// user is one subject with the lower clearance, the read-ins of both and the
// countries of both: every country must pass.
type Subject struct {
	Clearance            string   `json:"clearance"`            // U, R, C, S or TS
	CountryOfAffiliation []string `json:"countryOfAffiliation"` // GENC trigraphs, or NATO
	FineAccessControls   []string `json:"fineAccessControls"`   // read-ins: SI, SI-G, SI-G-ABCD, SAR-BP, Q, NATO
	DutyOrganization     string   `json:"dutyOrganization"`     // country, dot, organisation: USA.DOD
	EmploymentType       string   `json:"employmentType"`       // gov, mil, civ or contractor
}

// ReadSubject reads one JSON object of subject attributes, at most
// [MaxISMSize] bytes. Unknown fields and duplicate keys are refused.
func ReadSubject(data []byte) (Subject, error) {
	var s Subject
	if err := decodeStrict(data, MaxISMSize, &s); err != nil {
		return Subject{}, err
	}
	return s, nil
}

// Request is what is asked.
type Request struct {
	Action            Action
	DisseminationList []string // organisations that may see ORCON data
}

// Decision is the answer: permitted, or denied with a code.
type Decision struct {
	Permit      bool
	Code        string   // deny code, "" when permitted
	Obligations []string // what a permitted subject must not do; shared, do not change
	Vocabulary  string   // version of the vocabulary that decided
}

// The deny codes of a marking. [DenyMissingAccess] is followed by the read-in.
const (
	DenyClearance         = "clearance"
	DenyMissingAccess     = "missing_access:"
	DenyNOFORN            = "noforn"
	DenyNoReleaseDecision = "no_release_decision"
	DenyNotReleasable     = "not_releasable"
	DenyDisplayOnly       = "display_only"
	DenyORCON             = "orcon"
	DenyPROPIN            = "propin"
	DenyNODIS             = "nodis"
	DenyMissingClaim      = "missing_claim"
	DenyUnknownMarking    = "unknown_marking"
)

// The obligations of a permit.
var (
	displayObligations = []string{"no_copy", "no_export"}
	originatorControl  = []string{"no_onward_release"}
	displayControlled  = []string{"no_copy", "no_export", "no_onward_release"}
)

// gate is a marking's demands, worked out once so that a decision allocates
// nothing. Controls that a banner line drops as superseded still count.
type gate struct {
	clearance  level
	readIns    []readIn
	everybody  bool // uncaveated UNCLASSIFIED
	noforn     bool
	released   bool // REL TO or DISPLAY ONLY
	orcon      bool
	usgov      bool // ORCON-USGOV
	propin     bool
	nodis      bool
	government bool // EXDIS or LIMDIS
}

// readIn is one demanded access: any of the tokens will do.
type readIn struct {
	anyOf [3]access
	code  string // deny code
}

// access is the token of a read-in. There is one copy of each text, so that two
// are compared by their addresses; the zero access is no token and nobody's.
type access = unique.Handle[string]

func (v *Vocabulary) gate(a *facts, f *form) gate {
	g := gate{
		clearance:  a.level,
		everybody:  !a.release.counted,
		noforn:     f.noforn(),
		released:   f.dissem.any(disREL, disDISPLAY),
		orcon:      a.dissem.has(disOC),
		usgov:      a.dissem.has(disOCUSGOV),
		propin:     a.dissem.has(disPR),
		nodis:      a.nonIC.has(nonND),
		government: a.nonIC.any(nonXD, nonDS),
	}
	if g.clearance == restricted {
		g.clearance = confidential // the United States have no lower clearance
	}
	if len(f.sci) > 0 {
		g.clearance = topSecret // G.2 Table 5: for SCI of any level
	}
	g.readIns = v.readIns(a, f)
	return g
}

// demands are the accesses that a marking asks for. A denial names the first of
// them that is missing.
type demands []readIn

// need adds an access; whoever has one of the others has it too.
func (d *demands) need(name string, others ...string) {
	r := readIn{code: DenyMissingAccess + name}
	for i, token := range append([]string{name}, others...) {
		r.anyOf[i] = unique.Make(token)
	}
	*d = append(*d, r)
}

func (v *Vocabulary) readIns(a *facts, f *form) []readIn {
	var d demands
	for _, path := range f.sci {
		if s := v.systems[path]; s == nil || s.NeedsCompartment == "" {
			d.need(path)
		}
	}
	for _, path := range f.sar {
		d.need("SAR-" + path)
	}
	d.atomicEnergy(a)
	d.weapons(f)
	if a.nato() {
		d.need("NATO")
	}
	for _, name := range a.nonUS.tokens(catNonUS) {
		d.need(name)
	}
	return d
}

func (d *demands) atomicEnergy(a *facts) {
	// What RD absorbs when it is rolled up, its holders may see.
	if a.aea.has(aeaRD) {
		d.need("RD")
	}
	if a.aea.has(aeaFRD) {
		d.need("FRD", "RD")
	}
	if a.aea.has(aeaTFNI) {
		d.need("TFNI", "FRD", "RD")
	}
	if a.aea.has(aeaRD) || !a.frdSigma.empty() {
		d.need("Q")
	}
	for _, i := range []int{aeaDCNI, aeaUCNI} {
		if a.aea.has(i) { // also where the level has dropped it from the banner
			d.need(registerOrder[catAEA][i])
		}
	}
}

// weapons are the design information and the SIGMA categories among RD and FRD.
func (d *demands) weapons(f *form) {
	if f.cnwdi {
		d.need("RD-CNWDI", "CNWDI")
	}
	for _, n := range f.rdSigma.numbers() {
		d.need("RD-SG-"+strconv.Itoa(n), "SG-"+strconv.Itoa(n))
	}
	for _, n := range f.frdSigma.numbers() {
		d.need("FRD-SG-"+strconv.Itoa(n), "RD-SG-"+strconv.Itoa(n), "SG-"+strconv.Itoa(n))
	}
}

// nato reports whether NATO own some of it above UNCLASSIFIED, or are named as
// its source.
func (a *facts) nato() bool {
	return slices.Contains(a.fgiOpen, "NATO") || a.level > unclassified && slices.ContainsFunc(a.owners, func(s string) bool {
		return slices.Contains(strings.Fields(s), "NATO")
	})
}

// Access decides whether the subject may do what the request asks with data
// so marked. The checks run in the order of CAPCO 2016, G.2 Table 5: tokens and
// claims known, clearance, read-ins, release, dissemination; the first failure
// decides. It fails closed. Who decides on one subject many times asks for its
// [Vocabulary.Holder] first.
func (v *Vocabulary) Access(m Marking, s *Subject, r Request) Decision {
	if s == nil {
		return v.AccessOf(m, nil, r)
	}
	h := v.holder(s)
	return v.AccessOf(m, &h, r)
}

// AccessOf is Access for a subject whose claims were read already; it allocates
// nothing. A holder of another vocabulary states nothing that this one knows.
func (v *Vocabulary) AccessOf(m Marking, h *Holder, r Request) Decision {
	code, display := v.check(m, h, &r)
	if code != "" {
		return Decision{Code: code, Vocabulary: v.version}
	}
	return Decision{Permit: true, Obligations: m.s.gate.obligations(display), Vocabulary: v.version}
}

// check returns the code that denies, "" for none, and whether the holder is
// let in to look only.
func (v *Vocabulary) check(m Marking, h *Holder, r *Request) (code string, display bool) {
	if m.s == nil || m.s.v != v {
		return DenyUnknownMarking, false
	}
	if h == nil || h.v != v {
		return DenyMissingClaim, false
	}
	g := &m.s.gate
	if !g.claimed(h) {
		return DenyMissingClaim, false
	}
	if h.clearance < g.clearance {
		return DenyClearance, false
	}
	if code = g.checkReadIns(h.accesses); code != "" {
		return code, false
	}
	if code, display = m.s.checkRelease(h, r.Action); code != "" {
		return code, false
	}
	return g.checkDissemination(h, r), display
}

// obligations of who is permitted, to look only or more.
func (g *gate) obligations(display bool) []string {
	switch controlled := g.orcon || g.usgov; {
	case display && controlled:
		return displayControlled
	case display:
		return displayObligations
	case controlled:
		return originatorControl
	}
	return nil
}

func (g *gate) checkReadIns(held []access) string {
	for i := range g.readIns {
		if r := &g.readIns[i]; !holds(held, r.anyOf[0]) && !holds(held, r.anyOf[1]) && !holds(held, r.anyOf[2]) {
			return r.code
		}
	}
	return ""
}

// holds and has are slices.Contains without its cost as a generic function: a
// decision looks for some ten accesses in lists of a few.
func holds(held []access, wanted access) bool {
	for i := range held {
		if held[i] == wanted {
			return true
		}
	}
	return false
}

func has(list []string, word string) bool {
	for i := range list {
		if list[i] == word {
			return true
		}
	}
	return false
}

// checkRelease returns a deny code, and whether the subject is let in to look
// only. Every affiliation must pass: an officer of two nations is let in only
// where both are.
func (m *state) checkRelease(h *Holder, action Action) (string, bool) {
	switch {
	case m.gate.everybody:
		return "", false
	case m.gate.noforn:
		if !h.american || !h.usOrg {
			return DenyNOFORN, false
		}
		return "", false
	case !m.gate.released:
		if !h.american {
			return DenyNoReleaseDecision, false
		}
		return "", false
	}
	display := false
	for _, n := range h.affiliations {
		switch {
		case m.v.listed(m.holding, n):
		case !m.v.listed(m.viewing, n):
			return DenyNotReleasable, false
		case action != ActionDisplay:
			return DenyDisplayOnly, false
		default:
			display = true
		}
	}
	return "", display
}

// listed reports whether a nation or organisation is in a list, or all members
// of a decomposable tetragraph are. One that is kept whole is its own member.
func (v *Vocabulary) listed(in affiliations, n Affiliation) bool {
	return in.has(n) || len(v.members[n]) > 0 && in.hasAll(v.members[n])
}

func (g *gate) checkDissemination(h *Holder, r *Request) string {
	switch {
	case (g.orcon || g.usgov && !h.usOrg) && !has(r.DisseminationList, h.s.DutyOrganization):
		return DenyORCON
	case g.propin && h.employed != employedGovernment:
		return DenyPROPIN
	case g.nodis && !h.nodis:
		return DenyNODIS
	case g.government && !g.released && !h.usOrg:
		return DenyNOFORN
	}
	return ""
}

// KnownReadIn reports whether some marking under this vocabulary could ask for
// the read-in: a path of a control system, a programme after SAR-, Q, CNWDI, a
// SIGMA number such as SG-14, an atomic energy marking, NATO and its own, or ND.
func (v *Vocabulary) KnownReadIn(token string) bool {
	if path, ok := strings.CutPrefix(token, "SAR-"); ok {
		return knownProgram(path)
	}
	for _, prefix := range [...]string{"RD-SG-", "FRD-SG-", "SG-"} {
		if n, ok := strings.CutPrefix(token, prefix); ok {
			_, known := sigmaNumber(n)
			return known
		}
	}
	switch token {
	case "Q", "NATO", "CNWDI", "RD-CNWDI", "ND":
		return true
	}
	return slices.Contains(registerOrder[catAEA], token) || slices.Contains(registerOrder[catNonUS], token) || v.knownPath(token)
}

func knownProgram(path string) bool {
	parts := strings.Split(path, "-")
	_, ok := sapProgram(parts[0])
	for _, p := range parts[1:] {
		ok = ok && isCodeOf(p, 1, maxProgramWord)
	}
	return ok && len(parts) <= 3
}
