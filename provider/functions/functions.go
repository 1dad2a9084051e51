// Package functions holds the provider's functions on security markings and on
// schemas:
//
//	marking_banner(marking)             the canonical banner line
//	marking_rollup(markings)            the marking of what is derived from all of them
//	marking_dominates(marking, other)   whether one is at least as strict as the other
//
//	schema_compatible(type, mode, older, candidate)   whether a schema may follow older ones
//
// They are pure and work offline, before any platform exists. Those on markings
// judge by the vocabulary that is built into the provider. An invalid marking is
// an error at the argument that holds it, which names the rule, the token, its
// position and what to write instead. A text that is no schema is an error at
// its argument as well, which names the element, the line and the column.
package functions

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/provider/vocabulary"
)

// MaxMarking is the longest marking that a function reads, in bytes. The
// longest lawful banner is far below it.
const MaxMarking = 16 << 10

// MaxMarkings is the most markings that one roll-up takes.
const MaxMarkings = 10_000

// All lists the constructors of every function, for the provider to offer.
func All() []func() function.Function {
	return []func() function.Function{newBanner, newRollup, newDominates, newCompatible}
}

// parse reads the marking in argument number position (from 0). where names
// the marking within the argument, "" when the argument is the marking.
func parse(v *marking.Vocabulary, position int64, where, text string) (marking.Marking, *function.FuncError) {
	if len(text) > MaxMarking {
		return marking.Marking{}, function.NewArgumentFuncError(position, where+fmt.Sprintf(
			"A marking has at most %d bytes, this one has %d. Give one banner line or portion mark.", MaxMarking, len(text)))
	}
	if strings.TrimSpace(text) == "" {
		return marking.Marking{}, function.NewArgumentFuncError(position, where+
			"The marking is empty. Write a banner line such as SECRET//NOFORN, or a portion mark such as (S//NF).")
	}
	parsed, err := v.Parse(text)
	if err != nil {
		return marking.Marking{}, function.NewArgumentFuncError(position, where+explain(err))
	}
	return parsed, nil
}

// inForce is the vocabulary that functions judge by.
func inForce() (*marking.Vocabulary, *function.FuncError) {
	v, err := vocabulary.Current()
	if err != nil {
		return nil, function.NewFuncError(err.Error())
	}
	return v, nil
}

// explain says what is wrong with a marking, a line for each problem.
func explain(err error) string {
	invalid := (*marking.InvalidError)(nil)
	if !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
		return err.Error()
	}
	lines := make([]string, len(invalid.Problems))
	for i, p := range invalid.Problems {
		lines[i] = describe(p)
	}
	return "The marking is not valid.\n" + strings.Join(lines, "\n")
}

func describe(p marking.Problem) string {
	var b strings.Builder
	if p.Token != "" {
		fmt.Fprintf(&b, "%q ", p.Token)
	}
	if p.Position >= 0 {
		fmt.Fprintf(&b, "at byte %d ", p.Position)
	}
	fmt.Fprintf(&b, "breaks rule %s: %s", p.Rule, sentence(p.Reason))
	if p.Instead != "" {
		fmt.Fprintf(&b, " Write %s", sentence(p.Instead))
	}
	return b.String()
}

// sentence ends text with one full stop.
func sentence(text string) string {
	return strings.TrimRight(strings.TrimSpace(text), ".") + "."
}
