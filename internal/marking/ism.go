package marking

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxISMSize is the largest JSON of ISM attributes that is read, in bytes.
const MaxISMSize = 64 << 10

// ISM is a marking by ISM.XML attribute names, for JSON. Lists may be written
// as arrays or, as in XML, as one string with spaces.
type ISM struct {
	Classification        string `json:"classification"`
	OwnerProducer         Tokens `json:"ownerProducer"`
	Joint                 bool   `json:"joint,omitempty"`
	SCIControls           Tokens `json:"SCIcontrols,omitempty"`
	SARIdentifier         Tokens `json:"SARIdentifier,omitempty"`
	AtomicEnergyMarkings  Tokens `json:"atomicEnergyMarkings,omitempty"`
	FGISourceOpen         Tokens `json:"FGIsourceOpen,omitempty"`
	FGISourceProtected    Tokens `json:"FGIsourceProtected,omitempty"` // FGI or nothing; true is read as FGI
	DisseminationControls Tokens `json:"disseminationControls,omitempty"`
	ReleasableTo          Tokens `json:"releasableTo,omitempty"`
	DisplayOnlyTo         Tokens `json:"displayOnlyTo,omitempty"`
	NonICMarkings         Tokens `json:"nonICmarkings,omitempty"`
	NonUSControls         Tokens `json:"nonUSControls,omitempty"`
	DeclassDate           string `json:"declassDate,omitempty"` // YYYY-MM-DD
	DeclassException      Tokens `json:"declassException,omitempty"`
}

// Tokens is a list of ISM name tokens.
type Tokens []string

// UnmarshalJSON reads an array of strings, one string of tokens separated by
// spaces, or true for the token FGI.
func (t *Tokens) UnmarshalJSON(data []byte) error {
	var list []string
	if err := json.Unmarshal(data, &list); err == nil {
		*t = list
		return nil
	}
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*t = strings.Fields(one)
		return nil
	}
	var flag bool
	if err := json.Unmarshal(data, &flag); err != nil {
		return errors.New("want a list of tokens")
	}
	*t = nil
	if flag {
		*t = Tokens{"FGI"}
	}
	return nil
}

// ReadISM reads one JSON object of ISM attributes, at most [MaxISMSize] bytes.
// Unknown fields and duplicate keys are refused. It does not validate: that is
// [Vocabulary.FromISM].
func ReadISM(data []byte) (ISM, error) {
	var m ISM
	if err := decodeStrict(data, MaxISMSize, &m); err != nil {
		return ISM{}, fmt.Errorf("marking: ISM attributes: %w", err)
	}
	return m, nil
}

// FromISM validates a marking given by its ISM.XML attributes. The error is an
// *[InvalidError] with positions -1.
func (v *Vocabulary) FromISM(m ISM) (Marking, error) {
	r := &ismReader{v: v}
	if r.read(&m); len(r.problems) == 0 {
		v.judge(&r.form, r.report)
	}
	if len(r.problems) > 0 {
		return Marking{}, &InvalidError{Vocabulary: v.version, Problems: r.problems}
	}
	return v.marking(&r.form), nil
}

type ismReader struct {
	v        *Vocabulary
	form     form
	problems []Problem
}

func (r *ismReader) report(p Problem) {
	p.Position = -1
	p.Token = clip(p.Token)
	if len(r.problems) < 16 {
		r.problems = append(r.problems, p)
	}
}

func (r *ismReader) fail(rule, token, reason, instead string) {
	r.report(Problem{Rule: rule, Token: token, Reason: reason, Instead: instead})
}

func (r *ismReader) read(m *ISM) {
	if !r.small(m) {
		return
	}
	l, ok := levelOf(m.Classification)
	if !ok {
		r.fail("ISM-ID-00254", m.Classification, "this is not a classification", "write U, R, C, S or TS")
	}
	f := &r.form
	f.level, f.joint = l, m.Joint
	f.owners = r.codes(m.OwnerProducer, "ISM-ID-00263", "FGI")
	if len(m.OwnerProducer) == 0 {
		r.fail("owner-missing", "", "ownerProducer is missing", "name the owner, such as USA")
	}
	f.fgiOpen = r.codes(m.FGISourceOpen, "ISM-ID-00259", "")
	if slices.Contains(f.fgiOpen, "USA") {
		r.fail("FGI-USA", "USA", "information of the United States is not foreign", "leave USA out of FGIsourceOpen")
	}
	r.protected(m.FGISourceProtected)
	r.sci(m.SCIControls)
	r.sar(m.SARIdentifier)
	r.nuclear(m.AtomicEnergyMarkings)
	f.nonUS = r.controls(catNonUS, m.NonUSControls, "ISM-ID-00262")
	f.nonIC = r.controls(catNonIC, m.NonICMarkings, "ISM-ID-00261")
	f.dissem = r.controls(catDissem, m.DisseminationControls, "ISM-ID-00258")
	f.rel = sortCodes(r.codes(m.ReleasableTo, "ISM-ID-00265", ""), true)
	f.display = sortCodes(r.codes(m.DisplayOnlyTo, "ISM-ID-00257", ""), true)
	r.declass(m)
}

// small bounds the tokens before any is looked at.
func (r *ismReader) small(m *ISM) bool {
	n := 0
	for _, l := range []Tokens{m.OwnerProducer, m.SCIControls, m.SARIdentifier, m.AtomicEnergyMarkings, m.FGISourceOpen, m.FGISourceProtected,
		m.DisseminationControls, m.ReleasableTo, m.DisplayOnlyTo, m.NonICMarkings, m.NonUSControls, m.DeclassException} {
		n += len(l)
	}
	if n > MaxTokens {
		r.fail("token-count", "", fmt.Sprintf("the marking has more than %d tokens", MaxTokens), "write one marking")
	}
	return n <= MaxTokens
}

func (r *ismReader) codes(list Tokens, rule, also string) []string {
	out := slices.Clone(list)
	for _, c := range list {
		if !r.v.knownCode(c) && (c != also || also == "") {
			r.fail(rule, c, "this is not a nation or organisation of the vocabulary", "write its trigraph or tetragraph")
		}
	}
	return out
}

func (r *ismReader) protected(list Tokens) {
	for _, c := range list {
		if c != "FGI" {
			r.fail("ISM-ID-00260", c, "a protected source stays unnamed", "write FGI")
		}
	}
	r.form.fgiProtected = len(list) > 0
}

func (r *ismReader) controls(c category, list Tokens, rule string) bitset {
	var set bitset
	for _, name := range list {
		t, ok := r.v.byPortion[name]
		switch {
		case name == "EYES" && c == catDissem:
			r.fail("EYES-retired", name, "EYES ONLY is not written since 2017-10-01", "write REL and the nations in releasableTo")
		case !ok || t.category != c:
			r.fail(rule, name, "this is not a token of the attribute", "write one of "+strings.Join(registerOrder[c], ", "))
		default:
			set = set.with(t.index)
		}
	}
	return set
}

// sci reads hyphen paths. A vocabulary may demand that the path before a
// compartment is stated too, as the Schematron does.
func (r *ismReader) sci(list Tokens) {
	for _, path := range list {
		if !r.v.knownPath(path) {
			r.fail("ISM-ID-00267", path, "this is not a control of the vocabulary", "check the spelling")
			continue
		}
		r.form.sci = append(r.form.sci, path)
		parent, rule := r.v.parent(path)
		if rule != "" && !slices.Contains(list, parent) {
			r.fail(rule, path, path+" is stated without "+parent, "add "+parent)
		}
	}
	r.form.sci = closed(r.form.sci)
}

// parent is the path before the last hyphen and the rule that demands it.
func (v *Vocabulary) parent(path string) (string, string) {
	parts := strings.Split(path, "-")
	if len(parts) == 1 {
		return "", ""
	}
	s := v.systems[parts[0]]
	c, published := s.compartment(parts[1])
	switch {
	case len(parts) == 3 && published:
		return parts[0] + "-" + parts[1], c.SubParentRule
	case len(parts) == 2 && published && c.ParentRule != "":
		return parts[0], c.ParentRule
	case len(parts) == 2:
		return parts[0], s.ParentRule
	}
	return "", ""
}

func (r *ismReader) sar(list Tokens) {
	for _, path := range list {
		path = strings.TrimPrefix(path, "SAR-")
		if !knownProgram(path) {
			r.fail("ISM-ID-00266", path, "this is not a programme, compartment or sub-compartment", "write BP, BP-123 or BP-123-XYZ")
			continue
		}
		name, rest, _ := strings.Cut(path, "-")
		root, _ := sapProgram(name)
		r.form.sar = append(r.form.sar, strings.TrimSuffix(root+"-"+rest, "-"))
	}
	r.form.sar = closed(r.form.sar)
}

func (r *ismReader) nuclear(list Tokens) {
	f := &r.form
	for _, name := range list {
		if t, ok := r.v.byPortion[name]; ok && t.category == catAEA {
			f.aea = f.aea.with(t.index)
			continue
		}
		if name == "RD-CNWDI" {
			f.cnwdi = true
			r.needs(list, name, "RD", "ISM-ID-00185")
			continue
		}
		numbers, parent, rule := &f.rdSigma, "RD", "ISM-ID-00183"
		text, ok := strings.CutPrefix(name, "RD-SG-")
		if !ok {
			text, ok = strings.CutPrefix(name, "FRD-SG-")
			numbers, parent, rule = &f.frdSigma, "FRD", "ISM-ID-00184"
		}
		n, number := sigmaNumber(text)
		if !ok || !number {
			r.fail("ISM-ID-00253", name, "this is not an atomic energy marking", "write RD, RD-CNWDI, RD-SG-18, FRD, FRD-SG-14, TFNI, DCNI or UCNI")
			continue
		}
		numbers.add(n)
		r.needs(list, name, parent, rule)
	}
}

func (r *ismReader) needs(list Tokens, name, parent, rule string) {
	if !slices.Contains(list, parent) {
		r.fail(rule, name, name+" is stated without "+parent, "add "+parent)
	}
}

func (r *ismReader) declass(m *ISM) {
	r.form.declass.date = m.DeclassDate
	for _, name := range m.DeclassException {
		i := slices.Index(declassExceptions, name)
		if i < 0 {
			r.fail("ISM-ID-00256", name, "this is not a declassification exception", "write one of "+strings.Join(declassExceptions, ", "))
			continue
		}
		r.form.declass.exceptions |= 1 << i
	}
}

// ISM is the marking by ISM.XML attribute names.
func (m Marking) ISM() ISM {
	if m.s == nil {
		return ISM{}
	}
	f := m.s.form
	out := ISM{
		Classification: levelCodes[f.level], OwnerProducer: slices.Clone(f.owners), Joint: f.joint,
		SCIControls: slices.Clone(f.sci), SARIdentifier: slices.Clone(f.sar),
		AtomicEnergyMarkings: f.nuclearTokens(), FGISourceOpen: slices.Clone(f.fgiOpen),
		DisseminationControls: f.dissem.tokens(catDissem), ReleasableTo: slices.Clone(f.rel), DisplayOnlyTo: slices.Clone(f.display),
		NonICMarkings: f.nonIC.tokens(catNonIC), NonUSControls: f.nonUS.tokens(catNonUS),
		DeclassDate: f.declass.date,
	}
	if f.fgiProtected {
		out.FGISourceProtected = Tokens{"FGI"}
	}
	if e := f.declass.exception(); e != "" {
		out.DeclassException = Tokens{e}
	}
	return out
}

func (b bitset) tokens(c category) Tokens {
	var out Tokens
	for i, code := range registerOrder[c] {
		if b.has(i) {
			out = append(out, code)
		}
	}
	return out
}

func (f *form) nuclearTokens() Tokens {
	var out Tokens
	for _, code := range f.aea.tokens(catAEA) {
		out = append(out, code)
		switch code {
		case "RD":
			if f.cnwdi {
				out = append(out, "RD-CNWDI")
			}
			out = append(out, sigmaTokens("RD-SG-", f.rdSigma)...)
		case "FRD":
			out = append(out, sigmaTokens("FRD-SG-", f.frdSigma)...)
		}
	}
	return out
}

func sigmaTokens(prefix string, s sigma) []string {
	var out []string
	for _, n := range s.numbers() {
		out = append(out, fmt.Sprint(prefix, n))
	}
	return out
}
