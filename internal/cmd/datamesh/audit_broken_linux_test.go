package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAFailedSyncStopsTheServer: the kernel reports a failed sync once and then
// forgets the pages. The change is not acknowledged, the process ends by itself,
// and the next one has all that was acknowledged, each change with its entry.
func TestAFailedSyncStopsTheServer(t *testing.T) {
	t.Parallel()
	wantStopped(t, failSyncs)
}

// TestAFailedWriteStopsTheServer is the same of a write that fails otherwise than
// by a full disk.
func TestAFailedWriteStopsTheServer(t *testing.T) {
	t.Parallel()
	wantStopped(t, func(t *testing.T, pid int) {
		t.Helper()
		if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 0, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	})
}

// failSyncs has every fsync of a process fail from now on.
func failSyncs(t *testing.T, pid int) {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skipf("nothing here can make a sync fail: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), strace, "-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO", "-p", fmt.Sprint(pid))
	says, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(says)
	first, err := lines.ReadString('\n')
	if !strings.Contains(first, "attached") {
		t.Skipf("this machine lets nobody trace a process: %s, %v, %v", first, err, cmd.Wait())
	}
	go func() {
		_, _ = io.Copy(io.Discard, lines) // so that it is not held up
		_ = cmd.Wait()                    // it ends with the server
	}()
}

func wantStopped(t *testing.T, fail func(t *testing.T, pid int)) {
	t.Helper()
	binary, dir := buildBinary(t), filepath.Join(t.TempDir(), "data")
	s, err := startServer(t.Context(), binary, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.kill()
	if got := s.status(t, "PUT", "/api/v1/domains/before", filler("x")); got != http.StatusCreated {
		t.Fatalf("before: got %d, want 201", got)
	}
	fail(t, s.cmd.Process.Pid)
	if got := s.status(t, "PUT", "/api/v1/domains/broken", filler("x")); got != http.StatusServiceUnavailable {
		t.Errorf("a change whose sync fails: got %d, want 503", got)
	}
	select {
	case <-s.exited:
	case <-t.Context().Done():
		t.Fatal("the server goes on")
	}
	if said := s.log(); s.cmd.ProcessState.ExitCode() <= 0 || !strings.Contains(said, "takes no writes until the process is restarted") {
		t.Errorf("the server ended with %v and said %s", s.cmd.ProcessState, said)
	}
	again, err := startServer(t.Context(), binary, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer again.kill()
	if got := again.status(t, "GET", "/api/v1/domains/before", ""); got != http.StatusOK {
		t.Errorf("what was acknowledged: got %d, want 200", got)
	}
	took := again.status(t, "GET", "/api/v1/domains/broken", "") == http.StatusOK // a commit of which only the sync failed may be there
	if again.waitSigned(t, 1); tells(t, dir, "domains/broken") != took {
		t.Errorf("what was not acknowledged is there: %v, and in the log: %v", took, !took)
	}
}

// tells checks the log of a data directory, and reports whether it has an entry
// on an object.
func tells(t *testing.T, dir, object string) bool {
	t.Helper()
	for _, args := range [][]string{{"audit", "verify", "--dir", dir}, {"audit", "export", "--data", dir}} {
		var out, errOut bytes.Buffer
		if code := run(args, strings.NewReader(""), &out, &errOut); code != 0 {
			t.Fatalf("%v: exit code %d: %s", args, code, errOut.String())
		}
		if args[1] == "export" {
			return strings.Contains(out.String(), `"object":"`+object+`"`)
		}
	}
	return false
}
