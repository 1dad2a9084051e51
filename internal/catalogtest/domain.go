package catalogtest

import (
	"context"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var domainScenes = []scene{
	{"a domain needs an active owner", activeOwner},
	{"domains form a tree", domainTree},
	{"fields of a domain", domainFields},
}

func activeOwner(t *testing.T, m *mesh) {
	for name, team := range map[string]map[string]catalog.Member{
		"no team":         nil,
		"no owner":        {"x": {Role: catalog.RoleSteward}},
		"owner of old":    {"x": {Role: catalog.RoleOwner, Until: "2001-01-01"}},
		"owner to come":   {"x": {Role: catalog.RoleOwner, From: "2999-01-01"}},
		"steward for him": {"x": {Role: catalog.RoleOwner, Until: "2001-01-01"}, "y": {Role: catalog.RoleSteward}},
	} {
		t.Log(name)
		d := domain("alpha")
		d.Team = team
		m.refused(t, d, "/team", catalog.RuleOwner)
	}
	d := domain("alpha")
	d.Team = map[string]catalog.Member{"x": {Role: catalog.RoleOwner, From: "2001-01-01", Until: "2999-12-31"}}
	m.put(t, d)
}

func domainTree(t *testing.T, m *mesh) {
	below := func(name, parent string) *catalog.Domain {
		d := domain(name)
		d.Parent = parent
		return d
	}
	m.refused(t, below("alpha", "alpha"), "/parent", catalog.RuleDomainCycle)
	m.fill(t, domain("alpha"), below("bravo", "alpha"), below("charlie", "bravo"), below("delta", "bravo"))
	m.refused(t, below("alpha", "alpha"), "/parent", catalog.RuleDomainCycle)
	m.refused(t, below("alpha", "charlie"), "/parent", catalog.RuleDomainCycle)
	m.refused(t, below("bravo", "delta"), "/parent", catalog.RuleDomainCycle)
	m.put(t, below("delta", "charlie"))
	wantProblem(t, m.admin.Delete(context.Background(), domainRef("bravo"), catalog.WriteOptions{}), catalog.CodeConflict, "", catalog.RuleInUse)
	findings := verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{below("x", "y"), below("y", "z"), below("z", "x"), below("w", "z")}})
	for _, name := range []string{"x", "y", "z"} {
		wantIn(t, findings[domainRef(name)].Problems, "/parent", catalog.RuleDomainCycle)
	}
	wantNone(t, findings[domainRef("w")].Problems)
}

func domainFields(t *testing.T, m *mesh) {
	for _, c := range []struct {
		field, rule string
		change      func(*catalog.Domain)
	}{
		{"/display_name", catalog.RuleRequired, func(d *catalog.Domain) { d.DisplayName = " " }},
		{"/display_name", catalog.RuleFormat, func(d *catalog.Domain) { d.DisplayName = "a\u202eb" }},
		{"/contact", catalog.RuleRequired, func(d *catalog.Domain) { d.Contact = "" }},
		{"/marking", catalog.RuleLimit, func(d *catalog.Domain) { d.Marking = strings.Repeat("S", catalog.MaxMarking+1) }},
		{"/marking", "capitals", func(d *catalog.Domain) { d.Marking = "secret" }},
		{"/discipline", catalog.RuleRequired, func(d *catalog.Domain) { d.Discipline = "" }},
		{"/discipline", catalog.RuleUnknownValue, func(d *catalog.Domain) { d.Discipline = "sigint" }},
		{"/parent", catalog.RuleFormat, func(d *catalog.Domain) { d.Parent = "../x" }},
		{"/team/x/role", catalog.RuleUnknownValue, func(d *catalog.Domain) { d.Team["x"] = catalog.Member{Role: "king"} }},
		{"/team/x/from", catalog.RuleFormat, func(d *catalog.Domain) { d.Team["x"] = catalog.Member{Role: catalog.RoleOwner, From: "2026-02-30"} }},
		{"/team", catalog.RuleFormat, func(d *catalog.Domain) { d.Team["аdmin"] = catalog.Member{Role: catalog.RoleOwner} }}, // Cyrillic а
	} {
		d := domain("alpha")
		c.change(d)
		m.refused(t, d, c.field, c.rule)
	}
}
