package gateway

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/records"
)

func someMemory(t *testing.T, mib int) *memory {
	t.Helper()
	m, err := newMemory(mib)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// held sums up what streams hold: all of them, and those of each caller.
func (m *memory) held() (all int, own map[reader]int) {
	own = map[reader]int{}
	for l := range m.leases {
		all += l.held
		own[l.who] += l.held
	}
	return all, own
}

// TestStreamsThatWaitForEachOther: in whatever order streams ask for more, and
// however little each asks for at a time, one of them gets it, and none of the
// bounds is exceeded.
func TestStreamsThatWaitForEachOther(t *testing.T) {
	t.Parallel()
	for _, mib := range []int{73, 100, 200, 512} {
		for seed := range uint64(10) {
			waitForEachOther(t, someMemory(t, mib), rand.New(rand.NewPCG(seed, 1)))
		}
	}
}

func waitForEachOther(t *testing.T, m *memory, random *rand.Rand) {
	t.Helper()
	var waiting, asking []*lease
	for i := range 40 {
		asking = append(asking, &lease{memory: m, who: reader{subject: fmt.Sprint(i % 5)}})
	}
	for ended := 0; ended < 40; {
		if len(asking) == 0 {
			t.Fatalf("of %d bytes: after the end of %d streams, all wait: %v", m.most, ended, m.leases)
		}
		n := random.IntN(len(asking))
		l := asking[n]
		asking = append(asking[:n], asking[n+1:]...)
		want := min(claim, l.held+1+random.IntN(16<<20))
		if _, held := l.try(want); !held {
			waiting = append(waiting, l)
			continue
		}
		if l.held == claim {
			l.close()
			ended++
			asking, waiting = append(asking, waiting...), nil // they try again
			continue
		}
		asking = append(asking, l)
		all, own := m.held()
		if all > m.most || own[l.who] > m.share {
			t.Fatalf("%d bytes are held of %d, and %d of a share of %d", all, m.most, own[l.who], m.share)
		}
	}
}

// TestCallerWhoTakesAllMemory takes a share of it: others can have all that a
// stream may need, at once.
func TestCallerWhoTakesAllMemory(t *testing.T) {
	t.Parallel()
	m := someMemory(t, 0)
	for taken := true; taken; {
		taken = false
		for range DefaultPerCaller {
			l := &lease{memory: m, who: reader{subject: "greedy"}}
			for _, step := range []int{claim, 16 << 20, 1 << 20, 1 << 10} {
				if _, held := l.try(step); held {
					taken = true
					break
				}
			}
		}
	}
	if all, _ := m.held(); all > m.most/shares {
		t.Errorf("one caller holds %d bytes of %d", all, m.most)
	}
	for i := range shares - 1 {
		other := &lease{memory: m, who: reader{subject: fmt.Sprint(i)}}
		if _, held := other.try(claim); !held {
			t.Errorf("caller %d gets none", i)
		}
	}
	same := &lease{memory: m, who: reader{issuer: "another", subject: "greedy"}}
	if _, held := same.try(beside + records.MinMemory); !held {
		t.Error("the same name of another issuer gets none")
	}
}

// TestMemoryIsWaitedFor until there is some, for a while, or as long as the
// request lasts.
func TestMemoryIsWaitedFor(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	for name, c := range map[string]struct {
		then func(first *lease, cancel context.CancelCauseFunc)
		want error
	}{
		"there is some":  {func(first *lease, _ context.CancelCauseFunc) { _ = first.Hold(context.Background(), 0) }, nil},
		"a stream ends":  {func(first *lease, _ context.CancelCauseFunc) { first.close() }, nil},
		"the caller has": {func(_ *lease, cancel context.CancelCauseFunc) { cancel(gone) }, gone},
		"nothing":        {func(*lease, context.CancelCauseFunc) {}, errMemory},
	} {
		synctest.Test(t, func(t *testing.T) {
			m := someMemory(t, 73)
			first, err := m.open(t.Context(), catalog.Caller{Subject: "first"}, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			got := make(chan error, 1)
			go func() {
				_, err := m.open(ctx, catalog.Caller{Subject: "second"}, time.Minute)
				got <- err
			}()
			synctest.Wait()
			select {
			case err := <-got:
				t.Fatalf("%s: not waited: %v", name, err)
			default:
			}
			c.then(first, cancel)
			if err := <-got; !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%s: got %v, want %v", name, err, c.want)
			}
		})
	}
}
