package catalogtest

import (
	"context"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var authorityScenes = []scene{
	{"who may write what", whoMayWrite},
	{"members outside their dates", outsideDates},
	{"nobody promotes himself", selfPromotion},
	{"an unknown domain", unknownDomain},
}

// whoMayWrite puts and deletes as each caller; all but the refused are dry
// runs of changes that are sound.
func whoMayWrite(t *testing.T, m *mesh) {
	child := domain("child")
	child.Parent = "alpha"
	m.fill(t, domain("alpha"), child, domain("bravo"), schema("alpha/s"), product("alpha/p", "SECRET//NOFORN"))

	described, moved := domain("alpha"), domain("alpha")
	described.Description = "Changed."
	moved.Parent = "bravo"
	changes := map[string]catalog.Object{
		"change a domain": described, "move a domain": moved, "create a domain": domain("charlie"),
		"create in it": sla("alpha/l"), "change in it": product("alpha/p", "SECRET"), "create in its child": sla("child/l"),
	}
	all := map[string]bool{}
	for name := range changes {
		all[name] = true
	}
	for who, c := range map[string]struct {
		caller catalog.Caller
		may    map[string]bool
	}{
		"administrator":             {administrator(), all},
		"owner":                     {owner("alpha"), map[string]bool{"change a domain": true, "create in it": true, "change in it": true}},
		"steward":                   {steward("alpha"), map[string]bool{"create in it": true, "change in it": true}},
		"engineer":                  {engineer("alpha"), nil},
		"owner of the child":        {owner("child"), map[string]bool{"create in its child": true}},
		"owner of another":          {owner("bravo"), nil},
		"a group named like a role": {catalog.Caller{Subject: "x", Groups: []string{"alpha", "admin", "owner"}, Attributes: attributes("TS", "USA")}, nil},
	} {
		service := m.As(c.caller)
		for what, object := range changes {
			_, err := service.Put(context.Background(), object, catalog.WriteOptions{DryRun: c.may[what]})
			if c.may[what] {
				if err != nil {
					t.Errorf("%s, %s: got %v, want it permitted", who, what, err)
				}
				continue
			}
			t.Log(who, what)
			wantCode(t, err, catalog.CodeForbidden)
		}
		for ref, may := range map[catalog.Ref]bool{
			schemaRef("alpha/s"): who == "administrator" || c.may["change in it"],
			domainRef("bravo"):   who == "administrator",
		} {
			err := service.Delete(context.Background(), ref, catalog.WriteOptions{DryRun: may})
			if may && err != nil {
				t.Errorf("%s deletes %s: got %v, want it permitted", who, ref, err)
			}
			if !may {
				t.Log(who, ref)
				wantCode(t, err, catalog.CodeForbidden)
			}
		}
	}
}

func outsideDates(t *testing.T, m *mesh) {
	d := domain("alpha")
	d.Team["past"] = catalog.Member{Role: catalog.RoleOwner, Until: "2001-01-01"}
	d.Team["future"] = catalog.Member{Role: catalog.RoleOwner, From: "2999-01-01"}
	d.Team["present"] = catalog.Member{Role: catalog.RoleSteward, From: "2001-01-01", Until: "2999-01-01"}
	m.fill(t, d, product("alpha/p", "TOP SECRET//NOFORN"))
	for subject, may := range map[string]bool{"past": false, "future": false, "present": true} {
		service := m.As(person(subject, "S", "USA"))
		_, err := service.Put(context.Background(), schema("alpha/s"), catalog.WriteOptions{DryRun: true})
		if (err == nil) != may {
			t.Errorf("%s writes: got %v, want permitted %v", subject, err, may)
		}
		// Membership lets the team see its products above its clearance.
		_, err = service.Get(context.Background(), productRef("alpha/p"))
		if (err == nil) != may {
			t.Errorf("%s reads: got %v, want permitted %v", subject, err, may)
		}
	}
}

// selfPromotion: rights come from what is stored, not from what is proposed.
func selfPromotion(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	d := domain("alpha")
	d.Team["alpha.steward"] = catalog.Member{Role: catalog.RoleOwner}
	_, err := m.As(steward("alpha")).Put(context.Background(), d, catalog.WriteOptions{})
	wantCode(t, err, catalog.CodeForbidden)
	d.Team["mallory"] = catalog.Member{Role: catalog.RoleOwner}
	mallory := m.As(person("mallory", "S", "USA"))
	findings := verdict(t, mallory, catalog.Proposal{Puts: []catalog.Object{d, schema("alpha/s")}})
	for _, ref := range []catalog.Ref{domainRef("alpha"), schemaRef("alpha/s")} {
		wantIn(t, findings[ref].Problems, "", catalog.RuleForbidden)
	}
}

// unknownDomain: only who may create domains is told that there is none.
func unknownDomain(t *testing.T, m *mesh) {
	m.refused(t, schema("gone/s"), "/domain", catalog.RuleReference)
	_, err := m.As(owner("gone")).Put(context.Background(), schema("gone/s"), catalog.WriteOptions{})
	wantCode(t, err, catalog.CodeForbidden)
}
