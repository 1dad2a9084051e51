package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlstore"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// oldLog is a database of format 2 with n more entries than it had.
func oldLog(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, content(t, "testdata/format-2.db"), 0o600); err != nil {
		t.Fatal(err)
	}
	db := rawConnect(t, path)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		text, err := auditEntry(fmt.Sprintf("products/sigint/p%d", i), i).Canonical()
		if err == nil {
			_, err = tx.ExecContext(t.Context(), `INSERT INTO audit (seq, entry) VALUES (?, ?)`, i+2, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(tx.Commit(), db.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantHashed compares the tree with the entries, of which there are n.
func wantHashed(t *testing.T, s *sqlstore.Store, n int64) {
	t.Helper()
	var want audit.Edge
	var leaves []audit.Hash
	records, err := s.Audit(t.Context(), 0, int(n)+1)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		leaves = append(leaves, audit.LeafHash(r.Entry))
		want.Append(leaves[len(leaves)-1])
	}
	got, err := s.Head(t.Context())
	if err != nil || got.Size() != n || want.Size() != n || got.Root() != want.Root() {
		t.Errorf("got a tree of %d entries with root %v, %v, want %d with %v", got.Size(), got.Root(), err, n, want.Root())
	}
	index := int64(0)
	for part := range slices.Chunk(leaves, audit.TileWidth) {
		tile := audit.Tile{Index: index, Width: len(part)}
		if got, err := s.Tile(t.Context(), tile); err != nil || !slices.Equal(got, part) {
			t.Errorf("%s: got %d hashes, %v, want those of the entries", tile.Path(), len(got), err)
		}
		index++
	}
}

func TestAnOldLogIsHashed(t *testing.T) {
	t.Parallel()
	const n = 2*audit.TileWidth + hashBatch
	s := open(t, oldLog(t, n-1))
	wantHashed(t, s, n)
	err := s.Update(t.Context(), func(w store.Writer) error {
		for range audit.TileWidth { // the tile that was open is filled
			if err := w.Append(t.Context(), auditEntry("domains/sigint", 1)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wantHashed(t, s, n+audit.TileWidth)
	if top, err := s.Tile(t.Context(), audit.Tile{Level: 1, Width: 4}); err != nil || len(top) != 4 {
		t.Errorf("the tile above: got %d hashes, %v, want 4", len(top), err)
	}
}

// TestHashingCutOff ends the step in its middle, as a kill does. The database
// is as it was, and the next start hashes it.
func TestHashingCutOff(t *testing.T) {
	t.Parallel()
	path := oldLog(t, 2*hashBatch)
	db := rawConnect(t, path)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := tx.ExecContext(ctx, logTables); err != nil {
		t.Fatal(err)
	}
	m := logMove{tx: tx}
	if n, err := m.batch(ctx); n != hashBatch || err != nil {
		t.Fatalf("the first batch: got %d, %v", n, err)
	}
	cancel()
	if _, err := m.batch(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the second batch: got %v, want that it was cut off", err)
	}
	if err := errors.Join(ignoreDone(tx.Rollback()), db.Close()); err != nil {
		t.Fatal(err)
	}
	wantHashed(t, open(t, path), 2*hashBatch+1)
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// TestALogThatWasChangedBesideTheServerTakesNoMore: the first entry finds the
// change, and the next ones must not take it for the truth.
func TestALogThatWasChangedBesideTheServerTakesNoMore(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]string{
		"head set back":           `UPDATE audit_head SET size = 1, edge = zeroblob(32)`,
		"head set forth":          `UPDATE audit_head SET size = 4, edge = zeroblob(32)`,
		"head removed":            `DELETE FROM audit_head`,
		"head of a wrong size":    `UPDATE audit_head SET edge = x''`,
		"another history":         `UPDATE audit_head SET edge = zeroblob(32)`,
		"an entry put in":         `INSERT INTO audit VALUES (3, 3, zeroblob(32), x'000100')`,
		"entries taken away":      `DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE last = 2`,
		"all entries taken away":  `DROP TRIGGER audit_no_delete; DELETE FROM audit; UPDATE audit_head SET size = 0, edge = x''`,
		"the log put back by one": `DROP TRIGGER audit_no_delete; DELETE FROM audit WHERE last = 2; UPDATE audit_head SET size = 1, edge = (SELECT leaves FROM audit)`,
	} {
		path := newPath(t)
		s := open(t, path)
		record := func() error { return s.Append(t.Context(), auditEntry("domains/sigint", 1)) }
		if err := errors.Join(record(), record()); err != nil {
			t.Fatal(err)
		}
		attacker := rawConnect(t, path)
		if _, err := attacker.ExecContext(t.Context(), attack); err != nil {
			t.Logf("%s: refused by the database: %v", name, err)
			continue
		}
		if err := record(); !errors.Is(err, audit.ErrTampered) {
			t.Errorf("%s: got %v, want that it was tampered with", name, err)
		}
		if err := record(); !errors.Is(err, store.ErrStopped) || !errors.Is(err, audit.ErrTampered) {
			t.Errorf("%s: the second time: got %v, want that the store has stopped", name, err)
		}
		if err := s.Ready(t.Context()); !errors.Is(err, store.ErrStopped) {
			t.Errorf("%s: Ready: got %v, want that the store has stopped", name, err)
		}
	}
}
