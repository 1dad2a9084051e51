package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// A disk takes as long to sync one change as a hundred. Changes that wait for
// each other are therefore committed together: the first opens a transaction
// and lines up again behind those who wait already, who each make their change
// in it, in a savepoint of their own; when its turn comes, it commits. Nobody
// is answered before that, not even with a refusal, which may rest on a change
// of the same transaction.
//
// As one transaction serves several callers, the end of one caller's context
// must not end it: a statement that has begun runs to its end.

const (
	// maxGroup is how many changes are committed together.
	maxGroup = 64
	// maxGroupAge is how old a transaction may be that a change still joins, so
	// that slow changes do not keep the first one waiting. It is far above the
	// time that a loaded machine takes to run maxGroup of them.
	maxGroupAge = 50 * time.Millisecond
)

// Savepoints are never released before the commit: the last of a name counts.
const (
	savepoint       = `SAVEPOINT change`
	backToSavepoint = `ROLLBACK TO SAVEPOINT change`
)

// group is one transaction of several changes. Its fields belong to whoever has
// the turn; err may be read once done is closed.
type group struct {
	tx      *sql.Tx
	edge    *audit.Edge // of the log with what the changes have added; nil for nothing
	members int
	since   time.Time
	done    chan struct{}
	err     error
}

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, f func(store.Writer) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.running.Done()
	if err := s.take(ctx); err != nil {
		return err
	}
	g, first, err := s.change(ctx, f)
	if g == nil {
		return err
	}
	if first && err == nil {
		s.finish(g)
	}
	<-g.done
	if g.err != nil {
		return g.err
	}
	return err
}

// change makes one change in the open transaction, or in a new one, whose first
// it is then. It has the turn and gives it up.
func (s *Store) change(ctx context.Context, f func(store.Writer) error) (g *group, first bool, err error) {
	defer s.leave() // a panic of f passes through here
	if g, err = s.join(ctx); err != nil {
		return nil, false, err
	}
	first = g.members == 0
	return g, first, s.member(ctx, g, f)
}

// finish lines up again and commits, unless somebody has.
func (s *Store) finish(g *group) {
	runtime.Gosched() // whoever is about to line up does so first
	s.turn <- struct{}{}
	defer s.leave()
	if s.open == g {
		s.commit(g)
	}
}

// take waits for the turn to write. Turns go in the order of asking.
func (s *Store) take(ctx context.Context) error {
	if err := s.writable(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("begin writing: %w", err)
	}
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("begin writing: %w", ctx.Err())
	}
}

func (s *Store) leave() { <-s.turn }

// join gives the open transaction, or a new one.
func (s *Store) join(ctx context.Context) (*group, error) {
	if g := s.open; g != nil && (g.members >= maxGroup || time.Since(g.since) > maxGroupAge) {
		s.commit(g)
	}
	if s.open != nil {
		return s.open, nil
	}
	if err := s.writable(); err != nil { // the transaction before may have ended it
		return nil, err
	}
	tx, err := s.config.Dialect.BeginWrite(context.WithoutCancel(ctx), s.config.Writer)
	if err != nil {
		err = fmt.Errorf("begin writing: %w", err)
		s.note(err, err)
		return nil, err
	}
	s.open = &group{tx: tx, since: time.Now(), done: make(chan struct{})}
	return s.open, nil
}

// member makes one change in the transaction. One that fails leaves the others
// as they are; when that is not possible, the whole transaction has failed.
func (s *Store) member(ctx context.Context, g *group, f func(store.Writer) error) (err error) {
	w := &session{tx: g.tx, dialect: s.config.Dialect, prepared: s.writes, shared: true}
	if g.edge != nil {
		edge := g.edge.Clone()
		w.edge = &edge
	}
	kept := false
	defer func() { // a panic of f passes through here
		if !kept {
			s.undo(g, w, err)
		}
		w.over = true
	}()
	if g.members > 0 {
		if err := w.savepoint(savepoint); err != nil {
			return fmt.Errorf("begin writing: %w", err)
		}
	}
	if err := f(w); err != nil {
		return err
	}
	if w.failed != nil {
		return fmt.Errorf("rolled back, because a statement had failed: %w", w.failed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("end writing: %w", err)
	}
	kept = true
	g.members++
	g.edge = w.edge
	return nil
}

// undo takes back what a member did. The first one's transaction ends with it.
func (s *Store) undo(g *group, w *session, err error) {
	s.note(err, w.failed)
	if g.members == 0 {
		s.end(g, nil)
		return
	}
	failed := w.failed
	if undone := w.savepoint(backToSavepoint); undone != nil {
		// A disk that is full, for one, makes SQLite roll everything back.
		s.end(g, fmt.Errorf("the transaction was lost with another change: %w", errors.Join(failed, undone)))
	}
}

// commit ends the transaction and answers its members.
func (s *Store) commit(g *group) {
	w := &session{tx: g.tx, dialect: s.config.Dialect, prepared: s.writes, shared: true, edge: g.edge}
	err := w.writeHead(context.Background())
	if err == nil {
		err = g.tx.Commit()
	}
	if err != nil {
		err = fmt.Errorf("commit: %w", err)
	}
	s.note(err, err)
	s.end(g, err)
}

// end closes the group; err is what its members are answered.
func (s *Store) end(g *group, err error) {
	_ = g.tx.Rollback() // after a commit it does nothing
	s.open, g.err = nil, err
	close(g.done)
}
