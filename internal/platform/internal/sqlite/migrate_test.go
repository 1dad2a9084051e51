package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// opened makes a database with Open, closes it and connects to it beside all
// our checks, as somebody with another tool would.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	s, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return rawConnect(t, path)
}

func rawConnect(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := connect(path, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // often closed by the test already
	return db
}

func mustExec(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func TestALaterFormatIsRefusedAndLeftAlone(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	db := raw(t, path)
	mustExec(t, db, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (2026, 1)`)
	mustExec(t, db, `CREATE TABLE of_the_future (x)`)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before := content(t, path)
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrNewer) {
		t.Errorf("Open: got %v, want ErrNewer", err)
	}
	if _, err := OpenForReading(t.Context(), path); !errors.Is(err, ErrNewer) {
		t.Errorf("OpenForReading: got %v, want ErrNewer", err)
	}
	if !bytes.Equal(before, content(t, path)) {
		t.Error("the file was changed")
	}
}

func TestAnEarlierFormatIsNotReadAsItIs(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	db := raw(t, path)
	mustExec(t, db, `DELETE FROM goose_db_version WHERE version_id > 0`)
	if _, err := OpenForReading(t.Context(), path); !errors.Is(err, ErrOlder) {
		t.Errorf("OpenForReading: got %v, want ErrOlder", err)
	}
}

func TestTheDatabaseOfAnotherProgramIsRefused(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"with tables":         `CREATE TABLE recipes (x)`,
		"with another number": `PRAGMA application_id = 252006673`,
	} {
		path := filepath.Join(t.TempDir(), "datamesh.db")
		if err := create(path); err != nil {
			t.Fatal(err)
		}
		db := rawConnect(t, path)
		mustExec(t, db, statement)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		before := content(t, path)
		if _, err := Open(t.Context(), path); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: Open: got %v, want ErrForeign", name, err)
		}
		if !bytes.Equal(before, content(t, path)) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestADamagedDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	whole := newPath(t)
	s := open(t, whole)
	putDomain(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	good := content(t, whole)
	for name, damage := range map[string]func([]byte) []byte{
		"a page overwritten": func(b []byte) []byte { copy(b[4096:8192], bytes.Repeat([]byte{0xAA}, 4096)); return b },
		"every other page":   func(b []byte) []byte { copy(b[8192:], bytes.Repeat([]byte{0x55}, len(b)-8192)); return b },
		"cut short":          func(b []byte) []byte { return b[:len(b)/2] },
		"header overwritten": func(b []byte) []byte { copy(b, "not a database at all, sorry"); return b },
	} {
		path := filepath.Join(t.TempDir(), "datamesh.db")
		if err := os.WriteFile(path, damage(bytes.Clone(good)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), path)
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) {
			t.Errorf("%s: Open: got %v, want ErrDamaged or ErrForeign", name, err)
		}
	}
}

func TestOpeningAgainKeepsEverything(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	for range 3 {
		s := open(t, path)
		putDomain(t, s)
		wantDomain(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
