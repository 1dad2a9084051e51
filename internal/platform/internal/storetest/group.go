package storetest

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var groupCases = map[string]func(*testing.T, store.Store){
	"changes of many entries among others are undone whole": func(t *testing.T, s store.Store) {
		for _, n := range []int{2*audit.TileWidth + 7, 1, audit.TileWidth - 2, audit.TileWidth} {
			want := int64(len(leavesOf(t, s)))
			got := together(t, s,
				func(w store.Writer) error { return w.Put(t.Context(), record(domain("kept"))) },
				appends(t, n, errStop, nil),
				appends(t, 2, nil, nil),
				appends(t, n, errStop, nil),
				appends(t, n, errStop, func(w store.Writer) error { return w.Put(t.Context(), record(domain("undone"))) }),
				appends(t, n, nil, func(w store.Writer) error { return w.Put(t.Context(), record(domain("kept"))) }),
				appends(t, n, errStop, func(w store.Writer) error { return w.Put(t.Context(), record(domain("undone"))) }),
				appends(t, 1, nil, nil),
			)
			for i, err := range got {
				if refused := slices.Contains([]int{1, 3, 4, 6}, i); refused != errors.Is(err, errStop) || !refused && err != nil {
					t.Errorf("%d entries at once: change %d was answered %v", n, i, err)
				}
			}
			if got := int64(len(leavesOf(t, s))); got != want+int64(n)+3 {
				t.Errorf("%d entries at once: the log has %d more, want %d", n, got-want, n+3)
			}
			wantTree(t, s)
			wantMissing(t, s, domain("undone"))
			wantRecord(t, s, record(domain("kept")))
		}
	},
	"a function that ends its goroutine ends nobody else's": func(t *testing.T, s store.Store) {
		got := together(t, s,
			func(w store.Writer) error { return w.Put(t.Context(), record(domain("beside"))) },
			func(w store.Writer) error {
				changeAll(t)(t.Context(), w)
				runtime.Goexit() // as a test does that fails
				return nil
			},
		)
		if !errors.Is(got[1], errNever) {
			t.Errorf("the call of the function that did not return: got %v, want that it did not either", got[1])
		}
		if got[0] != nil {
			t.Errorf("another change: got %v", got[0])
		}
		wantRecord(t, s, record(domain("beside")))
		wantUnchanged(t, s)
		put(t, s, record(domain("after")))
	},
	"a writer kept beyond its change is dead, though others go on": func(t *testing.T, s store.Store) {
		var kept store.Writer
		var all, begun sync.WaitGroup
		update(t, s, func(w store.Writer) error {
			kept = w
			for range 32 { // most of them share the transaction
				begun.Add(1)
				all.Go(func() {
					begun.Done()
					update(t, s, func(store.Writer) error {
						if err := kept.Put(t.Context(), record(domain("late"))); err == nil {
							t.Error("Put in the change of another: got no error, want one")
						}
						return nil
					})
				})
			}
			begun.Wait()
			return nil
		})
		all.Wait()
		wantMissing(t, s, domain("late"))
	},
}

// appends is a change that adds entries around another statement.
func appends(t *testing.T, n int, end error, statement func(store.Writer) error) func(store.Writer) error {
	return func(w store.Writer) error {
		for i := range n {
			if i == n/2 && statement != nil {
				if err := statement(w); err != nil {
					return err
				}
			}
			if err := w.Append(t.Context(), entry("create")); err != nil {
				return err
			}
		}
		return end
	}
}

// together makes changes that line up while another is being made, so that most
// stores commit them with it. It gives what each was answered, in their order:
// errNever for one whose call did not return.
func together(t *testing.T, s store.Store, changes ...func(store.Writer) error) []error {
	t.Helper()
	answers := make([]error, len(changes))
	var all sync.WaitGroup
	update(t, s, func(store.Writer) error {
		for i, change := range changes {
			begun := make(chan struct{})
			answers[i] = errNever
			all.Go(func() {
				close(begun)
				answers[i] = s.Update(t.Context(), change)
			})
			<-begun
			time.Sleep(time.Millisecond) // the order of the changes, which no test needs
		}
		return nil
	})
	all.Wait()
	return answers
}

var errNever = errors.New("the call did not return")
