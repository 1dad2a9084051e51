package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

func subject(name string) catalog.Subject { return catalog.Subject{Name: name} }

// registered is a text of this id, with fingerprint and GUID of its own.
func registered(registry string, id int) store.Schema {
	return store.Schema{Context: registry, Fingerprint: fmt.Sprintf("f%d", id), RegisteredSchema: text(id)}
}

func text(id int) catalog.RegisteredSchema {
	return catalog.RegisteredSchema{
		ID: id, GUID: fmt.Sprintf("guid-%d", id), Type: catalog.SchemaJSON, Definition: fmt.Sprintf("{\"n\": %d, \"s\": \"é\"}\n", id),
	}
}

func addSchemas(t *testing.T, s store.Store, schemas ...store.Schema) {
	t.Helper()
	update(t, s, func(w store.Writer) error {
		for _, schema := range schemas {
			if err := w.AddSchema(t.Context(), schema); err != nil {
				return err
			}
		}
		return nil
	})
}

var schemaCases = map[string]func(*testing.T, store.Store){
	"a schema is found by each of its names": func(t *testing.T, s store.Store) {
		want := registered("lab", 2_147_483_646)
		want.References = []catalog.SubjectReference{
			{Name: "a.B", Subject: catalog.Subject{Context: "lab", Name: "x/y"}, Version: 3}, {Name: "z", Subject: subject("z"), Version: 1},
		}
		addSchemas(t, s, want, registered("", 1))
		view(t, s, func(r store.Reader) error {
			byID, err := r.Schema(t.Context(), "lab", want.ID)
			diff(t, "Schema", byID, want)
			byPrint, another := r.SchemaByFingerprint(t.Context(), "lab", want.Fingerprint)
			diff(t, "SchemaByFingerprint", byPrint, want)
			return errors.Join(err, another)
		})
	},
	"what one context has, another has not": func(t *testing.T, s store.Store) {
		addSchemas(t, s, registered("a", 1))
		view(t, s, func(r store.Reader) error {
			_, byID := r.Schema(t.Context(), "", 1)
			_, byPrint := r.SchemaByFingerprint(t.Context(), "b", "f1")
			_, byNumber := r.Schema(t.Context(), "a", 2)
			for _, err := range []error{byID, byPrint, byNumber} {
				if !errors.Is(err, store.ErrNotFound) {
					t.Errorf("got %v, want ErrNotFound", err)
				}
			}
			return nil
		})
	},
	"a GUID is found in every context": func(t *testing.T, s store.Store) {
		same := registered("b", 5)
		same.GUID = "guid-1"
		addSchemas(t, s, same, registered("a", 1), registered("a", 2))
		view(t, s, func(r store.Reader) error {
			want := []store.Schema{registered("a", 1), same}
			for i := range want {
				want[i].Definition = ""
			}
			got, err := r.SchemasByGUID(t.Context(), "guid-1")
			diff(t, "SchemasByGUID", got, want)
			return err
		})
	},
	"an id and a fingerprint are unique in a context": func(t *testing.T, s store.Store) {
		addSchemas(t, s, registered("a", 1))
		sameID, samePrint := registered("a", 1), registered("a", 2)
		sameID.Fingerprint, samePrint.Fingerprint = "other", "f1"
		for name, second := range map[string]store.Schema{"id": sameID, "fingerprint": samePrint} {
			if err := s.Update(t.Context(), func(w store.Writer) error { return w.AddSchema(t.Context(), second) }); err == nil {
				t.Errorf("AddSchema with the %s of another: got no error, want one", name)
			}
		}
		addSchemas(t, s, registered("b", 1))
	},
}

var settingsCases = map[string]func(*testing.T, store.Store){
	"settings are those of exactly one scope": func(t *testing.T, s store.Store) {
		all := map[catalog.Scope]catalog.SubjectSettings{
			{}:                        {Compatibility: catalog.CompatibilityFull},
			{Context: "a"}:            {Mode: catalog.ModeReadOnly},
			{Context: "a", Name: "s"}: {Normalize: new(false)},
			{Name: "s"}:               {Compatibility: catalog.CompatibilityNone, Mode: catalog.ModeImport, Normalize: new(true)},
		}
		for scope, settings := range all {
			putSettings(t, s, scope, settings)
		}
		for scope, settings := range all {
			wantSettings(t, s, scope, settings)
		}
		wantSettings(t, s, catalog.Scope{Context: "b"}, catalog.SubjectSettings{})
	},
	"settings are replaced as a whole": func(t *testing.T, s store.Store) {
		putSettings(t, s, subject("s"), catalog.SubjectSettings{Mode: catalog.ModeReadOnly, Normalize: new(true)})
		putSettings(t, s, subject("s"), catalog.SubjectSettings{Compatibility: catalog.CompatibilityFull})
		wantSettings(t, s, subject("s"), catalog.SubjectSettings{Compatibility: catalog.CompatibilityFull})
		putSettings(t, s, subject("s"), catalog.SubjectSettings{})
		wantSettings(t, s, subject("s"), catalog.SubjectSettings{})
		wantScopes(t, s, catalog.Scope{})
	},
	"scopes lie below their context and the registry": func(t *testing.T, s store.Store) {
		a, b, own := catalog.Scope{Context: "a"}, catalog.Scope{Context: "a", Name: "b"}, subject("s")
		for _, scope := range []catalog.Scope{{}, a, b, own, {Context: "aa", Name: "x"}} {
			putSettings(t, s, scope, catalog.SubjectSettings{Mode: catalog.ModeReadOnly})
		}
		wantScopes(t, s, catalog.Scope{}, own, a, b, catalog.Scope{Context: "aa", Name: "x"})
		wantScopes(t, s, a, b)
		wantScopes(t, s, own)
	},
}

func putSettings(t *testing.T, s store.Store, scope catalog.Scope, settings catalog.SubjectSettings) {
	t.Helper()
	update(t, s, func(w store.Writer) error { return w.PutSettings(t.Context(), scope, settings) })
}

func wantSettings(t *testing.T, s store.Store, scope catalog.Scope, want catalog.SubjectSettings) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		got, err := r.Settings(t.Context(), scope)
		diff(t, fmt.Sprintf("Settings of %q", scope), got, want)
		return err
	})
}

func wantScopes(t *testing.T, s store.Store, scope catalog.Scope, want ...catalog.Scope) {
	t.Helper()
	update(t, s, func(w store.Writer) error {
		got, err := w.ScopesBelow(t.Context(), scope)
		diff(t, fmt.Sprintf("ScopesBelow %q", scope), got, want)
		return err
	})
}
