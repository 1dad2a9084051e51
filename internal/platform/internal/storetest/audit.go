package storetest

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var auditCases = map[string]func(*testing.T, store.Store){
	"entries are kept as their canonical bytes": func(t *testing.T, s store.Store) {
		const want = `{"action":"create","consumer":{"sub":"ann"},"decision":"permit","event":"catalogue",` +
			`"object":"products/sigint/tracks","time":"2026-11-22T12:00:00Z","v":1}`
		update(t, s, func(w store.Writer) error { return w.Append(t.Context(), entry("create")) })
		got, err := s.Audit(t.Context(), 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		diff(t, "Audit", got, []store.AuditRecord{{Sequence: 1, Entry: []byte(want)}})
	},
	"an empty log has no entries": func(t *testing.T, s store.Store) {
		wantSequences(t, s, 0, 10)
	},
	"numbers start at one and follow each other": func(t *testing.T, s store.Store) {
		appendEntries(t, s, 3)
		appendEntries(t, s, 2)
		wantSequences(t, s, 0, 10, 1, 2, 3, 4, 5)
		wantSequences(t, s, 2, 2, 3, 4)
		wantSequences(t, s, 5, 1)
		wantSequences(t, s, 99, 1)
	},
	"a change whose entry cannot be kept is not made": func(t *testing.T, s store.Store) {
		for name, spoil := range map[string]func(*audit.Entry){
			"text that is not UTF-8": func(e *audit.Entry) { e.Object = "products/\xff" },
			"an entry of a megabyte": func(e *audit.Entry) { e.Object = strings.Repeat("x", 1<<20) },
		} {
			e := entry("create")
			spoil(&e)
			err := s.Update(t.Context(), func(w store.Writer) error {
				if err := w.Put(t.Context(), record(domain("unseen"))); err != nil {
					return err
				}
				_ = w.Append(t.Context(), e) // the caller forgets to look
				return nil
			})
			if err == nil {
				t.Errorf("%s: got no error, want one", name)
			}
		}
		wantMissing(t, s, domain("unseen"))
		wantSequences(t, s, 0, 10)
	},
	"a transaction rolled back leaves no gap": func(t *testing.T, s store.Store) {
		appendEntries(t, s, 1)
		within(t, s, func(ctx context.Context, w store.Writer) {
			if err := w.Append(ctx, entry("lost")); err != nil {
				t.Errorf("Append: %v", err)
			}
		})
		appendEntries(t, s, 1)
		wantSequences(t, s, 0, 10, 1, 2)
	},
	"reading without a limit is refused": func(t *testing.T, s store.Store) {
		for _, limit := range []int{0, -1} {
			if _, err := s.Audit(t.Context(), 0, limit); err == nil {
				t.Errorf("Audit with limit %d: got no error, want one", limit)
			}
		}
	},
}

func appendEntries(t *testing.T, s store.Store, n int) {
	t.Helper()
	update(t, s, func(w store.Writer) error {
		for i := range n {
			if err := w.Append(t.Context(), entry("create"+strconv.Itoa(i))); err != nil {
				return err
			}
		}
		return nil
	})
}

func wantSequences(t *testing.T, s store.Store, after int64, limit int, want ...int64) {
	t.Helper()
	records, err := s.Audit(t.Context(), after, limit)
	if err != nil {
		t.Fatalf("Audit: %v", err)
	}
	var got []int64
	for _, r := range records {
		got = append(got, r.Sequence)
	}
	if !slices.Equal(got, want) {
		t.Errorf("Audit(after %d, limit %d): got numbers %v, want %v", after, limit, got, want)
	}
}
