// Package sqlite keeps the catalogue in one SQLite file, by way of [sqlstore].
//
// A database is three files beside each other: the file itself, "-wal" with
// what is committed and not yet copied into it, and "-shm". A fourth, ".lock",
// holds the lock by which one process owns the database; the kernel drops it
// with the process, however that ends. A copy that is taken while a server
// runs must hold the first two of one moment.
//
// # Durability
//
// The journal is a write-ahead log and every commit is synced to disk
// (synchronous=FULL) before Update returns. After a failed sync, a full disk
// aside, the store takes no more writes until the process is restarted.
//
// # Connections
//
// Writes go through one connection whose transactions begin IMMEDIATE, so they
// queue in Go, where a context can end the wait. Reads use a pool of
// connections that cannot write.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlstore"
)

const (
	// readers is the most transactions that read at once; more wait.
	readers = 8
	// busyTimeout bounds the wait for a lock that another process holds,
	// such as somebody's backup. Within the process nothing waits on it.
	busyTimeout = 5 * time.Second
	// checkpointPages is how long the write-ahead log grows before a commit
	// copies it into the file, in pages of 4 KiB. Fewer interrupt a busy server
	// for a shorter time, and more often: with 1,000, one call in a hundred
	// waits six milliseconds when 64 callers record without a pause.
	checkpointPages = 2000
	// journalLimit is what the write-ahead log is cut back to, in bytes.
	journalLimit = 64 << 20
)

// Open opens the database in the file, creates it when there is none, checks
// it and brings its tables to today's format. The file has mode 0600 and its
// directory, when it is created, 0700.
//
// It fails when another process has the database open ([ErrLocked]), when the
// file is damaged or no database of ours ([ErrDamaged], [ErrForeign]), and when
// a later version of this program wrote it ([ErrNewer]). The check reads the
// whole file: about a second for each gigabyte.
func Open(ctx context.Context, path string) (*sqlstore.Store, error) {
	f, err := claim(path)
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	s, err := openOwned(ctx, f)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database %s: %w", path, err), f.release())
	}
	return s, nil
}

func openOwned(ctx context.Context, f *file) (*sqlstore.Store, error) {
	writer, err := connect(f.path, true)
	if err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context, *sql.DB) error{identify, check, migrate} {
		if err := step(ctx, writer); err != nil {
			return nil, errors.Join(classify(err), writer.Close())
		}
	}
	pool, err := connect(f.path, false)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	return sqlstore.New(ctx, sqlstore.Config{
		Writer: writer, Readers: pool, Dialect: dialect,
		Close: func() error { return errors.Join(pool.Close(), checkpoint(writer), writer.Close(), f.release()) },
	})
}

// OpenForReading opens an existing database beside the server that owns it, or
// without one. Update fails with [sqlstore.ErrReadOnly]. It neither creates nor
// migrates: a database of another format is refused with [ErrOlder] or
// [ErrNewer].
func OpenForReading(ctx context.Context, path string) (*sqlstore.Store, error) {
	if err := checkFile(path); err != nil {
		return nil, fmt.Errorf("read database %s: %w", path, err)
	}
	pool, err := connect(path, false)
	if err != nil {
		return nil, fmt.Errorf("read database %s: %w", path, err)
	}
	if err := checkFormat(ctx, pool); err != nil {
		return nil, errors.Join(fmt.Errorf("read database %s: %w", path, classify(err)), pool.Close())
	}
	return sqlstore.New(ctx, sqlstore.Config{Readers: pool, Dialect: dialect, Close: pool.Close})
}

// connect makes the pool of the writer or of the readers. No connection is
// opened before it is used.
func connect(path string, writer bool) (*sql.DB, error) {
	source, err := dataSource(path, writer)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	open := readers
	if writer {
		open = 1
	}
	db.SetMaxOpenConns(open)
	db.SetMaxIdleConns(open)
	return db, nil
}

// dataSource is the URI of the file with the settings of each connection. The
// file exists by now: mode=rw makes sure that nothing creates another.
func dataSource(path string, writer bool) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	settings := []string{
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
		"foreign_keys(1)", "trusted_schema(0)", "cell_size_check(1)",
	}
	q := url.Values{"mode": {"rw"}, "_defensive": {"1"}, "_dqs": {"0"}}
	if writer {
		// Savepoints keep the pages before a change; in a file, that takes a
		// fifth of an append.
		settings = append(settings, "journal_mode(WAL)", "synchronous(FULL)", "temp_store(MEMORY)",
			fmt.Sprintf("wal_autocheckpoint(%d)", checkpointPages), fmt.Sprintf("journal_size_limit(%d)", journalLimit))
		q.Set("_txlock", "immediate")
	} else {
		settings = append(settings, "query_only(1)")
	}
	q["_pragma"] = settings
	uri := url.URL{Scheme: "file", Path: filepath.ToSlash(absolute), RawQuery: q.Encode()}
	return uri.String(), nil
}

// check reads the whole file and looks for damage.
func check(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, verdict)
	}
	return nil
}

// checkpoint copies the log into the file and empties it, so that a stopped
// database is one file. A reader of another process may forbid it, which loses
// nothing: the log stays.
func checkpoint(writer *sql.DB) error {
	var busy, log, copied int
	return writer.QueryRowContext(context.Background(), `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &log, &copied)
}
