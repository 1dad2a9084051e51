package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// smallDisk is a script that serves from a disk of five megabytes, of which
// only the process and its children know, until its standard input ends. A line
// on that makes room.
const smallDisk = `mount -t tmpfs -o size=5m none "$1" && mkdir "$1/data" && head -c 3000000 /dev/zero > "$1/room" || exit 42
"$2" server --dev --data "$1/data" --ready-file "$3" & server=$!
read -r line && rm "$1/room" && read -r line
kill -INT $server; wait $server`

// TestAuditDiskFull fills the disk of a real server with its own entries: a
// denial that cannot be recorded is an outage, the server says that it is not
// ready, and serves again once there is room. What was answered is in the log.
func TestAuditDiskFull(t *testing.T) {
	t.Parallel()
	if err := exec.CommandContext(t.Context(), "unshare", "-rm", "mount", "-t", "tmpfs", "none", t.TempDir()).Run(); err != nil {
		t.Skipf("this machine lets nobody mount a disk of their own: %v", err)
	}
	ready := filepath.Join(t.TempDir(), "ready.json")
	cmd := exec.Command("unshare", "-rm", "sh", "-c", smallDisk, "sh", t.TempDir(), buildBinary(t), ready)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errOut strings.Builder
	cmd.Stderr = &errOut
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := sync.OnceValue(func() error { return errors.Join(stdin.Close(), cmd.Wait()) })
	t.Cleanup(func() { _ = end() }) // the test that got so far has asked
	s := &crashServer{client: &http.Client{}, cmd: cmd, exited: make(chan struct{})}
	if err := s.waitReady(t.Context(), ready); err != nil {
		t.Fatal(err)
	}
	recorded := fillDisk(t, s)
	if got := s.status(t, "GET", "/readyz", ""); got != http.StatusServiceUnavailable {
		t.Errorf("readyz on a full disk: got %d, want 503", got)
	}
	if got := s.status(t, "GET", "/api/v1/domains", ""); got != http.StatusOK {
		t.Errorf("reading on a full disk: got %d, want 200", got)
	}
	if _, err := io.WriteString(stdin, "\n"); err != nil {
		t.Fatal(err)
	}
	waitStatus(t, s, "/readyz", http.StatusOK)
	if got := s.status(t, "PUT", "/api/v1/domains/later", filler("x")); got != http.StatusCreated {
		t.Errorf("once there is room: got %d, want 201", got)
	}
	if got := s.waitSigned(t, recorded+1); got != recorded+1 {
		t.Errorf("the log has %d entries, want the %d of what was answered with success, and nothing else", got, recorded+1)
	}
	if err := end(); err != nil {
		t.Errorf("the end of the server: %v\n%s", err, errOut.String())
	}
}

func filler(text string) string {
	return fmt.Sprintf(`{"display_name":"F","discipline":"OTHER","contact":"f@enclave.example","team":{"a":{"role":"owner"}},"description":%q}`, text)
}

// fillDisk makes changes until one is refused, and returns how many were not.
func fillDisk(t *testing.T, s *crashServer) int {
	t.Helper()
	for n := range 10_000 {
		switch got := s.status(t, "PUT", fmt.Sprintf("/api/v1/domains/d%d", n), filler(strings.Repeat("x", 2000))); got {
		case http.StatusCreated:
		case http.StatusServiceUnavailable:
			return n
		default:
			t.Fatalf("change %d: got %d, want 201, or 503 on a full disk", n, got)
		}
	}
	t.Fatal("the disk is not full after 10,000 changes")
	return 0
}

func (s *crashServer) status(t *testing.T, method, path, body string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.endpoint+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	a, err := s.do(request)
	if err != nil {
		t.Fatal(err)
	}
	return a.status
}

// patience ends a wait for what never comes. It is no measure of speed.
const patience = 5 * time.Minute

func waitStatus(t *testing.T, s *crashServer, path string, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for s.status(t, "GET", path, "") != want {
		select {
		case <-ctx.Done():
			t.Fatalf("%s: never %d", path, want)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// waitSigned waits for a checkpoint of at least this size and returns its size.
func (s *crashServer) waitSigned(t *testing.T, least int) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.endpoint+"/audit/checkpoint", nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := s.do(request)
		if err != nil {
			t.Fatalf("no checkpoint of %d entries: %v", least, err)
		}
		lines := strings.Split(string(a.text), "\n")
		if len(lines) < 3 {
			t.Fatalf("checkpoint: got %s", a.text)
		}
		if size, err := strconv.Atoi(lines[1]); err != nil || size >= least {
			return size
		}
		<-time.After(10 * time.Millisecond)
	}
}
