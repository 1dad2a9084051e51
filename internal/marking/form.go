package marking

import (
	"slices"
	"strings"
)

// form is a marking as it is written: what a banner line, a portion mark or
// ISM attributes state. It is not yet joined with anything.
type form struct {
	level        level
	joint        bool
	owners       []string // codes; {"USA"}, {"FGI"} for a concealed owner
	sci, sar     []string // paths, closed under prefixes
	aea          bitset
	cnwdi        bool
	rdSigma      sigma
	frdSigma     sigma
	nonUS        bitset
	fgiOpen      []string
	fgiProtected bool
	dissem       bitset
	rel, display []string // codes as written, sorted, USA first
	nonIC        bitset
	declass      declass
}

// sigma is a set of SIGMA numbers, 1 to 99.
type sigma [2]uint64

func (s sigma) has(n int) bool   { return s[n>>6]&(1<<(n&63)) != 0 }
func (s *sigma) add(n int)       { s[n>>6] |= 1 << (n & 63) }
func (s sigma) empty() bool      { return s == sigma{} }
func (s sigma) or(o sigma) sigma { return sigma{s[0] | o[0], s[1] | o[1]} }

func (s sigma) numbers() []int {
	var out []int
	for n := range 100 {
		if s.has(n) {
			out = append(out, n)
		}
	}
	return out
}

const maxSigma = 99

// usOwned reports whether the United States alone own the information.
func (f *form) usOwned() bool { return !f.joint && len(f.owners) == 1 && f.owners[0] == "USA" }

// concealed reports whether the owner is a government that stays unnamed.
func (f *form) concealed() bool { return len(f.owners) == 1 && f.owners[0] == "FGI" }

func (f *form) ownedBy(code string) bool { return slices.Contains(f.owners, code) }

// plain reports UNCLASSIFIED without any control: the identity of the join.
func (f *form) plain() bool {
	return f.level == unclassified && f.usOwned() && !f.caveated() && f.dissem == 0 && len(f.rel) == 0
}

// caveated reports whether any control other than release is present.
func (f *form) caveated() bool {
	return len(f.sci)+len(f.sar)+len(f.fgiOpen) > 0 || f.fgiProtected || !f.usOwned() ||
		f.aea != 0 || f.nonUS != 0 || f.nonIC != 0 ||
		f.dissem.without(disNF, disREL, disRELIDO, disDISPLAY) != 0
}

// fgi reports whether foreign government information is named beside the owner.
func (f *form) fgi() bool { return f.fgiProtected || len(f.fgiOpen) > 0 }

// sortCodes sorts as every list of the Manual does: trigraphs, then longer
// codes, each in ASCII order. In release lists USA is first.
func sortCodes(codes []string, usaFirst bool) []string {
	rank := func(c string) int {
		switch {
		case usaFirst && c == "USA":
			return 0
		case len(c) == 3:
			return 1
		}
		return 2
	}
	slices.SortFunc(codes, func(a, b string) int {
		if ra, rb := rank(a), rank(b); ra != rb {
			return ra - rb
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(codes)
}

// settle brings a form into canonical order and drops what another part of it
// supersedes by the Manual's precedence rules.
func (f *form) settle() {
	f.owners = sortCodes(f.owners, false)
	f.sci, f.sar = closed(f.sci), closed(f.sar)
	f.rel, f.display = sortCodes(f.rel, true), sortCodes(f.display, true)
	f.fgiOpen = sortCodes(f.fgiOpen, false)
	if !f.usOwned() && !f.joint {
		f.fgiOpen = slices.DeleteFunc(f.fgiOpen, f.ownedBy)
	}
	if f.concealed() {
		f.fgiProtected = false
	}
	if f.fgiProtected || f.concealed() {
		f.fgiOpen = nil // the concealed source hides the others
	}
	f.settleAEA()
	f.settleDissemination()
}

// settleAEA applies the precedence of RD over FRD over TFNI (H.6) and drops
// unclassified nuclear information once the level protects it.
func (f *form) settleAEA() {
	if f.level.classified() {
		f.aea = f.aea.without(aeaDCNI, aeaUCNI)
	}
	if f.aea.has(aeaRD) {
		f.rdSigma, f.frdSigma = f.rdSigma.or(f.frdSigma), sigma{}
		f.aea = f.aea.without(aeaFRD, aeaTFNI)
	}
	if f.aea.has(aeaFRD) {
		f.aea = f.aea.without(aeaTFNI)
	}
}

func (f *form) settleDissemination() {
	if f.dissem.has(disOC) {
		f.dissem = f.dissem.without(disOCUSGOV)
	}
	if f.dissem.any(disNF, disREL, disRELIDO, disDISPLAY) || f.level.classified() {
		f.splitNOFORN(nonSBUNF, nonSBU)
		f.splitNOFORN(nonLESNF, nonLES)
	}
	if f.level.classified() {
		f.nonIC = f.nonIC.without(nonSBU, nonDS)
	}
	if f.nonIC.has(nonND) {
		f.nonIC = f.nonIC.without(nonXD)
	}
	if f.nonIC.any(nonXD, nonND) {
		f.nonIC = f.nonIC.without(nonSBU, nonSBUNF)
	}
	if f.nonIC.has(nonSBUNF) {
		f.nonIC = f.nonIC.without(nonSBU)
	}
	if f.nonIC.has(nonLESNF) {
		f.nonIC = f.nonIC.without(nonLES)
	}
	others := f.dissem.without(disFOUO, disNF, disREL, disRELIDO, disDISPLAY)
	if f.level.classified() || others != 0 || f.nonIC != 0 || f.aea != 0 {
		f.dissem = f.dissem.without(disFOUO)
	}
}

// splitNOFORN turns SBU-NF into NOFORN and SBU (and LES-NF likewise), which is
// how both are written beside another release marking.
func (f *form) splitNOFORN(joined, bare int) {
	if f.nonIC.has(joined) {
		f.nonIC = f.nonIC.without(joined).with(bare)
		f.dissem = f.dissem.with(disNF)
	}
}
