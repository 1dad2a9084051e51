// Package auditsearch finds entries of the audit log by what they say. It is a
// follower: a database of its own with the indexes that the log does not have,
// fed from the log after the fact. Nothing of it is in the transaction that
// records an act, and when it is behind, locked or lost, only searches wait.
//
// Who could write to that database could hide entries from those who search,
// and nothing but reading the whole log would tell. Its file has therefore no
// name, and ends with the process: each begins with an empty one, and reads the
// log from its start. A million entries take 25 seconds of one processor.
//
// What it has read is held to the tree of the log: it computes the tree from the
// entries and compares its root with the log's own tiles after each batch. One
// that does not match is thrown away and made again.
package auditsearch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

const (
	// batch is how many entries are taken over in one transaction.
	batch = 1000
	// interval is how long an entry waits at most before it is taken over.
	interval = time.Second
	// yielding is how many times as long as it works the follower rests when
	// there is much to read and nobody waits for it: those who make the
	// entries need the processor more.
	yielding = 3
	// longestPause is how long the follower waits after failures.
	longestPause = time.Minute
	// busyTimeout is how long it waits for a lock on its own file.
	busyTimeout = 2 * time.Second
	// patience is how long a search waits for the follower.
	patience = 2 * time.Second
)

// ErrBehind is returned when the follower has not read all that was asked
// about. The log itself is whole; ask again later.
var ErrBehind = errors.New("the audit log is not yet searchable")

// Index is the follower of one log. Safe for concurrent use.
type Index struct {
	folder string
	log    store.Log
	poke   chan struct{} // somebody waits
	wide   int64         // entries of a segment

	mu      sync.RWMutex // guards what follows
	db      *sql.DB      // nil while there is none
	edge    audit.Edge
	moved   chan struct{} // closed when edge has moved on
	failed  error
	failing time.Time // since when, zero when it is not
}

// New makes the follower that keeps its database in this folder, which is nobody
// else's. It opens nothing: Run does.
func New(folder string, log store.Log) *Index {
	return &Index{folder: folder, log: log, wide: segment, poke: make(chan struct{}, 1), moved: make(chan struct{})}
}

// Run follows the log until ctx ends, and closes the database then.
func (i *Index) Run(ctx context.Context, report *slog.Logger) {
	defer i.close()
	pause := interval
	for {
		err := i.follow(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			report.Warn("the audit log is not searchable: trying again", "error", err, "after", pause)
			pause = min(2*pause, longestPause)
		default:
			pause = interval
		}
		i.settle(err)
		i.wait(ctx, pause, err == nil)
	}
}

// wait lets somebody who waits cut the wait short, unless there is trouble.
func (i *Index) wait(ctx context.Context, pause time.Duration, eager bool) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	poke := i.poke
	if !eager {
		poke = nil
	}
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-poke:
	}
}

func (i *Index) settle(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failed = err
	if err == nil {
		i.failing = time.Time{}
	} else if i.failing.IsZero() {
		i.failing = time.Now()
	}
}

// Trouble is why the follower does not follow, nil when it does.
func (i *Index) Trouble() error {
	i.mu.RLock()
	defer i.mu.RUnlock()
	return i.failed
}

// follow takes over all that the log has. A database that has failed, or that the
// log does not agree with, is closed, and the next attempt begins with an empty
// one.
func (i *Index) follow(ctx context.Context) error {
	err := i.ensure(ctx)
	for more := true; more && err == nil; {
		begun := time.Now()
		if more, err = i.advance(ctx); more {
			i.wait(ctx, yielding*time.Since(begun), true)
		}
	}
	if errors.Is(err, errUseless) {
		i.close()
	}
	return err
}

// errUseless is the error of a database that will not become better.
var errUseless = errors.New("the search database is made again")

func (i *Index) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.db != nil {
		_ = i.db.Close() // what it holds can be made again
		i.db = nil
	}
}

// ensure makes a database when there is none.
func (i *Index) ensure(ctx context.Context) error {
	i.mu.RLock()
	open := i.db != nil
	i.mu.RUnlock()
	if open {
		return nil
	}
	if err := tidy(i.folder); err != nil {
		return err
	}
	db, err := openDatabase(ctx, i.folder)
	if err != nil {
		return err
	}
	i.move(db, audit.Edge{})
	return nil
}

// move publishes how far the follower is, and wakes who waits for it.
func (i *Index) move(db *sql.DB, edge audit.Edge) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.db, i.edge = db, edge
	close(i.moved)
	i.moved = make(chan struct{})
}

// agrees compares a tree with the log's own of that size.
func (i *Index) agrees(ctx context.Context, edge audit.Edge) error {
	root, err := audit.RootAt(ctx, edge.Size(), i.log.Tile)
	if err == nil && root != edge.Root() {
		err = fmt.Errorf("%w: its first %d entries do not have the root of the audit log", errUseless, edge.Size())
	}
	return err
}

// advance takes over a batch and reports whether there may be more.
func (i *Index) advance(ctx context.Context) (more bool, err error) {
	i.mu.RLock()
	db, edge := i.db, i.edge.Clone()
	i.mu.RUnlock()
	n := edge.Size() / i.wide
	limit := int(min(batch, (n+1)*i.wide-edge.Size()))
	records, err := i.log.Audit(ctx, edge.Size(), limit)
	if err != nil || len(records) == 0 {
		return false, err
	}
	rows := make([]row, 0, len(records))
	for _, r := range records {
		one, err := rowOf(r)
		if err != nil {
			return false, err
		}
		edge.Append(one.leaf)
		rows = append(rows, one)
	}
	if err := i.agrees(ctx, edge); err != nil {
		return false, err
	}
	err = insert(ctx, db, n, rows, len(records) < limit || edge.Size()%i.wide == 0)
	if err != nil && !passes(err) {
		err = fmt.Errorf("%w: %w", errUseless, err)
	}
	if err != nil {
		return false, err
	}
	i.move(db, edge)
	return len(records) == limit, nil
}

// reach waits until the follower has read this many entries. ErrBehind.
func (i *Index) reach(ctx context.Context, size int64) (*sql.DB, error) {
	for {
		i.mu.RLock()
		db, has, moved, failed := i.db, i.edge.Size(), i.moved, i.failed
		i.mu.RUnlock()
		if db != nil && has >= size {
			return db, nil
		}
		if failed != nil {
			return nil, fmt.Errorf("%w: %w", ErrBehind, failed)
		}
		select {
		case i.poke <- struct{}{}:
		default:
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: it has %d entries of %d", ErrBehind, has, size)
		}
	}
}
