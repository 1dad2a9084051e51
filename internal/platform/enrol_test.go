package platform

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// TestIdentity: what makes two schemas one, and a GUID that stays what it is. A
// change of it would give every schema another GUID.
func TestIdentity(t *testing.T) {
	t.Parallel()
	x := catalog.SubjectReference{Name: "n", Subject: catalog.Subject{Name: "x"}, Version: 1}
	base := catalog.RegisteredSchema{Type: catalog.SchemaAvro, References: []catalog.SubjectReference{x}}
	want := identify(`"int"`, base)
	if got := want.guid(); got != wantGUID {
		t.Errorf("got GUID %s, want %s", got, wantGUID)
	}
	another := func(change func(*catalog.SubjectReference)) catalog.RegisteredSchema {
		r := x
		change(&r)
		return catalog.RegisteredSchema{Type: catalog.SchemaAvro, References: []catalog.SubjectReference{r}}
	}
	met := map[string]string{want.fingerprint(): "the base"}
	for name, other := range map[string]identity{
		"text":           identify(`"long"`, base),
		"type":           identify(`"int"`, catalog.RegisteredSchema{Type: catalog.SchemaJSON, References: base.References}),
		"no reference":   identify(`"int"`, catalog.RegisteredSchema{Type: catalog.SchemaAvro}),
		"its name":       identify(`"int"`, another(func(r *catalog.SubjectReference) { r.Name = "m" })),
		"its subject":    identify(`"int"`, another(func(r *catalog.SubjectReference) { r.Subject.Name = "y" })),
		"its context":    identify(`"int"`, another(func(r *catalog.SubjectReference) { r.Subject.Context = "lab" })),
		"its version":    identify(`"int"`, another(func(r *catalog.SubjectReference) { r.Version = 2 })),
		"name and place": identify(`"int"`, another(func(r *catalog.SubjectReference) { r.Name, r.Subject.Name = `n","x`, "" })),
	} {
		if twin, found := met[other.fingerprint()]; found || other.guid() == want.guid() {
			t.Errorf("%s: got the identity of %s, want another", name, twin)
		}
		met[other.fingerprint()] = name
		if g := other.guid(); len(g) != 36 || g[14] != '8' || g[19] < '8' || g[19] > 'b' {
			t.Errorf("%s: got %s, want a UUID of version 8", name, g)
		}
	}
}

// wantGUID is from the digest 36723bd9fee07cc1d0c48391778eb9b7… that sha256sum
// prints of ["AVRO","\"int\"",[{"Name":"n","Subject":"x","Version":1}]].
const wantGUID = "36723bd9-fee0-8cc1-90c4-8391778eb9b7"

// TestVersionsOfATimeBeforeFingerprints: the text in force is known again, and
// no new version, under whatever layout it comes back.
func TestVersionsOfATimeBeforeFingerprints(t *testing.T) {
	t.Parallel()
	ctx, s, x := context.Background(), openStore(t), catalog.Subject{Name: "alpha.x"}
	p := newPlatform(t, s)
	mustPut(t, p.As(admin), domain("alpha"))
	old := &catalog.Schema{ID: "alpha/x", Domain: "alpha", Name: "x", Type: catalog.SchemaAvro, Compatibility: catalog.CompatibilityFull,
		Definition: avroText.Definition, Version: 1}
	err := s.Update(ctx, func(w store.Writer) error {
		r, err := record(old, "r")
		text := catalog.RegisteredSchema{ID: 1, GUID: "old", Type: old.Type, Definition: old.Definition}
		return errors.Join(err, w.Put(ctx, r), w.AddSchema(ctx, store.Schema{Fingerprint: store.UnknownFingerprint + "1", RegisteredSchema: text}),
			w.AddVersion(ctx, catalog.Registration{Subject: x, Version: 1, Schema: text, Created: "2026-01-01T00:00:00Z"}))
	})
	if err != nil {
		t.Fatal(err)
	}
	wide := catalog.Registering{Type: catalog.SchemaAvro, Definition: `{ "type": "record", "name": "T", "fields": [] }`}
	if got := mustRegister(t, p.Registry(admin), x, wide); got.Version != 1 || got.Schema.ID != 1 {
		t.Errorf("Register: got %+v, want version 1 with its id", got)
	}
	if got, err := p.Registry(admin).Find(ctx, x, wide, false); err != nil || got.Version != 1 {
		t.Errorf("Find: got %+v, %v, want version 1", got, err)
	}
	old.Definition = wide.Definition
	mustPut(t, p.As(admin), old) // keeps version 1
	old.Definition = trackFields(1).Definition
	old.Compatibility, old.Version = catalog.CompatibilityNone, 0
	mustPut(t, p.As(admin), old)
	if got := mustRegister(t, p.Registry(admin), x, trackFields(1)); got.Version != 2 {
		t.Errorf("got version %d for another text, want 2", got.Version)
	}
}

// crowd is a subject with so many versions, all of one text.
func crowd(t *testing.T, s store.Store, x catalog.Subject, versions int) {
	t.Helper()
	ctx, text := context.Background(), catalog.RegisteredSchema{ID: 1, GUID: "g", Type: catalog.SchemaAvro, Definition: avroText.Definition}
	err := s.Update(ctx, func(w store.Writer) error {
		if err := w.AddSchema(ctx, store.Schema{Context: x.Context, Fingerprint: "f", RegisteredSchema: text}); err != nil {
			return err
		}
		for n := range versions {
			if err := w.AddVersion(ctx, catalog.Registration{Subject: x, Version: n + 1, Schema: text}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMoreVersionsThanCanBeCompared is refused, not left unchecked; a mode that
// looks at the latest alone is not in the way.
func TestMoreVersionsThanCanBeCompared(t *testing.T) {
	t.Parallel()
	ctx, s, x := context.Background(), openStore(t), catalog.Subject{Name: "x"}
	crowd(t, s, x, maxCompared+1)
	r := newPlatform(t, s).Registry(admin)
	for level, rule := range map[catalog.Compatibility]string{
		catalog.CompatibilityFullTransitive: catalog.RuleTooComplex, catalog.CompatibilityForwardTransitive: catalog.RuleTooComplex,
		catalog.CompatibilityBackward: "", catalog.CompatibilityNone: "",
	} {
		if err := r.Configure(ctx, x, catalog.SettingsChange{Set: catalog.SubjectSettings{Compatibility: level}}); err != nil {
			t.Fatal(err)
		}
		text := catalog.Registering{Type: catalog.SchemaAvro, Definition: fmt.Sprintf(`{"type":"record","name":"T","doc":%q,"fields":[]}`, level)}
		_, err := r.Register(ctx, x, text)
		var refused *catalog.Error
		if rule == "" && err != nil || rule != "" && (!errors.As(err, &refused) || refused.Problems[0].Rule != rule) {
			t.Errorf("%s: got %v, want rule %q", level, err, rule)
		}
	}
}

// TestASubjectThatIsFull takes no version that could not be deleted with it.
func TestASubjectThatIsFull(t *testing.T) {
	t.Parallel()
	ctx, s, x := context.Background(), openStore(t), catalog.Subject{Context: "lab", Name: "x"}
	crowd(t, s, x, catalog.MaxRegistrations)
	r := newPlatform(t, s).Registry(admin)
	_, err := r.Register(ctx, x, trackFields(2))
	var refused *catalog.Error
	if !errors.As(err, &refused) || refused.Problems[0].Rule != catalog.RuleCompatibility {
		t.Errorf("got %v, want the rules before the limit", err)
	}
	later := catalog.Registering{Type: catalog.SchemaAvro, Definition: `{"type":"record","name":"T","fields":[{"name":"a","type":"int","default":0}]}`}
	if _, err = r.Register(ctx, x, later); !errors.As(err, &refused) || refused.Problems[0].Rule != catalog.RuleLimit {
		t.Errorf("got %v, want rule %s", err, catalog.RuleLimit)
	}
	gone, err := r.Remove(ctx, x, catalog.AllVersions, false)
	if err != nil || len(gone) != catalog.MaxRegistrations {
		t.Errorf("Remove: got %d versions, %v, want all of them", len(gone), err)
	}
}

// TestManyRegisterAtOnce: the same text from many producers is one version, and
// different ones are as many, without a number or an id twice.
func TestManyRegisterAtOnce(t *testing.T) {
	t.Parallel()
	ctx, p, x := context.Background(), newPlatform(t, openStore(t)), catalog.Subject{Name: "alpha.x"}
	mustPut(t, p.As(admin), domain("alpha"))
	var g errgroup.Group
	for i := range 24 {
		g.Go(func() error {
			_, err := p.Registry(admin).Register(ctx, x, trackFields(i%6))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	found, err := p.Registry(admin).Registrations(ctx, catalog.RegistryQuery{Subject: x})
	if err != nil || len(found) != 6 {
		t.Fatalf("got %d versions, %v, want 6", len(found), err)
	}
	ids := map[int]bool{}
	for i, r := range found {
		if r.Version != i+1 || ids[r.Schema.ID] {
			t.Errorf("got version %d with id %d at place %d, want each number and id once", r.Version, r.Schema.ID, i)
		}
		ids[r.Schema.ID] = true
	}
	entry, err := p.As(admin).Get(ctx, catalog.Ref{Kind: catalog.KindSchema, ID: "alpha/x"})
	if s, ok := entry.Object.(*catalog.Schema); err != nil || !ok || s.Version != 6 || s.Definition != found[5].Schema.Definition {
		t.Errorf("got %+v, %v in force, want version 6", entry.Object, err)
	}
}
