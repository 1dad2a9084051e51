package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// version is a version of the default context with the text of this id.
func version(name string, n, id int) catalog.Registration {
	return catalog.Registration{Subject: subject(name), Version: n, Schema: text(id), Created: "2026-11-22T12:00:00Z"}
}

func in(registry string, r catalog.Registration) catalog.Registration {
	r.Subject.Context = registry
	return r
}

// addVersions adds versions, each with a text that is added with its first use.
func addVersions(t *testing.T, s store.Store, versions ...catalog.Registration) {
	t.Helper()
	update(t, s, func(w store.Writer) error {
		for _, v := range versions {
			_, err := w.Schema(t.Context(), v.Subject.Context, v.Schema.ID)
			if errors.Is(err, store.ErrNotFound) {
				schema := registered(v.Subject.Context, v.Schema.ID)
				schema.RegisteredSchema = v.Schema
				err = w.AddSchema(t.Context(), schema)
			}
			if err := errors.Join(err, w.AddVersion(t.Context(), v)); err != nil {
				return err
			}
		}
		return nil
	})
}

func deleteVersion(t *testing.T, s store.Store, name string, n int) {
	t.Helper()
	update(t, s, func(w store.Writer) error { return w.DeleteVersion(t.Context(), subject(name), n) })
}

func removeVersion(t *testing.T, s store.Store, name string, n int) {
	t.Helper()
	update(t, s, func(w store.Writer) error { return w.RemoveVersion(t.Context(), subject(name), n) })
}

var versionCases = map[string]func(*testing.T, store.Store){
	"versions come by number": func(t *testing.T, s store.Store) {
		addVersions(t, s, version("a.x", 1, 1), version("a.x", 2, 2), version("a.x", 10, 3), version("a.x", 9, 1), version("a.y", 1, 1))
		wantVersions(t, s, "a.x", version("a.x", 1, 1), version("a.x", 2, 2), version("a.x", 9, 1), version("a.x", 10, 3))
		wantVersions(t, s, "a.y", version("a.y", 1, 1))
		wantVersions(t, s, "a.z")
	},
	"a number is never registered twice": func(t *testing.T, s store.Store) {
		addVersions(t, s, version("a.x", 1, 1), version("a.x", 2, 2), version("a.x", 3, 3))
		deleteVersion(t, s, "a.x", 2)
		deleteVersion(t, s, "a.x", 3)
		removeVersion(t, s, "a.x", 3)
		for n := range 3 {
			err := s.Update(t.Context(), func(w store.Writer) error { return w.AddVersion(t.Context(), version("a.x", n+1, 1)) })
			if err == nil {
				t.Errorf("AddVersion of number %d, which was used: got no error, want one", n+1)
			}
		}
		wantLast(t, s, "a.x", 3)
		wantUsed(t, s, "a.x", map[int]bool{1: true, 2: true, 3: true, 4: false})
		wantUsed(t, s, "a.y", map[int]bool{1: false})
		wantVersions(t, s, "a.x", version("a.x", 1, 1))
	},
	"a version of no text is refused": func(t *testing.T, s store.Store) {
		addVersions(t, s, in("lab", version("a.x", 1, 7)))
		err := s.Update(t.Context(), func(w store.Writer) error { return w.AddVersion(t.Context(), version("a.x", 1, 7)) })
		if !errors.Is(err, store.ErrDangling) {
			t.Errorf("AddVersion with the id of another context: got %v, want ErrDangling", err)
		}
	},
	"a deleted version is read and not listed": func(t *testing.T, s store.Store) {
		addVersions(t, s, version("a.x", 1, 1), version("a.x", 2, 2))
		deleteVersion(t, s, "a.x", 1)
		wantVersions(t, s, "a.x", version("a.x", 2, 2))
		deleted := version("a.x", 1, 1)
		deleted.Deleted = true
		wantVersion(t, s, deleted)
		wantVersion(t, s, version("a.x", 2, 2))
	},
	"a removed version is gone with its text": func(t *testing.T, s store.Store) {
		addVersions(t, s, version("a.x", 1, 1), version("a.x", 2, 2), version("a.y", 1, 2))
		for n := range 2 {
			deleteVersion(t, s, "a.x", n+1)
			removeVersion(t, s, "a.x", n+1)
			wantNoVersion(t, s, "a.x", n+1)
		}
		view(t, s, func(r store.Reader) error {
			if _, err := r.Schema(t.Context(), "", 1); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Schema 1, of no version: got %v, want ErrNotFound", err)
			}
			_, err := r.Schema(t.Context(), "", 2) // a.y still has it
			return err
		})
	},
	"deletion is soft before it is for ever, and each is done once": func(t *testing.T, s store.Store) {
		addVersions(t, s, version("a.x", 1, 1))
		wantNotFound := func(what string, err error) {
			t.Helper()
			if !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: got %v, want ErrNotFound", what, err)
			}
		}
		update(t, s, func(w store.Writer) error {
			ctx, x := t.Context(), subject("a.x")
			wantNotFound("remove what is not deleted", w.RemoveVersion(ctx, x, 1))
			wantNotFound("delete what is not there", w.DeleteVersion(ctx, x, 2))
			wantNotFound("remove what is not there", w.RemoveVersion(ctx, x, 2))
			err := w.DeleteVersion(ctx, x, 1)
			wantNotFound("delete again", w.DeleteVersion(ctx, x, 1))
			err = errors.Join(err, w.RemoveVersion(ctx, x, 1))
			wantNotFound("remove again", w.RemoveVersion(ctx, x, 1))
			wantNotFound("delete what is removed", w.DeleteVersion(ctx, x, 1))
			return err
		})
		wantLast(t, s, "a.x", 1)
	},
	"a transaction in which a statement failed is not committed": func(t *testing.T, s store.Store) {
		addVersions(t, s, version("a.x", 1, 1))
		err := s.Update(t.Context(), func(w store.Writer) error {
			if err := w.Put(t.Context(), record(domain("a"))); err != nil {
				return err
			}
			_ = w.AddVersion(t.Context(), version("a.x", 1, 1)) // the caller forgets to look
			return nil
		})
		if err == nil {
			t.Error("Update: got no error, want that of the statement")
		}
		wantMissing(t, s, domain("a"))
	},
	"what refers to a version is found": func(t *testing.T, s store.Store) {
		base := subject("a.base")
		use := func(name string, n, id int, targets ...int) catalog.Registration {
			v := version(name, n, id)
			for i, target := range targets {
				v.Schema.References = append(v.Schema.References, catalog.SubjectReference{Name: fmt.Sprint(i), Subject: base, Version: target})
			}
			return v
		}
		both, other, twice := use("a.x", 1, 11, 1, 2), in("lab", use("b", 1, 12, 2)), use("a.y", 4, 13, 1, 1)
		addVersions(t, s, version("a.base", 1, 1), version("a.base", 2, 2), both, other, twice)
		wantReferring(t, s, base, 1, both, twice)
		wantReferring(t, s, base, 2, both, other)
		wantReferring(t, s, base, catalog.AllVersions, both, twice, other)
		wantReferring(t, s, subject("a.x"), 1)
		deleteVersion(t, s, "a.y", 4)
		twice.Deleted = true
		wantReferring(t, s, base, 1, both, twice)
		removeVersion(t, s, "a.y", 4)
		wantReferring(t, s, base, 1, both)
	},
	"a reference to no version is refused": func(t *testing.T, s store.Store) {
		addVersions(t, s, version("a.x", 1, 1))
		v := version("a.x", 2, 1)
		v.Schema.References = []catalog.SubjectReference{{Name: "n", Subject: subject("a.x"), Version: 3}}
		err := s.Update(t.Context(), func(w store.Writer) error { return w.AddVersion(t.Context(), v) })
		if !errors.Is(err, store.ErrDangling) {
			t.Errorf("AddVersion: got %v, want ErrDangling", err)
		}
	},
}

func wantVersions(t *testing.T, s store.Store, name string, want ...catalog.Registration) {
	t.Helper()
	wantRegistrations(t, s, catalog.RegistryQuery{Subject: subject(name)}, want...)
}

func wantVersion(t *testing.T, s store.Store, want catalog.Registration) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		got, err := r.Registration(t.Context(), want.Subject, want.Version)
		diff(t, fmt.Sprintf("version %d of %s", want.Version, want.Subject), got, want)
		return err
	})
}

func wantNoVersion(t *testing.T, s store.Store, name string, n int) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		if got, err := r.Registration(t.Context(), subject(name), n); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("version %d of %s: got %v, %v, want ErrNotFound", n, name, got, err)
		}
		return nil
	})
}

func wantLast(t *testing.T, s store.Store, name string, want int) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		got, err := r.LastVersion(t.Context(), subject(name))
		if got != want {
			t.Errorf("LastVersion of %s: got %d, want %d", name, got, want)
		}
		return err
	})
}

func wantUsed(t *testing.T, s store.Store, name string, want map[int]bool) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		for n, used := range want {
			got, err := r.Used(t.Context(), subject(name), n)
			if err != nil || got != used {
				t.Errorf("Used %d of %s: got %v, %v, want %v", n, name, got, err, used)
			}
		}
		return nil
	})
}

func wantReferring(t *testing.T, s store.Store, to catalog.Subject, n int, want ...catalog.Registration) {
	t.Helper()
	for i := range want {
		want[i].Schema.Definition = ""
	}
	view(t, s, func(r store.Reader) error {
		got, err := r.Referring(t.Context(), to, n)
		diff(t, fmt.Sprintf("Referring to version %d of %s", n, to), got, want)
		return err
	})
}
