package connect

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

func product(name string, inputs ...string) *catalog.Product {
	return &catalog.Product{Domain: "d", Name: name, Inputs: inputs, SLA: "d/s"}
}

func refOf(kind catalog.Kind, id string) catalog.Ref { return catalog.Ref{Kind: kind, ID: id} }

func TestRegistryProposesWhatAnObjectRestsOn(t *testing.T) {
	t.Parallel()
	r := newRegistry()
	r.keep(plannedObject{object: &catalog.Domain{Name: "d"}, changed: true})
	r.keep(plannedObject{object: &catalog.SLA{Domain: "d", Name: "s"}}) // unchanged
	r.keep(plannedObject{object: &catalog.SLA{Domain: "d", Name: "other"}, changed: true})
	r.keep(plannedObject{object: product("a"), changed: true, partial: true})
	r.keep(plannedObject{object: product("b", "d/a")}) // unchanged, between two that are not
	r.keep(plannedObject{object: product("c", "d/b", "e/elsewhere", "d/c"), changed: true})

	proposal, partial := r.proposal(refOf(catalog.KindProduct, "d/c"))
	var got []string
	for _, object := range proposal.Puts {
		got = append(got, object.Ref().String())
	}
	want := []string{`product "d/c"`, `domain "d"`, `product "d/a"`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("overlay (-want +got):\n%s", diff)
	}
	if !partial {
		t.Error("got a proposal that is wholly known, want it partial: a product that it rests on is")
	}
	if diff := cmp.Diff([]catalog.Ref{refOf(catalog.KindProduct, "d/c")}, proposal.Only); diff != "" {
		t.Errorf("only (-want +got):\n%s", diff)
	}
	if !r.ancestorsChange(refOf(catalog.KindProduct, "d/b")) {
		t.Error("product b rests on a, which changes: got no change")
	}
	if r.ancestorsChange(refOf(catalog.KindDomain, "d")) {
		t.Error("a domain's own change counts as one of an ancestor")
	}
}

// Whoever is planned second finds the conflict, whatever the order.
func TestRegistrySecondComerFindsTheConflict(t *testing.T) {
	t.Parallel()
	sla := &catalog.SLA{Domain: "d", Name: "s"}
	t.Run("dependant first", func(t *testing.T) {
		r := newRegistry()
		r.keep(plannedObject{object: product("a")})
		if got := r.remove(sla); len(got) != 1 || got[0] != product("a").Ref() {
			t.Errorf("got dependants %v, want product d/a", got)
		}
	})
	t.Run("removal first", func(t *testing.T) {
		r := newRegistry()
		if got := r.remove(sla); got != nil {
			t.Errorf("got dependants %v, want none yet", got)
		}
		got := r.keep(plannedObject{object: product("a")})
		if len(got) != 1 || got[0].Field != "/sla" {
			t.Errorf("got %v, want the reference at /sla", got)
		}
	})
	t.Run("both removed, in any order", func(t *testing.T) {
		r := newRegistry()
		if got := append(r.remove(sla), r.remove(product("a"))...); got != nil {
			t.Errorf("got dependants %v, want none", got)
		}
		want := []catalog.Ref{sla.Ref(), product("a").Ref()}
		if diff := cmp.Diff(want, r.removal(sla.Ref()).Deletes); diff != "" {
			t.Errorf("removal (-want +got):\n%s", diff)
		}
	})
	t.Run("removed in one place, added in another", func(t *testing.T) {
		r := newRegistry()
		r.remove(sla)
		r.keep(plannedObject{object: sla, changed: true})
		if got := r.keep(plannedObject{object: product("a")}); got != nil {
			t.Errorf("got %v, want no conflict", got)
		}
		if got := r.remove(sla); got != nil {
			t.Errorf("the other order: got %v, want no conflict", got)
		}
	})
}

func TestUnknownIn(t *testing.T) {
	t.Parallel()
	member := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"role": tftypes.String}}
	set := tftypes.Set{ElementType: tftypes.String}
	config := tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"name": tftypes.String, "contact": tftypes.String, "team": tftypes.Map{ElementType: member}, "inputs": set,
	}}
	unknown := unknownIn(tftypes.NewValue(config, map[string]tftypes.Value{
		"name":    tftypes.NewValue(tftypes.String, "n"),
		"contact": tftypes.NewValue(tftypes.String, tftypes.UnknownValue),
		"team": tftypes.NewValue(tftypes.Map{ElementType: member}, map[string]tftypes.Value{
			"a/b": tftypes.NewValue(member, map[string]tftypes.Value{"role": tftypes.NewValue(tftypes.String, tftypes.UnknownValue)}),
		}),
		"inputs": tftypes.NewValue(set, []tftypes.Value{tftypes.NewValue(tftypes.String, tftypes.UnknownValue)}),
	}))
	for pointer, want := range map[string]bool{
		"/name": false, "/contact": true, "/contact/x": true, "/contacts": false,
		"/team": true, "/team/a~1b": true, "/team/a~1b/role": true, "/team/other": false, "/team/a~1b/from": false,
		"/inputs": true, "/inputs/0": true, "": true,
	} {
		if got := unknown.touch(pointer); got != want {
			t.Errorf("%q: got %v, want %v (unknown: %v)", pointer, got, want, unknown)
		}
	}
	if got := unknownIn(tftypes.NewValue(tftypes.String, "known")); got != nil {
		t.Errorf("a known configuration: got %v, want nothing", got)
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	before := &catalog.SLA{Domain: "d", Name: "s", Description: "a", Accuracy: &catalog.Objective{TargetPercent: 1, Window: "1d"}}
	after := &catalog.SLA{Domain: "d", Name: "s", Accuracy: &catalog.Objective{TargetPercent: 2, Window: "1d"}}
	want := []difference{{"/accuracy/target_percent", "1", "2"}, {"/description", `"a"`, "not set"}}
	if diff := cmp.Diff(want, differences(before, after), cmp.AllowUnexported(difference{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := differences(before, before.Clone()); got != nil {
		t.Errorf("equal objects: got %v", got)
	}
}
