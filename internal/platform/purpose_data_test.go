package platform

import (
	"errors"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestPurposeOfAStream: a stream is opened for a purpose, lets records through
// for it, and ends when the policy takes the purpose away.
func TestPurposeOfAStream(t *testing.T) {
	t.Parallel()
	p := dataMesh(t, openStore(t))
	limited := policy("c")
	limited.Purposes = []string{"force-protection", "targeting"}
	mustPut(t, p.As(admin), limited)
	brit := given(analyst("brit", "S", "GBR"), "targeting", "training")
	asking := func(purpose string) catalog.DataRequest {
		return catalog.DataRequest{Product: "alpha/ruled", Port: "feed", Purpose: purpose}
	}
	for _, purpose := range []string{"", "training", "force-protection"} {
		if _, err := p.Data(brit).Open(t.Context(), asking(purpose)); !errors.Is(err, catalog.ErrForbidden) {
			t.Errorf("for %q: got %v, want it forbidden", purpose, err)
		}
	}
	g := mustOpen(t, p, brit, asking("targeting"))
	if !g.Admits("(S//REL TO USA, FVEY)") || g.Admits("(TS)") {
		t.Error("for its purpose a stream lets records through by their marks")
	}
	limited.Purposes = []string{"force-protection"}
	mustPut(t, p.As(admin), limited)
	if !ended(g) || g.Admits("(U)") {
		t.Error("a stream went on after the policy took its purpose away")
	}
}

// TestPurposesOfTwo: where a service acts for a user, both are given the
// purpose, or neither is let in.
func TestPurposesOfTwo(t *testing.T) {
	t.Parallel()
	p := purposeful(t, openStore(t))
	for _, c := range []struct {
		user, service []string
		permit        bool
	}{
		{[]string{"targeting"}, []string{"targeting"}, true},
		{[]string{"targeting"}, []string{"training"}, false},
		{nil, []string{"targeting"}, false},
		{[]string{"targeting"}, nil, false},
	} {
		service := given(gateway, c.service...)
		brit := given(analyst("brit", "S", "GBR"), c.user...)
		brit.Via = &service
		if d := evaluate(t, p, brit, stating(read("brit", "alpha/limited"), "targeting")); d.Permit != c.permit {
			t.Errorf("%q through %q: got %+v, want permit %v", c.user, c.service, d, c.permit)
		}
	}
}
