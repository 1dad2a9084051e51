package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var vocabularyCases = map[string]func(*testing.T, store.Store){
	"at first none is in force": func(t *testing.T, s store.Store) {
		view(t, s, func(r store.Reader) error {
			if e, err := r.InForce(t.Context()); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("InForce: got %v, %v, want ErrNotFound", e, err)
			}
			if v, err := r.Vocabulary(t.Context(), "one"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Vocabulary: got %v, %v, want ErrNotFound", v, err)
			}
			return nil
		})
		wantEnacted(t, s)
	},
	"the last one enacted is in force, and all are kept": func(t *testing.T, s store.Store) {
		enact(t, s, "one", "r1")
		enact(t, s, "two", "r2")
		enact(t, s, "one", "r3") // again
		wantEnacted(t, s, "one", "two", "one")
		view(t, s, func(r store.Reader) error {
			got, err := r.InForce(t.Context())
			diff(t, "InForce", got, store.Enactment{Sequence: 3, Version: "one", Digest: "digest of one", Revision: "r3", Subject: "ann", Issuer: "idp", Time: "now"})
			if err != nil {
				return err
			}
			two, err := r.Vocabulary(t.Context(), "two")
			diff(t, "Vocabulary", two, vocabulary("two"))
			return err
		})
	},
	"a version has one text": func(t *testing.T, s store.Store) {
		enact(t, s, "one", "r1")
		update(t, s, func(w store.Writer) error {
			other := vocabulary("one")
			other.Digest, other.Text = "another", []byte("another")
			if err := w.Enact(t.Context(), other, store.Enactment{Revision: "r2"}); !errors.Is(err, store.ErrTaken) {
				t.Errorf("Enact: got %v, want ErrTaken", err)
			}
			return nil
		})
		wantEnacted(t, s, "one")
	},
	"a transaction rolled back enacts nothing": func(t *testing.T, s store.Store) {
		enact(t, s, "one", "r1")
		within(t, s, func(ctx context.Context, w store.Writer) {
			if err := w.Enact(ctx, vocabulary("two"), store.Enactment{Revision: "r2"}); err != nil {
				t.Errorf("Enact: %v", err)
			}
			if e, err := w.InForce(ctx); err != nil || e.Version != "two" {
				t.Errorf("InForce in the transaction: got %v, %v, want two", e, err)
			}
		})
		wantEnacted(t, s, "one")
	},
	"reading enactments without a limit is refused": func(t *testing.T, s store.Store) {
		view(t, s, func(r store.Reader) error {
			if _, err := r.Enactments(t.Context(), 0); err == nil {
				t.Error("Enactments with limit 0: got no error, want one")
			}
			return nil
		})
	},
}

func vocabulary(version string) store.Vocabulary {
	return store.Vocabulary{Version: version, Digest: "digest of " + version, Text: []byte(`{"version":"` + version + `"}`)}
}

func enact(t *testing.T, s store.Store, version, revision string) {
	t.Helper()
	update(t, s, func(w store.Writer) error {
		return w.Enact(t.Context(), vocabulary(version), store.Enactment{Revision: revision, Subject: "ann", Issuer: "idp", Time: "now"})
	})
}

// wantEnacted compares the versions of all enactments, newest first.
func wantEnacted(t *testing.T, s store.Store, want ...string) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		found, err := r.Enactments(t.Context(), 10)
		var got []string
		for _, e := range found {
			got = append(got, e.Version)
		}
		diff(t, "Enactments", got, want)
		return err
	})
}
