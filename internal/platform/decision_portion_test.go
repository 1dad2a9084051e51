package platform

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestPortions: a part is decided on by its own mark, under the policy of its
// product, and only for those who are let in to the product.
func TestPortions(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := mesh(t, s)
	marks := []string{"(U)", "(S//REL TO USA, FVEY)", "(S//NF)", "(TS//SI//NF)", "(S//FUTURE)", "", "S//NF"}
	for _, c := range []struct {
		name   string
		caller catalog.Caller
		asked  catalog.Evaluation
		want   []bool // nil when denied
	}{
		{"a partner", analyst("brit", "S", "GBR"), read("brit", "alpha/low"), []bool{true, true, false, false, false, false, false}},
		{"the enforcement point for somebody", gateway, claiming(read("ann", "alpha/low"), "S", "USA"), []bool{true, true, true, false, false, false, false}},
		{"the enforcement point for itself", gateway, read("gateway", "alpha/low"), []bool{true, true, true, true, false, false, false}},
		{"an administrator", admin, read("root", "alpha/low"), []bool{true, true, true, true, false, false, false}},
		{"who is not let in to the product", analyst("low", "U", "GBR"), read("low", "alpha/low"), nil},
		{"nothing", gateway, read("gateway", "alpha/none"), nil},
	} {
		before := len(entries(t, s, 0))
		d, admitted, err := p.PortionDecisions(c.caller).EvaluatePortions(t.Context(), c.asked, marks)
		want := c.want
		if want == nil {
			want = make([]bool, len(marks))
		}
		log := entries(t, s, int64(before))
		if err != nil || d.Permit != (c.want != nil) || !slices.Equal(admitted, want) || len(log) != 1 || (log[0].Decision == audit.Permit) != d.Permit {
			t.Errorf("%s: got %+v %v, %v and %+v, want %v", c.name, d, admitted, err, log, c.want)
		}
	}
	if _, _, err := p.PortionDecisions(gateway).EvaluatePortions(t.Context(), read("gateway", "alpha/low"), make([]string, catalog.MaxPortions+1)); !errors.Is(err, catalog.ErrTooLarge) {
		t.Errorf("too many marks: got %v", err)
	}
}

// TestOperationsAreForWhoIsKnown, by claims that are known to the vocabulary,
// and on behalf of others for enforcement points only.
func TestOperationsAreForWhoIsKnown(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := mesh(t, s)
	for _, c := range []struct {
		name   string
		caller catalog.Caller
		asked  catalog.Evaluation
		permit bool
	}{
		{"known", analyst("low", "U", "GBR"), read("low", ""), true},
		{"on behalf", gateway, claiming(read("ann", ""), "U", "GBR"), true},
		{"nothing known of the user", gateway, read("ann", ""), false},
		{"an unknown clearance", gateway, claiming(read("ann", ""), "COSMIC", "GBR"), false},
		{"of another", analyst("low", "U", "GBR"), claiming(read("ann", ""), "TS", "USA"), false},
		{"a caller without claims", catalog.Caller{Subject: "x", Issuer: testIssuer}, read("x", ""), false},
	} {
		c.asked.Action.Name, c.asked.Resource = "ExecuteQuery", catalog.Entity{Type: "query"}
		before := len(entries(t, s, 0))
		d, err := p.PortionDecisions(c.caller).EvaluateOperation(t.Context(), c.asked)
		log := entries(t, s, int64(before))
		if err != nil || d.Permit != c.permit || len(log) != 1 || log[0].Action != "ExecuteQuery" || (log[0].Decision == audit.Permit) != c.permit {
			t.Errorf("%s: got %+v, %v and %+v, want %v", c.name, d, err, log, c.permit)
		}
	}
}

// TestAttackAServiceThatActsWidensNothing: whoever acts for a user must be let
// in as well.
func TestAttackAServiceThatActsWidensNothing(t *testing.T) {
	t.Parallel()
	p := mesh(t, openStore(t))
	low, high := analyst("low", "U", "GBR"), gateway
	for _, c := range []struct{ user, via catalog.Caller }{{high, low}, {low, high}} {
		caller := c.user
		caller.Via = &c.via
		if d := evaluate(t, p, caller, read(caller.Subject, "alpha/high")); d.Permit {
			t.Errorf("%s through %s is let in", c.user.Subject, c.via.Subject)
		}
	}
	caller := high
	caller.Via = &gateway
	if d := evaluate(t, p, caller, read("gateway", "alpha/high")); !d.Permit {
		t.Error("two who are let in are not let in together")
	}
}

// TestPortionsWithoutALogAreDenied: what cannot be recorded lets nobody in.
func TestPortionsWithoutALogAreDenied(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	mesh(t, s)
	for _, atCommit := range []bool{false, true} {
		p, err := New(Config{Store: fullDisk{s, atCommit}, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
		if err != nil {
			t.Fatal(err)
		}
		portions := p.PortionDecisions(analyst("brit", "S", "GBR"))
		d, admitted, err := portions.EvaluatePortions(context.Background(), read("brit", "alpha/low"), []string{"(U)"})
		if d.Permit || err != nil || slices.Contains(admitted, true) {
			t.Errorf("portions, at commit %v: got %+v %v, %v", atCommit, d, admitted, err)
		}
		if d, err := portions.EvaluateOperation(context.Background(), read("brit", "alpha/low")); d.Permit || err != nil {
			t.Errorf("operation, at commit %v: got %+v, %v", atCommit, d, err)
		}
	}
}
