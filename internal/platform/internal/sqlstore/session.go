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
	db       executor
	tx       *sql.Tx // the same, of a reader; the writer's is a connection with a transaction begun
	dialect  Dialect
	prepared statements
	shared   bool  // others have changes in it: no statement may be cut off
	over     bool  // it has ended, whether or not the transaction has
	failed   error // of the first statement that failed
	unknown  bool  // what that statement has left of the transaction
	tail     *tail // of the log; nil when it is read only
	mark     mark  // where this change begins in the tail
	unsaved  bool  // others have changed something, and the savepoint that divides it from this change is not made
	wrote    bool
	alone    bool         // what it changes shares a transaction with nobody
	divide   func() error // makes the transaction this change's only, if alone
}

var _ store.Writer = (*session)(nil)

// executor runs statements in a transaction.
type executor interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// exec changes something.
func (s *session) exec(ctx context.Context, query string, args ...any) (int64, error) {
	ctx, err := s.statement(ctx)
	if err != nil {
		return 0, s.fail(err)
	}
	if err := s.save(ctx); err != nil {
		return 0, err
	}
	return s.run(ctx, query, args...)
}

// save makes the savepoint before the first statement that changes something, or
// divides the change from others altogether. A change that only appends to the
// log, as most do, needs neither. Entries of others are written first, so that
// going back leaves them.
func (s *session) save(ctx context.Context) error {
	if !s.unsaved {
		return nil
	}
	if s.alone {
		s.unsaved = false
		return s.divide()
	}
	if err := s.flush(ctx, s.mark); err != nil {
		return s.fail(err)
	}
	if _, err := s.run(ctx, savepoint); err != nil {
		return err
	}
	s.tail.saved = nil
	s.unsaved = false
	return nil
}

func (s *session) run(ctx context.Context, query string, args ...any) (int64, error) {
	s.wrote = true
	var result sql.Result
	var err error
	if p := s.statementOf(ctx, query); p != nil { //nolint:sqlclosecheck // the transaction or the store closes it
		result, err = p.ExecContext(ctx, args...)
	} else {
		result, err = s.db.ExecContext(ctx, s.dialect.bind(query), args...)
	}
	if err != nil {
		return 0, s.fail(err)
	}
	n, err := result.RowsAffected()
	return n, s.fail(err)
}

func (s *session) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	ctx, err := s.statement(ctx)
	if err != nil {
		return nil, err
	}
	if p := s.statementOf(ctx, query); p != nil { //nolint:sqlclosecheck // the transaction or the store closes it
		return p.QueryContext(ctx, args...)
	}
	return s.db.QueryContext(ctx, s.dialect.bind(query), args...)
}

// statementOf is the prepared statement of a query, nil when it has none.
func (s *session) statementOf(ctx context.Context, query string) *sql.Stmt {
	p := s.prepared[query]
	if p == nil || s.tx == nil {
		return p
	}
	return s.tx.StmtContext(ctx, p)
}

// statement is the context of the next statement. SQLite rolls the transaction
// back when a statement that writes is interrupted; and when the disk is full,
// after which the next statement would be a transaction of its own, and kept.
func (s *session) statement(ctx context.Context) (context.Context, error) {
	switch {
	case s.over:
		return ctx, sql.ErrTxDone
	case !s.shared:
		return ctx, nil
	case s.failed != nil:
		return ctx, fmt.Errorf("not tried, because a statement before it had failed: %w", s.failed)
	}
	return context.WithoutCancel(ctx), ctx.Err()
}

func (s *session) fail(err error) error {
	if err == nil {
		return nil
	}
	if s.dialect.ForeignKey(err) {
		err = fmt.Errorf("%w: %w", store.ErrDangling, err)
	}
	if s.failed == nil {
		s.failed, s.unknown = err, !ended(err)
	}
	return err
}

// refuse is fail where the database did what it was asked.
func (s *session) refuse(err error) error {
	if s.failed == nil {
		s.failed = err
	}
	return err
}

// collect reads all rows before it returns, so no statement stays open.
func collect[T any](ctx context.Context, s *session, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := s.query(ctx, query, args)
	if err != nil {
		return nil, s.fail(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err below has said what there is to say
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, s.refuse(err)
		}
		all = append(all, one)
	}
	return all, s.fail(rows.Err())
}

type scanner interface{ Scan(...any) error }
