package auditsearch

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
)

// Match is an entry that was found: its number, from 1, and the hash that it
// had when it was read.
type Match struct {
	Number int64
	Leaf   audit.Hash
}

// Find returns at most limit entries after a number that a query asks for, in
// the order of the log. All that the log had when Find was called is searched.
// No value of the query is longer than audit.MaxCriterion. ErrBehind.
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
	return i.find(ctx, after, limit, strings.Join(where, " AND "), args...)
}

// ByHash returns the entries with a hash: one, or none.
func (i *Index) ByHash(ctx context.Context, leaf audit.Hash) ([]Match, error) {
	return i.find(ctx, 0, 1, "leaf = ?", leaf[:])
}

// find looks through the segments after a number, which are in the order of the
// log, until there are enough.
func (i *Index) find(ctx context.Context, after int64, limit int, where string, args ...any) ([]Match, error) {
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
	var found []Match
	for n := after / i.wide; n*i.wide < head.Size() && len(found) < limit; n++ {
		statement := fmt.Sprintf(`SELECT seq, leaf FROM entries_%d WHERE %s ORDER BY seq LIMIT %d`, n, where, limit-len(found))
		more, err := query(ctx, db, statement, args...)
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w: %w", ErrBehind, err) // its file failed, not the log's
		}
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
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
