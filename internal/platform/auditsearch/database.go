package auditsearch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"modernc.org/sqlite"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

const (
	// connections are all that the database ever has: it has no name by which
	// another could be opened.
	connections = 4
	// segment is how many entries one table holds. Its indexes are made when it
	// is full, or when there is nothing more to read, and sorted in memory: at most
	// some 60 MB, where every value is as long as one may be.
	segment = 1 << 16
	// pattern is what the file is called in the moment in which it has a name.
	pattern = "auditsearch-*.db"
)

// segmentTable has the name of its segment in each place of %[1]d.
const segmentTable = `CREATE TABLE IF NOT EXISTS entries_%[1]d (
	seq        INTEGER PRIMARY KEY,
	leaf       BLOB NOT NULL,
	at         INTEGER NOT NULL,
	subject    TEXT NOT NULL,
	object     TEXT NOT NULL,
	event      TEXT NOT NULL,
	decision   TEXT NOT NULL,
	request_id TEXT NOT NULL
) STRICT`

const segmentIndexes = `CREATE INDEX IF NOT EXISTS leaf_%[1]d ON entries_%[1]d (leaf);
CREATE INDEX IF NOT EXISTS at_%[1]d ON entries_%[1]d (at);
CREATE INDEX IF NOT EXISTS subject_%[1]d ON entries_%[1]d (subject);
CREATE INDEX IF NOT EXISTS object_%[1]d ON entries_%[1]d (object);
CREATE INDEX IF NOT EXISTS event_%[1]d ON entries_%[1]d (event);
CREATE INDEX IF NOT EXISTS decision_%[1]d ON entries_%[1]d (decision);
CREATE INDEX IF NOT EXISTS request_id_%[1]d ON entries_%[1]d (request_id)`

// row is what is indexed of one entry. Texts are cut behind the longest that can
// be asked for: what is longer is equal to none of those.
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
	return row{r.Sequence, audit.LeafHash(r.Entry), at.UnixNano(),
		cut(e.Consumer.Sub), cut(e.Object), cut(e.Event), cut(e.Decision), cut(e.RequestID)}, nil
}

func cut(text string) string { return text[:min(len(text), audit.MaxCriterion+1)] }

// openDatabase makes an empty database in a file of the folder, and takes its
// name away as soon as all connections are open. Nobody can open it then, so it
// holds what this process has read from the log, and it ends with the process.
func openDatabase(ctx context.Context, folder string) (db *sql.DB, err error) {
	file, err := os.CreateTemp(folder, pattern) // mode 0600
	if err != nil {
		return nil, err
	}
	path := file.Name()
	if err = file.Close(); err == nil {
		db, err = connect(ctx, path)
	}
	if runtime.GOOS != "windows" { // which keeps the name of what is open: tidy removes it later
		err = errors.Join(err, remove(path))
	}
	if err != nil {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
		return nil, err
	}
	return db, nil
}

// connect opens all connections to a file, and on each the two files beside it.
func connect(ctx context.Context, path string) (*sql.DB, error) {
	query := url.Values{"mode": {"rw"}, "_pragma": {
		"journal_mode(WAL)", "synchronous(OFF)", "temp_store(MEMORY)", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
	}}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	if err := openAll(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func openAll(ctx context.Context, db *sql.DB) error {
	for range connections {
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }() // gives it back when all are taken: each must be another
		if _, err := conn.ExecContext(ctx, fmt.Sprintf(segmentTable, 0)); err != nil {
			return err
		}
		var n int
		if err := conn.QueryRowContext(ctx, `SELECT count(*) FROM entries_0`).Scan(&n); err != nil {
			return err
		}
	}
	return nil
}

// remove takes away the names of a database.
func remove(path string) error {
	var errs []error
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// tidy makes the folder, and removes what a process has left there that was
// killed while its file had a name, and the database of an earlier version.
func tidy(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	left, err := fs.Glob(os.DirFS(folder), pattern)
	errs := []error{err, remove(folder + ".db")}
	for _, name := range left {
		errs = append(errs, remove(filepath.Join(folder, name)))
	}
	return errors.Join(errs...)
}

// insert takes rows over that belong to segment n. Its indexes are made with the
// last rows that it has for now.
func insert(ctx context.Context, db *sql.DB, n int64, rows []row, last bool) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // done already, or reported
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(segmentTable, n)); err != nil {
		return err
	}
	if err := add(ctx, tx, n, rows); err != nil {
		return err
	}
	if last {
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(segmentIndexes, n)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func add(ctx context.Context, tx *sql.Tx, segment int64, rows []row) error {
	one, err := tx.PrepareContext(ctx, fmt.Sprintf(`INSERT INTO entries_%d VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, segment))
	if err != nil {
		return err
	}
	defer func() { _ = one.Close() }() // with the transaction
	for _, r := range rows {
		if _, err := one.ExecContext(ctx, r.number, r.leaf[:], r.at, r.subject, r.object, r.event, r.decision, r.requestID); err != nil {
			return err
		}
	}
	return nil
}

// The codes of SQLite for what may be otherwise the next time.
const (
	codeBusy = 5
	codeFull = 13
)

// passes reports whether a database that failed with this error is as it was.
func passes(err error) bool {
	known := (*sqlite.Error)(nil)
	if !errors.As(err, &known) {
		return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	}
	code := known.Code() & 0xff
	return code == codeBusy || code == codeFull
}
