package diags

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// shownProblems is how many problems of one sort are spelled out.
const shownProblems = 10

// isList reports whether errors of a rule come as one list: every
// incompatibility of a text, every field that a reference schema misses. Other
// errors stand alone, each at its attribute.
func isList(p catalog.Problem) bool {
	return p.Rule == catalog.RuleCompatibility || p.Rule == catalog.RuleConformance
}

func always(catalog.Problem) bool { return true }

// folded makes one problem of all that name the same field and rule, such as
// the undocumented fields of one schema, so that they do not drown the rest.
// Those that fold refuses stay as they are.
func folded(problems []catalog.Problem, fold func(catalog.Problem) bool) []catalog.Problem {
	type sort struct{ field, rule string }
	out := make([][]catalog.Problem, 0, len(problems))
	at := make(map[sort]int)
	for _, p := range problems {
		s := sort{p.Field, p.Rule}
		if i, ok := at[s]; ok && fold(p) {
			out[i] = append(out[i], p)
			continue
		}
		at[s] = len(out)
		out = append(out, []catalog.Problem{p})
	}
	single := make([]catalog.Problem, 0, len(out))
	for _, same := range out {
		single = append(single, together(same))
	}
	return single
}

// together is one problem that says at most shownProblems of the same sort. A
// problem without a way out of its own tells of all the others, such as whom
// they would break or how many the platform left out: it is always said, last.
func together(same []catalog.Problem) catalog.Problem {
	if len(same) == 1 {
		return same[0]
	}
	summaries := slices.DeleteFunc(slices.Clone(same), func(p catalog.Problem) bool { return p.Fix != "" })
	list := slices.DeleteFunc(slices.Clone(same), func(p catalog.Problem) bool { return p.Fix == "" })
	one := same[0]
	one.Fix = commonFix(list)
	one.Detail = strings.Join(append(lines(list, one.Fix), lines(summaries, one.Fix)...), "\n")
	return one
}

// lines spells out the first problems and counts the rest.
func lines(list []catalog.Problem, common string) []string {
	out := make([]string, 0, shownProblems+1)
	for _, p := range list[:min(len(list), shownProblems)] {
		out = append(out, line(p, common))
	}
	if more := len(list) - shownProblems; more > 0 {
		out = append(out, fmt.Sprintf("And %d more.", more))
	}
	return out
}

// commonFix is the way out that all problems share, "" when they differ.
func commonFix(list []catalog.Problem) string {
	if len(list) == 0 || slices.ContainsFunc(list, func(p catalog.Problem) bool { return p.Fix != list[0].Fix }) {
		return ""
	}
	return list[0].Fix
}

// line is a problem with its own way out, unless that is said for all.
func line(p catalog.Problem, common string) string {
	if common != "" {
		return p.Detail
	}
	return strings.TrimSpace(p.Detail + " " + p.Fix)
}
