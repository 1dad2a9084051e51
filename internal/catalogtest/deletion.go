package catalogtest

import (
	"context"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var deletionScenes = []scene{
	{"what is in use stays", inUse},
	{"what is protected stays", protectedStays},
}

func inUse(t *testing.T, m *mesh) {
	ctx := context.Background()
	m.fill(t, domain("alpha"), schema("alpha/s"), sla("alpha/l"), policy("alpha/c", []string{"USA"}, nil), product("alpha/in", "SECRET"))
	p := published("alpha/p", "SECRET", "alpha/in")
	p.CaveatPolicy = "alpha/c"
	m.put(t, p)
	order := []catalog.Ref{domainRef("alpha"), schemaRef("alpha/s"), slaRef("alpha/l"), policyRef("alpha/c"), productRef("alpha/in")}
	for _, ref := range order {
		err := m.admin.Delete(ctx, ref, catalog.WriteOptions{})
		wantProblem(t, err, catalog.CodeConflict, "", catalog.RuleInUse)
		if !strings.Contains(err.Error(), "alpha/p") {
			t.Errorf("%s: got %q, want its dependant named", ref, err)
		}
		m.entry(t, ref)
	}
	for _, ref := range append([]catalog.Ref{productRef("alpha/p"), productRef("alpha/in"), policyRef("alpha/c"), slaRef("alpha/l"), schemaRef("alpha/s")}, domainRef("alpha")) {
		if err := m.admin.Delete(ctx, ref, catalog.WriteOptions{}); err != nil {
			t.Errorf("delete %s: got %v, want it deleted", ref, err)
		}
		_, err := m.admin.Get(ctx, ref)
		wantCode(t, err, catalog.CodeNotFound)
		wantCode(t, m.admin.Delete(ctx, ref, catalog.WriteOptions{}), catalog.CodeNotFound)
	}
}

func protectedStays(t *testing.T, m *mesh) {
	ctx := context.Background()
	d, p := domain("alpha"), product("alpha/p", "SECRET")
	d.DeletionProtection, p.DeletionProtection = true, true
	m.fill(t, d, p)
	for _, ref := range []catalog.Ref{productRef("alpha/p"), domainRef("alpha")} {
		wantProblem(t, m.admin.Delete(ctx, ref, catalog.WriteOptions{}), catalog.CodeConflict, "/deletion_protection", catalog.RuleDeletionProtection)
		finding := verdict(t, m.admin, catalog.Proposal{Deletes: []catalog.Ref{ref}})[ref]
		wantIn(t, finding.Problems, "/deletion_protection", catalog.RuleDeletionProtection)
	}
	d.DeletionProtection, p.DeletionProtection = false, false
	m.fill(t, d, p)
	for _, ref := range []catalog.Ref{productRef("alpha/p"), domainRef("alpha")} {
		if err := m.admin.Delete(ctx, ref, catalog.WriteOptions{}); err != nil {
			t.Errorf("delete %s: got %v, want it deleted", ref, err)
		}
	}
}
