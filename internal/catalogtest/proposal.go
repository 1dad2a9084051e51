package catalogtest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var proposalScenes = []scene{
	{"a whole mesh in one plan", wholeMesh},
	{"a plan changes nothing", planChangesNothing},
	{"deletions in a plan", planDeletions},
	{"objects that a plan leaves alone", planOnly},
	{"markings through a plan", planMarkings},
	{"a plan breaks what it does not name", planBreaks},
	{"a plan of one who may not", planForbidden},
	{"proposals that cannot be judged", badProposals},
}

func wholeMesh(t *testing.T, m *mesh) {
	child := domain("bravo")
	child.Parent = "alpha"
	objects := []catalog.Object{
		published("bravo/out", "SECRET//REL TO USA, GBR", "alpha/in"), published("alpha/in", "SECRET//REL TO USA, GBR"),
		sla("alpha/l"), sla("bravo/l"), schema("alpha/s"), schema("bravo/s"), child, domain("alpha"),
	}
	v, err := m.admin.Validate(context.Background(), catalog.Proposal{Puts: objects})
	if err != nil {
		t.Fatalf("Validate: %v", err)
	}
	if len(v.Findings) != len(objects) {
		t.Fatalf("got %d findings, want %d", len(v.Findings), len(objects))
	}
	for i, finding := range v.Findings {
		wantNone(t, finding.Problems)
		if finding.Ref != objects[i].Ref() {
			t.Errorf("got finding %d on %s, want it on %s", i, finding.Ref, objects[i].Ref())
		}
		if diff := cmp.Diff(withComputed(objects[i]), finding.Object); diff != "" && finding.Ref.Kind == catalog.KindProduct {
			t.Errorf("%s as it would be stored (-want +got):\n%s", finding.Ref, diff)
		}
	}
	slices.Reverse(objects)
	slices.SortStableFunc(objects, func(a, b catalog.Object) int {
		return slices.Index(catalog.Kinds(), a.Ref().Kind) - slices.Index(catalog.Kinds(), b.Ref().Kind)
	})
	for i, o := range objects {
		stored := m.put(t, o)
		at := slices.IndexFunc(v.Findings, func(f catalog.Finding) bool { return f.Ref == o.Ref() })
		if diff := cmp.Diff(stored.Object, v.Findings[at].Object); diff != "" {
			t.Errorf("object %d: plan and apply differ (-apply +plan):\n%s", i, diff)
		}
	}
}

func planChangesNothing(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), product("alpha/in", "CONFIDENTIAL"), product("alpha/out", "CONFIDENTIAL", "alpha/in"))
	in, out := m.entry(t, productRef("alpha/in")), m.entry(t, productRef("alpha/out"))
	verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{product("alpha/in", "SECRET"), schema("alpha/s")}, Deletes: []catalog.Ref{productRef("alpha/out")}})
	if diff := cmp.Diff([]catalog.Entry{in, out}, []catalog.Entry{m.entry(t, productRef("alpha/in")), m.entry(t, productRef("alpha/out"))}); diff != "" {
		t.Errorf("a plan changed (-before +after):\n%s", diff)
	}
	if _, err := m.admin.Get(context.Background(), schemaRef("alpha/s")); err == nil {
		t.Error("got a schema that was only planned")
	}
	puts := []catalog.Object{product("alpha/in", "(S)")}
	want := puts[0].Clone()
	verdict(t, m.admin, catalog.Proposal{Puts: puts})
	if diff := cmp.Diff(want, puts[0]); diff != "" {
		t.Errorf("the caller's object changed (-want +got):\n%s", diff)
	}
}

func planDeletions(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), product("alpha/in", "SECRET"), product("alpha/out", "SECRET", "alpha/in"))
	in, out := productRef("alpha/in"), productRef("alpha/out")
	findings := verdict(t, m.admin, catalog.Proposal{Deletes: []catalog.Ref{in}})
	wantIn(t, findings[in].Problems, "", catalog.RuleInUse)
	findings = verdict(t, m.admin, catalog.Proposal{Deletes: []catalog.Ref{in, out, domainRef("alpha")}})
	for _, ref := range []catalog.Ref{in, out, domainRef("alpha")} {
		wantNone(t, findings[ref].Problems)
		if findings[ref].Object != nil {
			t.Errorf("got object %+v of a deletion, want none", findings[ref].Object)
		}
	}
	findings = verdict(t, m.admin, catalog.Proposal{Deletes: []catalog.Ref{in}, Puts: []catalog.Object{product("alpha/out", "SECRET")}})
	wantNone(t, findings[in].Problems)
	findings = verdict(t, m.admin, catalog.Proposal{Deletes: []catalog.Ref{in}, Puts: []catalog.Object{product("alpha/new", "SECRET", "alpha/in")}})
	wantIn(t, findings[in].Problems, "", catalog.RuleInUse)
	wantIn(t, findings[productRef("alpha/new")].Problems, "/inputs/0", catalog.RuleReference)
	findings = verdict(t, m.admin, catalog.Proposal{Deletes: []catalog.Ref{productRef("alpha/none")}})
	wantIn(t, findings[productRef("alpha/none")].Problems, "", catalog.RuleReference)
}

func planOnly(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), product("alpha/in", "CONFIDENTIAL"), product("alpha/out", "CONFIDENTIAL", "alpha/in"))
	out := productRef("alpha/out")
	p := catalog.Proposal{Puts: []catalog.Object{product("alpha/in", "SECRET")}, Only: []catalog.Ref{out, productRef("alpha/none")}}
	v, err := m.admin.Validate(context.Background(), p)
	if err != nil || len(v.Findings) != 2 || v.Findings[0].Ref != out {
		t.Fatalf("got %+v, %v; want findings on what was asked about, in that order", v, err)
	}
	if got := as[*catalog.Product](t, v.Findings[0].Object).EffectiveMarking; got != "SECRET" {
		t.Errorf("got effective marking %q, want %q", got, "SECRET")
	}
	wantIn(t, v.Findings[0].Problems, "/marking", catalog.RuleUnderMarked)
	if v.Findings[1].Object != nil {
		t.Errorf("got object %+v for what does not exist, want none", v.Findings[1].Object)
	}
	p.Puts = nil
	wantNone(t, verdict(t, m.admin, p)[out].Problems)
}

func planMarkings(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	chain := []catalog.Object{product("alpha/p0", "TOP SECRET//SI//NOFORN")}
	for n := 1; n < 40; n++ {
		chain = append(chain, product(fmt.Sprintf("alpha/p%d", n), "", fmt.Sprintf("alpha/p%d", n-1)))
	}
	chain = append(chain, product("alpha/low", "SECRET", "alpha/p39"))
	slices.Reverse(chain) // descendants first
	findings := verdict(t, m.admin, catalog.Proposal{Puts: chain})
	wantIn(t, findings[productRef("alpha/low")].Problems, "/marking", catalog.RuleUnderMarked)
	if got := as[*catalog.Product](t, findings[productRef("alpha/p39")].Object).EffectiveMarking; got != "TOP SECRET//SI//NOFORN" {
		t.Errorf("got %q at the end of the chain, want %q", got, "TOP SECRET//SI//NOFORN")
	}
	wantNone(t, findings[productRef("alpha/p39")].Problems)
}

func planBreaks(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), policy("alpha/c", []string{"USA", "FVEY"}, nil), under("alpha/c", "alpha/in", "SECRET//REL TO USA, FVEY"), sla("alpha/l"))
	findings := verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{policy("alpha/c", []string{"USA", "FVEY"}, []string{"NZL"}), sla("alpha/l")}})
	wantIn(t, findings[policyRef("alpha/c")].Problems, "/excluded", catalog.RulePolicyExcluded)
	wantNone(t, findings[slaRef("alpha/l")].Problems)
}

func planForbidden(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"))
	puts := []catalog.Object{schema("alpha/s"), schema("bravo/s"), domain("charlie")}
	findings := verdict(t, m.As(owner("alpha")), catalog.Proposal{Puts: puts, Deletes: []catalog.Ref{domainRef("bravo")}})
	wantNone(t, findings[schemaRef("alpha/s")].Problems)
	for _, ref := range []catalog.Ref{schemaRef("bravo/s"), domainRef("charlie"), domainRef("bravo")} {
		wantIn(t, findings[ref].Problems, "", catalog.RuleForbidden)
	}
}

func badProposals(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	for name, p := range map[string]catalog.Proposal{
		"put twice":     {Puts: []catalog.Object{schema("alpha/s"), schema("alpha/s")}},
		"put, deleted":  {Puts: []catalog.Object{domain("alpha")}, Deletes: []catalog.Ref{domainRef("alpha")}},
		"deleted twice": {Deletes: []catalog.Ref{domainRef("alpha"), domainRef("alpha")}},
	} {
		_, err := m.admin.Validate(context.Background(), p)
		t.Log(name)
		wantCode(t, err, catalog.CodeInvalid)
	}
	findings := verdict(t, m.admin, catalog.Proposal{})
	if len(findings) != 0 {
		t.Errorf("got %v of an empty proposal, want nothing", findings)
	}
}
