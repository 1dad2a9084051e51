// Package sqlstore implements [store.Store] over database/sql with queries
// that SQLite and PostgreSQL both understand. What differs between databases
// is a [Dialect]; opening a database and creating its tables belongs to the
// package of that database, which calls [New].
//
// # Tables
//
//	objects             one row an object; (kind, id) is the key
//	refs                one row a reference; both ends are foreign keys to objects
//	registered_schemas  one row a text; (context, id) is the key, the fingerprint unique in a context
//	subject_versions    one row a version of a subject, and a number that was one; rows are never deleted
//	schema_uses         one row for each version that a version refers to
//	registry_settings   one row a scope that has settings
//	vocabularies        one row a marking vocabulary that was ever in force; append-only
//	vocabulary_enactments  one row each time that one came into force; append-only, the last one is in force
//	audit               one row a transaction that appended: the entries with the numbers first to last
//	                    as a bundle, and their hashes; append-only, numbers 1, 2, 3, … without gaps
//	audit_tiles         one row a full tile of the log's tree; written once
//	audit_head          one row: size and right edge of the tree
//	write_probe         at most one row, without meaning
//
// Ids compare bytewise. The columns carry that collation, so no query names it.
//
// # Transactions
//
// A write transaction in which any statement failed is never committed, even
// when the caller drops the error: PostgreSQL would not let it, and SQLite
// would keep half of it. What a caller may want to survive (an object missing,
// a reference naming nothing, an object in use) is therefore found by looking
// before anything is written; the foreign keys stand behind that as the second
// guard. Changes that wait for each other are committed together, see Update.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// Errors of the store as a whole.
var (
	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("the store is closed")
	// ErrReadOnly is returned by Update when the store was opened for reading.
	ErrReadOnly = errors.New("the store is open for reading only")
)

// Config is an open database with its tables in place.
type Config struct {
	// Writer is a pool of which the store takes one connection, to write on;
	// nil for a store that only reads.
	Writer *sql.DB
	// Readers is another pool, that reads are made on. A write transaction
	// must never make one of its connections wait.
	Readers *sql.DB
	Dialect Dialect
	// Close releases both pools. It is called once, with no transaction open.
	Close func() error
}

// Store implements [store.Store].
type Store struct {
	config Config
	reads  statements // on config.Readers
	writer *sql.Conn  // the one of config.Writer; nil for a store that only reads
	writes statements // on writer

	changes chan *update  // that wait to be made
	written chan struct{} // closed when all are
	// These belong to the writer.
	open    *group // the transaction that changes join
	tree    *tree  // as this store has committed it last; nil when it has to be read
	head    *head  // of the same; nil before the store has read it
	buffers buffers
	crowd   int // changes that were answered together last
	// solitary is for how many transactions changes that write much share none.
	solitary int

	mu      sync.Mutex
	running sync.WaitGroup // transactions; grows only under mu while not closed
	closed  bool
	fatal   error // first error after which nothing may be written
	trouble error // of the database, in the last write; nil when that succeeded
}

var _ store.Store = (*Store)(nil)

// New returns the store over an open database, which it closes when it fails.
func New(ctx context.Context, c Config) (*Store, error) {
	s := &Store{config: c, changes: make(chan *update, maxWaiting), written: make(chan struct{})}
	var err error
	if s.reads, err = prepare(ctx, c.Readers, c.Dialect, fixedReads()); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if c.Writer == nil {
		return s, nil
	}
	if err := s.openWriter(ctx); err != nil {
		return nil, errors.Join(err, s.reads.close(), c.Close())
	}
	go s.write()
	return s, nil
}

// openWriter takes the connection that writes, for as long as the store is open.
func (s *Store) openWriter(ctx context.Context) (err error) {
	if s.writer, err = s.config.Writer.Conn(ctx); err != nil {
		return err
	}
	if s.writes, err = prepare(ctx, s.writer, s.config.Dialect, append(fixedWrites(), savepoint, commitWrite)); err != nil {
		return errors.Join(err, s.writer.Close())
	}
	return nil
}

// closeWriter waits for the changes that were lined up and gives the connection
// back.
func (s *Store) closeWriter() error {
	if s.writer == nil {
		return nil
	}
	close(s.changes)
	<-s.written
	return errors.Join(s.writes.close(), s.writer.Close())
}

// View implements [store.Store].
func (s *Store) View(ctx context.Context, f func(store.Reader) error) error {
	return s.view(ctx, func(r *session) error { return f(r) })
}

func (s *Store) view(ctx context.Context, f func(*session) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.running.Done()
	tx, err := s.config.Dialect.BeginRead(ctx, s.config.Readers)
	if err != nil {
		return fmt.Errorf("begin reading: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written: nothing to lose
	return f(&session{db: tx, tx: tx, dialect: s.config.Dialect, prepared: s.reads})
}

// probeSize is what Ready writes after a failure, in bytes: room for the longest
// entry and a change of the usual size. A full disk still takes what is shorter
// than the write that failed.
const probeSize = 256 << 10

// Ready implements [store.Store].
func (s *Store) Ready(ctx context.Context) error {
	if err := s.writable(); err != nil {
		return err
	}
	s.mu.Lock()
	trouble := s.trouble
	s.mu.Unlock()
	if trouble == nil {
		return s.view(ctx, func(*session) error { return nil })
	}
	return s.update(ctx, func(w *session) error {
		_, err := w.exec(ctx, writeProbe, make([]byte, probeSize))
		return err
	})
}

// Close implements [store.Store]. Closing again does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.running.Wait()
	return errors.Join(s.closeWriter(), s.reads.close(), s.config.Close())
}

func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.running.Add(1)
	return nil
}

func (s *Store) writable() error {
	if s.config.Writer == nil {
		return ErrReadOnly
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fatal != nil {
		return fmt.Errorf("%w: %w", store.ErrStopped, s.fatal)
	}
	return nil
}

// ended reports whether the caller's context ended a statement before it began.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// note remembers how a write went; failed is the error of the database in it. A
// fatal one ends all writing: the kernel reports a failed sync once and then
// forgets the pages, so a second try that succeeds proves nothing. So does a log
// that is not what this store has written: a second try would take for the
// truth what somebody has made of it.
func (s *Store) note(err, failed error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil || failed != nil && !ended(failed) {
		s.trouble = failed
	}
	if s.config.Dialect.Full(failed) {
		s.solitary = solitude
	} else if err == nil {
		s.solitary = max(s.solitary-1, 0)
	}
	if s.fatal == nil && (s.config.Dialect.Fatal(err) || s.config.Dialect.Fatal(failed) || errors.Is(failed, audit.ErrTampered)) {
		s.fatal = errors.Join(err, failed)
	}
}
