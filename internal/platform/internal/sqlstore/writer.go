package sqlstore

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// A disk takes as long to sync one change as a hundred. One goroutine therefore
// makes all changes: it begins a transaction, makes in it whatever waits, one
// change after the other, and commits. Nobody is answered before that, not even
// with a refusal, which may rest on a change of the same transaction.
//
// As one transaction serves several callers, the end of one caller's context
// must not end it: a statement that has begun runs to its end.

// patience is how often the writer gives way in a row while nobody lines up: a
// few microseconds where nobody else has anything to do.
const patience = 100

// maxWaiting is how many changes line up before callers wait to do so.
const maxWaiting = 1024

// update is one call of Update. Its result is the caller's once done is closed.
type update struct {
	ctx  context.Context //nolint:containedctx // one call's, handed to the goroutine that makes the change
	f    func(*session) error
	done chan struct{}

	taken    atomic.Bool // by the writer, or back by the caller
	err      error
	panicked *store.Panic
	exited   bool // the function ended its goroutine (runtime.Goexit), as a test does that fails
}

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, f func(store.Writer) error) error {
	return s.update(ctx, func(w *session) error { return f(w) })
}

func (s *Store) update(ctx context.Context, f func(*session) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.running.Done()
	if err := s.writable(); err != nil {
		return err
	}
	c := &update{ctx: ctx, f: f, done: make(chan struct{})}
	if err := s.lineUp(c); err != nil {
		return fmt.Errorf("begin writing: %w", err)
	}
	return c.result()
}

// lineUp waits until the change is made, or until its context ends before it
// was begun. Changes are made in the order of asking.
func (s *Store) lineUp(c *update) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	select {
	case s.changes <- c:
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
	select {
	case <-c.done:
		return nil
	case <-c.ctx.Done():
		if c.take() {
			return c.ctx.Err()
		}
	}
	<-c.done
	return nil
}

// take reports whether the change is the asker's: the writer's to make, or the
// caller's to give up.
func (c *update) take() bool { return c.taken.CompareAndSwap(false, true) }

// result ends the call as the function ended.
func (c *update) result() error {
	switch {
	case c.panicked != nil:
		panic(c.panicked)
	case c.exited:
		runtime.Goexit()
	}
	return c.err
}

// make runs the function of the change.
func (c *update) make(w *session) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			c.panicked = &store.Panic{Value: cause, Stack: debug.Stack()}
			err = c.panicked
		}
	}()
	if err := c.f(w); err != nil {
		return err
	}
	if w.failed != nil {
		return fmt.Errorf("rolled back, because a statement had failed: %w", w.failed)
	}
	if err := c.ctx.Err(); err != nil {
		return fmt.Errorf("end writing: %w", err)
	}
	return nil
}

// write is the goroutine that makes the changes, until there will be no more.
func (s *Store) write() {
	defer s.rescue()
	if s.open != nil {
		s.fill(s.open)
	}
	for c := range s.changes {
		runtime.Gosched() // whoever is about to line up does so first
		s.serve(c)
	}
	close(s.written)
}

// rescue goes on in another goroutine when a change has ended this one.
func (s *Store) rescue() {
	if g := s.open; g != nil {
		g.members[len(g.members)-1].exited = true
		go s.write()
	}
}

// serve makes a change, and those that line up meanwhile, in one transaction.
func (s *Store) serve(c *update) {
	if !c.take() {
		return
	}
	g, err := s.begin()
	if err != nil {
		c.err = err
		close(c.done)
		return
	}
	s.run(g, c)
	s.fill(g)
}

// fill makes the changes that line up meanwhile in a transaction, and commits it.
func (s *Store) fill(g *group) {
	for !g.over && !g.full() {
		c := s.next(g)
		if c == nil {
			break
		}
		if c.take() {
			s.run(g, c)
		}
	}
	s.commit(g)
}

// next is the next change that waits, nil for none. It gives way to those who
// are about to line up: at least once, and for a moment while fewer have come
// than were answered last, who are likely to come again.
func (s *Store) next(g *group) *update {
	for yields := 0; ; yields++ {
		select {
		case c := <-s.changes:
			return c
		default:
		}
		if yields > 0 && len(g.members) >= s.crowd || yields > patience {
			return nil
		}
		runtime.Gosched()
	}
}
