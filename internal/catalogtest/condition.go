package catalogtest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var conditionScenes = []scene{
	{"conditions on the revision", conditions},
	{"a dry run changes nothing", dryRun},
	{"a dry run runs every rule", dryRunRules},
}

func conditions(t *testing.T, m *mesh) {
	ctx := context.Background()
	first := m.put(t, domain("alpha"))
	second := domain("alpha")
	second.Description = "Second."
	for name, c := range map[string]struct {
		object catalog.Object
		opts   catalog.WriteOptions
	}{
		"create what exists":         {domain("alpha"), catalog.WriteOptions{IfNoneMatch: true}},
		"change another revision":    {second, catalog.WriteOptions{IfMatch: "another"}},
		"change what does not exist": {domain("bravo"), catalog.WriteOptions{IfMatch: "*"}},
		"revision of nothing":        {domain("bravo"), catalog.WriteOptions{IfMatch: first.Revision}},
	} {
		for _, dry := range []bool{false, true} {
			c.opts.DryRun = dry
			_, err := m.admin.Put(ctx, c.object, c.opts)
			t.Log(name)
			wantProblem(t, err, catalog.CodePreconditionFailed, "", catalog.RulePreconditionUnknown)
		}
	}
	changed, err := m.admin.Put(ctx, second, catalog.WriteOptions{IfMatch: first.Revision})
	if err != nil || changed.Revision == first.Revision {
		t.Fatalf("got %q, %v; want a new revision", changed.Revision, err)
	}
	// The attack that conditions are for: two read, both write.
	_, err = m.admin.Put(ctx, domain("alpha"), catalog.WriteOptions{IfMatch: first.Revision})
	wantCode(t, err, catalog.CodePreconditionFailed)
	wantCode(t, m.admin.Delete(ctx, domainRef("alpha"), catalog.WriteOptions{IfMatch: first.Revision}), catalog.CodePreconditionFailed)
	if _, err := m.admin.Put(ctx, domain("bravo"), catalog.WriteOptions{IfNoneMatch: true}); err != nil {
		t.Errorf("create: got %v, want it stored", err)
	}
	if _, err := m.admin.Put(ctx, domain("bravo"), catalog.WriteOptions{IfMatch: "*"}); err != nil {
		t.Errorf("any revision: got %v, want it accepted", err)
	}
	if err := m.admin.Delete(ctx, domainRef("alpha"), catalog.WriteOptions{IfMatch: changed.Revision}); err != nil {
		t.Errorf("delete: got %v, want it deleted", err)
	}
}

func dryRun(t *testing.T, m *mesh) {
	ctx, dry := context.Background(), catalog.WriteOptions{DryRun: true}
	m.fill(t, domain("alpha"), product("alpha/in", "CONFIDENTIAL"), product("alpha/out", "CONFIDENTIAL", "alpha/in"))
	in, out := m.entry(t, productRef("alpha/in")), m.entry(t, productRef("alpha/out"))

	would, err := m.admin.Put(ctx, product("alpha/in", "SECRET"), dry)
	if err != nil || as[*catalog.Product](t, would.Object).EffectiveMarking != "SECRET" {
		t.Fatalf("got %+v, %v; want the product as it would be stored", would.Object, err)
	}
	if diff := cmp.Diff([]catalog.Entry{in, out}, []catalog.Entry{m.entry(t, productRef("alpha/in")), m.entry(t, productRef("alpha/out"))}); diff != "" {
		t.Errorf("a dry run changed (-before +after):\n%s", diff)
	}
	if _, err := m.admin.Put(ctx, schema("alpha/s"), dry); err != nil {
		t.Fatalf("got %v, want a dry run", err)
	}
	_, err = m.admin.Get(ctx, schemaRef("alpha/s"))
	wantCode(t, err, catalog.CodeNotFound)
	if err := m.admin.Delete(ctx, productRef("alpha/out"), dry); err != nil {
		t.Fatalf("got %v, want a dry run", err)
	}
	m.entry(t, productRef("alpha/out"))
	if s := as[*catalog.Schema](t, m.put(t, schema("alpha/s")).Object); s.Version != 1 {
		t.Errorf("got version %d after a dry run, want 1", s.Version)
	}
}

func dryRunRules(t *testing.T, m *mesh) {
	ctx, dry := context.Background(), catalog.WriteOptions{DryRun: true}
	m.fill(t, domain("alpha"), product("alpha/in", "SECRET"))
	_, err := m.admin.Put(ctx, product("alpha/out", "CONFIDENTIAL", "alpha/in"), dry)
	wantProblem(t, err, catalog.CodeInvalid, "/marking", catalog.RuleUnderMarked)
	_, err = m.As(owner("bravo")).Put(ctx, product("alpha/out", "SECRET"), dry)
	wantCode(t, err, catalog.CodeForbidden)
	wantProblem(t, m.admin.Delete(ctx, domainRef("alpha"), dry), catalog.CodeConflict, "", catalog.RuleInUse)
	wantCode(t, m.admin.Delete(ctx, domainRef("bravo"), dry), catalog.CodeNotFound)
}
