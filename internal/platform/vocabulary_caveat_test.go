package platform

import (
	"context"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// join takes a nation into a group.
func (w words) join(group, nation string) words {
	g := w.group(group)
	g["members"] = append(g["members"].([]any), nation)
	return w
}

// TestAttackANewPartnerBehindAPolicy: a policy says who may have the data at
// most. Whom a new vocabulary takes into a group of the marking, or of those
// who are let in by their organisation, gets nothing that it does not allow.
func TestAttackANewPartnerBehindAPolicy(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := started(t, s)
	put := func(name, text string, policy *catalog.CaveatPolicy, inputs ...string) {
		one := product("alpha/"+name, text, inputs...)
		if policy != nil {
			policy.Domain, policy.Name = "alpha", name
			mustPut(t, p.As(admin), policy)
			one.CaveatPolicy = policy.Ref().ID
		}
		mustPut(t, p.As(admin), one)
	}
	mustPut(t, p.As(admin), domain("alpha"))
	put("open", "SECRET//REL TO USA, FVEY", nil)
	put("named", "SECRET//REL TO USA, FVEY", &catalog.CaveatPolicy{ReleasableTo: []string{"AUS", "CAN", "GBR", "NZL"}})
	put("derived", "", nil, "alpha/named")
	put("shown", "SECRET//DISPLAY ONLY FVEY", &catalog.CaveatPolicy{ReleasableTo: []string{"USA"}, DisplayOnlyTo: []string{"AUS", "CAN", "GBR", "NZL"}})
	put("excluding", "SECRET//REL TO USA, FVEY", &catalog.CaveatPolicy{ReleasableTo: []string{"FVEY"}, Excluded: []string{"JPN"}})
	enactNow(t, p, embedded(t, "2026-11.1").join("FVEY", "JPN").text(t))
	for _, c := range []struct {
		country, product, action, want string
	}{
		{"JPN", "open", "read", ""}, // the new partner is one
		{"JPN", "named", "read", marking.DenyNotReleasable},
		{"GBR", "named", "read", ""},
		{"FVEY", "named", "read", marking.DenyNotReleasable}, // may be of Japan
		{"JPN", "derived", "read", marking.DenyNotReleasable},
		{"JPN", "shown", "display", marking.DenyNotReleasable},
		{"GBR", "shown", "display", ""},
		{"JPN", "excluding", "read", "excluded"},
		{"FVEY", "excluding", "read", "excluded"}, // may be of Japan
		{"NZL", "excluding", "read", ""},
		{"USA", "excluding", "read", ""},
	} {
		d := decisionOn(ctx, t, p, c.country, "alpha/"+c.product, c.action)
		if d.Code != c.want {
			t.Errorf("%s of alpha/%s by %s: got %q, want %q", c.action, c.product, c.country, d.Code, c.want)
		}
	}
}

// decisionOn is the decision on a member of a government.
func decisionOn(ctx context.Context, t *testing.T, p *Platform, country, id, action string) (d marking.Decision) {
	t.Helper()
	subject := catalog.Caller{Subject: country, Attributes: marking.Subject{Clearance: "TS", CountryOfAffiliation: []string{country},
		FineAccessControls: []string{"NATO"}, DutyOrganization: country + ".GOV", EmploymentType: "gov"}}
	err := p.store.View(ctx, func(r store.Reader) error {
		h, err := decisions{&session{Platform: p, caller: admin}}.inquiry(ctx, r)
		if err != nil {
			return err
		}
		one, err := find[*catalog.Product](h.before, catalog.KindProduct, id)
		if err == nil {
			d, err = h.decide([]catalog.Caller{subject}, one, action, "")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}
