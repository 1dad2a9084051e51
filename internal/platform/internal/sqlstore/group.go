package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// maxGroup is how many changes are committed together.
	maxGroup = 256
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

// group is one transaction of several changes. It belongs to the writer.
type group struct {
	tail    tail      // of the log, with what the changes have added
	members []*update // who wait for the end
	kept    int       // changes that are to be committed
	since   time.Time
	over    bool  // it can only be rolled back
	lost    error // what everybody is answered then, nil when nothing was to be kept
}

// begin begins a transaction.
func (s *Store) begin() (*group, error) {
	if err := s.writable(); err != nil { // the transaction before may have ended it
		return nil, err
	}
	if err := s.config.Dialect.BeginWrite(context.Background(), s.writer); err != nil {
		err = fmt.Errorf("begin writing: %w", err)
		s.note(err, err)
		return nil, err
	}
	s.open = &group{tail: tail{buffers: s.buffers, tree: s.tree, known: s.head}, since: time.Now()}
	s.tree = nil // until the commit has succeeded, nobody knows it
	return s.open, nil
}

func (g *group) full() bool { return len(g.members) >= maxGroup || time.Since(g.since) > maxGroupAge }

// run makes one change in the transaction. One that fails leaves the others as
// they are; when that is not possible, the whole transaction has failed.
func (s *Store) run(g *group, c *update) {
	g.members = append(g.members, c)
	w := s.session(g)
	w.unsaved, w.mark = g.kept > 0, g.tail.mark()
	kept := false
	defer func() { // a function that ends its goroutine passes through here
		if !kept {
			s.note(c.err, w.failed)
			g.undo(w)
		}
		w.over = true
	}()
	if c.err = c.make(w); c.err == nil {
		kept = true
		g.kept++
	}
}

func (s *Store) session(g *group) *session {
	return &session{db: s.writer, dialect: s.config.Dialect, prepared: s.writes, shared: true, tail: &g.tail}
}

// undo takes back what a change did.
func (g *group) undo(w *session) {
	switch {
	case g.kept == 0: // nobody else has changed anything
		g.over = w.wrote || w.unknown
		g.tail.cut(w.mark)
	case !w.unsaved:
		// A disk that is full, for one, makes SQLite roll everything back.
		if _, err := w.run(context.Background(), backToSavepoint); err != nil {
			g.lose(errors.Join(w.failed, err))
		}
		g.tail.restore()
	case w.unknown:
		g.lose(w.failed)
	default: // it has written nothing
		g.tail.cut(w.mark)
	}
}

func (g *group) lose(err error) {
	g.over, g.lost = true, fmt.Errorf("the transaction was lost with another change: %w", err)
}

// commit ends the transaction and answers its members.
func (s *Store) commit(g *group) {
	if g.over {
		s.rollback(g, g.lost)
		return
	}
	ctx, w := context.Background(), s.session(g)
	err := w.finishLog(ctx)
	if err == nil {
		_, err = w.run(ctx, commitWrite)
	}
	if err == nil {
		s.keep(g.tail.tree)
		s.note(nil, nil)
		s.answer(g, nil)
		return
	}
	err = fmt.Errorf("commit: %w", err)
	s.note(err, err)
	s.rollback(g, err)
}

// keep remembers the tree that is committed, nil when the transaction neither
// knew nor needed it.
func (s *Store) keep(t *tree) {
	if s.tree = t; t != nil {
		committed := t.head // the next transaction moves the tree's own before its commit
		s.head = &committed
	}
}

// rollback ends a transaction of which nothing is to be kept.
func (s *Store) rollback(g *group, err error) {
	// A database that cannot has rolled back by itself, or begins no other.
	_, _ = s.writer.ExecContext(context.Background(), `ROLLBACK`)
	s.answer(g, err)
}

// answer tells the members that the transaction has ended: with this error, or
// with none, and then each has its own result.
func (s *Store) answer(g *group, err error) {
	g.tail.cut(mark{}) // entries that were lost must not be the next transaction's
	s.open, s.buffers, s.crowd = nil, g.tail.buffers, len(g.members)
	for _, c := range g.members {
		if err != nil {
			c.err = err
		}
		close(c.done)
	}
}
