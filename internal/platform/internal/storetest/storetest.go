// Package storetest is the specification of a store.Store as tests: every
// implementation passes [TestStore]. It uses nothing but the interface, so what
// only a database can show (its triggers, its files) is tested beside it.
package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// TestStore runs the suite. The function given opens an empty store of its own
// each time; the suite closes none, so it registers that with t.Cleanup.
func TestStore(t *testing.T, open func(t *testing.T) store.Store) {
	groups := []struct {
		name  string
		cases map[string]func(*testing.T, store.Store)
	}{
		{"objects", objectCases},
		{"references", referenceCases},
		{"lists", listCases},
		{"schemas", schemaCases},
		{"versions", versionCases},
		{"registrations", registrationCases},
		{"settings", settingsCases},
		{"vocabularies", vocabularyCases},
		{"audit", auditCases},
		{"tree", treeCases},
		{"group", groupCases},
		{"transactions", transactionCases},
		{"model", modelCases},
	}
	for _, group := range groups {
		t.Run(group.name, func(t *testing.T) {
			for name, run := range group.cases {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					run(t, open(t))
				})
			}
		})
	}
}

// domain, schema, … are references to objects of that kind.
func domain(id string) catalog.Ref  { return catalog.Ref{Kind: catalog.KindDomain, ID: id} }
func schema(id string) catalog.Ref  { return catalog.Ref{Kind: catalog.KindSchema, ID: id} }
func policy(id string) catalog.Ref  { return catalog.Ref{Kind: catalog.KindCaveatPolicy, ID: id} }
func sla(id string) catalog.Ref     { return catalog.Ref{Kind: catalog.KindSLA, ID: id} }
func product(id string) catalog.Ref { return catalog.Ref{Kind: catalog.KindProduct, ID: id} }

// record is an object with plausible contents and these references.
func record(ref catalog.Ref, references ...catalog.Ref) store.Record {
	return store.Record{
		Ref: ref, Revision: "r1", Text: ref.ID + " text",
		Body: []byte(`{"name":"` + ref.Name() + `"}`), References: references,
	}
}

func put(t *testing.T, s store.Store, records ...store.Record) {
	t.Helper()
	update(t, s, func(w store.Writer) error {
		for _, r := range records {
			if err := w.Put(t.Context(), r); err != nil {
				return err
			}
		}
		return nil
	})
}

func update(t *testing.T, s store.Store, f func(store.Writer) error) {
	t.Helper()
	if err := s.Update(t.Context(), f); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func view(t *testing.T, s store.Store, f func(store.Reader) error) {
	t.Helper()
	if err := s.View(t.Context(), f); err != nil {
		t.Fatalf("View: %v", err)
	}
}

// wantRecord reads a record in a transaction of its own and compares. Whether its
// references are kept is seen from what they lead to.
func wantRecord(t *testing.T, s store.Store, want store.Record) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		got, err := r.Get(t.Context(), want.Ref)
		if err != nil {
			return err
		}
		for _, to := range want.References {
			users, err := r.Dependants(t.Context(), to)
			if err != nil {
				return err
			}
			if to != want.Ref && !slices.Contains(users, want.Ref) {
				t.Errorf("%s: got it from %v, want from %s", to, users, want.Ref)
			}
		}
		want.References = nil
		diff(t, want.Ref.String(), got, want)
		return nil
	})
}

func wantMissing(t *testing.T, s store.Store, refs ...catalog.Ref) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		for _, ref := range refs {
			if got, err := r.Get(t.Context(), ref); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Get(%s): got %v, %v, want ErrNotFound", ref, got, err)
			}
		}
		return nil
	})
}

// diff compares; the order of references and nil against empty mean nothing.
// Bytes are compared as a whole: one after the other, a megabyte takes the race
// detector a quarter of a minute.
func diff(t *testing.T, what string, got, want any) {
	t.Helper()
	whole := cmp.FilterValues(func(a, b []byte) bool { return len(a)+len(b) > 0 }, cmp.Comparer(bytes.Equal))
	anyOrder := cmpopts.SortSlices(func(a, b catalog.Ref) bool { return fmt.Sprint(a) < fmt.Sprint(b) })
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), anyOrder, whole); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

func ids(records []store.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, r.Ref.ID)
	}
	return all
}

func entry(action string) audit.Entry {
	return audit.Entry{
		V: 1, Time: "2026-11-22T12:00:00Z", Event: "catalogue", Action: action,
		Consumer: audit.Consumer{Sub: "ann"}, Object: "products/sigint/tracks", Decision: audit.Permit,
	}
}

var errStop = errors.New("stop here")

// recovered calls f and gives what it panicked with, nil when it did not.
func recovered(f func()) (value any) {
	defer func() { value = recover() }()
	f()
	return nil
}

// within runs f in a transaction that is rolled back.
func within(t *testing.T, s store.Store, f func(context.Context, store.Writer)) {
	t.Helper()
	err := s.Update(t.Context(), func(w store.Writer) error {
		f(t.Context(), w)
		return errStop
	})
	if !errors.Is(err, errStop) {
		t.Errorf("Update: got %v, want the error of its function", err)
	}
}
