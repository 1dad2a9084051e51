package platform

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// lines are the entries of the schema registry, and those of the catalogue, in
// short.
func lines(list []audit.Entry) []string {
	var all []string
	for _, e := range list {
		all = append(all, strings.TrimSpace(strings.Join([]string{e.Event, e.Decision, e.Action, e.Object, strings.Join(e.ReasonCodes, ",")}, " ")))
	}
	return all
}

// TestEveryChangeOfTheRegistryIsRecorded: through either door, in the order in
// which it happened; what changes nothing leaves nothing.
func TestEveryChangeOfTheRegistryIsRecorded(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := newPlatform(t, s)
	r, x, bare := p.Registry(admin), catalog.Subject{Name: "alpha.x"}, catalog.Subject{Context: "lab", Name: "orders"}
	mustPut(t, p.As(admin), domain("alpha"))
	mustRegister(t, r, x, avroText)
	mustRegister(t, r, x, avroText)
	mustRegister(t, r, bare, avroText)
	mustPut(t, p.As(admin), &catalog.Schema{Domain: "alpha", Name: "x", Type: catalog.SchemaAvro, Definition: avroText.Definition + "\n"})
	mustPut(t, p.As(admin), &catalog.Schema{Domain: "alpha", Name: "x", Type: catalog.SchemaAvro,
		Definition: `{"type":"record","name":"T","fields":[{"name":"a","type":"int","default":0}]}`})
	for _, version := range []int{2, 1} {
		if _, err := r.Remove(ctx, x, version, false); err != nil {
			t.Fatal(err)
		}
	}
	mustRemove(t, r, bare)
	level := catalog.SettingsChange{Set: catalog.SubjectSettings{Compatibility: catalog.CompatibilityNone}}
	for range 2 {
		if err := r.Configure(ctx, catalog.Scope{}, level); err != nil {
			t.Fatal(err)
		}
	}
	low := p.Registry(catalog.Caller{Subject: "low", RequestID: "req-2"})
	_, registered := low.Register(ctx, bare, avroText)
	_, removed := low.Remove(ctx, x, 1, true)
	configured := low.Configure(ctx, catalog.Scope{Context: "lab"}, level)
	for _, err := range []error{registered, removed, configured} {
		if !errors.Is(err, catalog.ErrForbidden) {
			t.Errorf("got %v, want it forbidden", err)
		}
	}
	_, err := r.Register(ctx, x, catalog.Registering{Type: catalog.SchemaAvro, Definition: "no"}) // refused by a rule
	if err == nil {
		t.Error("got no error of a text that is none, want one")
	}
	want := []string{
		"catalogue permit create domains/alpha",
		"catalogue permit create schemas/alpha/x", "schema permit register subjects/alpha.x/versions/1",
		"schema permit register subjects/:.lab:orders/versions/1",
		"catalogue permit replace schemas/alpha/x",
		"catalogue permit replace schemas/alpha/x", "schema permit register subjects/alpha.x/versions/2",
		"catalogue permit replace schemas/alpha/x", "schema permit delete subjects/alpha.x/versions/2",
		"catalogue permit delete schemas/alpha/x", "schema permit delete subjects/alpha.x",
		"schema permit delete subjects/:.lab:orders", "schema permit remove subjects/:.lab:orders",
		"schema permit configure subjects",
		"schema deny register subjects/:.lab:orders forbidden",
		"schema deny remove subjects/alpha.x forbidden",
		"schema deny configure subjects/:.lab: forbidden",
	}
	if diff := cmp.Diff(want, lines(entries(t, s, 0))); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

// TestNoRegistrationIsRefusedWithoutItsEntry: a denial that cannot be recorded
// is an outage, not a denial.
func TestNoRegistrationIsRefusedWithoutItsEntry(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	low := catalog.Caller{Subject: "low"}
	for n := range 50 {
		_, err := newPlatform(t, &faulty{s, n}).Registry(low).Register(context.Background(), catalog.Subject{Name: "orders"}, avroText)
		if errors.Is(err, catalog.ErrForbidden) {
			if got := entries(t, s, 0); len(got) != 1 || got[0].Decision != audit.Deny || got[0].Event != "schema" {
				t.Errorf("got %v, want one denial recorded", lines(got))
			}
			return
		}
		if !errors.Is(err, catalog.ErrUnavailable) || len(entries(t, s, 0)) != 0 {
			t.Fatalf("got %v and %d entries, want unavailable and none", err, len(entries(t, s, 0)))
		}
	}
	t.Fatal("got no denial after 50 calls")
}

// TestIdsTellNothing: ids are spread over the whole range, in no order, so that
// nobody can tell from one how many others there are. The chance that this
// fails by accident is below 2^-60.
func TestIdsTellNothing(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, openStore(t))
	low, high, ascending := 0, 0, 0
	last := 0
	for i := range 64 {
		text := catalog.Registering{Type: catalog.SchemaAvro, Definition: `{"type":"fixed","name":"F","size":` + strings.Repeat("1", i%8+1) + `}`}
		s := catalog.Subject{Context: string(rune('a' + i/8)), Name: "x" + strings.Repeat("y", i%8)}
		id := mustRegister(t, p.Registry(admin), s, text).Schema.ID
		switch {
		case id < 1 || id > 1<<31-1:
			t.Fatalf("got id %d, want 1 to 2^31-1", id)
		case id < 1<<30:
			low++
		default:
			high++
		}
		if id > last {
			ascending++
		}
		last = id
	}
	if low == 0 || high == 0 || ascending == 64 {
		t.Errorf("got %d ids in the lower half, %d in the upper, %d above the one before; want them spread", low, high, ascending)
	}
}
