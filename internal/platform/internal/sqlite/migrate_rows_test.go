package sqlite

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
)

// singleRows is a database of format 4, in which each entry was a row, with
// these entries and no others.
func singleRows(t *testing.T, entries ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, content(t, "testdata/format-4.db"), 0o600); err != nil {
		t.Fatal(err)
	}
	db := rawConnect(t, path)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	exec := func(query string, args ...any) {
		if _, err := tx.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	exec(`DROP TRIGGER audit_no_delete`)
	exec(`DELETE FROM audit`)
	exec(`DELETE FROM audit_tiles`)
	var edge audit.Edge
	var open []audit.Hash
	for _, entry := range entries {
		leaf := audit.LeafHash(entry)
		edge.Append(leaf)
		exec(`INSERT INTO audit (seq, entry, leaf) VALUES (?, ?, ?)`, edge.Size(), entry, leaf[:])
		if open = append(open, leaf); len(open) == audit.TileWidth {
			root := audit.TileRoot(open)
			exec(`INSERT INTO audit_tiles VALUES (0, ?, ?, ?)`, edge.Size()/audit.TileWidth-1, root[:], audit.HashBytes(open))
			open = nil
		}
	}
	exec(`UPDATE audit_head SET size = ?, edge = ?`, edge.Size(), edge.Bytes())
	exec(`CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END`)
	if err := errors.Join(tx.Commit(), db.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestEntriesOfEveryLengthBecomeRows has entries of bytes that are no text, at
// both ends of each length that a size may be written in, and some between.
func TestEntriesOfEveryLengthBecomeRows(t *testing.T) {
	t.Parallel()
	var entries [][]byte
	for _, around := range []int{1, 2, 15, 16, 127, 128, 255, 256, 4095, 4096, 32767, 32768, audit.MaxEntry - 1, audit.MaxEntry} {
		for _, n := range []int{around, around - 1, 1 + rand.IntN(audit.MaxEntry)} {
			entries = append(entries, bytes.Repeat([]byte{0x00, 0xff, 0x22, 0x80}, n/4+1)[:max(n, 1)])
		}
	}
	for len(entries) < audit.TileWidth+3 {
		entries = append(entries, []byte{byte(len(entries)), 0})
	}
	s := open(t, singleRows(t, entries...))
	got, err := s.Audit(t.Context(), 0, len(entries)+1)
	if err != nil || len(got) != len(entries) {
		t.Fatalf("got %d entries, %v, want %d", len(got), err, len(entries))
	}
	for i, entry := range entries {
		if !bytes.Equal(got[i].Entry, entry) {
			t.Errorf("entry %d of %d bytes has become %d others", i+1, len(entry), len(got[i].Entry))
		}
	}
	if err := s.Append(t.Context(), auditEntry("after", 1)); err != nil {
		t.Fatal(err)
	}
	wantHashed(t, s, int64(len(entries))+1)
}

func TestAnEmptyLogBecomesRows(t *testing.T) {
	t.Parallel()
	s := open(t, singleRows(t))
	wantHashed(t, s, 0)
	if err := s.Append(t.Context(), auditEntry("first", 1)); err != nil {
		t.Fatal(err)
	}
	wantHashed(t, s, 1)
}

// TestDamagedRowsStayAsTheyAre: a log that was changed before it is brought to
// the new form is refused, and what is left of it is kept for who looks into it.
func TestDamagedRowsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	const lax = `ALTER TABLE audit RENAME TO honest; CREATE TABLE audit (seq INTEGER PRIMARY KEY, entry, leaf);
		INSERT INTO audit SELECT seq, entry, leaf FROM honest; DROP TABLE honest;
		CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit WHEN NEW.seq = 99 BEGIN SELECT 1; END;
		CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN OLD.seq = 99 BEGIN SELECT 1; END;
		CREATE TRIGGER audit_in_order BEFORE INSERT ON audit WHEN NEW.seq = 99 BEGIN SELECT 1; END;`
	for name, attack := range map[string]string{
		"an entry of no bytes":  `UPDATE audit SET entry = x'' WHERE seq = 2`,
		"an entry too long":     `UPDATE audit SET entry = zeroblob(65536) WHERE seq = 2`,
		"an entry far too long": `UPDATE audit SET entry = zeroblob(3000000) WHERE seq = 2`,
		"no entry":              `UPDATE audit SET entry = NULL WHERE seq = 2`,
		"a leaf too short":      `UPDATE audit SET leaf = zeroblob(31) WHERE seq = 2`,
		"an entry missing":      `DELETE FROM audit WHERE seq = 2`,
		"the last missing":      `DELETE FROM audit WHERE seq = 3`,
	} {
		path := singleRows(t, []byte("a"), []byte("b"), []byte("c"))
		mustExec(t, rawConnect(t, path), lax+attack)
		s, err := Open(t.Context(), path)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: got %v, want that it is damaged", name, err)
			}
			wantFormat(t, path, 4)
			continue
		}
		if _, err := s.Audit(t.Context(), 0, 10); !errors.Is(err, audit.ErrTampered) {
			t.Errorf("%s: it was opened, and reading got %v", name, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestTheStepToRowsCutOff ends it at some moment, as the operator's patience
// does. It is made whole, or not at all.
func TestTheStepToRowsCutOff(t *testing.T) {
	t.Parallel()
	entries := slices.Repeat([][]byte{bytes.Repeat([]byte("x"), 400)}, 4000)
	path := singleRows(t, entries...)
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(30))*time.Millisecond)
		s, err := Open(ctx, path)
		cancel()
		if err == nil {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		} else if !errors.Is(err, context.DeadlineExceeded) && !strings.Contains(err.Error(), "interrupted") {
			t.Errorf("got %v", err)
		}
	}
	wantHashed(t, open(t, path), int64(len(entries)))
}

func wantFormat(t *testing.T, path string, want int) {
	t.Helper()
	var got int
	if err := rawConnect(t, path).QueryRowContext(t.Context(), `SELECT max(version_id) FROM goose_db_version`).Scan(&got); err != nil || got != want {
		t.Errorf("the database has format %d, %v, want %d", got, err, want)
	}
}
