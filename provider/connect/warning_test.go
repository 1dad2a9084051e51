package connect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

func TestWarningsOfOneSortAreFolded(t *testing.T) {
	t.Parallel()
	var warnings []catalog.Problem
	for i := range 12 {
		warnings = append(warnings, catalog.Problem{Field: "/a", Rule: "r", Detail: fmt.Sprintf("Field %d.", i), Fix: "Document it."})
	}
	other := catalog.Problem{Field: "/b", Rule: "r", Detail: "Another."}
	got := folded(append(warnings, other))
	if len(got) != 2 {
		t.Fatalf("got %d warnings, want 2", len(got))
	}
	if got[0].Fix != "Document it." || !strings.HasPrefix(got[0].Detail, "Field 0.\nField 1.\n") || !strings.HasSuffix(got[0].Detail, "Field 9.\nAnd 2 more.") {
		t.Errorf("got %+v, want ten fields and 2 more", got[0])
	}
	if diff := cmp.Diff(other, got[1]); diff != "" {
		t.Errorf("a single warning changed (-want +got):\n%s", diff)
	}
	if got := folded(nil); len(got) != 0 {
		t.Errorf("folded(nil): got %v, want none", got)
	}
}
