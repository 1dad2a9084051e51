package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var groupCases = map[string]func(*testing.T, store.Store){
	"writers at once do not see each other's failures": func(t *testing.T, s store.Store) {
		const writers, rounds = 16, 20
		var all sync.WaitGroup
		for n := range writers {
			all.Go(func() {
				for round := range rounds {
					crowdStep(t, s, n, round)
				}
			})
		}
		all.Wait()
		kept := 0
		for n := range writers {
			for round := range rounds {
				if crowdEnd(n, round) != keeps {
					wantMissing(t, s, crowdDomain(n, round))
					continue
				}
				kept++
				wantRecord(t, s, record(crowdDomain(n, round)))
			}
		}
		if got := len(leavesOf(t, s)); got != kept {
			t.Errorf("the log has %d entries, want one for each of %d changes", got, kept)
		}
		wantTree(t, s)
	},
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

// How a change of a crowd ends.
const (
	keeps = iota
	refuses
	drops // an error of the store that nobody looks at
	panics
	gives // up: its context ends
	ends  // how many there are
)

// crowdEnd says how a change ends: most are kept.
func crowdEnd(writer, round int) int { return max(0, (writer*7+round*3)%(2*ends)-ends) }

func crowdDomain(writer, round int) catalog.Ref { return domain(fmt.Sprintf("d%d-%d", writer, round)) }

// crowdStep makes one change and checks what is answered.
func crowdStep(t *testing.T, s store.Store, writer, round int) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	end := crowdEnd(writer, round)
	var err error
	caught := recovered(func() {
		err = s.Update(ctx, func(w store.Writer) error {
			if end == gives {
				go cancel() // within a statement, or between two
			}
			if err := errors.Join(w.Put(ctx, record(crowdDomain(writer, round))), w.Append(ctx, entry("create"))); err != nil {
				return err
			}
			switch end {
			case refuses:
				return errStop
			case drops:
				spoiled := entry("create")
				spoiled.Object = "\xff"
				_ = w.Append(ctx, spoiled)
			case panics:
				panic("a fault of the change")
			case gives:
				<-ctx.Done()
			}
			return nil
		})
	})
	if (caught != nil) != (end == panics) || end != panics && (err == nil) != (end == keeps) || end == refuses && !errors.Is(err, errStop) {
		t.Errorf("change %d of writer %d, which ends in way %d: got %v, panic %v", round, writer, end, err, caught)
	}
}
