// Package marking is the algebra of security markings: parse, validate,
// render, roll up, decide access. It has no I/O beyond reading a vocabulary
// and needs the standard library only.
//
// A [Vocabulary] is the dated list of levels, control systems, nations and
// tetragraphs that everything is judged against; [Default] is the embedded one.
// A [Marking] is one valid marking under a vocabulary, immutable, its zero
// value "no marking at all".
//
// Markings form a join semilattice. [Vocabulary.Rollup] is the join: its order,
// grouping and repetition of inputs do not matter. UNCLASSIFIED without any
// control is the least element; no marking at all is the greatest, since
// nobody may be let in to what nobody has marked. A Marking remembers more than
// its banner line states, above all whether some input had no release decision,
// because a join over banner lines alone would depend on the order. Whoever is
// let in to a join is let in to each of its inputs.
//
// The rules are those of the IC Markings System Register and Manual of
// 31 December 2016 (CAPCO 2016, released by ODNI) and of the ISM.XML
// Schematron; each rule in this package names its source. [Label] is the other
// world: ADatP-4774 confidentiality labels.
package marking

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Marking is one valid marking. It is a small value that is safe to copy and
// to use from several goroutines. The zero Marking is no marking at all: it
// dominates every other, and access to it is denied.
type Marking struct{ s *state }

// state is what all copies of a marking share; never changed once sealed.
type state struct {
	v         *Vocabulary
	facts     facts
	form      *form
	banner    string
	portion   string
	rel, view list         // who may hold, who may hold or see, as the form states it
	holders   []string     // sorted codes that are let in, members of tetragraphs included
	viewers   []string     // holders and those who may only see
	holding   affiliations // holders and the own nation
	viewing   affiliations // viewers and the own nation
	gate      gate
}

// marking seals a valid form.
func (v *Vocabulary) marking(f *form) Marking {
	f.settle()
	return v.seal(v.facts(f))
}

// seal computes once what a marking says and who is let in.
func (v *Vocabulary) seal(a facts) Marking {
	f := v.form(&a)
	s := &state{v: v, facts: a, form: f, banner: v.write(f, inBanner), portion: v.write(f, inPortion)}
	if f.dissem.has(disREL) {
		s.rel = v.list(f.rel)
		s.view = s.rel
	}
	if f.dissem.has(disDISPLAY) {
		s.view = v.list(slices.Concat([]string{"USA"}, f.rel, f.display))
	}
	s.holders, s.viewers = v.admitted(s.rel), v.admitted(s.view)
	if s.gate = v.gate(&s.facts, f); s.gate.released {
		s.holding, s.viewing = v.affiliations(s.holders), v.affiliations(s.viewers)
	}
	return Marking{s}
}

// MaxRollup is how many inputs one roll-up takes.
const MaxRollup = 100_000

// Rollup is the marking of what is derived from all of these: their join. With
// no argument it is uncaveated UNCLASSIFIED, the identity. The join with no
// marking at all is no marking at all, as is that with a marking which the
// vocabulary does not know or that of more than [MaxRollup] inputs: all three
// fail closed.
func (v *Vocabulary) Rollup(markings ...Marking) Marking {
	var all facts
	if len(markings) > MaxRollup {
		return Marking{}
	}
	for _, m := range markings {
		m = v.adopt(m)
		if m.s == nil {
			return Marking{}
		}
		all.join(&m.s.facts)
	}
	if len(markings) > 0 && v.adopt(markings[0]).s.facts.same(&all) {
		return v.adopt(markings[0])
	}
	return v.seal(all)
}

// adopt is the marking under this vocabulary: itself, or its banner line read
// again when it came from another one.
func (v *Vocabulary) adopt(m Marking) Marking {
	if m.s == nil || m.s.v == v {
		return m
	}
	again, err := v.Parse(m.s.banner)
	if err != nil {
		return Marking{}
	}
	return again
}

// Dominates reports whether a is at least as strict as b on every axis: the
// roll-up of both states the same controls and the same audience as a.
func (v *Vocabulary) Dominates(a, b Marking) bool {
	return v.Rollup(a, b).Equal(v.adopt(a))
}

// IsZero reports whether there is no marking.
func (m Marking) IsZero() bool { return m.s == nil }

// Equal reports whether both state the same controls and the same audience.
// REL TO USA, ACGU equals REL TO USA, AUS, CAN, GBR.
func (m Marking) Equal(o Marking) bool {
	if m.s == nil || o.s == nil || m.s == o.s {
		return m.s == o.s
	}
	return m.s.form.equal(o.s.form) && slices.Equal(m.s.rel.atoms, o.s.rel.atoms) && slices.Equal(m.s.view.atoms, o.s.view.atoms)
}

// equal compares everything but the spelling of the release lists.
func (f *form) equal(o *form) bool {
	return f.level == o.level && f.joint == o.joint && slices.Equal(f.owners, o.owners) &&
		slices.Equal(f.sci, o.sci) && slices.Equal(f.sar, o.sar) &&
		f.aea == o.aea && f.cnwdi == o.cnwdi && f.rdSigma == o.rdSigma && f.frdSigma == o.frdSigma &&
		f.nonUS == o.nonUS && f.fgiProtected == o.fgiProtected && slices.Equal(f.fgiOpen, o.fgiOpen) &&
		f.dissem == o.dissem && f.nonIC == o.nonIC && f.declass == o.declass
}

// Banner is the canonical banner line, "" for no marking.
func (m Marking) Banner() string {
	if m.s == nil {
		return ""
	}
	return m.s.banner
}

// Portion is the canonical portion mark, parentheses included, "" for no
// marking.
func (m Marking) Portion() string {
	if m.s == nil {
		return ""
	}
	return m.s.portion
}

// String is the banner line.
func (m Marking) String() string { return m.Banner() }

// VocabularyVersion names the vocabulary that the marking was read under.
func (m Marking) VocabularyVersion() string {
	if m.s == nil {
		return ""
	}
	return m.s.v.version
}

// InvalidError lists everything that is wrong with a marking.
type InvalidError struct {
	Text       string // the text, shortened; "" for ISM attributes
	Vocabulary string // version of the vocabulary that it was judged by
	Problems   []Problem
}

// Problem is one broken rule.
type Problem struct {
	Rule     string `json:"rule"`     // such as "ISM-ID-00319"
	Token    string `json:"token"`    // the token at fault
	Position int    `json:"position"` // byte offset of the token in the text, -1 when there is no text
	Reason   string `json:"reason"`   // what is wrong
	Instead  string `json:"instead"`  // what to write
}

// String is the problem on one line.
func (p Problem) String() string {
	at := ""
	if p.Position >= 0 {
		at = fmt.Sprintf(" at byte %d", p.Position)
	}
	return fmt.Sprintf("%s: %q%s: %s; %s", p.Rule, p.Token, at, p.Reason, p.Instead)
}

// Error names the marking and its first problems, a line each.
func (e *InvalidError) Error() string {
	const most = 8
	var b strings.Builder
	b.WriteString("invalid marking")
	if e.Text != "" {
		fmt.Fprintf(&b, " %q", e.Text)
	}
	if e.Vocabulary != "" {
		fmt.Fprintf(&b, " by vocabulary %s", e.Vocabulary)
	}
	for i, p := range e.Problems {
		if i == most {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Problems)-most)
			break
		}
		b.WriteString("\n  " + p.String())
	}
	return b.String()
}

// Rules lists the ids of the rules that an error says are broken, nil when it
// is not an [InvalidError].
func Rules(err error) []string {
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		return nil
	}
	out := make([]string, len(invalid.Problems))
	for i, p := range invalid.Problems {
		out[i] = p.Rule
	}
	return out
}
