package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlstore"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/storetest"
)

// TestAFullDiskForgesNoEntry: the disk is full while the log is written. The
// entry is of an act that was refused then, and no later transaction may take
// it along: the log would say that it happened.
func TestAFullDiskForgesNoEntry(t *testing.T) {
	t.Parallel()
	s, onWriter := newStore(t, dialect)
	record := func(object string) error { return s.Append(t.Context(), auditEntry(object, 1)) }
	if err := record("before"); err != nil {
		t.Fatal(err)
	}
	onWriter(`PRAGMA max_page_count = 1`) // as few as there are now
	huge := strings.Repeat("x", 60_000)
	if err := record("lost" + huge); err == nil {
		t.Fatal("an entry was recorded on a full disk")
	}
	onWriter(`PRAGMA max_page_count = 100000`)
	if err := record("after"); err != nil {
		t.Fatal(err)
	}
	wantNone(t, s, "lost")
	wantHashed(t, s, 2)
}

func wantNone(t *testing.T, s *sqlstore.Store, what string) {
	t.Helper()
	records, err := s.Audit(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if strings.Contains(string(r.Entry), what) {
			t.Errorf("entry %d is of a transaction that was lost: %.200s", r.Sequence, r.Entry)
		}
	}
}

// TestAHugeRowIsNotRead: whoever owns the file could otherwise have the server,
// or the auditor's command, run out of memory. It is not parallel, since it
// counts what the process allocates.
func TestAHugeRowIsNotRead(t *testing.T) { //nolint:paralleltest // see above
	for name, attack := range map[string]string{
		"entries": `DROP TRIGGER audit_no_update; UPDATE audit SET entries = zeroblob(67108864) WHERE last = 1`,
		"leaves": `ALTER TABLE audit RENAME TO honest; CREATE TABLE audit (last INTEGER PRIMARY KEY, first, leaves, entries);
			INSERT INTO audit SELECT last, first, zeroblob(67108864), entries FROM honest`,
		"head": `UPDATE audit_head SET edge = zeroblob(67108864)`,
	} {
		path := newPath(t)
		s := open(t, path)
		if err := s.Append(t.Context(), auditEntry("domains/sigint", 1)); err != nil {
			t.Fatal(err)
		}
		mustExec(t, rawConnect(t, path), attack)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, audited := s.Audit(t.Context(), 0, 1)
		_, hashed := s.Tile(t.Context(), audit.Tile{Width: 1})
		_, headed := s.Head(t.Context())
		runtime.ReadMemStats(&after)
		if !errors.Is(errors.Join(audited, hashed, headed), audit.ErrTampered) {
			t.Errorf("%s: got %v, %v, %v, want that the log was tampered with", name, audited, hashed, headed)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
			t.Errorf("%s: reading took %d bytes of memory", name, n)
		}
	}
}

// TestFaultsOfTheDatabase has commits refused and disks full at any moment.
func TestFaultsOfTheDatabase(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("faults: seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var healed atomic.Bool
	faulty := dialect
	faulty.BeginWrite = func(ctx context.Context, conn *sql.Conn) error {
		full, healthy := 1<<30, healed.Load()
		if !healthy && random.IntN(4) == 0 {
			if err := conn.QueryRowContext(ctx, `PRAGMA page_count`).Scan(&full); err != nil {
				return err
			}
			full += random.IntN(40)
		}
		if _, err := conn.ExecContext(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, full)); err != nil {
			return err
		}
		if err := dialect.BeginWrite(ctx, conn); err != nil || healthy || random.IntN(4) > 0 {
			return err
		}
		_, err := conn.ExecContext(ctx, refusesCommit)
		return err
	}
	s, _ := newStore(t, faulty)
	storetest.TestFaults(t, s)
	healed.Store(true)
	if err := errors.Join(s.Append(t.Context(), auditEntry("afterwards", 1)), s.Ready(t.Context())); err != nil {
		t.Errorf("when the faults have ended: %v", err)
	}
}

// refusesCommit lets a transaction go on to its end, and fail there.
const refusesCommit = `PRAGMA defer_foreign_keys = 1; INSERT INTO refs VALUES ('slas', 'nowhere', 'domains', 'nowhere')`

// TestACommitThatIsRefused leaves the transaction open: unless it is rolled back,
// the next one finds what was refused.
func TestACommitThatIsRefused(t *testing.T) {
	t.Parallel()
	refuse := false
	faulty := dialect
	faulty.BeginWrite = func(ctx context.Context, conn *sql.Conn) error {
		err := dialect.BeginWrite(ctx, conn)
		if err == nil && refuse {
			_, err = conn.ExecContext(ctx, refusesCommit)
		}
		return err
	}
	s, _ := newStore(t, faulty)
	for i, want := range []bool{true, false, false, true} {
		refuse = !want
		err := s.Append(t.Context(), auditEntry("commit", i))
		if (err == nil) != want || err != nil && !strings.HasPrefix(err.Error(), "commit: ") {
			t.Errorf("entry %d: got %v, kept is to be %v", i, err, want)
		}
	}
	wantHashed(t, s, 2)
}

// TestAHeadMovedAfterAFailure: after a transaction that failed the store reads
// the head again, which must not be the moment to change it.
func TestAHeadMovedAfterAFailure(t *testing.T) {
	t.Parallel()
	var attack string
	faulty := dialect
	faulty.BeginWrite = func(ctx context.Context, conn *sql.Conn) error {
		err := dialect.BeginWrite(ctx, conn)
		if err == nil && attack != "" {
			_, err = conn.ExecContext(ctx, attack)
		}
		return err
	}
	s, onWriter := newStore(t, faulty)
	record := func() error { return s.Append(t.Context(), auditEntry("head", 1)) }
	if err := record(); err != nil {
		t.Fatal(err)
	}
	attack = refusesCommit
	if err := record(); err == nil {
		t.Fatal("a commit that is refused: got no error")
	}
	attack = ""
	onWriter(`UPDATE audit_head SET edge = zeroblob(32)`)
	for _, want := range []error{audit.ErrTampered, store.ErrStopped} {
		if err := record(); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}
