package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

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
