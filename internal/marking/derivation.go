package marking

import (
	"slices"
	"strings"
)

// Origin says which parts of a join force one token of it, and by which rule.
type Origin struct {
	Attribute string // ISM.XML name, such as disseminationControls
	Token     string // such as OC; of a release list all of it, separated by spaces
	Rule      string
	Parts     []int // indexes of the parts, ascending
}

// The rules by which a token comes into a join.
const (
	// RuleHighest: the level is the highest of all parts, and these have it.
	RuleHighest = "highest"
	// RuleUnion: what any part says, the join says, and these say it.
	RuleUnion = "union"
	// RuleIntersection: who is let in to every part is let in to the join, and
	// these are the parts that narrow the list, or all that have one.
	RuleIntersection = "intersection"
	// RuleCombination: no part says it, and it follows from these together, as
	// NOFORN does from two release decisions with nothing in common.
	RuleCombination = "combination"
)

// Derive says where each token of the roll-up of the parts comes from, in the
// order of ISM's attributes. Nil when the roll-up is no marking.
func (v *Vocabulary) Derive(parts ...Marking) []Origin {
	d := derivation{tokens: make([][]Origin, len(parts))}
	all := v.Rollup(parts...)
	if all.IsZero() {
		return nil
	}
	for i, part := range parts {
		d.tokens[i] = v.adopt(part).attributes()
	}
	d.without = v.leavingOut(parts)
	origins := all.attributes()
	for i := range origins {
		d.trace(&origins[i])
	}
	return origins
}

// derivation holds what the parts say, and the joins without each one.
type derivation struct {
	tokens  [][]Origin
	without [][]Origin
}

// leavingOut is what the join of all parts but one says, for each one. It
// joins from both ends, so that it costs three joins a part.
func (v *Vocabulary) leavingOut(parts []Marking) [][]Origin {
	behind := make([]Marking, len(parts)+1)
	behind[len(parts)] = v.Rollup()
	for i := len(parts) - 1; i > 0; i-- {
		behind[i] = v.Rollup(parts[i], behind[i+1])
	}
	before, out := v.Rollup(), make([][]Origin, len(parts))
	for i, part := range parts {
		out[i] = v.Rollup(before, behind[i+1]).attributes()
		before = v.Rollup(before, part)
	}
	return out
}

// attributes are the tokens that a marking states. Owned by the United States
// alone is what every marking is that says nothing else, and no token.
func (m Marking) attributes() []Origin {
	ism := m.ISM()
	var out []Origin
	add := func(attribute string, tokens ...string) {
		for _, t := range tokens {
			out = append(out, Origin{Attribute: attribute, Token: t})
		}
	}
	add("classification", ism.Classification)
	if !slices.Equal(ism.OwnerProducer, Tokens{"USA"}) {
		add("ownerProducer", ism.OwnerProducer...)
	}
	add("SCIcontrols", ism.SCIControls...)
	add("SARIdentifier", ism.SARIdentifier...)
	add("atomicEnergyMarkings", ism.AtomicEnergyMarkings...)
	add("FGIsourceOpen", ism.FGISourceOpen...)
	add("FGIsourceProtected", ism.FGISourceProtected...)
	add("disseminationControls", ism.DisseminationControls...)
	if len(ism.ReleasableTo) > 0 {
		add(attributeRelease, strings.Join(ism.ReleasableTo, " "))
	}
	if len(ism.DisplayOnlyTo) > 0 {
		add(attributeDisplay, strings.Join(ism.DisplayOnlyTo, " "))
	}
	add("nonICmarkings", ism.NonICMarkings...)
	add("nonUSControls", ism.NonUSControls...)
	return out
}

const (
	attributeRelease = "releasableTo"
	attributeDisplay = "displayOnlyTo"
)

func (o Origin) says(p Origin) bool { return o.Attribute == p.Attribute && o.Token == p.Token }

// trace finds the parts that force a token.
func (d *derivation) trace(o *Origin) {
	saying := indexes(d.tokens, func(list []Origin) bool { return slices.ContainsFunc(list, o.says) })
	needed := indexes(d.without, func(list []Origin) bool { return !slices.ContainsFunc(list, o.says) })
	switch {
	case o.Attribute == attributeRelease || o.Attribute == attributeDisplay:
		o.Rule, o.Parts = RuleIntersection, needed
		if len(needed) == 0 {
			o.Parts = indexes(d.tokens, func(list []Origin) bool {
				return slices.ContainsFunc(list, func(p Origin) bool { return p.Attribute == o.Attribute })
			})
		}
	case o.Attribute == "classification" && len(saying) > 0:
		o.Rule, o.Parts = RuleHighest, saying
	case len(saying) > 0:
		o.Rule, o.Parts = RuleUnion, saying
	default:
		o.Rule, o.Parts = RuleCombination, needed
	}
	if len(o.Parts) == 0 { // any part could be left out, and the others would say the same
		o.Parts = indexes(d.tokens, func([]Origin) bool { return true })
	}
}

func indexes[T any](list []T, keep func(T) bool) (kept []int) {
	for i, one := range list {
		if keep(one) {
			kept = append(kept, i)
		}
	}
	return kept
}
