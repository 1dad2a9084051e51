package platform

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var admin = catalog.Caller{
	Subject: "root", Issuer: "https://idp.example", Administrator: true, RequestID: "req-1",
	Attributes: marking.Subject{Clearance: "TS", CountryOfAffiliation: []string{"USA"}, DutyOrganization: "USA.DOD", EmploymentType: "gov"},
}

func domain(name string) *catalog.Domain {
	return &catalog.Domain{
		Name: name, DisplayName: name, Discipline: catalog.DisciplineOther, Contact: name + "@enclave.example",
		Team: map[string]catalog.Member{name + ".owner": {Role: catalog.RoleOwner}},
	}
}

func product(id, banner string, inputs ...string) *catalog.Product {
	ref := catalog.Ref{Kind: catalog.KindProduct, ID: id}
	return &catalog.Product{Domain: ref.Domain(), Name: ref.Name(), Title: "T", Version: "1.0.0", Marking: banner, Inputs: inputs}
}

// entries reads the log after the number.
func entries(t *testing.T, s store.Store, after int64) []audit.Entry {
	t.Helper()
	records, err := s.Audit(context.Background(), after, 1000)
	if err != nil {
		t.Fatalf("Audit: %v", err)
	}
	var found []audit.Entry
	for _, r := range records {
		var e audit.Entry
		if err := json.Unmarshal(r.Entry, &e); err != nil {
			t.Fatalf("entry %d: %v", r.Sequence, err)
		}
		found = append(found, e)
	}
	return found
}

// told is what an entry says, in short.
func told(list []audit.Entry) []string {
	var lines []string
	for _, e := range list {
		lines = append(lines, strings.TrimSpace(strings.Join([]string{e.Decision, e.Action, e.Object, e.MarkingAccessed, strings.Join(e.ReasonCodes, ",")}, " ")))
	}
	return lines
}

func mustPut(t testing.TB, s catalog.Service, objects ...catalog.Object) {
	t.Helper()
	for _, o := range objects {
		if _, err := s.Put(context.Background(), o, catalog.WriteOptions{}); err != nil {
			t.Fatalf("Put %s: %v", o.Ref(), err)
		}
	}
}

func TestEveryChangeIsRecorded(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	p := newPlatform(t, s)
	service := p.As(admin)
	mustPut(t, service, domain("alpha"), product("alpha/in", "CONFIDENTIAL//NOFORN"), product("alpha/mid", "", "alpha/in"),
		product("alpha/out", "SECRET//NOFORN", "alpha/mid"))
	mustPut(t, service, product("alpha/in", "CONFIDENTIAL//NOFORN"))   // nothing new
	mustPut(t, service, product("alpha/in", "SECRET//NOFORN"))         // mid follows; out stays as it was, save what it inherits
	mustPut(t, service, product("alpha/in", "TOP SECRET//SI//NOFORN")) // both follow
	stranger := catalog.Caller{Subject: "stranger", RequestID: "req-2"}
	_, err := p.As(stranger).Put(ctx, product("alpha/in", "UNCLASSIFIED"), catalog.WriteOptions{})
	if !errors.Is(err, catalog.ErrForbidden) {
		t.Fatalf("got %v, want it forbidden", err)
	}
	_, err = p.As(stranger).Put(ctx, product("alpha/new", "UNCLASSIFIED"), catalog.WriteOptions{})
	if !errors.Is(err, catalog.ErrForbidden) {
		t.Fatalf("got %v, want it forbidden", err)
	}
	_, _ = p.As(stranger).Put(ctx, product("alpha/new", "UNCLASSIFIED"), catalog.WriteOptions{DryRun: true})   // recorded nowhere
	_, _ = service.Put(ctx, product("alpha/bad", "SECRET", "alpha/none"), catalog.WriteOptions{})              // refused by a rule
	_, _ = service.Put(ctx, product("alpha/in", "SECRET"), catalog.WriteOptions{IfMatch: "other"})             // refused by a condition
	_ = service.Delete(ctx, product("alpha/in", "").Ref(), catalog.WriteOptions{})                             // in use
	_ = p.As(stranger).Delete(ctx, product("alpha/in", "").Ref(), catalog.WriteOptions{})                      // not seen, so not there
	_ = p.As(stranger).Delete(ctx, catalog.Ref{Kind: catalog.KindDomain, ID: "alpha"}, catalog.WriteOptions{}) // seen, forbidden
	if err := service.Delete(ctx, product("alpha/out", "").Ref(), catalog.WriteOptions{}); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	log := entries(t, s, 0)
	want := []string{
		"permit create domains/alpha",
		"permit create products/alpha/in CONFIDENTIAL//NOFORN",
		"permit create products/alpha/mid CONFIDENTIAL//NOFORN",
		"permit create products/alpha/out SECRET//NOFORN",
		"permit replace products/alpha/in SECRET//NOFORN",
		"permit recompute products/alpha/mid SECRET//NOFORN",
		"permit recompute products/alpha/out SECRET//NOFORN",
		"permit replace products/alpha/in TOP SECRET//SI//NOFORN",
		"permit recompute products/alpha/mid TOP SECRET//SI//NOFORN",
		"permit recompute products/alpha/out TOP SECRET//SI//NOFORN",
		"deny create products/alpha/in  forbidden",
		"deny create products/alpha/new  forbidden",
		"deny delete domains/alpha  forbidden",
		"permit delete products/alpha/out TOP SECRET//SI//NOFORN",
	}
	if diff := cmp.Diff(want, told(log)); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

func TestWhatAnEntrySays(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 500, time.FixedZone("", 3600))
	p, err := New(Config{Store: s, Now: func() time.Time { return at }, NewRevision: func() string { return "r" }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	changed := domain("alpha")
	changed.Description = "Changed."
	mustPut(t, p.As(admin), domain("alpha"), changed)
	log := entries(t, s, 0)
	if len(log) != 2 {
		t.Fatalf("got %d entries, want 2", len(log))
	}
	want := audit.Entry{
		V: 1, Time: "2026-03-01T11:00:00.0000005Z", Event: "catalogue", Action: "replace", Object: "domains/alpha", Decision: "permit",
		Consumer:          audit.Consumer{Sub: "root", Issuer: "https://idp.example", Org: "USA.DOD", Country: []string{"USA"}},
		VocabularyVersion: marking.Default().Version(), RequestID: "req-1", Revision: "r",
		Before: log[0].After, After: log[1].After, Salt: log[1].Salt,
	}
	if len(log[0].Salt) < 26 || log[0].Salt == log[1].Salt {
		t.Errorf("got the salts %q and %q, want 128 random bits in each", log[0].Salt, log[1].Salt)
	}
	if diff := cmp.Diff(want, log[1]); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if log[0].Before != "" || !strings.HasPrefix(log[0].After, "sha256:") || log[0].After == log[1].After {
		t.Errorf("got digests %q to %q and %q, want none, then two different ones", log[0].Before, log[0].After, log[1].After)
	}
	entry, err := p.As(admin).Get(context.Background(), domain("alpha").Ref())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := digest(entry.Object); err != nil || got != log[1].After {
		t.Errorf("got digest %q, %v of what is read back, want %q of the entry", got, err, log[1].After)
	}
}
