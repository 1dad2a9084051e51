package marking

import "slices"

// level is a classification, lowest first. restricted is foreign only.
type level uint8

const (
	unclassified level = iota
	restricted
	confidential
	secret
	topSecret
	levelCount
)

var levelCodes = [levelCount]string{"U", "R", "C", "S", "TS"}

func levelOf(code string) (level, bool) {
	for l := range levelCount {
		if levelCodes[l] == code {
			return l, true
		}
	}
	return 0, false
}

func (l level) classified() bool { return l != unclassified }

// category is a group of controls in a marking.
type category uint8

const (
	catAEA category = iota
	catNonUS
	catDissem
	catNonIC
	categoryCount
)

var categoryNames = [categoryCount]string{"atomic_energy", "non_us", "dissemination", "non_ic"}

// The dissemination controls, in the order of the Register (CAPCO 2016, G.1).
const (
	disRS = iota
	disFOUO
	disOC
	disOCUSGOV
	disIMC
	disNF
	disPR
	disREL
	disRELIDO
	disDSEN
	disFISA
	disDISPLAY
)

// The non-IC dissemination controls.
const (
	nonDS = iota
	nonXD
	nonND
	nonSBU
	nonSBUNF
	nonLES
	nonLESNF
	nonSSI
)

// The atomic energy markings without their subsets.
const (
	aeaRD = iota
	aeaFRD
	aeaDCNI
	aeaUCNI
	aeaTFNI
)

// registerOrder lists the codes that the program has rules for. A vocabulary
// may leave some out; it cannot add one, since no rule would judge it.
var registerOrder = [categoryCount][]string{
	catAEA:    {"RD", "FRD", "DCNI", "UCNI", "TFNI"},
	catNonUS:  {"ATOMAL", "BALK", "BOHEMIA"},
	catDissem: {"RS", "FOUO", "OC", "OC-USGOV", "IMC", "NF", "PR", "REL", "RELIDO", "DSEN", "FISA", "DISPLAYONLY"},
	catNonIC:  {"DS", "XD", "ND", "SBU", "SBU-NF", "LES", "LES-NF", "SSI"},
}

func knownControl(categoryName, code string) (token, bool) {
	for c := range categoryCount {
		if i := slices.Index(registerOrder[c], code); i >= 0 && categoryNames[c] == categoryName {
			return token{c, i}, true
		}
	}
	return token{}, false
}

// control is how one control is written: in portion marks, abbreviated in
// banner lines, spelled out in banner lines.
type control struct{ code, banner, title string }

// bitset is a set of controls of one category, by place in the Register.
type bitset uint32

func (b bitset) has(i int) bool          { return b&(1<<i) != 0 }
func (b bitset) with(i ...int) bitset    { return b | bitsOf(i...) }
func (b bitset) without(i ...int) bitset { return b &^ bitsOf(i...) }
func (b bitset) any(i ...int) bool       { return b&bitsOf(i...) != 0 }

func bitsOf(places ...int) bitset {
	var b bitset
	for _, i := range places {
		b |= 1 << i
	}
	return b
}
