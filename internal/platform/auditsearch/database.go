package auditsearch

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

//go:embed tables.sql
var tables string

// format is the version of the tables. A database of another is made again.
const format = 1

// patience is how long a search waits for the follower.
const patience = 2 * time.Second

// row is what is indexed of one entry.
type row struct {
	number                                      int64
	leaf                                        audit.Hash
	at                                          int64 // nanoseconds since 1970
	subject, object, event, decision, requestID string
}

func rowOf(r store.AuditRecord) (row, error) {
	e, err := audit.ParseEntry(r.Entry)
	if err != nil {
		return row{}, fmt.Errorf("entry %d: %w", r.Sequence, err)
	}
	at, err := time.Parse(time.RFC3339Nano, e.Time)
	if err != nil {
		return row{}, fmt.Errorf("entry %d: %w", r.Sequence, err)
	}
	return row{r.Sequence, audit.LeafHash(r.Entry), at.UnixNano(), e.Consumer.Sub, e.Object, e.Event, e.Decision, e.RequestID}, nil
}

func openDatabase(ctx context.Context, path string) (*sql.DB, error) {
	// SQLite would make it readable for others.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // in the data directory
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return nil, err
	}
	query := url.Values{"_pragma": {
		"journal_mode(WAL)", "synchronous(NORMAL)", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "trusted_schema(OFF)",
	}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// prepare makes the tables of an empty database.
func prepare(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	switch version {
	case format:
		return nil
	case 0:
		_, err := db.ExecContext(ctx, tables)
		return err
	}
	return fmt.Errorf("%w: it is of format %d", errForeign, version)
}

func readHead(ctx context.Context, db *sql.DB) (audit.Edge, error) {
	var size int64
	var raw []byte
	if err := db.QueryRowContext(ctx, `SELECT size, edge FROM head`).Scan(&size, &raw); err != nil {
		return audit.Edge{}, fmt.Errorf("%w: %w", errForeign, err)
	}
	edge, err := audit.ParseEdge(size, raw)
	if err != nil {
		err = fmt.Errorf("%w: %w", errForeign, err)
	}
	return edge, err
}

// insert takes rows over together with the tree that they make.
func insert(ctx context.Context, db *sql.DB, rows []row, edge *audit.Edge) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // done already, or reported
	for _, r := range rows {
		_, err := tx.ExecContext(ctx, `INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			r.number, r.leaf[:], r.at, r.subject, r.object, r.event, r.decision, r.requestID)
		if err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE head SET size = ?, edge = ?`, edge.Size(), edge.Bytes()); err != nil {
		return err
	}
	return tx.Commit()
}

// Match is an entry that was found: its number, from 1, and the hash that it
// had when it was read.
type Match struct {
	Number int64
	Leaf   audit.Hash
}

// Find returns at most limit entries after a number that a query asks for, in
// the order of the log. All that the log had when Find was called is searched.
// ErrBehind.
func (i *Index) Find(ctx context.Context, q audit.Query, after int64, limit int) ([]Match, error) {
	where, args := []string{"seq > ?"}, []any{after}
	for column, value := range map[string]string{"subject": q.Subject, "object": q.Object, "event": q.Event, "decision": q.Decision, "request_id": q.RequestID} {
		if value != "" {
			where, args = append(where, column+" = ?"), append(args, value)
		}
	}
	if !q.From.IsZero() {
		where, args = append(where, "at >= ?"), append(args, q.From.UnixNano())
	}
	if !q.Until.IsZero() {
		where, args = append(where, "at < ?"), append(args, q.Until.UnixNano())
	}
	return i.find(ctx, strings.Join(where, " AND "), append(args, limit)...)
}

// ByHash returns the entries with a hash: one, or none.
func (i *Index) ByHash(ctx context.Context, leaf audit.Hash) ([]Match, error) {
	return i.find(ctx, "leaf = ?", leaf[:], 1)
}

func (i *Index) find(ctx context.Context, where string, args ...any) ([]Match, error) {
	head, err := i.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	db, err := i.reach(waiting, head.Size())
	if err != nil {
		return nil, err
	}
	matches, err := query(ctx, db, `SELECT seq, leaf FROM entries WHERE `+where+` ORDER BY seq LIMIT ?`, args...)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", ErrBehind, err) // its file failed, not the log's
	}
	return matches, err
}

func query(ctx context.Context, db *sql.DB, statement string, args ...any) ([]Match, error) {
	rows, err := db.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	var found []Match
	for rows.Next() {
		var m Match
		var leaf []byte
		if err := rows.Scan(&m.Number, &leaf); err != nil {
			return nil, err
		}
		copy(m.Leaf[:], leaf)
		found = append(found, m)
	}
	return found, rows.Err()
}
