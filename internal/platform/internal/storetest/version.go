package storetest

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

func version(n int) catalog.SchemaVersion {
	return catalog.SchemaVersion{Version: n, Definition: "{\"n\": \"é\"}\n", Created: "2026-11-22T12:00:00Z"}
}

func addVersions(t *testing.T, s store.Store, id string, numbers ...int) {
	t.Helper()
	update(t, s, func(w store.Writer) error {
		for _, n := range numbers {
			if err := w.AddVersion(t.Context(), id, version(n)); err != nil {
				return err
			}
		}
		return nil
	})
}

var versionCases = map[string]func(*testing.T, store.Store){
	"versions come oldest first, by number": func(t *testing.T, s store.Store) {
		addVersions(t, s, "a/x", 1, 2, 10, 9)
		addVersions(t, s, "a/y", 1)
		wantVersions(t, s, "a/x", 1, 2, 9, 10)
		wantVersions(t, s, "a/y", 1)
		wantVersions(t, s, "a/z")
	},
	"versions survive the deletion of their schema": func(t *testing.T, s store.Store) {
		put(t, s, record(schema("a/x")))
		addVersions(t, s, "a/x", 1, 2)
		update(t, s, func(w store.Writer) error { return w.Delete(t.Context(), schema("a/x")) })
		wantVersions(t, s, "a/x", 1, 2)
		put(t, s, record(schema("a/x")))
		addVersions(t, s, "a/x", 3)
		wantVersions(t, s, "a/x", 1, 2, 3)
	},
	"a number is never registered twice": func(t *testing.T, s store.Store) {
		addVersions(t, s, "a/x", 1)
		second := version(1)
		second.Definition = "another"
		err := s.Update(t.Context(), func(w store.Writer) error { return w.AddVersion(t.Context(), "a/x", second) })
		if err == nil {
			t.Error("AddVersion of a number in use: got no error, want one")
		}
		wantVersions(t, s, "a/x", 1)
	},
	"a transaction in which a statement failed is not committed": func(t *testing.T, s store.Store) {
		addVersions(t, s, "a/x", 1)
		err := s.Update(t.Context(), func(w store.Writer) error {
			if err := w.Put(t.Context(), record(domain("a"))); err != nil {
				return err
			}
			_ = w.AddVersion(t.Context(), "a/x", version(1)) // the caller forgets to look
			return nil
		})
		if err == nil {
			t.Error("Update: got no error, want that of the statement")
		}
		wantMissing(t, s, domain("a"))
	},
}

func wantVersions(t *testing.T, s store.Store, id string, numbers ...int) {
	t.Helper()
	var want []catalog.SchemaVersion
	for _, n := range numbers {
		want = append(want, version(n))
	}
	view(t, s, func(r store.Reader) error {
		got, err := r.Versions(t.Context(), id)
		diff(t, "Versions of "+id, got, want)
		return err
	})
}
