package audit

import (
	"context"
	"time"
)

// The page sizes of a [Query].
const (
	DefaultLimit = 50
	MaxLimit     = 200
)

// MaxCriterion is the longest value that a query asks for, in bytes.
const MaxCriterion = 512

// Query asks for entries of the log, in its order, oldest first. What is "" or
// zero asks for anything; all the others must hold.
type Query struct {
	Subject, Object, Event, Decision, RequestID string
	// From and Until bound the time that an entry tells: from the one on, and
	// before the other. The order of the log need not be that of its times: a
	// clock may be set back.
	From, Until time.Time
	Limit       int    // 0 for DefaultLimit, at most MaxLimit
	Cursor      string // Page.Next of the page before
}

// Page is a part of the answer to a query.
type Page struct {
	Entries []Found
	Next    string // "" on the last page
}

// Found is one entry.
type Found struct {
	Entry []byte // canonical
	// Number is the entry's place in the log, from 1; 0 when the reader is not
	// told, because gaps would show how much it is not shown.
	Number int64
}

// Reader reads the log as one caller may. Errors are those of package catalog:
// CodeUnauthenticated; CodeForbidden; CodeInvalid for a query that makes no
// sense; CodeUnavailable when the entries cannot be searched yet.
type Reader interface {
	// Entries are those that the caller is let in to. Pages are filled, and
	// Next is set only when one more follows.
	Entries(context.Context, Query) (Page, error)
	// Proof is the proof that an entry, by the hash of its leaf, is in the
	// log. CodeNotFound for one that the caller may not read.
	Proof(ctx context.Context, leaf Hash) (Proof, error)
}
