package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// session is one transaction. It is a store.Writer in every case; View hands
// it out as a store.Reader, and its connection refuses to write besides.
type session struct {
	tx       *sql.Tx
	numbered bool
	dangling func(error) bool
	failed   error // of the first statement that failed
}

var _ store.Writer = (*session)(nil)

func (s *session) exec(ctx context.Context, query string, args ...any) (int64, error) {
	result, err := s.tx.ExecContext(ctx, s.bind(query), args...)
	if err != nil {
		return 0, s.fail(err)
	}
	n, err := result.RowsAffected()
	return n, s.fail(err)
}

func (s *session) bind(query string) string {
	if s.numbered {
		return numbered(query)
	}
	return query
}

func (s *session) fail(err error) error {
	if err == nil {
		return nil
	}
	if s.dangling != nil && s.dangling(err) {
		err = fmt.Errorf("%w: %w", store.ErrDangling, err)
	}
	if s.failed == nil {
		s.failed = err
	}
	return err
}

// collect reads all rows before it returns, so no statement stays open.
func collect[T any](ctx context.Context, s *session, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.tx.QueryContext(ctx, s.bind(query), args...)
	if err != nil {
		return nil, s.fail(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err below has said what there is to say
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, s.fail(err)
		}
		all = append(all, one)
	}
	return all, s.fail(rows.Err())
}

type scanner interface{ Scan(...any) error }
