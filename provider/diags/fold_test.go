package diags

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

func numbered(n int, p catalog.Problem) []catalog.Problem {
	var out []catalog.Problem
	for i := range n {
		one := p
		one.Detail = fmt.Sprintf("Field %d.", i)
		out = append(out, one)
	}
	return out
}

func TestWarningsOfOneSortAreFolded(t *testing.T) {
	t.Parallel()
	other := catalog.Problem{Field: "/b", Rule: "r", Detail: "Another."}
	got := folded(append(numbered(12, catalog.Problem{Field: "/a", Rule: "r", Fix: "Document it."}), other), always)
	if len(got) != 2 {
		t.Fatalf("got %d warnings, want 2", len(got))
	}
	if got[0].Fix != "Document it." || !strings.HasPrefix(got[0].Detail, "Field 0.\nField 1.\n") || !strings.HasSuffix(got[0].Detail, "Field 9.\nAnd 2 more.") {
		t.Errorf("got %+v, want ten fields and 2 more", got[0])
	}
	if diff := cmp.Diff(other, got[1]); diff != "" {
		t.Errorf("a single warning changed (-want +got):\n%s", diff)
	}
	if got := folded(nil, always); len(got) != 0 {
		t.Errorf("folded(nil): got %v, want none", got)
	}
}

// TestIncompatibilitiesAreOneError keeps what is said of them all, and the way
// out of each.
func TestIncompatibilitiesAreOneError(t *testing.T) {
	t.Parallel()
	problems := numbered(250, catalog.Problem{Field: "/definition", Rule: catalog.RuleCompatibility})
	for i := range problems {
		problems[i].Fix = fmt.Sprintf("Undo %d.", i)
	}
	broken := catalog.Problem{Field: "/definition", Rule: catalog.RuleCompatibility, Detail: "It would break a/b."}
	alone := []catalog.Problem{{Field: "/status", Rule: catalog.RuleActive, Detail: "One."}, {Field: "/status", Rule: catalog.RuleActive, Detail: "Two."}}
	got := folded(append(append([]catalog.Problem{broken}, problems...), alone...), isList)
	if len(got) != 3 {
		t.Fatalf("got %d errors, want one list and two that stand alone: %v", len(got), got)
	}
	want := "Field 0. Undo 0.\n"
	for i := 1; i < 10; i++ {
		want += fmt.Sprintf("Field %d. Undo %d.\n", i, i)
	}
	want += "And 240 more.\nIt would break a/b."
	if diff := cmp.Diff(catalog.Problem{Field: "/definition", Rule: catalog.RuleCompatibility, Detail: want}, got[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(alone, got[1:]); diff != "" {
		t.Errorf("errors that stand alone changed (-want +got):\n%s", diff)
	}
}

// TestNothingIsLeftOutUncounted of many problems that name no way out.
func TestNothingIsLeftOutUncounted(t *testing.T) {
	t.Parallel()
	got := folded(numbered(13, catalog.Problem{Rule: "r"}), always)
	if len(got) != 1 || !strings.HasPrefix(got[0].Detail, "Field 0.\nField 1.\n") || !strings.HasSuffix(got[0].Detail, "Field 9.\nAnd 3 more.") {
		t.Errorf("got %+v, want ten fields and 3 more", got)
	}
}

// TestTheWayOutOfAllIsSaidOnce also where a summary comes first and names none.
func TestTheWayOutOfAllIsSaidOnce(t *testing.T) {
	t.Parallel()
	list := append([]catalog.Problem{{Rule: catalog.RuleConformance, Detail: "All."}}, numbered(2, catalog.Problem{Rule: catalog.RuleConformance, Fix: "Add it."})...)
	want := []catalog.Problem{{Rule: catalog.RuleConformance, Detail: "Field 0.\nField 1.\nAll.", Fix: "Add it."}}
	if diff := cmp.Diff(want, folded(list, isList)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
