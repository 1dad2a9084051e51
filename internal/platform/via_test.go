package platform

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// through is a caller for whom a service acts.
func through(user, service catalog.Caller) catalog.Caller {
	user.Via = &service
	return user
}

// crowdOf is callers of every kind that a decision tells apart.
func crowdOf(name string) []catalog.Caller {
	var all []catalog.Caller
	for _, clearance := range []string{"", "U", "S", "TS", "X"} {
		for _, country := range []string{"USA", "GBR", "DEU"} {
			c := analyst(fmt.Sprintf("%s-%s-%s", name, clearance, country), clearance, country)
			cleared := c
			cleared.Subject += "-si"
			cleared.Attributes.FineAccessControls = []string{"SI", "TK"}
			all = append(all, c, cleared)
		}
	}
	american, owner, root := gateway, analyst("alpha.owner", "U", "GBR"), analyst(name+"-root", "U", "GBR")
	american.Subject, root.Administrator = name+"-american", true
	return append(all, american, owner, root)
}

// TestServiceActingForAUserHasTheMeet: whatever user and service, together they
// are let in where each of them is, and see what each of them sees.
func TestServiceActingForAUserHasTheMeet(t *testing.T) {
	t.Parallel()
	p := mesh(t, openStore(t))
	products := []string{"alpha/high", "alpha/low", "alpha/open", "alpha/unmarked", "alpha/fused", "alpha/nothing"}
	var asked []catalog.Evaluation
	for _, id := range products {
		for _, action := range operations {
			e := read("", id)
			e.Action.Name = action
			asked = append(asked, e)
		}
	}
	users, services := crowdOf("user"), crowdOf("service")
	alone := map[string][]bool{}
	for _, c := range append(users, services...) {
		alone[c.Subject] = verdicts(t, p, c, asked, products)
	}
	permits := 0
	for _, user := range users {
		for _, service := range services {
			together := verdicts(t, p, through(user, service), asked, products)
			for i, got := range together {
				if want := alone[user.Subject][i] && alone[service.Subject][i]; got != want {
					t.Errorf("%s through %s, question %d: got %v, want %v", user.Subject, service.Subject, i, got, want)
				} else if got {
					permits++
				}
			}
		}
	}
	if permits < 1000 {
		t.Errorf("only %d permits: the callers do not tell the rules apart", permits)
	}
}

// verdicts are the decisions on the questions about a caller itself, then which
// products it sees.
func verdicts(t *testing.T, p *Platform, c catalog.Caller, asked []catalog.Evaluation, products []string) (all []bool) {
	t.Helper()
	for i := range asked {
		asked[i].Subject.ID = c.Subject
	}
	d := decisions{&session{Platform: p, caller: c}}
	err := p.store.View(t.Context(), func(r store.Reader) error {
		h, err := d.inquiry(t.Context(), r)
		if err != nil {
			return err
		}
		for _, e := range asked {
			answer, _, err := h.answer(e)
			if err != nil {
				return err
			}
			all = append(all, answer.Permit)
		}
		for _, id := range products {
			seen, err := h.sight.sees(catalog.Ref{Kind: catalog.KindProduct, ID: id})
			if err != nil {
				return err
			}
			all = append(all, seen)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestServiceLendsNoRights: an administrator, an auditor, an enforcement point
// and a member of the board are so through a service only if that is, too; an
// owner is one through any service that may act for users.
func TestServiceLendsNoRights(t *testing.T) {
	t.Parallel()
	p := mesh(t, openStore(t))
	plain, board := analyst("service", "TS", "USA"), analyst("service", "TS", "USA")
	board.Groups = []string{catalog.BoardGroup}
	stewards := analyst("user", "S", "USA")
	stewards.Groups = []string{catalog.BoardGroup}
	put := func(c catalog.Caller, object catalog.Object) error {
		_, err := p.As(c).Put(t.Context(), object, catalog.WriteOptions{DryRun: true})
		return err
	}
	standard := &catalog.ReferenceSchema{Name: "track", Type: catalog.SchemaJSON, Definition: `{"type":"object"}`}
	for name, c := range map[string]struct {
		caller catalog.Caller
		object catalog.Object
		want   bool
	}{
		"administrator alone":                    {admin, domain("beta"), true},
		"administrator through a service":        {through(admin, plain), domain("beta"), false},
		"user through an administrator":          {through(plain, admin), domain("beta"), false},
		"administrators both":                    {through(admin, admin), domain("beta"), true},
		"the board alone":                        {stewards, standard, true},
		"the board through a service":            {through(stewards, plain), standard, false},
		"the board through a service of its own": {through(stewards, board), standard, true},
		"an owner through a service":             {through(analyst("alpha.owner", "S", "GBR"), plain), domain("alpha"), true},
		"a user through an owner's name":         {through(analyst("user", "S", "GBR"), analyst("alpha.owner", "S", "GBR")), domain("alpha"), false},
	} {
		if err := put(c.caller, c.object); (err == nil) != c.want || err != nil && !errors.Is(err, catalog.ErrForbidden) {
			t.Errorf("%s: got %v, want allowed: %v", name, err, c.want)
		}
	}
	about := claiming(read("brit", "alpha/low"), "S", "GBR")
	if d := evaluate(t, p, through(gateway, plain), about); d.Permit {
		t.Error("an enforcement point is believed through a service that is none")
	}
	broker := gateway
	broker.Subject, broker.Groups = "broker", []string{"brokers"}
	if d := evaluate(t, p, through(gateway, broker), about); !d.Permit {
		t.Error("two enforcement points are not believed")
	}
	if d := evaluate(t, p, through(gateway, analyst("broker", "U", "GBR")), read("gateway", "alpha/low")); d.Permit {
		t.Error("data go through a service that is not cleared for them")
	}
}

// TestEntryNamesTheService: the log says who acted for whom, and that both were
// decided on.
func TestEntryNamesTheService(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := mesh(t, s)
	user, service := analyst("brit", "S", "GBR"), analyst("portal", "S", "GBR")
	evaluate(t, p, user, read("brit", "alpha/low"))
	alone := lastEntry(t, s)
	evaluate(t, p, through(user, service), read("brit", "alpha/low"))
	first := lastEntry(t, s)
	service.Attributes.Clearance = "TS"
	evaluate(t, p, through(user, service), read("brit", "alpha/low"))
	second := lastEntry(t, s)
	if first.Consumer.Sub != "brit" || first.Consumer.Via != "portal" || first.Consumer.OnBehalfOf != "" || alone.Consumer.Via != "" || first.Decision != audit.Permit {
		t.Errorf("got %+v and alone %+v", first.Consumer, alone.Consumer)
	}
	if alone.SubjectAttributes == first.SubjectAttributes || first.SubjectAttributes == second.SubjectAttributes {
		t.Error("the digest does not cover the attributes of both")
	}
}

// TestNobodyActsForAnybody: a service without a name, and one that acts through
// another, are refused like a caller without a subject.
func TestNobodyActsForAnybody(t *testing.T) {
	t.Parallel()
	p := mesh(t, openStore(t))
	user, portal := analyst("brit", "S", "GBR"), analyst("portal", "S", "GBR")
	for _, c := range []catalog.Caller{through(user, catalog.Caller{}), through(user, through(portal, portal)), through(catalog.Caller{}, portal)} {
		if _, err := p.Decisions(c).Evaluate(context.Background(), read("brit", "alpha/open")); !errors.Is(err, catalog.ErrUnauthenticated) {
			t.Errorf("%+v: got %v, want %v", c, err, catalog.ErrUnauthenticated)
		}
	}
}

// TestAttackServiceOverwritesWhatItIsNotShown: through a service that may not know
// of something, an owner neither replaces it nor learns anything of it but that
// the name is not theirs to use; alone they do.
func TestAttackServiceOverwritesWhatItIsNotShown(t *testing.T) {
	t.Parallel()
	p := mesh(t, openStore(t))
	owner := analyst("alpha.owner", "TS", "USA")
	owner.Attributes.FineAccessControls = []string{"SI"}
	veiled := markedDomain("veiled", secretive, "")
	referring := &catalog.Schema{Domain: "alpha", Name: "uses", Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"Uses","fields":[{"name":"t","type":"Track"}]}`,
		Dependencies: map[string]catalog.SchemaDependency{"Track": {Schema: "veiled/track", Version: 1}}}
	mustPut(t, p.As(admin), veiled, &catalog.Schema{Domain: "veiled", Name: "track", Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"Track","fields":[]}`}, referring)
	portal := through(owner, analyst("portal", "S", "GBR"))
	plain := &catalog.Schema{Domain: "alpha", Name: "uses", Type: catalog.SchemaAvro, Definition: `"int"`, Compatibility: catalog.CompatibilityNone}
	for _, object := range []catalog.Object{product("alpha/high", "SECRET//REL TO USA, FVEY"), plain} {
		before, err := p.As(owner).Get(t.Context(), object.Ref())
		if err != nil {
			t.Fatal(err)
		}
		for _, opts := range []catalog.WriteOptions{{DryRun: true}, {IfNoneMatch: true}, {IfMatch: "*"}, {IfMatch: before.Revision}, {}} {
			if got, err := p.As(portal).Put(t.Context(), object, opts); !errors.Is(err, catalog.ErrForbidden) {
				t.Errorf("%s, %+v: got %+v, %v", object.Ref(), opts, got, err)
			}
		}
		verdict, err := p.As(portal).Validate(t.Context(), catalog.Proposal{Puts: []catalog.Object{object}})
		if err != nil || len(verdict.Findings) != 1 || len(verdict.Findings[0].Problems) == 0 || verdict.Findings[0].Problems[0].Rule != catalog.RuleForbidden {
			t.Errorf("%s in a proposal: got %+v, %v", object.Ref(), verdict, err)
		}
		if after, err := p.As(owner).Get(t.Context(), object.Ref()); err != nil || after.Revision != before.Revision {
			t.Errorf("%s: it was changed, %v", object.Ref(), err)
		}
		if _, err := p.As(owner).Put(t.Context(), object, catalog.WriteOptions{DryRun: true}); err != nil {
			t.Errorf("%s, the owner alone: %v", object.Ref(), err)
		}
	}
	subject := catalog.SubjectOf("alpha/uses")
	if _, err := p.Registry(portal).Register(t.Context(), subject, catalog.Registering{Type: catalog.SchemaAvro, Definition: `"int"`}); !errors.Is(err, catalog.ErrForbidden) {
		t.Errorf("a registration: got %v", err)
	}
	if _, err := p.As(portal).Put(t.Context(), product("alpha/fresh", "SECRET//REL TO USA, FVEY"), catalog.WriteOptions{DryRun: true}); err != nil {
		t.Errorf("a free name: %v", err)
	}
}
