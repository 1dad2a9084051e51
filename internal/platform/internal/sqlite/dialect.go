package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlstore"
)

// What may be wrong with a database that is to be opened, and the way out.
var (
	ErrLocked  = errors.New("another process has it open: stop that process, or use another data directory")
	ErrDamaged = errors.New("the file is damaged: restore it from a backup")
	ErrForeign = errors.New("the file is not a database of this program: use another data directory")
	ErrNewer   = errors.New("a later version of this program wrote it: use that version, or restore a backup made by this one")
	ErrOlder   = errors.New("its format is older than this program's: start the server on it once")
)

var dialect = sqlstore.Dialect{
	BeginRead: func(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
		return db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	},
	BeginWrite: func(ctx context.Context, conn *sql.Conn) error {
		_, err := conn.ExecContext(ctx, `BEGIN IMMEDIATE`)
		return err
	},
	ForeignKey: func(err error) bool { return code(err) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY },
	Taken: func(err error) bool {
		switch code(err) {
		case sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_TRIGGER:
			return true
		}
		return false
	},
	Full: func(err error) bool { return code(err)&0xff == sqlite3.SQLITE_FULL },
	Fatal: func(err error) bool {
		switch code(err) & 0xff {
		case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return true
		}
		return false
	},
}

// code is SQLite's extended result code, 0 when the error has none.
func code(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

// classify adds the way out to an error met while opening.
func classify(err error) error {
	switch code(err) & 0xff {
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CONSTRAINT: // rows that no version of this program writes
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	return err
}
