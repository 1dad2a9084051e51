package platform

import (
	"fmt"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestAttackSuccessorNamesWhatIsHidden: of a product that is shown, the successor
// is named to its team and to who sees that, and through a service only where the
// service may know it as well.
func TestAttackSuccessorNamesWhatIsHidden(t *testing.T) {
	t.Parallel()
	p := mesh(t, openStore(t))
	old := product("alpha/old", "SECRET//REL TO USA, FVEY")
	old.Status, old.DeprecatedOn, old.Successor = catalog.StatusDeprecated, "2026-03-01", "alpha/high"
	old.OutputPorts = map[string]catalog.OutputPort{"feed": {Type: catalog.PortHTTP, URL: "https://data.example/old"}}
	mustPut(t, p.As(admin), old)
	low, high, owner := analyst("low", "S", "GBR"), analyst("high", "TS", "USA"), analyst("alpha.owner", "S", "GBR")
	high.Attributes.FineAccessControls = []string{"SI", "TK"}
	for _, c := range []struct {
		caller catalog.Caller
		told   bool
	}{
		{low, false}, {high, true}, {owner, true}, {admin, true},
		{through(low, high), false}, {through(high, low), false}, {through(high, high), true},
		{through(owner, low), false}, {through(owner, high), true}, {through(admin, low), false}, {through(admin, admin), true},
	} {
		name := c.caller.Subject
		if c.caller.Via != nil {
			name = fmt.Sprintf("%s through %s", name, c.caller.Via.Subject)
		}
		for door, object := range successorsShown(t, p, c.caller) {
			if got := object.Successor; got != map[bool]string{true: "alpha/high"}[c.told] {
				t.Errorf("%s, %s: got successor %q, want it told: %v", name, door, got, c.told)
			}
		}
	}
}

// successorsShown is alpha/old as a caller is shown it.
func successorsShown(t *testing.T, p *Platform, c catalog.Caller) map[string]*catalog.Product {
	t.Helper()
	ref := catalog.Ref{Kind: catalog.KindProduct, ID: "alpha/old"}
	entry, err := p.As(c).Get(t.Context(), ref)
	if err != nil {
		t.Fatalf("%s: %v", c.Subject, err)
	}
	found := map[string]*catalog.Product{}
	found["get"], _ = entry.Object.(*catalog.Product)
	page, err := p.As(c).List(t.Context(), catalog.Query{Kind: ref.Kind, Text: "alpha/old"})
	if err != nil || len(page.Entries) != 1 {
		t.Fatalf("%s: got %d products, %v", c.Subject, len(page.Entries), err)
	}
	found["list"], _ = page.Entries[0].Object.(*catalog.Product)
	verdict, err := p.As(c).Validate(t.Context(), catalog.Proposal{Only: []catalog.Ref{ref}})
	if err != nil || len(verdict.Findings) != 1 {
		t.Fatalf("%s: got %+v, %v", c.Subject, verdict, err)
	}
	found["proposal"], _ = verdict.Findings[0].Object.(*catalog.Product)
	return found
}
