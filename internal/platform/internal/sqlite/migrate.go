package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks a file as ours in SQLite's header: "DMSH".
const applicationID = 0x444d5348

// identify refuses a database that another program made and marks an empty
// one as ours.
func identify(ctx context.Context, db *sql.DB) error {
	id, tables, err := identity(ctx, db)
	if err != nil {
		return err
	}
	if id == applicationID {
		return nil
	}
	if id != 0 || tables > 0 {
		return fmt.Errorf("%w: application id %#x, %d tables", ErrForeign, id, tables)
	}
	_, err = db.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d`, applicationID))
	return err
}

func identity(ctx context.Context, db *sql.DB) (id int64, tables int, err error) {
	if err := db.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&id); err != nil {
		return 0, 0, err
	}
	err = db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables)
	return id, tables, err
}

// migrate brings the tables to today's format, each step in a transaction.
func migrate(ctx context.Context, db *sql.DB) error {
	p, err := migrator(db)
	if err != nil {
		return err
	}
	current, target, err := p.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("read the format: %w", err)
	}
	if current > target {
		return fmt.Errorf("%w: format %d, this program knows up to %d", ErrNewer, current, target)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("bring it from format %d to %d: %w", current, target, err)
	}
	return nil
}

// checkFormat asks for a database of ours in exactly today's format and writes
// nothing.
func checkFormat(ctx context.Context, db *sql.DB) error {
	id, tables, err := identity(ctx, db)
	switch {
	case err != nil:
		return err
	case id != applicationID && tables > 0:
		return fmt.Errorf("%w: application id %#x", ErrForeign, id)
	case tables == 0:
		return fmt.Errorf("%w: it has no tables yet", ErrOlder)
	}
	p, err := migrator(db)
	if err != nil {
		return err
	}
	current, target, err := p.GetVersions(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("read the format: %w", err)
	case current > target:
		return fmt.Errorf("%w: format %d, this program knows up to %d", ErrNewer, current, target)
	case current < target:
		return fmt.Errorf("%w: format %d of %d", ErrOlder, current, target)
	}
	return nil
}

func migrator(db *sql.DB) (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(logMigration()), goose.WithLogger(goose.NopLogger()))
}
