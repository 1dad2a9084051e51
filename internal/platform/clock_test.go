package platform

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestOwnersLeave: a membership that has run out takes all rights with it,
// and what the domain has published cannot be changed until somebody answers
// for it again. Dates are days in UTC and inclusive.
func TestOwnersLeave(t *testing.T) {
	t.Parallel()
	ctx, now := context.Background(), time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC)
	p, err := New(Config{Store: openStore(t), Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	d := domain("alpha")
	d.Team = map[string]catalog.Member{"x": {Role: catalog.RoleOwner, From: "2026-03-01", Until: "2026-03-31"}}
	published := product("alpha/p", "SECRET//NOFORN")
	published.Status, published.Description, published.SLA = catalog.StatusActive, "D.", "alpha/l"
	published.OutputPorts = map[string]catalog.OutputPort{"x": {Type: catalog.PortFile, URL: "file:///x", Schema: "alpha/s"}}
	mustPut(t, p.As(admin), d, &catalog.Schema{Domain: "alpha", Name: "s", Type: catalog.SchemaJSON, Definition: `{"type":"object"}`},
		&catalog.SLA{Domain: "alpha", Name: "l", Accuracy: &catalog.Objective{TargetPercent: 1, Window: "1d"}})
	owner := p.As(catalog.Caller{Subject: "x"})
	mustPut(t, owner, published)

	now = now.Add(time.Second).In(time.FixedZone("", -5*3600)) // still March where the clock stands
	changed := published.Clone()
	if c, ok := changed.(*catalog.Product); ok {
		c.Title = "Changed"
	}
	if _, err := owner.Put(ctx, changed, catalog.WriteOptions{}); !errors.Is(err, catalog.ErrForbidden) {
		t.Errorf("owner of yesterday: got %v, want it forbidden", err)
	}
	if _, err := owner.Get(ctx, published.Ref()); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("owner of yesterday: got %v, want the product hidden", err)
	}
	_, err = p.As(admin).Put(ctx, changed, catalog.WriteOptions{})
	var refused *catalog.Error
	if !errors.As(err, &refused) || len(refused.Problems) != 1 || refused.Problems[0].Field != "/domain" || refused.Problems[0].Rule != catalog.RuleActive {
		t.Errorf("administrator: got %v, want rule %s at /domain", err, catalog.RuleActive)
	}
	d.Team["x"] = catalog.Member{Role: catalog.RoleOwner, From: "2026-04-01"}
	mustPut(t, p.As(admin), d)
	mustPut(t, owner, changed)
}

// TestAttackClockSetBackForAMembership: who has left is not let in again by a
// clock that says that it is yesterday, and who has not come yet is not let in
// by one that has shown next year for a moment.
func TestAttackClockSetBackForAMembership(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)
	p, err := New(Config{Store: openStore(t), Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	d := domain("alpha")
	d.Team["left"] = catalog.Member{Role: catalog.RoleOwner, Until: "2026-03-31"}
	d.Team["comes"] = catalog.Member{Role: catalog.RoleOwner, From: "2027-01-01"}
	mustPut(t, p.As(admin), d, product("alpha/p", "SECRET//NOFORN"))
	sees := func(subject string) bool {
		_, err := p.As(catalog.Caller{Subject: subject}).Get(context.Background(), product("alpha/p", "").Ref())
		return err == nil
	}
	if !sees("left") || sees("comes") {
		t.Fatal("the memberships are not those of the day")
	}
	now = now.AddDate(1, 0, 0)
	if sees("left") || !sees("comes") {
		t.Error("a year later: the memberships are not those of the day")
	}
	now = now.AddDate(-1, 0, 0)
	if sees("left") || sees("comes") {
		t.Error("the clock was set back: somebody outside a membership sees its product")
	}
}
