// Package store is what the platform needs of a database: records of catalogue
// objects, the references between them, the schema registry, the marking
// vocabularies and the audit entries, in transactions. Every implementation passes storetest.
//
// There is one writer at a time. A write transaction sees its own changes, and
// nobody else does before it commits. A committed transaction survives the
// death of the process.
package store

import (
	"context"
	"errors"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Errors that a store returns, wrapped, for what it can tell apart. Everything
// else means that the store is unavailable or broken.
var (
	ErrNotFound = errors.New("no such object")
	ErrDangling = errors.New("a reference names nothing")
	ErrInUse    = errors.New("other objects refer to it")
	ErrTaken    = errors.New("the version is that of another vocabulary")
)

// ErrStopped is returned by Update and Ready once the database has failed in a
// way after which a further write could lose an earlier one.
var ErrStopped = errors.New("the database has failed and takes no writes until the process is restarted")

// Record is one object as it is kept.
type Record struct {
	Ref      catalog.Ref
	Revision string
	Body     []byte // JSON of the object in normal form
	// Text is what a search looks through: lower case.
	Text string
	// Status is the product's status, "" for the other kinds.
	Status string
	// References are the objects that must exist for this one to stand, each
	// once, in any order. The store refuses to lose one of them. They are in the
	// Body too, so a record that is read has none.
	References []catalog.Ref
}

// Query asks for records of one kind in the order of their ids (bytewise).
type Query struct {
	Kind   catalog.Kind
	Domain string   // "" for all
	Words  []string // lower case; each must occur in Text, taken literally
	Status string   // "" for all
	After  string   // only ids after this one
	Limit  int      // at most this many; above zero
}

// Reader reads one consistent state.
type Reader interface {
	// Get returns one record. ErrNotFound.
	Get(context.Context, catalog.Ref) (Record, error)
	// List returns the records that a query asks for.
	List(context.Context, Query) ([]Record, error)
	// Dependants returns the objects that refer to this one, sorted by kind
	// (in the order of catalog.Kinds) and id; none when there are none. An
	// object that refers to itself does not depend on itself.
	Dependants(context.Context, catalog.Ref) ([]catalog.Ref, error)
	RegistryReader
	VocabularyReader
}

// Writer changes the state of one transaction. An error that a method lists
// leaves the state as it was before the call, and the transaction may go on;
// after any other error it can only be rolled back, and Update fails.
type Writer interface {
	Reader
	// Put creates or replaces a record and its references. ErrDangling.
	Put(context.Context, Record) error
	// Delete removes a record and its references. ErrNotFound, ErrInUse.
	Delete(context.Context, catalog.Ref) error
	RegistryWriter
	VocabularyWriter
	// Append adds an audit entry, and its hash to the tree of the log.
	Append(context.Context, audit.Entry) error
}

// Store keeps the catalogue. All methods are safe for concurrent use.
type Store interface {
	// View runs f on one consistent state. f may not call View or Update: it
	// would hold a connection while it waits for another.
	View(ctx context.Context, f func(Reader) error) error
	// Update runs f in a write transaction and commits it durably, or rolls
	// it back when f or the commit fails. f runs on a goroutine of the store's;
	// when it panics, Update does, with a *Panic. f may call View, which gives
	// the state before the transaction, but not Update, for which it would
	// wait for ever.
	Update(ctx context.Context, f func(Writer) error) error
	// Append adds one audit entry in a transaction of its own. It is an Update
	// that keeps other writers waiting for less, since nothing is left to
	// print and to hash when its turn comes.
	Append(context.Context, audit.Entry) error
	Log
	// Ready says why nothing can be written now, nil when the last write
	// succeeded. After one that failed it tries a small one. ErrStopped.
	Ready(context.Context) error
	// Close waits for transactions to end and closes the database.
	Close() error
}

// Log is the audit log as it was committed, in the form of a tree (package
// audit). Entry number n of the store is leaf n-1 of the tree. What is kept in
// a form that the store does not write is audit.ErrTampered.
type Log interface {
	// Audit returns at most limit entries after the sequence number, oldest
	// first. Numbers start at 1 and have no gaps.
	Audit(ctx context.Context, after int64, limit int) ([]AuditRecord, error)
	// Head is the right edge of the whole tree.
	Head(context.Context) (audit.Edge, error)
	// Tile is a tile of hashes, of any width that the tree had or has.
	// ErrNotFound.
	Tile(context.Context, audit.Tile) ([]audit.Hash, error)
}

// AuditRecord is one entry as it is kept.
type AuditRecord struct {
	Sequence int64
	Entry    []byte // canonical JSON (RFC 8785)
}
