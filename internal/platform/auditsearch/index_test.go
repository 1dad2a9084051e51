package auditsearch

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlite"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// newLog is a log of n entries; each thousandth is of subject "rare", whose
// numbers are 1, 1001, 2001 and so on.
func newLog(t *testing.T, n int) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "datamesh.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	for made := 0; made < n; {
		err := s.Update(t.Context(), func(w store.Writer) error {
			for range min(5000, n-made) {
				e := audit.Entry{V: audit.Version, Time: "2026-01-01T00:00:00Z", Event: "decision", Action: "read", Decision: audit.Permit, Consumer: audit.Consumer{Sub: "often"}}
				if made%1000 == 0 {
					e.Consumer.Sub = "rare"
				}
				if err := w.Append(t.Context(), e); err != nil {
					return err
				}
				made++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// follow runs a follower of the log until the test ends.
func follow(t *testing.T, log store.Log, wide int64) *Index {
	t.Helper()
	i := New(filepath.Join(t.TempDir(), "search"), log)
	i.wide = wide
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { i.Run(ctx, slog.New(slog.DiscardHandler)) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return i
}

// wantRare finds the entries of subject "rare" after a number, as soon as the
// follower is there.
func wantRare(t *testing.T, i *Index, after int64, limit int, first, n int64) {
	t.Helper()
	var found []Match
	err := ErrBehind
	for errors.Is(err, ErrBehind) {
		found, err = i.Find(t.Context(), audit.Query{Subject: "rare"}, after, limit)
	}
	if err != nil || int64(len(found)) != n {
		t.Fatalf("after %d: got %d entries, %v, want %d", after, len(found), err, n)
	}
	for k, m := range found {
		if want := first + int64(k)*1000; m.Number != want {
			t.Errorf("after %d: match %d is entry %d, want %d", after, k, m.Number, want)
		}
	}
}

// TestFindThroughSeveralTables finds what lies in one table, in the next, and on
// both sides of where one ends.
func TestFindThroughSeveralTables(t *testing.T) {
	t.Parallel()
	const wide, size = 2500, 7001 // the rare ones: 1, 1001, 2001; 3001, 4001; 5001, 6001, 7001
	log := newLog(t, size)
	i := follow(t, log, wide)
	wantRare(t, i, 0, 200, 1, 8)
	wantRare(t, i, 2001, 200, 3001, 5)
	wantRare(t, i, 1001, 2, 2001, 2)
	wantRare(t, i, 5000, 1, 5001, 1)
	wantRare(t, i, 7001, 200, 0, 0)
	for _, number := range []int64{1, wide, wide + 1, 2 * wide, size} {
		records, err := log.Audit(t.Context(), number-1, 1)
		if err != nil {
			t.Fatal(err)
		}
		leaf := audit.LeafHash(records[0].Entry)
		found, err := i.ByHash(t.Context(), leaf)
		if err != nil || len(found) != 1 || found[0].Leaf != leaf {
			t.Errorf("entry %d by its hash: got %v, %v", number, found, err)
		}
	}
}

// liar is a log that gives another first entry than its tiles have.
type liar struct {
	store.Log
	lies atomic.Bool
	told chan struct{}
}

func (l *liar) Audit(ctx context.Context, after int64, limit int) ([]store.AuditRecord, error) {
	records, err := l.Log.Audit(ctx, after, limit)
	if err != nil || len(records) == 0 || !l.lies.Load() {
		return records, err
	}
	e, err := audit.ParseEntry(records[0].Entry)
	if err != nil {
		return nil, err
	}
	e.Consumer.Sub = "nobody"
	records[0].Entry, err = e.Canonical()
	select {
	case l.told <- struct{}{}:
	default:
	}
	return records, err
}

// TestAnEntryThatTheTreeDoesNotHaveIsNotSearched, nor is any beside it, until the
// log agrees with its tree.
func TestAnEntryThatTheTreeDoesNotHaveIsNotSearched(t *testing.T) {
	t.Parallel()
	l := &liar{Log: newLog(t, 1500), told: make(chan struct{})}
	l.lies.Store(true)
	i := follow(t, l, segment)
	<-l.told
	<-l.told // it has tried again, from the start
	if found, err := i.Find(t.Context(), audit.Query{Subject: "nobody"}, 0, 10); !errors.Is(err, ErrBehind) {
		t.Errorf("a search of a log that lies: got %v, %v, want ErrBehind", found, err)
	}
	l.lies.Store(false)
	wantRare(t, i, 0, 200, 1, 2)
}
