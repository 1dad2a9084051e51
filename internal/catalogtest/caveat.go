package catalogtest

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var caveatScenes = []scene{
	{"a policy bounds the release", releaseBounds},
	{"a policy that contradicts itself", contradictions},
	{"policies of ancestors", ancestorPolicies},
	{"own policy at least as strict", stricterPolicies},
	{"own policy for no more purposes", stricterPurposes},
	{"the owner's approval", ownerApproval},
	{"a change of policy looks downstream", policyChange},
	{"a change of marking looks downstream", markingChange},
	{"a hidden product downstream is not named", hiddenDownstream},
}

func releaseBounds(t *testing.T, m *mesh) {
	c := policy("alpha/shown", []string{"USA", "GBR"}, nil)
	c.DisplayOnlyTo = []string{"DEU"}
	m.fill(t, domain("alpha"), policy("alpha/fvey", []string{"USA", "FVEY"}, nil), policy("alpha/no-nzl", []string{"USA", "FVEY"}, []string{"NZL"}),
		policy("alpha/none", nil, nil), c)
	for _, s := range []struct{ policy, banner, rule, names string }{
		{"alpha/fvey", "SECRET//REL TO USA, FVEY", "", ""},
		{"alpha/fvey", "SECRET//REL TO USA, AUS", "", ""},
		{"alpha/fvey", "SECRET//NOFORN", "", ""},
		{"alpha/fvey", "SECRET", "", ""},
		{"alpha/fvey", "", "", ""},
		{"alpha/fvey", "SECRET//REL TO USA, GBR, JPN", catalog.RulePolicyReleasable, "JPN"},
		{"alpha/fvey", "UNCLASSIFIED", catalog.RulePolicyReleasable, "everybody"},
		{"alpha/no-nzl", "SECRET//REL TO USA, FVEY", catalog.RulePolicyExcluded, "NZL"},
		{"alpha/no-nzl", "SECRET//REL TO USA, NZL", catalog.RulePolicyExcluded, "NZL"},
		{"alpha/no-nzl", "SECRET//REL TO USA, AUS, CAN, GBR", "", ""},
		{"alpha/none", "SECRET//REL TO USA, GBR", catalog.RulePolicyReleasable, "GBR"},
		{"alpha/none", "SECRET//NOFORN", "", ""},
		{"alpha/shown", "SECRET//REL TO USA, GBR//DISPLAY ONLY DEU", "", ""},
		{"alpha/shown", "SECRET//DISPLAY ONLY DEU", "", ""},
		{"alpha/shown", "SECRET//DISPLAY ONLY GBR", "", ""},
		{"alpha/shown", "SECRET//REL TO USA, DEU", catalog.RulePolicyReleasable, "DEU"},
		{"alpha/shown", "SECRET//DISPLAY ONLY FRA", catalog.RulePolicyReleasable, "FRA"},
	} {
		s.banner = strings.Replace(s.banner, "GBR//DISPLAY", "GBR/DISPLAY", 1)
		p := under(s.policy, "alpha/p", s.banner)
		if s.rule == "" {
			if _, err := m.admin.Put(context.Background(), p, catalog.WriteOptions{DryRun: true}); err != nil {
				t.Errorf("%q under %s: got %v, want it accepted", s.banner, s.policy, err)
			}
			continue
		}
		if got := m.refused(t, p, "/marking", s.rule); !strings.Contains(got.Detail, s.names) || got.Fix == "" {
			t.Errorf("%q under %s: got %q, fix %q; want %s named and a way out", s.banner, s.policy, got.Detail, got.Fix, s.names)
		}
	}
}

func contradictions(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	m.refused(t, policy("alpha/c", []string{"GBR", "AUS"}, []string{"FVEY"}), "/excluded", catalog.RulePolicyConsistent)
	m.refused(t, policy("alpha/c", []string{"USA", "GBX"}, nil), "/releasable_to/1", catalog.RuleUnknownValue)
	m.refused(t, policy("alpha/c", nil, []string{"gbr"}), "/excluded/0", catalog.RuleUnknownValue)
	c := policy("alpha/c", nil, nil)
	c.Inheritance = "none"
	m.refused(t, c, "/inheritance", catalog.RuleUnknownValue)
	c.Inheritance, c.ApprovedDependants = "", []string{"bravo"}
	m.refused(t, c, "/approved_dependants/0", catalog.RuleFormat)
	c.ApprovedDependants, c.Purposes = nil, []string{"targeting", "x y"}
	m.refused(t, c, "/purposes/1", catalog.RuleFormat)
	c.Purposes = make([]string, catalog.MaxPurposes+1)
	for i := range c.Purposes {
		c.Purposes[i] = "p" + strconv.Itoa(i)
	}
	m.refused(t, c, "/purposes", catalog.RuleLimit)
	m.put(t, policy("alpha/c", []string{"USA", "FVEY"}, []string{"NZL"})) // excluded wins
}

// ancestorPolicies: whom a policy shuts out stays shut out at any depth. Only
// a policy changed later can meet a derived product that is wider, for a
// derived marking is never wider than its inputs'.
func ancestorPolicies(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"), policy("alpha/c", []string{"USA", "AUS", "CAN", "GBR"}, []string{"NZL"}),
		under("alpha/c", "alpha/blank", ""), product("alpha/middle", "", "alpha/blank"))
	// The input has no marking yet, so nothing but its policy speaks.
	p := m.refused(t, product("bravo/p", "SECRET//REL TO USA, FVEY", "alpha/middle"), "/marking", catalog.RulePolicyExcluded)
	if !strings.Contains(p.Detail, "NZL") || !strings.Contains(p.Detail, "alpha/blank") {
		t.Errorf("got %q, want the nation and the ancestor named", p.Detail)
	}
	m.refused(t, product("bravo/p", "UNCLASSIFIED", "alpha/middle"), "/marking", catalog.RulePolicyReleasable)
	m.put(t, product("bravo/p", "SECRET//REL TO USA, AUS", "alpha/middle"))
}

func stricterPolicies(t *testing.T, m *mesh) {
	base := policy("alpha/c", []string{"USA", "AUS", "GBR"}, []string{"NZL"})
	base.Inheritance = catalog.InheritCarryOrStricter
	m.fill(t, domain("alpha"), domain("bravo"), base, policy("bravo/same", []string{"USA", "AUS", "GBR"}, []string{"NZL"}),
		policy("bravo/stricter", []string{"USA", "GBR"}, []string{"NZL", "CAN"}), policy("bravo/wider", []string{"USA", "FVEY"}, []string{"NZL"}),
		policy("bravo/silent", []string{"USA", "GBR"}, nil), policy("bravo/hides", []string{"USA", "FVEY"}, []string{"NZL", "CAN"}),
		under("alpha/c", "alpha/in", "SECRET//REL TO USA, GBR"), product("alpha/middle", "", "alpha/in"))
	for _, own := range []string{"bravo/same", "bravo/stricter", "bravo/hides", "alpha/c", ""} {
		m.put(t, under(own, "bravo/p", "SECRET//REL TO USA, GBR", "alpha/middle"))
	}
	m.refused(t, under("bravo/wider", "bravo/p", "SECRET//REL TO USA, GBR", "alpha/middle"), "/caveat_policy", catalog.RulePolicyInheritance)
	m.refused(t, under("bravo/silent", "bravo/p", "SECRET//REL TO USA, GBR", "alpha/in"), "/caveat_policy", catalog.RulePolicyInheritance)
	// Under carry_all a wider policy may be named: the ancestor's still holds.
	base.Inheritance = catalog.InheritCarryAll
	m.fill(t, base, under("bravo/wider", "bravo/p", "SECRET//REL TO USA, GBR", "alpha/middle"))
}

func stricterPurposes(t *testing.T, m *mesh) {
	limited := func(id string, purposes ...string) *catalog.CaveatPolicy {
		c := policy(id, []string{"USA", "GBR"}, nil)
		c.Purposes = purposes
		return c
	}
	base := limited("alpha/c", "targeting", "force-protection")
	base.Inheritance = catalog.InheritCarryOrStricter
	m.fill(t, domain("alpha"), domain("bravo"), base, limited("bravo/same", "force-protection", "targeting"), limited("bravo/fewer", "targeting"),
		limited("bravo/other", "targeting", "training"), limited("bravo/any"), under("alpha/c", "alpha/in", "SECRET//REL TO USA, GBR"))
	for _, own := range []string{"bravo/same", "bravo/fewer", ""} {
		m.put(t, under(own, "bravo/p", "SECRET//REL TO USA, GBR", "alpha/in"))
	}
	for own, said := range map[string]string{"bravo/other": "training", "bravo/any": "purposes"} {
		p := m.refused(t, under(own, "bravo/p", "SECRET//REL TO USA, GBR", "alpha/in"), "/caveat_policy", catalog.RulePolicyInheritance)
		if !strings.Contains(p.Detail, said) {
			t.Errorf("under %s: got %q, want %s named", own, p.Detail, said)
		}
	}
	base.Purposes = nil // no limit: nothing is wider
	m.fill(t, base, under("bravo/any", "bravo/p", "SECRET//REL TO USA, GBR", "alpha/in"))
}

func ownerApproval(t *testing.T, m *mesh) {
	c := policy("alpha/c", []string{"USA", "FVEY"}, nil)
	c.Inheritance = catalog.InheritOwnerApproval
	m.fill(t, domain("alpha"), domain("bravo"), schema("alpha/s"), sla("alpha/l"), schema("bravo/s"), sla("bravo/l"), c,
		product("bravo/other", "SECRET//REL TO USA, FVEY"), under("alpha/c", "alpha/in", "SECRET//REL TO USA, FVEY"))
	derived := published("bravo/p", "SECRET//REL TO USA, FVEY", "bravo/other", "alpha/in")
	m.refused(t, derived, "/inputs/0", catalog.RulePolicyInheritance) // sorted: alpha/in is first
	m.put(t, published("alpha/p", "SECRET//REL TO USA, FVEY", "alpha/in"))
	draft := as[*catalog.Product](t, derived.Clone())
	draft.Status = catalog.StatusDraft
	m.put(t, draft)
	m.refused(t, published("bravo/q", "SECRET//REL TO USA, FVEY", "alpha/p"), "/inputs/0", catalog.RulePolicyInheritance)
	c.ApprovedDependants = []string{"bravo/p"}
	m.fill(t, c, derived)
	c.ApprovedDependants = nil
	m.refused(t, c, "/inheritance", catalog.RulePolicyInheritance)
}

func policyChange(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"), policy("alpha/c", []string{"USA", "FVEY"}, nil),
		under("alpha/c", "alpha/in", "SECRET//REL TO USA, FVEY"), product("bravo/out", "SECRET//REL TO USA, AUS", "alpha/in"))
	p := m.refused(t, policy("alpha/c", []string{"USA", "FVEY"}, []string{"AUS"}), "/excluded", catalog.RulePolicyExcluded)
	if !strings.Contains(p.Detail, "alpha/in") {
		t.Errorf("got %q, want the product named", p.Detail)
	}
	p = m.refused(t, policy("alpha/c", []string{"USA", "CAN", "GBR"}, nil), "/releasable_to", catalog.RulePolicyReleasable)
	if p.Fix == "" {
		t.Errorf("got no way out with %q", p.Detail)
	}
	m.fill(t, under("alpha/c", "alpha/in", "SECRET//REL TO USA, AUS"), policy("alpha/c", []string{"USA", "AUS"}, []string{"GBR"}))
	_, err := m.admin.Put(context.Background(), policy("alpha/c", []string{"USA"}, nil), catalog.WriteOptions{})
	if text := refusal(t, err, catalog.CodeInvalid).Error(); !strings.Contains(text, "bravo/out") {
		t.Errorf("got %q, want the derived product named too", text)
	}
	// In one plan both change, and nothing is broken.
	findings := verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{policy("alpha/c", []string{"USA"}, nil),
		under("alpha/c", "alpha/in", "SECRET//NOFORN"), product("bravo/out", "SECRET//NOFORN", "alpha/in")}})
	for ref, finding := range findings {
		t.Log(ref)
		wantNone(t, finding.Problems)
	}
}

// markingChange: lowering an input may widen a derived product beyond its own
// policy, which only the input held back.
func markingChange(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"), policy("bravo/c", []string{"USA", "GBR"}, nil), product("alpha/in", "SECRET//REL TO USA, GBR"),
		under("bravo/c", "bravo/out", "", "alpha/in"))
	p := m.refused(t, product("alpha/in", "SECRET//REL TO USA, FVEY"), "/marking", catalog.RulePolicyReleasable)
	if !strings.Contains(p.Detail, "bravo/out") {
		t.Errorf("got %q, want the product named", p.Detail)
	}
	if got := m.product(t, "bravo/out").EffectiveMarking; got != "SECRET//REL TO USA, GBR" {
		t.Errorf("got effective marking %q after a refusal, want it unchanged", got)
	}
	m.put(t, product("alpha/in", "SECRET//NOFORN"))
}

func hiddenDownstream(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"), policy("bravo/c", []string{"USA", "GBR"}, nil), product("alpha/in", "SECRET//REL TO USA, GBR"),
		under("bravo/c", "bravo/hidden", "TOP SECRET//SI//REL TO USA, GBR", "alpha/in"), policy("alpha/c", nil, []string{"NZL"}))
	// The policy of the input shuts out a nation that the hidden product has.
	service := m.As(owner("alpha"))
	_, err := service.Put(context.Background(), under("alpha/c", "alpha/in", "SECRET//NOFORN"), catalog.WriteOptions{})
	if err != nil {
		t.Fatalf("got %v, want a stricter marking accepted", err)
	}
	m.fill(t, product("alpha/in", ""), policy("alpha/d", []string{"USA"}, nil))
	_, err = service.Put(context.Background(), under("alpha/d", "alpha/in", ""), catalog.WriteOptions{})
	refused := refusal(t, err, catalog.CodeInvalid)
	if text := refused.Error(); strings.Contains(text, "hidden") || strings.Contains(text, "TOP") {
		t.Errorf("got %q, want nothing of the hidden product in it", text)
	}
}
