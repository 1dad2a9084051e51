package sqlstore

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
)

// spillBytes is how much of the log's end is kept in memory before it is
// written. A row of the log is at most this and one entry more.
const spillBytes = 1 << 20

// tail is the end of the log that a transaction adds. Entries are kept here and
// written together, one row for all: that costs a tenth of a row for each. They
// are in the order of the log: those of the changes made before, then those of
// the change that is being made.
type tail struct {
	buffers
	tree  *tree // with what is written; nil until something is, unless the store knows it
	known *head // that this store has committed last; nil before it has read one
	saved *tree // as it was at the last savepoint; nil when nothing was written since
	grown bool  // something is written
}

// buffers hold entries that are not written, and are used again.
type buffers struct {
	leaves  []byte // a hash for each
	entries []byte // as a bundle
}

// mark is a place in the tail.
type mark struct{ leaves, entries int }

func (t *tail) mark() mark { return mark{len(t.leaves), len(t.entries)} }

// cut drops the entries after a place.
func (t *tail) cut(m mark) { t.leaves, t.entries = t.leaves[:m.leaves], t.entries[:m.entries] }

// restore goes back to the savepoint: what is not written came after it.
func (t *tail) restore() {
	t.cut(mark{})
	if t.saved != nil {
		t.tree, t.saved = t.saved, nil
	}
}

func (t *tail) full() bool {
	return len(t.leaves) == audit.TileWidth*tlog.HashSize || len(t.entries) >= spillBytes
}

// Append implements [store.Store].
func (s *Store) Append(ctx context.Context, entry audit.Entry) error {
	text, leaf, err := hashed(entry)
	if err != nil {
		return err
	}
	return s.update(ctx, func(w *session) error { return w.append(ctx, text, leaf) })
}

// hashed is what is kept of an entry.
func hashed(entry audit.Entry) (text []byte, leaf audit.Hash, err error) {
	if text, err = entry.Canonical(); err != nil {
		return nil, leaf, fmt.Errorf("append to the audit log: %w", err)
	}
	return text, audit.LeafHash(text), nil
}

// Append implements [store.Writer]. The number is the next one of this
// transaction's state; as no other write runs beside it and a number that is
// rolled back is taken again, there are no gaps.
func (s *session) Append(ctx context.Context, entry audit.Entry) error {
	text, leaf, err := hashed(entry)
	if err != nil {
		return s.refuse(err)
	}
	return s.append(ctx, text, leaf)
}

func (s *session) append(ctx context.Context, text []byte, leaf audit.Hash) error {
	ctx, err := s.statement(ctx)
	if err == nil && s.tail == nil {
		err = ErrReadOnly
	}
	if err == nil {
		err = s.tail.append(text, leaf)
	}
	if err == nil && (s.tail.full() || s.alone && len(text) > sharedEntry) {
		err = s.spill(ctx)
	}
	if err != nil {
		return s.refuse(fmt.Errorf("append to the audit log: %w", err))
	}
	return nil
}

func (t *tail) append(text []byte, leaf audit.Hash) error {
	entries, err := audit.AppendBundled(t.entries, text)
	if err != nil {
		return err
	}
	t.entries, t.leaves = entries, append(t.leaves, leaf[:]...)
	return nil
}

// spill writes what the tail holds before the transaction ends.
func (s *session) spill(ctx context.Context) error {
	if err := s.save(ctx); err != nil {
		return err
	}
	t, err := s.tree(ctx)
	if err != nil {
		return err
	}
	if s.tail.saved == nil {
		s.tail.saved = t.clone()
	}
	return s.flush(ctx, s.tail.mark())
}

// flush writes the entries before a place as one row, and the tile that they
// fill, if any: they are no more than a tile holds.
func (s *session) flush(ctx context.Context, m mark) error {
	if m.leaves == 0 {
		return nil
	}
	tree, err := s.tree(ctx)
	if err != nil {
		return err
	}
	t := s.tail
	t.grown = true
	first := tree.edge.Size() + 1
	tile, full := tree.grow(t.leaves[:m.leaves])
	if _, err := s.run(ctx, insertAudit, tree.edge.Size(), first, t.leaves[:m.leaves], t.entries[:m.entries]); err != nil {
		return s.blame(err, s.dialect.Taken(err) && s.endsElsewhere(ctx, first-1))
	}
	t.leaves = append(t.leaves[:0], t.leaves[m.leaves:]...)
	t.entries = append(t.entries[:0], t.entries[m.entries:]...)
	if full {
		return s.seal(ctx, tile)
	}
	return nil
}

// blame tells a row that could not be written from one for which somebody else
// has left no place: nobody but this store adds rows to the log.
func (s *session) blame(err error, others bool) error {
	if others {
		err = fmt.Errorf("%w: somebody else has written to it: %w", audit.ErrTampered, err)
		s.failed = err
	}
	return err
}

// endsElsewhere reports whether the last row of the log is another than this one.
func (s *session) endsElsewhere(ctx context.Context, want int64) bool {
	again := &session{db: s.db, dialect: s.dialect} // this one has failed
	last, err := collect(ctx, again, scanNumber, selectLastRow)
	return err == nil && int64(last[0]) != want // the query has one row always
}

// seal writes the tile of leaves that is full now, and those above that it
// fills.
func (s *session) seal(ctx context.Context, tile audit.Hash) error {
	tree := s.tail.tree
	n := tree.edge.Size() / audit.TileWidth
	hashes := tree.cut()
	for level := 0; ; level++ {
		if _, err := s.run(ctx, insertTile, level, n-1, tile[:], hashes); err != nil {
			return s.blame(err, s.dialect.Taken(err))
		}
		if n%audit.TileWidth != 0 {
			return nil
		}
		n /= audit.TileWidth
		below, err := s.partial(ctx, audit.Tile{Level: level + 1, Index: n - 1, Width: audit.TileWidth})
		if err != nil {
			return err
		}
		tile, hashes = audit.TileRoot(below), audit.HashBytes(below)
	}
}

// finishLog ends a transaction that may have appended, with the entries before
// a place. Whoever has moved the head meanwhile has no part in what follows.
func (s *session) finishLog(ctx context.Context, m mark) error {
	t := s.tail
	if err := s.flush(ctx, m); err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	if !t.grown {
		return nil
	}
	edge := t.tree.edge.Bytes()
	n, err := s.run(ctx, updateHead, t.tree.edge.Size(), edge, t.tree.head.size, t.tree.head.edge)
	if err == nil && n != 1 {
		err = errMoved
	}
	if err != nil {
		return fmt.Errorf("write the head of the audit log: %w", err)
	}
	t.tree.head = head{t.tree.edge.Size(), edge}
	return nil
}
