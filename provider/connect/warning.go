package connect

import (
	"fmt"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// shownWarnings is how many warnings of one sort are spelled out.
const shownWarnings = 10

// folded makes one warning of all that name the same field and rule, such as
// the undocumented fields of one schema, so that they do not drown the rest.
func folded(warnings []catalog.Problem) []catalog.Problem {
	type sort struct{ field, rule string }
	var order []sort
	sorts := make(map[sort][]catalog.Problem)
	for _, w := range warnings {
		s := sort{w.Field, w.Rule}
		if sorts[s] == nil {
			order = append(order, s)
		}
		sorts[s] = append(sorts[s], w)
	}
	out := make([]catalog.Problem, 0, len(order))
	for _, s := range order {
		out = append(out, together(sorts[s]))
	}
	return out
}

func together(same []catalog.Problem) catalog.Problem {
	one := same[0]
	if len(same) == 1 {
		return one
	}
	lines := make([]string, 0, shownWarnings+1)
	for _, w := range same[:min(len(same), shownWarnings)] {
		lines = append(lines, w.Detail)
	}
	if more := len(same) - shownWarnings; more > 0 {
		lines = append(lines, fmt.Sprintf("And %d more.", more))
	}
	one.Detail = strings.Join(lines, "\n")
	return one
}
