package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var transactionCases = map[string]func(*testing.T, store.Store){
	"an error rolls all of it back": func(t *testing.T, s store.Store) {
		within(t, s, changeAll(t))
		wantUnchanged(t, s)
	},
	"a panic rolls all of it back and passes through": func(t *testing.T, s store.Store) {
		got := recovered(func() {
			_ = s.Update(t.Context(), func(w store.Writer) error {
				changeAll(t)(t.Context(), w)
				panic("boom")
			})
		})
		if p, ok := got.(*store.Panic); !ok || p.Value != "boom" || !strings.Contains(string(p.Stack), "storetest") {
			t.Errorf("recovered %v, want the panic of the function", got)
		}
		wantUnchanged(t, s)
		put(t, s, record(domain("after"))) // and the store goes on
	},
	"a panic in View passes through": func(t *testing.T, s store.Store) {
		for range 50 { // more than any pool has connections
			if got := recovered(func() { _ = s.View(t.Context(), func(store.Reader) error { panic("boom") }) }); got != "boom" {
				t.Fatalf("recovered %v, want the panic of the function", got)
			}
		}
		wantMissing(t, s, domain("a"))
	},
	"the error of a View is returned": func(t *testing.T, s store.Store) {
		if err := s.View(t.Context(), func(store.Reader) error { return errStop }); !errors.Is(err, errStop) {
			t.Errorf("View: got %v, want the error of its function", err)
		}
	},
	"nobody else sees a change before it is committed": func(t *testing.T, s store.Store) {
		old, changed := record(domain("a")), record(domain("a"))
		changed.Revision = "r2"
		put(t, s, old)
		update(t, s, func(w store.Writer) error {
			if err := errors.Join(w.Put(t.Context(), changed), w.Append(t.Context(), entry("replace"))); err != nil {
				return err
			}
			wantRecord(t, s, old)
			wantSequences(t, s, 0, 10)
			return nil
		})
		wantRecord(t, s, changed)
		wantSequences(t, s, 0, 10, 1)
	},
	"a View keeps its state while others commit": func(t *testing.T, s store.Store) {
		old, changed := record(domain("a")), record(domain("a"))
		changed.Revision = "r2"
		put(t, s, old)
		view(t, s, func(r store.Reader) error {
			if _, err := r.Get(t.Context(), old.Ref); err != nil {
				return err
			}
			put(t, s, changed, record(domain("b")))
			got, err := r.Get(t.Context(), old.Ref)
			diff(t, "the same record again", got, old)
			all, listErr := r.List(t.Context(), store.Query{Kind: catalog.KindDomain, Limit: 9})
			diff(t, "the list", ids(all), []string{"a"})
			return errors.Join(err, listErr)
		})
		wantRecord(t, s, changed)
	},
	"concurrent writers take turns": func(t *testing.T, s store.Store) { concurrentWriters(t, s, 8, 25) },
	"concurrent readers see whole transactions": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("a")), record(domain("b")))
		var g errgroup.Group
		g.Go(func() error { return alternate(t.Context(), s, 50) })
		for range 4 {
			g.Go(func() error { return compare(t.Context(), s, 50) })
		}
		if err := g.Wait(); err != nil {
			t.Error(err)
		}
	},
	"a context that is done changes nothing": func(t *testing.T, s store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		called := func(store.Writer) error { t.Error("the function ran"); return nil }
		if err := s.Update(ctx, called); !errors.Is(err, context.Canceled) {
			t.Errorf("Update: got %v, want context.Canceled", err)
		}
		if err := s.View(ctx, func(store.Reader) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("View: got %v, want context.Canceled", err)
		}
		if _, err := s.Audit(ctx, 0, 1); !errors.Is(err, context.Canceled) {
			t.Errorf("Audit: got %v, want context.Canceled", err)
		}
	},
	"a context that ends within a transaction rolls it back": func(t *testing.T, s store.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.Update(ctx, func(w store.Writer) error {
			changeAll(t)(t.Context(), w)
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("Update: got %v, want context.Canceled", err)
		}
		wantUnchanged(t, s)
		put(t, s, record(domain("after")))
	},
	"a writer that waits for its turn gives up with its context": func(t *testing.T, s store.Store) {
		update(t, s, func(store.Writer) error {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			err := s.Update(ctx, func(store.Writer) error { t.Error("two writers at once"); return nil })
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Update: got %v, want context.DeadlineExceeded", err)
			}
			return nil
		})
	},
	"a writer kept beyond its transaction is dead": func(t *testing.T, s store.Store) {
		var kept store.Writer
		update(t, s, func(w store.Writer) error { kept = w; return nil })
		if err := kept.Put(t.Context(), record(domain("late"))); err == nil {
			t.Error("Put after the commit: got no error, want one")
		}
		wantMissing(t, s, domain("late"))
	},
	"Close waits for a reader": func(t *testing.T, s store.Store) {
		var closed <-chan error
		view(t, s, func(r store.Reader) error {
			closed = closeMeanwhile(t, s)
			_, err := r.List(t.Context(), store.Query{Kind: catalog.KindDomain, Limit: 1})
			return err
		})
		wantClosed(t, s, closed)
	},
	"Close waits for a writer": func(t *testing.T, s store.Store) {
		var closed <-chan error
		update(t, s, func(w store.Writer) error {
			closed = closeMeanwhile(t, s)
			return w.Put(t.Context(), record(domain("a")))
		})
		wantClosed(t, s, closed)
	},
}

// closeMeanwhile closes the store while the caller's transaction is open. It
// returns once Close has begun and has been given time to return wrongly.
func closeMeanwhile(t *testing.T, s store.Store) <-chan error {
	t.Helper()
	closed, done := make(chan error, 1), make(chan struct{})
	go func() {
		closed <- s.Close()
		close(done)
	}()
	for s.View(t.Context(), func(store.Reader) error { return nil }) == nil {
		runtime.Gosched() // Close has not begun
	}
	select {
	case <-done:
		t.Error("Close returned within a transaction")
	case <-time.After(50 * time.Millisecond):
	}
	return closed
}

func wantClosed(t *testing.T, s store.Store, closed <-chan error) {
	t.Helper()
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := s.Update(t.Context(), func(store.Writer) error { return nil }); err == nil {
		t.Error("Update after Close: got no error, want one")
	}
	if _, err := s.Audit(t.Context(), 0, 1); err == nil {
		t.Error("Audit after Close: got no error, want one")
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: got %v, want nil", err)
	}
}

// changeAll uses every method that writes.
func changeAll(t *testing.T) func(context.Context, store.Writer) {
	return func(ctx context.Context, w store.Writer) {
		t.Helper()
		err := errors.Join(
			w.Put(ctx, record(domain("gone"))),
			w.Put(ctx, record(sla("gone/x"), domain("gone"))),
			w.AddSchema(ctx, registered("", 1)),
			w.AddVersion(ctx, version("gone.x", 1, 1)),
			w.AddVersion(ctx, version("gone.x", 2, 1)),
			w.DeleteVersion(ctx, subject("gone.x"), 1),
			w.RemoveVersion(ctx, subject("gone.x"), 1),
			w.PutSettings(ctx, subject("gone.x"), catalog.SubjectSettings{Mode: catalog.ModeReadOnly}),
			w.Append(ctx, entry("create")),
			w.Put(ctx, record(domain("short"))),
			w.Delete(ctx, domain("short")),
		)
		if err != nil {
			t.Errorf("changes: %v", err)
		}
	}
}

func wantUnchanged(t *testing.T, s store.Store) {
	t.Helper()
	wantMissing(t, s, domain("gone"), sla("gone/x"))
	wantVersions(t, s, "gone.x")
	wantLast(t, s, "gone.x", 0)
	wantSettings(t, s, subject("gone.x"), catalog.SubjectSettings{})
	wantSequences(t, s, 0, 10)
	wantDependants(t, s, domain("gone"))
}

// concurrentWriters counts in one record from many goroutines: a lost update
// shows as a smaller sum.
func concurrentWriters(t *testing.T, s store.Store, writers, each int) {
	counter := record(domain("counter"))
	counter.Revision = "0"
	put(t, s, counter)
	var g errgroup.Group
	for range writers {
		g.Go(func() error {
			for range each {
				if err := s.Update(t.Context(), func(w store.Writer) error { return increment(t.Context(), w) }); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	counter.Revision = strconv.Itoa(writers * each)
	wantRecord(t, s, counter)
	var want []int64
	for i := range writers * each {
		want = append(want, int64(i+1))
	}
	wantSequences(t, s, 0, writers*each+1, want...)
}

func increment(ctx context.Context, w store.Writer) error {
	r, err := w.Get(ctx, domain("counter"))
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(r.Revision)
	if err != nil {
		return err
	}
	r.Revision = strconv.Itoa(n + 1)
	return errors.Join(w.Put(ctx, r), w.Append(ctx, entry("replace")))
}

// alternate gives two records the same new revision, again and again.
func alternate(ctx context.Context, s store.Store, times int) error {
	for i := range times {
		err := s.Update(ctx, func(w store.Writer) error {
			a, b := record(domain("a")), record(domain("b"))
			a.Revision, b.Revision = strconv.Itoa(i), strconv.Itoa(i)
			return errors.Join(w.Put(ctx, a), w.Put(ctx, b))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func compare(ctx context.Context, s store.Store, times int) error {
	for range times {
		err := s.View(ctx, func(r store.Reader) error {
			a, errA := r.Get(ctx, domain("a"))
			b, errB := r.Get(ctx, domain("b"))
			if a.Revision != b.Revision {
				return fmt.Errorf("half of a transaction was seen: revisions %s and %s", a.Revision, b.Revision)
			}
			return errors.Join(errA, errB)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
