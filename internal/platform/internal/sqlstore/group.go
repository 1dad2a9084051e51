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
	// solitude is for how many transactions after a full disk changes that write
	// much share none: one that does not fit takes with it who is in its own.
	// Whoever makes them without an end costs others one transaction, and then
	// one in so many.
	solitude = 1000
	// sharedEntry is the longest entry of the log that is not much, in bytes. Those
	// on what people do are shorter.
	sharedEntry = 4 << 10
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
	closed  bool  // nobody joins it any more
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

func (g *group) full() bool {
	return g.closed || len(g.members) >= maxGroup || time.Since(g.since) > maxGroupAge
}

// run makes one change in the transaction. One that fails leaves the others as
// they are; when that is not possible, the whole transaction has failed.
func (s *Store) run(g *group, c *update) {
	g.members = append(g.members, c)
	w := s.session(g)
	w.unsaved, w.mark = g.kept > 0, g.tail.mark()
	if w.alone = s.solitary > 0; w.alone {
		w.divide = func() error { return s.divide(g, w) }
	}
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
		g.closed = w.alone && w.wrote
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

// divide commits what others have in the transaction, and begins another for the
// change that is being made: it has changed nothing yet, and as nobody else
// writes, what it has read is the state that it goes on with.
func (s *Store) divide(g *group, w *session) error {
	err := s.finish(g, w.mark)
	if err != nil {
		s.rollback()
	}
	last := len(g.members) - 1
	answer(g.members[:last], err)
	g.members, g.kept, g.since, w.mark = g.members[last:], 0, time.Now(), mark{}
	g.tail.known, g.tail.grown, g.tail.saved, s.tree = s.head, false, nil, nil
	if err != nil {
		return w.fail(err)
	}
	if err := s.config.Dialect.BeginWrite(context.Background(), s.writer); err != nil {
		return w.fail(fmt.Errorf("begin writing: %w", err))
	}
	return nil
}

// commit ends the transaction and answers its members.
func (s *Store) commit(g *group) {
	err := g.lost
	if !g.over {
		err = s.finish(g, g.tail.mark())
	}
	if g.over || err != nil {
		s.rollback()
	}
	g.tail.cut(mark{}) // entries that were lost must not be the next transaction's
	s.open, s.buffers, s.crowd = nil, g.tail.buffers, len(g.members)
	answer(g.members, err)
}

// finish commits a transaction, with the entries before a place.
func (s *Store) finish(g *group, m mark) error {
	ctx, w := context.Background(), s.session(g)
	err := w.finishLog(ctx, m)
	if err == nil {
		_, err = w.run(ctx, commitWrite)
	}
	if err != nil {
		err = fmt.Errorf("commit: %w", err)
		s.note(err, err)
		return err
	}
	s.keep(g.tail.tree)
	s.note(nil, nil)
	return nil
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
func (s *Store) rollback() {
	// A database that cannot has rolled back by itself, or begins no other.
	_, _ = s.writer.ExecContext(context.Background(), `ROLLBACK`)
}

// answer tells changes that their transaction has ended: with this error, or
// with none, and then each has its own result.
func answer(members []*update, err error) {
	for _, c := range members {
		if err != nil {
			c.err = err
		}
		close(c.done)
	}
}
