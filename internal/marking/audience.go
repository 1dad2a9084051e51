package marking

import (
	"fmt"
	"slices"
)

// Audience is who a marking releases data to.
type Audience struct {
	// Release lists the nations that may hold the data and Display those
	// that may only see them, as sorted GENC trigraphs with tetragraphs
	// expanded. A tetragraph that the vocabulary keeps opaque stands for
	// itself; one that it keeps whole but whose members it knows (NATO) is
	// listed with them, because they are let in. Everybody is true when
	// nothing restricts release (uncaveated UNCLASSIFIED); the lists are then
	// empty.
	Release, Display []string
	Everybody        bool
}

// Audience is the marking's audience. Nobody at all for no marking; the United
// States alone where a marking states no release or forbids it.
func (v *Vocabulary) Audience(m Marking) Audience {
	m = v.adopt(m)
	switch {
	case m.s == nil:
		return Audience{}
	case m.s.gate.everybody:
		return Audience{Everybody: true}
	case !m.s.form.dissem.any(disREL, disDISPLAY):
		return Audience{Release: []string{"USA"}}
	}
	a := Audience{Release: slices.Clone(m.s.holders)}
	if len(a.Release) == 0 {
		a.Release = []string{"USA"}
	}
	for _, c := range m.s.viewers {
		if _, ok := slices.BinarySearch(a.Release, c); !ok {
			a.Display = append(a.Display, c)
		}
	}
	return a
}

// Nations expands codes (trigraphs, tetragraphs) to sorted trigraphs; an
// opaque tetragraph stands for itself, and NATO, which is kept whole, is listed
// with its members, as in [Audience]. The error names an unknown code.
func (v *Vocabulary) Nations(codes []string) ([]string, error) {
	for _, c := range codes {
		if !v.knownCode(c) {
			return nil, fmt.Errorf("%q is not a nation or organisation of the vocabulary %s: write a GENC trigraph such as GBR, or a tetragraph such as FVEY", clip(c), v.version)
		}
	}
	return v.admitted(v.list(codes)), nil
}

// NationName is the name of a trigraph, "" when unknown.
func (v *Vocabulary) NationName(code string) string { return v.nations[code] }

// Gains lists the nations that may hold or see data marked after but not data
// marked before, or hold what they could only see, sorted; "everybody" alone
// when release becomes unrestricted.
func (v *Vocabulary) Gains(before, after Marking) []string {
	was, is := v.Audience(before), v.Audience(after)
	switch {
	case was.Everybody:
		return nil
	case is.Everybody:
		return []string{"everybody"}
	}
	var out []string
	for _, c := range is.Release {
		if !slices.Contains(was.Release, c) {
			out = append(out, c)
		}
	}
	for _, c := range is.Display {
		if !slices.Contains(was.Release, c) && !slices.Contains(was.Display, c) {
			out = append(out, c)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// admitted is who a list lets in: its atoms and the known members of those
// that are kept whole.
func (v *Vocabulary) admitted(l list) []string {
	out := slices.Clone(l.atoms)
	for _, a := range l.atoms {
		if g := v.groups[a]; g != nil {
			out = append(out, g.members...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
