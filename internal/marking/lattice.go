package marking

import (
	"slices"
	"strings"
)

// facts is the element of the lattice that markings are joined in. Every field
// is joined on its own, by maximum, union or intersection, so that the join is
// commutative, associative and idempotent whatever the fields mean together.
// What a banner line says is computed from facts; it says less.
type facts struct {
	level        level
	owners       []string // owner signatures, sorted: "USA", "CAN DEU", "JOINT GBR USA"
	sci, sar     []string // paths closed under prefixes, sorted
	aea          bitset
	cnwdi        bool
	rdSigma      sigma
	frdSigma     sigma
	nonUS        bitset
	fgiOpen      []string
	fgiProtected bool
	dissem       bitset // without the release controls
	nonIC        bitset
	release      release
	declass      declass
}

// release remembers what a banner line forgets: whether some input stated a
// decision, and whether some input stated none.
type release struct {
	counted bool // some input takes part; false is the identity
	stated  bool // some input states a release decision
	noforn  bool // some input is NOFORN
	relido  bool // every input is RELIDO, or is handled as RELIDO
	rel     list // nations in the REL TO of every input
	view    list // nations in the REL TO or DISPLAY ONLY of every input
}

// list is an intersection of release lists. atoms are trigraphs and indivisible
// tetragraphs; codes are those that every list spelled the same.
type list struct{ codes, atoms []string }

// facts is what a settled form contributes to a join.
func (v *Vocabulary) facts(f *form) facts {
	if f.plain() {
		return facts{declass: f.declass}
	}
	return facts{
		level: f.level, owners: []string{f.signature()},
		sci: f.sci, sar: f.sar,
		aea: f.aea, cnwdi: f.cnwdi, rdSigma: f.rdSigma, frdSigma: f.frdSigma,
		nonUS: f.nonUS, fgiOpen: sorted(f.fgiOpen), fgiProtected: f.fgiProtected,
		dissem: f.dissem.without(disNF, disREL, disRELIDO, disDISPLAY),
		nonIC:  f.nonIC, release: v.release(f), declass: f.declass,
	}
}

func (f *form) signature() string {
	s := strings.Join(f.owners, " ")
	if f.joint {
		return "JOINT " + s
	}
	return s
}

// release states how a form takes part in the roll-up of release decisions
// (CAPCO 2016, D.2 Table 3 and B.3 Table 2). Information without a decision is
// handled as RELIDO when it is caveated but unclassified, or classified,
// uncaveated and of the United States; anything else without one is not.
func (v *Vocabulary) release(f *form) release {
	r := release{
		counted: true,
		noforn:  f.dissem.has(disNF),
		stated:  f.dissem.any(disNF, disREL, disRELIDO, disDISPLAY),
		relido:  f.dissem.has(disRELIDO),
	}
	if !r.stated {
		r.relido = !f.level.classified() && f.usOwned() && !f.fgi() || !f.caveated()
	}
	if f.dissem.has(disREL) {
		r.rel = v.list(f.rel)
		r.view = r.rel
	}
	if f.dissem.has(disDISPLAY) {
		r.view = v.list(append(append([]string{"USA"}, f.rel...), f.display...))
	}
	return r
}

// list expands codes to atoms. Unknown codes cannot reach it.
func (v *Vocabulary) list(codes []string) list {
	if len(codes) == 0 {
		return list{}
	}
	l := list{codes: sorted(codes), atoms: make([]string, 0, len(codes)+8)}
	for _, c := range codes {
		if g := v.groups[c]; g != nil && g.decomposable {
			l.atoms = append(l.atoms, g.members...)
			continue
		}
		l.atoms = append(l.atoms, c)
	}
	slices.Sort(l.atoms)
	l.atoms = slices.Compact(l.atoms)
	return l
}

// sorted is a sorted copy without repetition.
func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}

// written is how the list is spelled: the shared codes, then whatever atoms
// they leave out, USA first.
func (v *Vocabulary) written(l list) []string {
	covered := v.list(l.codes).atoms
	out := slices.Clone(l.codes)
	for _, a := range l.atoms {
		if _, ok := slices.BinarySearch(covered, a); !ok {
			out = append(out, a)
		}
	}
	return sortCodes(out, true)
}

// abroad reports whether the list names anybody but the United States.
func (l list) abroad() bool {
	return len(l.atoms) > 1 || len(l.atoms) == 1 && l.atoms[0] != "USA"
}

func (l list) within(o list) bool {
	return !slices.ContainsFunc(l.atoms, func(a string) bool {
		_, ok := slices.BinarySearch(o.atoms, a)
		return !ok
	})
}

// join makes a the join of a and b.
func (a *facts) join(b *facts) {
	a.level = max(a.level, b.level)
	a.owners = union(a.owners, b.owners)
	a.sci, a.sar = unionPaths(a.sci, b.sci), unionPaths(a.sar, b.sar)
	a.aea |= b.aea
	a.cnwdi = a.cnwdi || b.cnwdi
	a.rdSigma, a.frdSigma = a.rdSigma.or(b.rdSigma), a.frdSigma.or(b.frdSigma)
	a.nonUS |= b.nonUS
	a.fgiOpen = union(a.fgiOpen, b.fgiOpen)
	a.fgiProtected = a.fgiProtected || b.fgiProtected
	a.dissem |= b.dissem
	a.nonIC |= b.nonIC
	a.release.join(&b.release)
	a.declass.join(b.declass)
}

func (a *release) join(b *release) {
	switch {
	case !b.counted:
		return
	case !a.counted:
		*a = *b
		return
	}
	a.stated = a.stated || b.stated
	a.noforn = a.noforn || b.noforn
	a.relido = a.relido && b.relido
	a.rel, a.view = a.rel.intersect(b.rel), a.view.intersect(b.view)
}

func (l list) intersect(o list) list {
	return list{codes: intersection(l.codes, o.codes), atoms: intersection(l.atoms, o.atoms)}
}

// union merges sorted sets; it allocates only when neither holds the other.
func union(a, b []string) []string { return merge(a, b, strings.Compare) }

func unionPaths(a, b []string) []string { return merge(a, b, comparePaths) }

func merge(a, b []string, compare func(a, b string) int) []string {
	switch {
	case subset(b, a, compare):
		return a
	case subset(a, b, compare):
		return b
	}
	out := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		c := compare(a[0], b[0])
		if c <= 0 {
			out, a = append(out, a[0]), a[1:]
		} else {
			out = append(out, b[0])
		}
		if c >= 0 {
			b = b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// subset reports whether every element of sorted a is in sorted b.
func subset(a, b []string, compare func(a, b string) int) bool {
	for _, x := range a {
		for len(b) > 0 && compare(b[0], x) < 0 {
			b = b[1:]
		}
		if len(b) == 0 || b[0] != x {
			return false
		}
	}
	return true
}

func intersection(a, b []string) []string {
	if subset(a, b, strings.Compare) {
		return a
	}
	var out []string
	for _, x := range a {
		if _, ok := slices.BinarySearch(b, x); ok {
			out = append(out, x)
		}
	}
	return out
}

// form is what facts look like written down: the roll-up rules of CAPCO 2016,
// D.2 and H.
func (v *Vocabulary) form(a *facts) *form {
	f := &form{
		level: a.level, sci: a.sci, sar: a.sar,
		aea: a.aea, cnwdi: a.cnwdi, rdSigma: a.rdSigma, frdSigma: a.frdSigma,
		nonUS: a.nonUS, dissem: a.dissem, nonIC: a.nonIC, declass: a.declass,
		fgiOpen: slices.Clone(a.fgiOpen), fgiProtected: a.fgiProtected,
	}
	noforn := a.noforn()
	f.own(a.owners, noforn)
	v.decide(f, &a.release, noforn)
	f.settle()
	f.declass.settle(f)
	return f
}

// noforn reports whether some input forces NOFORN. SBU-NF and LES-NF do beside
// classified information or any release decision; unclassified nuclear
// information does when the level drops its marking (H.6, H.9).
func (a *facts) noforn() bool {
	if a.release.noforn {
		return true
	}
	if a.nonIC.any(nonSBUNF, nonLESNF) && (a.level.classified() || a.release.stated) {
		return true
	}
	return a.level.classified() && a.release.stated && a.aea.any(aeaDCNI, aeaUCNI)
}

// own sets the owner. Owners that differ give a United States marking that
// names the others as FGI; so does a JOINT marking that became NOFORN, which
// JOINT excludes (H.3).
func (f *form) own(signatures []string, noforn bool) {
	if len(signatures) == 0 {
		f.owners = []string{"USA"}
		return
	}
	codes, joint := cutJoint(signatures[0])
	if len(signatures) == 1 && (!joint || !noforn) {
		f.owners, f.joint = codes, joint
		return
	}
	f.owners = []string{"USA"}
	if f.level == restricted {
		f.level = confidential
	}
	for _, s := range signatures {
		codes, _ := cutJoint(s)
		for _, c := range codes {
			switch c {
			case "USA":
			case "FGI":
				f.fgiProtected = true
			default:
				f.fgiOpen = append(f.fgiOpen, c)
			}
		}
	}
}

func cutJoint(signature string) ([]string, bool) {
	codes, joint := strings.CutPrefix(signature, "JOINT ")
	return strings.Fields(codes), joint
}

// decide writes the release decision (3.4 rule 6 of the domain reference, that
// is CAPCO 2016 Table 3).
func (v *Vocabulary) decide(f *form, r *release, noforn bool) {
	foreign := f.fgi() || len(f.fgiOpen) > 0
	switch {
	case noforn:
		f.dissem = f.dissem.with(disNF)
	case !r.stated:
	case r.rel.abroad():
		f.dissem = f.dissem.with(disREL)
		f.rel = v.written(r.rel)
		if rest := v.beyond(r.view, r.rel); len(rest) > 0 {
			f.dissem = f.dissem.with(disDISPLAY)
			f.display = rest
		} else if r.relido && !foreign {
			f.dissem = f.dissem.with(disRELIDO)
		}
	case r.view.abroad():
		f.dissem = f.dissem.with(disDISPLAY)
		f.display = v.beyond(r.view, list{atoms: []string{"USA"}})
	case r.relido && !foreign:
		f.dissem = f.dissem.with(disRELIDO)
	default:
		f.dissem = f.dissem.with(disNF)
	}
}

// beyond spells what a has and b has not.
func (v *Vocabulary) beyond(a, b list) []string {
	return slices.DeleteFunc(v.written(a), func(c string) bool { return v.list([]string{c}).within(b) })
}

// same reports whether two elements of the lattice are equal.
func (a *facts) same(b *facts) bool {
	return a.level == b.level && slices.Equal(a.owners, b.owners) && slices.Equal(a.sci, b.sci) && slices.Equal(a.sar, b.sar) &&
		a.aea == b.aea && a.cnwdi == b.cnwdi && a.rdSigma == b.rdSigma && a.frdSigma == b.frdSigma && a.nonUS == b.nonUS &&
		slices.Equal(a.fgiOpen, b.fgiOpen) && a.fgiProtected == b.fgiProtected && a.dissem == b.dissem && a.nonIC == b.nonIC &&
		a.release.same(&b.release) && a.declass == b.declass
}

func (a *release) same(b *release) bool {
	return a.counted == b.counted && a.stated == b.stated && a.noforn == b.noforn && a.relido == b.relido &&
		a.rel.same(b.rel) && a.view.same(b.view)
}

func (l list) same(o list) bool {
	return slices.Equal(l.codes, o.codes) && slices.Equal(l.atoms, o.atoms)
}
