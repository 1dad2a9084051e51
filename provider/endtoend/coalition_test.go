package endtoend

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

const coalition = "../../examples/coalition"

// TestCoalition takes the face of the provider through its life as it stands:
// apply, nothing to do, destroy.
func TestCoalition(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	w := open(t, p)
	w.copy(coalition)
	w.apply()
	const want = "SECRET//REL TO USA, AUS, CAN, GBR"
	if got := w.output("effective_marking_of_the_picture"); got != want {
		t.Errorf("effective marking of the picture: got %q, want %q", got, want)
	}
	for kind, want := range map[catalog.Kind]int{
		catalog.KindDomain: 4, catalog.KindSchema: 4, catalog.KindCaveatPolicy: 2, catalog.KindSLA: 3, catalog.KindProduct: 4,
	} {
		if got := count(t, p, kind); got != want {
			t.Errorf("%s after apply: got %d, want %d", kind, got, want)
		}
	}
	w.planIsEmpty()
	w.destroy()
	isEmpty(t, p)
}

func count(t *testing.T, p *platformtest.Platform, kind catalog.Kind) int {
	t.Helper()
	page, err := p.Admin().List(t.Context(), catalog.Query{Kind: kind, Limit: catalog.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Entries)
}

// isEmpty fails the test if destroy left anything behind.
func isEmpty(t *testing.T, p *platformtest.Platform) {
	t.Helper()
	for _, kind := range catalog.Kinds() {
		if got := count(t, p, kind); got != 0 {
			t.Errorf("%s after destroy: got %d, want none", kind, got)
		}
	}
}
