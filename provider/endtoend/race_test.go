package endtoend

import (
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

var source = catalog.Ref{Kind: catalog.KindProduct, ID: "sigint/source"}

// TestLostRace changes a product between plan and apply: an approved plan
// applies only to what was reviewed.
func TestLostRace(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after string // the configuration that is planned; "" deletes the product
	}{
		"update": {draft("source", `  marking = "SECRET//NOFORN"`)},
		"delete": {""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := platformtest.Start(t)
			w := open(t, p)
			w.write("main.tf", base+draft("source", ""))
			w.apply()
			w.write("main.tf", base+test.after)
			w.must("plan", "-no-color", "-out=plan.bin")
			change(t, p, source, func(o *catalog.Product) { o.Title = "Changed in between" })

			result, messages := w.messages("apply", "-json", "plan.bin")
			if result.Code == 0 {
				t.Fatal("the plan was applied over a change that nobody reviewed")
			}
			got := ""
			for _, m := range messages {
				got += m.Detail
			}
			for _, part := range []string{"/title", `"Product"`, `"Changed in between"`, "Plan again"} {
				if !strings.Contains(got, part) {
					t.Errorf("got %q, want it to contain %q", got, part)
				}
			}
			entry, err := p.Admin().Get(t.Context(), source)
			if err != nil {
				t.Fatal(err)
			}
			product, ok := entry.Object.(*catalog.Product)
			if !ok || product.Title != "Changed in between" || product.Marking != "" {
				t.Errorf("got %+v, want what somebody else wrote", entry.Object)
			}
		})
	}
}

// TestAChangeOfNothingManagedIsNoRace raises an input between plan and apply:
// the product has another revision and another effective marking, but nothing
// of what was reviewed has changed.
func TestAChangeOfNothingManagedIsNoRace(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	made := open(t, p)
	made.write("main.tf", base+draft("source", `  marking = "CONFIDENTIAL//NOFORN"`))
	made.apply()
	w := open(t, p)
	config := strings.Replace(draft("derived", "  inputs = [\"sigint/source\"]\n  description = \"First.\""), "datamesh_domain.sigint.name", `"sigint"`, 1)
	w.write("main.tf", requirement+config)
	w.apply()
	derived := catalog.Ref{Kind: catalog.KindProduct, ID: "sigint/derived"}
	before, err := p.Admin().Get(t.Context(), derived)
	if err != nil {
		t.Fatal(err)
	}

	// Raised and lowered again: another revision, and nothing else. What a
	// plan has said of the effective marking must hold at apply.
	w.write("main.tf", requirement+strings.Replace(config, "First.", "Second.", 1))
	w.must("plan", "-no-color", "-out=plan.bin")
	change(t, p, source, func(o *catalog.Product) { o.Marking = "SECRET//NOFORN" })
	change(t, p, source, func(o *catalog.Product) { o.Marking = "CONFIDENTIAL//NOFORN" })
	between, err := p.Admin().Get(t.Context(), derived)
	if err != nil {
		t.Fatal(err)
	}
	if before.Revision == between.Revision {
		t.Fatal("the revision did not change, so this test shows nothing")
	}
	w.must("apply", "-no-color", "plan.bin")
	w.planIsEmpty()
}
