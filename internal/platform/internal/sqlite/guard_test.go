package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlstore"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

func TestConnectionsHaveTheirSettings(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	writer := raw(t, path)
	pool, err := connect(path, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	for _, c := range []struct {
		name   string
		db     *sql.DB
		pragma string
		want   string
	}{
		{"writer", writer, "journal_mode", "wal"},
		{"writer", writer, "synchronous", "2"}, // FULL
		{"writer", writer, "foreign_keys", "1"},
		{"writer", writer, "query_only", "0"},
		{"writer", writer, "temp_store", "2"}, // MEMORY
		{"writer", writer, "busy_timeout", "5000"},
		{"reader", pool, "journal_mode", "wal"},
		{"reader", pool, "query_only", "1"},
		{"reader", pool, "trusted_schema", "0"},
	} {
		var got string
		if err := c.db.QueryRowContext(t.Context(), "PRAGMA "+c.pragma).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s: %s is %s, want %s", c.name, c.pragma, got, c.want)
		}
	}
}

func TestAReaderCannotWrite(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	err := s.View(t.Context(), func(r store.Reader) error {
		w, ok := r.(store.Writer)
		if !ok {
			return nil
		}
		if err := w.Put(t.Context(), store.Record{Ref: sigint, Body: []byte(`{}`)}); err == nil {
			t.Error("Put within a View: got no error, want one")
		}
		return nil
	})
	if err != nil {
		t.Errorf("View: %v", err)
	}
}

func TestTheAuditLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	err := s.Update(t.Context(), func(w store.Writer) error {
		return errors.Join(w.Append(t.Context(), auditEntry("domains/sigint", 1)), w.Append(t.Context(), auditEntry("domains/sigint", 2)))
	})
	if err != nil {
		t.Fatal(err)
	}
	want, err := s.Audit(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	attacker := rawConnect(t, path)
	for _, attack := range []string{
		`UPDATE audit SET entries = x'000100'`,
		`UPDATE audit SET last = last + 10, first = first + 10`,
		`DELETE FROM audit`,
		`DELETE FROM audit WHERE last = 2`,
		`UPDATE audit SET leaves = zeroblob(32)`,
		`INSERT OR REPLACE INTO audit VALUES (1, 1, zeroblob(32), x'000100')`,
		`REPLACE INTO audit VALUES (2, 2, zeroblob(32), x'000100')`,
		`REPLACE INTO audit VALUES (2, 3, zeroblob(0), x'000100')`,
		`REPLACE INTO audit VALUES (2, 1, zeroblob(64), x'000100000100')`,
		`INSERT INTO audit VALUES (1, 1, zeroblob(32), x'000100') ON CONFLICT (last) DO UPDATE SET entries = x'000100'`,
		`INSERT INTO audit VALUES (7, 7, zeroblob(32), x'000100')`,
		`INSERT INTO audit VALUES (0, 0, zeroblob(32), x'000100')`,
		`INSERT INTO audit (first, leaves, entries) VALUES (3, zeroblob(32), x'000100')`,
	} {
		if _, err := attacker.ExecContext(t.Context(), attack); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: got %v, want it refused as append-only", attack, err)
		}
	}
	got, err := s.Audit(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) || !bytes.Equal(got[0].Entry, want[0].Entry) || !bytes.Equal(got[1].Entry, want[1].Entry) {
		t.Errorf("the log is %v, want %v", got, want)
	}
}

func TestTheVocabulariesAreAppendOnly(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	err := s.Update(t.Context(), func(w store.Writer) error {
		return w.Enact(t.Context(), goldenVocabulary, store.Enactment{Revision: "r1", Time: "x"})
	})
	if err != nil {
		t.Fatal(err)
	}
	attacker := rawConnect(t, path)
	for _, attack := range []string{
		`UPDATE vocabularies SET text = x'00'`,
		`DELETE FROM vocabularies`,
		`INSERT OR REPLACE INTO vocabularies VALUES ('2026-01.1', 'd', x'00')`,
		`INSERT INTO vocabularies VALUES ('2026-01.1', 'd', x'00') ON CONFLICT (version) DO UPDATE SET text = x'00'`,
		`UPDATE vocabulary_enactments SET subject = 'somebody'`,
		`DELETE FROM vocabulary_enactments`,
		`REPLACE INTO vocabulary_enactments VALUES (1, '2026-01.1', 'r2', '', '', '')`,
		`REPLACE INTO vocabulary_enactments VALUES (2, '2026-01.1', 'r1', '', '', '')`,
		`INSERT INTO vocabulary_enactments VALUES (7, '2026-01.1', 'r3', '', '', '')`,
	} {
		if _, err := attacker.ExecContext(t.Context(), attack); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: got %v, want it refused as append-only", attack, err)
		}
	}
	wantGoldenVocabulary(t, s, true)
}

// The store looks before it writes; the foreign keys are the second guard, and
// are tried here past the store.
func TestForeignKeysStandBehindTheStore(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	putDomain(t, s)
	gold := store.Record{Ref: catalog.Ref{Kind: catalog.KindSLA, ID: "sigint/gold"}, Body: []byte(`{}`), References: []catalog.Ref{sigint}}
	if err := s.Update(t.Context(), func(w store.Writer) error { return w.Put(t.Context(), gold) }); err != nil {
		t.Fatal(err)
	}
	db := rawConnect(t, path)
	for _, c := range []struct {
		statement string
		dangling  bool
	}{
		{`INSERT INTO refs VALUES ('slas', 'sigint/gold', 'domains', 'nowhere')`, true},
		{`INSERT INTO refs VALUES ('slas', 'nowhere/x', 'domains', 'sigint')`, true},
		{`UPDATE refs SET to_id = 'nowhere'`, true},
		{`DELETE FROM objects WHERE id = 'sigint'`, false},
		{`DELETE FROM objects WHERE id = 'sigint/gold'`, true},
		{`UPDATE objects SET id = 'other' WHERE id = 'sigint'`, true},
	} {
		_, err := db.ExecContext(t.Context(), c.statement)
		if err == nil {
			t.Errorf("%s: got no error, want one", c.statement)
		} else if dialect.ForeignKey(err) != c.dangling {
			t.Errorf("%s: got %v, foreign key %v, want %v", c.statement, err, !c.dangling, c.dangling)
		}
	}
	wantDomain(t, s)
}

func TestAWriteTransactionExcludesOtherProcesses(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	other, err := rawConnect(t, path).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), func(store.Writer) error { // nothing is written yet
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		if err := dialect.BeginWrite(ctx, other); err == nil {
			t.Error("a second write transaction began")
		}
		return nil
	})
	if err != nil {
		t.Errorf("Update: %v", err)
	}
}

// TestAuditDirectoryMadeReadOnly fails every write until that ends. Nothing is
// recorded meanwhile, the store says that it is not ready, and it recovers by
// itself.
func TestAuditDirectoryMadeReadOnly(t *testing.T) {
	t.Parallel()
	s, onWriter := newStore(t, dialect)
	record := func() error {
		return s.Update(t.Context(), func(w store.Writer) error { return w.Append(t.Context(), auditEntry("domains/sigint", 1)) })
	}
	if err := errors.Join(record(), s.Ready(t.Context())); err != nil {
		t.Fatalf("before: %v", err)
	}
	onWriter(`PRAGMA query_only = 1`)
	if err := record(); err == nil || dialect.Fatal(err) {
		t.Errorf("got %v, want an error that passes", err)
	}
	if err := s.Ready(t.Context()); err == nil {
		t.Error("the store is ready")
	}
	onWriter(`PRAGMA query_only = 0`)
	if err := errors.Join(s.Ready(t.Context()), record()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	wantHashed(t, s, 2)
}

func TestAfterAFailedSyncNothingIsWritten(t *testing.T) {
	t.Parallel()
	failedSync := errors.New("disk I/O error")
	faulty := dialect
	faulty.BeginWrite = func(context.Context, *sql.Conn) error { return failedSync }
	faulty.Fatal = func(err error) bool { return errors.Is(err, failedSync) }
	s, _ := newStore(t, faulty)
	for _, want := range []error{failedSync, store.ErrStopped, store.ErrStopped} {
		err := s.Update(t.Context(), func(store.Writer) error { t.Error("the function ran"); return nil })
		if !errors.Is(err, want) {
			t.Errorf("Update: got %v, want %v", err, want)
		}
	}
	if err := s.Ready(t.Context()); !errors.Is(err, store.ErrStopped) {
		t.Errorf("Ready: got %v, want ErrStopped", err)
	}
	if err := s.View(t.Context(), func(store.Reader) error { return nil }); err != nil {
		t.Errorf("View: got %v, want that reading goes on", err)
	}
}

// newStore opens a store of this dialect, and gives a function that runs a
// statement on the connection that writes, before the next transaction begins.
func newStore(t *testing.T, d sqlstore.Dialect) (s *sqlstore.Store, onWriter func(query string)) {
	t.Helper()
	path := newPath(t)
	writer := raw(t, path)
	readers, err := connect(path, false)
	if err != nil {
		t.Fatal(err)
	}
	var queries []string
	prepared := d
	prepared.BeginWrite = func(ctx context.Context, conn *sql.Conn) error {
		for _, query := range queries {
			if _, err := conn.ExecContext(ctx, query); err != nil {
				t.Errorf("%s: %v", query, err)
			}
		}
		queries = nil
		return d.BeginWrite(ctx, conn)
	}
	s, err = sqlstore.New(t.Context(), sqlstore.Config{
		Writer: writer, Readers: readers, Dialect: prepared, Close: func() error { return errors.Join(readers.Close(), writer.Close()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s, func(query string) { queries = append(queries, query) }
}
