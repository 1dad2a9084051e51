package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlstore"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

const (
	// crashPath in the environment makes this test binary the process that
	// writes to the database of that path until it is killed.
	crashPath = "DATAMESH_TEST_CRASH_PATH"
	kills     = 10
	crashers  = 4 // concurrent writers of the process
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashPath); path != "" {
		fmt.Fprintln(os.Stderr, writeUntilKilled(path))
		os.Exit(1) // it was to be killed, not to end
	}
	os.Exit(m.Run())
}

// writeUntilKilled says "writer revision" on a line for each commit, after it.
func writeUntilKilled(path string) error {
	ctx := context.Background()
	s, err := Open(ctx, path)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	var g errgroup.Group
	for writer := range crashers {
		g.Go(func() error {
			for {
				revision, err := step(ctx, s, crashRef(writer))
				if err != nil {
					return err
				}
				fmt.Printf("%d %d\n", writer, revision) // one write call: whole or not at all
			}
		})
	}
	return g.Wait()
}

func crashRef(writer int) catalog.Ref {
	return catalog.Ref{Kind: catalog.KindDomain, ID: fmt.Sprintf("writer-%d", writer)}
}

// step counts the record's revision up by one and says so in the audit log.
func step(ctx context.Context, s store.Store, ref catalog.Ref) (int, error) {
	var next int
	err := s.Update(ctx, func(w store.Writer) error {
		last, err := revision(ctx, w, ref)
		if err != nil {
			return err
		}
		next = last + 1
		body := fmt.Sprintf(`{"revision":%d,"filler":%q}`, next, strings.Repeat("x", next%5000))
		return errors.Join(
			w.Put(ctx, store.Record{Ref: ref, Revision: fmt.Sprint(next), Body: []byte(body)}),
			w.Append(ctx, auditEntry(ref.ID, next)))
	})
	return next, err
}

func revision(ctx context.Context, r store.Reader, ref catalog.Ref) (int, error) {
	found, err := r.Get(ctx, ref)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var n int
	_, err = fmt.Sscan(found.Revision, &n)
	return n, err
}

// TestSIGKILLLosesNoCommit kills a writing process again and again. What it
// said it had committed is there afterwards, once, with its audit entry.
func TestSIGKILLLosesNoCommit(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	var acknowledged [crashers]int
	total := 0
	for kill := range kills {
		n, err := writeAndKill(t, path, &acknowledged, crashers+rand.IntN(60))
		if err != nil {
			t.Fatalf("kill %d: %v", kill, err)
		}
		total += n
		s := open(t, path)
		wantAcknowledged(t, s, &acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d kills, %d acknowledged commits, none lost", kills, total)
}

// writeAndKill runs the writing process until it has acknowledged so many
// commits, kills it a moment later, and notes the last revision that it
// acknowledged for each writer.
func writeAndKill(t *testing.T, path string, acknowledged *[crashers]int, after int) (int, error) {
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), crashPath+"="+path)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewReader(out)
	if first, err := lines.ReadString('\n'); first != "ready\n" {
		return 0, errors.Join(fmt.Errorf("the process said %q: %s", first, complaint.String()), err, cmd.Wait())
	}
	n, readErr := readAcknowledgements(lines, acknowledged, func(n int) {
		if n == after { // SIGKILL; if it died before, Wait tells
			time.AfterFunc(time.Duration(rand.IntN(20))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		}
	})
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != -1 {
		return n, fmt.Errorf("the process ended by itself: %w: %s", err, complaint.String())
	}
	return n, readErr
}

func readAcknowledgements(lines *bufio.Reader, acknowledged *[crashers]int, count func(int)) (int, error) {
	for n := 0; ; count(n) {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		var writer, revision int
		if _, scanErr := fmt.Sscan(line, &writer, &revision); err != nil || scanErr != nil {
			return n, fmt.Errorf("line %q: %w", line, errors.Join(err, scanErr))
		}
		acknowledged[writer] = revision
		n++
	}
}

// wantAcknowledged compares the records with what was acknowledged, and the
// audit log with the records: each revision from 1 on once, without gaps. A
// commit that was found but had not been acknowledged counts from now on.
func wantAcknowledged(t *testing.T, s *sqlstore.Store, acknowledged *[crashers]int) {
	t.Helper()
	logged := loggedRevisions(t, s)
	err := s.View(t.Context(), func(r store.Reader) error {
		for writer, want := range acknowledged {
			got, err := revision(t.Context(), r, crashRef(writer))
			if err != nil {
				return err
			}
			if got < want || got > want+1 { // one more may have been committed and not yet said
				t.Errorf("writer %d: got revision %d, want %d, which was acknowledged, or the one after", writer, got, want)
			}
			if logged[crashRef(writer).ID] != got {
				t.Errorf("writer %d: the audit log ends at revision %d, want %d", writer, logged[crashRef(writer).ID], got)
			}
			acknowledged[writer] = got
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func loggedRevisions(t *testing.T, s *sqlstore.Store) map[string]int {
	t.Helper()
	last := map[string]int{}
	var after int64
	for {
		page, err := s.Audit(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return last
		}
		for _, r := range page {
			after++
			object, n := auditedRevision(t, r.Entry)
			if r.Sequence != after || n != last[object]+1 {
				t.Fatalf("audit entry %d of %s has number %d and revision %d, want %d and %d", after, object, r.Sequence, n, after, last[object]+1)
			}
			last[object] = n
		}
	}
}
