package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlstore"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

func TestAFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	s, onWriter := newStore(t, dialect)
	putDomain(t, s)
	onWriter(`PRAGMA max_page_count = 40`)
	big := store.Record{Ref: sigint, Revision: "r2", Body: bytes.Repeat([]byte("x"), 1<<20)}
	if err := s.Update(t.Context(), func(w store.Writer) error { return w.Put(t.Context(), big) }); err == nil {
		t.Fatal("Update: got no error, want that the disk is full")
	}
	wantDomain(t, s)
	putDomain(t, s) // a smaller write fits, and the store takes it
}

// TestNothingIsKeptAfterAFullDisk goes on after the statement that did not fit.
// The database has rolled back by then, and what follows would be kept alone.
func TestNothingIsKeptAfterAFullDisk(t *testing.T) {
	t.Parallel()
	s, onWriter := newStore(t, dialect)
	onWriter(`PRAGMA max_page_count = 60`)
	err := s.Update(t.Context(), func(w store.Writer) error {
		big := store.Record{Ref: sigint, Body: bytes.Repeat([]byte("x"), 1<<20)}
		return errors.Join(w.Put(t.Context(), big), w.Append(t.Context(), auditEntry("domains/sigint", 1)))
	})
	if err == nil {
		t.Error("Update: got no error, want that the disk is full")
	}
	wantHashed(t, s, 0)
}

// TestAFullDiskAmongOthers: a full disk makes the database roll back what others
// have in the same transaction. They must not be told that it is kept. Who is in
// one transaction with the first change that does not fit is chance, up to
// everybody; once such changes have ended, all are kept.
func TestAFullDiskAmongOthers(t *testing.T) {
	t.Parallel()
	const writers, rounds = 12, 3
	for range 4 { // a store knows afterwards
		s, onWriter := newStore(t, dialect)
		onWriter(`PRAGMA max_page_count = 120`)
		kept := putTogether(t, s, writers, rounds, func(n, round int) bool { return n%4 == 0 && round < rounds-1 })
		total := int64(0)
		for n := range writers {
			for round := range rounds {
				wantKept(t, s, fmt.Sprintf("d%d-%d", n, round), kept[n][round])
				if kept[n][round] {
					total++
				}
			}
			if !kept[n][rounds-1] {
				t.Errorf("writer %d: the last change fits and was refused", n)
			}
		}
		wantHashed(t, s, total)
	}
}

// putTogether makes each writer put one domain a round, which does not fit
// where it is big, and returns whose was kept. The last round begins when the
// others have ended.
func putTogether(t *testing.T, s *sqlstore.Store, writers, rounds int, big func(n, round int) bool) [][]bool {
	t.Helper()
	kept := make([][]bool, writers)
	put := func(n, round int) {
		r := store.Record{Ref: catalog.Ref{Kind: catalog.KindDomain, ID: fmt.Sprintf("d%d-%d", n, round)}, Body: []byte(`{}`)}
		if big(n, round) {
			r.Body = bytes.Repeat([]byte("x"), 1<<20)
		}
		err := s.Update(t.Context(), func(w store.Writer) error {
			return errors.Join(w.Put(t.Context(), r), w.Append(t.Context(), auditEntry(r.Ref.ID, 1)))
		})
		kept[n] = append(kept[n], err == nil)
	}
	var before, last sync.WaitGroup
	for n := range writers {
		before.Go(func() {
			for round := range rounds - 1 {
				put(n, round)
			}
		})
	}
	before.Wait()
	for n := range writers {
		last.Go(func() { put(n, rounds-1) })
	}
	last.Wait()
	return kept
}

func wantKept(t *testing.T, s *sqlstore.Store, id string, want bool) {
	t.Helper()
	err := s.View(t.Context(), func(r store.Reader) error {
		_, err := r.Get(t.Context(), catalog.Ref{Kind: catalog.KindDomain, ID: id})
		return err
	})
	if (err == nil) != want {
		t.Errorf("%s: got %v, and its writer was told that it is kept: %v", id, err, want)
	}
}

// TestOneWhoDoesNotFitSilencesTheOthersOnce makes changes that do not fit without
// an end, beside short ones. The first may take along who is in one transaction
// with it; each of the others has at most one change there. None is lost after it.
func TestOneWhoDoesNotFitSilencesTheOthersOnce(t *testing.T) {
	t.Parallel()
	object := func(w store.Writer) error {
		return w.Put(t.Context(), store.Record{Ref: sigint, Body: bytes.Repeat([]byte("x"), 1_700_000)})
	}
	for name, huge := range map[string]func(w store.Writer) error{
		"object": object,
		"object after an entry": func(w store.Writer) error {
			return errors.Join(w.Append(t.Context(), auditEntry("refused", 1)), object(w))
		},
		"entries": func(w store.Writer) error {
			for n := range 28 {
				if err := w.Append(t.Context(), auditEntry("refused"+strings.Repeat("x", 60_000), n)); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, onWriter := newStore(t, dialect)
			putDomain(t, s)
			writers, rounds := 4, 5
			if os.Getenv(ownDisk) == "" {
				onWriter(`PRAGMA max_page_count = 90`)
				writers, rounds = 8, 25
			}
			kept := besideHuge(t, s, huge, writers, rounds)
			if lost := writers*rounds - kept; lost > writers {
				t.Errorf("%d of %d short changes were lost, want at most one of each of %d writers", lost, writers*rounds, writers)
			}
			wantHashed(t, s, int64(kept))
			wantNone(t, s, "refused")
			wantDomain(t, s)
		})
	}
}

// ownDisk in the environment says that the folder for temporary files is itself
// a disk with room for a megabyte and a half.
const ownDisk = "DATAMESH_TEST_OWN_DISK"

// TestOneWhoDoesNotFitOnARealDisk has the disk full where a limit of pages never
// is: within the commit.
func TestOneWhoDoesNotFitOnARealDisk(t *testing.T) {
	t.Parallel()
	const disk = `mount -t tmpfs -o size=1500k none "$1" && TMPDIR="$1" exec "$2" -test.run "$3"`
	if err := exec.CommandContext(t.Context(), "unshare", "-rm", "mount", "-t", "tmpfs", "none", t.TempDir()).Run(); err != nil {
		t.Skipf("this machine lets nobody mount a disk of their own: %v", err)
	}
	for _, huge := range []string{"object", "object_after_an_entry", "entries"} { // each fills the disk
		cmd := exec.CommandContext(t.Context(), "unshare", "-rm", "sh", "-c", disk, "sh", t.TempDir(), os.Args[0], "^TestOneWhoDoesNotFitSilencesTheOthersOnce$/^"+huge+"$")
		cmd.Env = append(os.Environ(), ownDisk+"=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", huge, err, out)
		}
	}
}

// besideHuge records short entries while somebody asks for what does not fit
// again and again, and returns how many were kept.
func besideHuge(t *testing.T, s *sqlstore.Store, huge func(store.Writer) error, writers, rounds int) int {
	t.Helper()
	var kept atomic.Int64
	ended := make(chan struct{})
	var attackers, others sync.WaitGroup
	for range 4 {
		attackers.Go(func() {
			for {
				if err := s.Update(t.Context(), huge); err == nil {
					t.Error("the huge change was kept: the test proves nothing")
				}
				select {
				case <-ended:
					return
				default:
				}
			}
		})
	}
	for n := range writers {
		others.Go(func() {
			for round := range rounds {
				if s.Append(t.Context(), auditEntry(fmt.Sprintf("short-%d", n), round)) == nil {
					kept.Add(1)
				}
			}
		})
	}
	others.Wait()
	close(ended)
	attackers.Wait()
	return int(kept.Load())
}

func TestAFullDiskIsNotFatalAndDamageIs(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	db := raw(t, path)
	mustExec(t, db, `PRAGMA max_page_count = 1`)
	_, full := db.ExecContext(t.Context(), `INSERT INTO objects VALUES ('domains', 'x', 'x', 'x', '', '', '', randomblob(1000000))`)
	if full == nil || dialect.Fatal(full) {
		t.Errorf("a full disk: got %v, fatal, want an error that is not", full)
	}
	_, syntax := db.ExecContext(t.Context(), `nonsense`)
	if syntax == nil || dialect.Fatal(syntax) {
		t.Errorf("a wrong statement: got %v, fatal, want an error that is not", syntax)
	}
	if dialect.Fatal(context.Canceled) || dialect.Fatal(nil) {
		t.Error("a cancelled context, or no error, is called fatal")
	}
}
