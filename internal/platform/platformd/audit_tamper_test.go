package platformd

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlite"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// lax makes the log's table again without what the database checks of a row, as
// whoever owns the file can.
const lax = `ALTER TABLE audit RENAME TO honest;
	CREATE TABLE audit (last INTEGER PRIMARY KEY, first, leaves, entries);
	INSERT INTO audit (last, first, leaves, entries) SELECT last, first, leaves, entries FROM honest;
	DROP TABLE honest; `

// TestRowsThatLie changes the rows of a log in ways that its form allows, below
// the checkpoint that was signed. Whoever checks the log, or writes it out, must
// be told; nobody may take what is left for all of it.
func TestRowsThatLie(t *testing.T) {
	t.Parallel()
	honest := stopped(t, 9)
	for name, attack := range map[string]string{
		"a row is missing":               `DELETE FROM audit WHERE last = 4`,
		"the first row is missing":       `DELETE FROM audit WHERE last = 1`,
		"the last row is missing":        `DELETE FROM audit WHERE last = 9`,
		"all rows are missing":           `DELETE FROM audit`,
		"a row begins too early":         `UPDATE audit SET first = 3 WHERE last = 4`,
		"a row begins before the log":    `UPDATE audit SET first = -200 WHERE last = 4`,
		"a row begins after its end":     `UPDATE audit SET first = 5 WHERE last = 4`,
		"a row begins nowhere":           `UPDATE audit SET first = NULL WHERE last = 4`,
		"a row begins at a text":         `UPDATE audit SET first = 'x' WHERE last = 4`,
		"a row begins within a number":   `UPDATE audit SET first = 3.5 WHERE last = 4`,
		"a row begins far away":          `UPDATE audit SET first = -9223372036854775808 WHERE last = 4`,
		"a row is wider than a tile":     `UPDATE audit SET last = 4000 WHERE last = 9`,
		"a row ends at the last number":  `UPDATE audit SET last = 9223372036854775807 WHERE last = 9`,
		"a row ends before the log":      `UPDATE audit SET last = -9223372036854775808 WHERE last = 9`,
		"two rows overlap":               `UPDATE audit SET first = 3, leaves = CAST(leaves || leaves AS BLOB), entries = CAST(entries || entries AS BLOB) WHERE last = 4`,
		"two rows overlap over a gap":    `UPDATE audit SET first = 2, leaves = zeroblob(96), entries = CAST(entries || entries || entries AS BLOB) WHERE last = 4; DELETE FROM audit WHERE last = 3`,
		"a row is empty":                 `UPDATE audit SET entries = x'' WHERE last = 4`,
		"a row has no entries":           `UPDATE audit SET entries = NULL WHERE last = 4`,
		"a row has an entry of no bytes": `UPDATE audit SET entries = x'0000' WHERE last = 4`,
		"a row has an entry more":        `UPDATE audit SET entries = CAST(entries || entries AS BLOB) WHERE last = 4`,
		"a row is cut off":               `UPDATE audit SET entries = substr(entries, 1, length(entries) - 1) WHERE last = 4`,
		"a row has a byte more":          `UPDATE audit SET entries = CAST(entries || x'00' AS BLOB) WHERE last = 4`,
		"a row is of a number":           `UPDATE audit SET entries = 12 WHERE last = 4`,
		"the head is shorter":            `UPDATE audit_head SET size = 8, edge = zeroblob(32)`,
		"there is no head":               `DELETE FROM audit_head`,
		"the head is no number":          `DROP TABLE audit_head; CREATE TABLE audit_head (one, size, edge); INSERT INTO audit_head VALUES (1, 'x', x'')`,
		"there are two heads":            `DROP TABLE audit_head; CREATE TABLE audit_head (one, size, edge); INSERT INTO audit_head VALUES (1, 9, x''), (1, 9, x'')`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, file := range []string{DatabaseName, LogKeyName, CheckpointName} {
				copyFile(t, filepath.Join(honest, file), filepath.Join(dir, file))
			}
			if err := export(t, dir); err != nil {
				t.Fatalf("before: %v", err)
			}
			change(t, dir, lax+attack)
			if err := export(t, dir); !errors.Is(err, audit.ErrTampered) {
				t.Errorf("audit export: got %v, want that the log was tampered with", err)
			}
			if err := verifyDir(t, dir); !errors.Is(err, audit.ErrTampered) {
				t.Errorf("audit verify: got %v, want that the log was tampered with", err)
			}
		})
	}
}

func change(t *testing.T, dir, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), query)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func export(t *testing.T, dir string) error {
	t.Helper()
	return exportAudit(t.Context(), dir, 0, 5, io.Discard)
}

// verifyDir holds the log of a directory to the checkpoint beside it.
func verifyDir(t *testing.T, dir string) error {
	t.Helper()
	log, err := OpenAuditLog(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	return verifyLog(t.Context(), log)
}

func verifyLog(ctx context.Context, log *AuditLog) error {
	text, err := log.Key(ctx)
	if err != nil {
		return err
	}
	key, err := audit.ParsePublicKey(text)
	if err != nil {
		return err
	}
	signed, err := log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	now, err := key.Open(signed)
	if err != nil {
		return err
	}
	return audit.Verify(ctx, log, now)
}

// TestALogExchangedWhileTheServerRuns: the server must not sign another history
// under the name of the one that it signed before.
func TestALogExchangedWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signed, exchanged int
		attack            string
	}{
		"of the same size":             {signed: 3, exchanged: 3},
		"that is longer":               {signed: 3, exchanged: 5},
		"that is longer by tiles":      {signed: 256, exchanged: 520},
		"that is shorter":              {signed: 3, exchanged: 2},
		"with a head that is not its":  {signed: 3, exchanged: 5, attack: `UPDATE audit_head SET edge = zeroblob(64)`},
		"where there was none":         {signed: 0, exchanged: 5, attack: `UPDATE audit_head SET edge = zeroblob(64)`},
		"with hashes that are not its": {signed: 3, exchanged: 5, attack: lax + `UPDATE audit SET leaves = zeroblob(length(leaves))`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkpoints, err := openCheckpoints(t.Context(), t.TempDir(), logOf(t, "honest", c.signed, ""))
			if err != nil {
				t.Fatal(err)
			}
			before := string(checkpoints.current())
			who := "another"
			if c.attack != "" {
				who = "honest" // it goes on from what was signed, as far as its entries say
			}
			checkpoints.log = logOf(t, who, c.exchanged, c.attack)
			if err := checkpoints.sign(t.Context()); !errors.Is(err, audit.ErrTampered) {
				t.Errorf("got %v, want that the log was tampered with", err)
			}
			if got := string(checkpoints.current()); got != before {
				t.Errorf("it signed\n%s", got)
			}
		})
	}
}

// logOf is a log with entries by somebody, that is attacked then.
func logOf(t *testing.T, who string, n int, attack string) store.Store {
	t.Helper()
	dir := t.TempDir()
	s, err := sqlite.Open(t.Context(), filepath.Join(dir, DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	err = s.Update(t.Context(), func(w store.Writer) error {
		for i := range n {
			entry := audit.Entry{V: audit.Version, Time: "2026-11-22T12:00:00Z", Event: "catalogue", Action: "create",
				Object: fmt.Sprint(i), Consumer: audit.Consumer{Sub: who}, Decision: audit.Permit}
			if err := w.Append(t.Context(), entry); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if attack != "" {
		change(t, dir, attack)
	}
	return s
}

func unavailable(err error) bool {
	refusal, ok := errors.AsType[*catalog.Error](err)
	return ok && refusal.Code == catalog.CodeUnavailable
}

// TestADatabaseWrittenByAnotherStopsTheProcess: the act that finds the change is
// not answered, and the server does not go on from it.
func TestADatabaseWrittenByAnotherStopsTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := Open(t.Context(), Config{Dev: true, DataDir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	act := func() error {
		domain := &catalog.Domain{Name: "sigint", DisplayName: "S", Discipline: catalog.DisciplineOther, Contact: "s@enclave.example",
			Team: map[string]catalog.Member{"a": {Role: catalog.RoleOwner}}}
		_, err := s.As(catalog.Caller{Subject: "a.low"}).Put(t.Context(), domain, catalog.WriteOptions{})
		if err == nil {
			t.Fatal("the refusal that is to be recorded was none")
		}
		return err
	}
	if err := act(); unavailable(err) {
		t.Fatal(err)
	}
	change(t, dir, `UPDATE audit_head SET edge = zeroblob(length(edge))`)
	for range 2 {
		if err := act(); !unavailable(err) {
			t.Errorf("got %v, want that nothing is answered", err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := s.Run(ctx); !errors.Is(err, store.ErrStopped) || !errors.Is(err, audit.ErrTampered) {
		t.Errorf("Run: got %v, want that it has stopped", err)
	}
}
