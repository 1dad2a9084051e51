package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// errCut says that the server was killed before it had answered.
var errCut = errors.New("cut off")

// buildBinary builds the command as it is shipped: static, without the test.
func buildBinary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "datamesh")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// crashServer is a running server process.
type crashServer struct {
	endpoint, token string
	client          *http.Client
	cmd             *exec.Cmd
	stderr          strings.Builder // to be read once exited is closed
	exited          chan struct{}
	killed          atomic.Bool
}

// startServer starts the binary on the data directory and waits for its ready
// file.
func startServer(ctx context.Context, binary, dir string) (*crashServer, error) {
	ready := dir + ".ready.json"
	if err := os.Remove(ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	s := &crashServer{exited: make(chan struct{}), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: crashWriters}}}
	s.cmd = exec.CommandContext(ctx, binary, "server", "--dev", "--data", dir, "--ready-file", ready)
	s.cmd.Stderr = &s.stderr
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = s.cmd.Wait() // killed, always: the log tells of anything else
		close(s.exited)
	}()
	if err := s.waitReady(ctx, ready); err != nil {
		s.kill()
		return nil, err
	}
	return s, nil
}

func (s *crashServer) waitReady(ctx context.Context, file string) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		raw, err := os.ReadFile(file)
		if err == nil {
			var ready struct{ Endpoint, Token string }
			err = json.Unmarshal(raw, &ready)
			s.endpoint, s.token = ready.Endpoint, ready.Token
			return err
		}
		select {
		case <-tick.C:
		case <-s.exited:
			return fmt.Errorf("the server ended before it was ready: %s", s.log())
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// kill sends SIGKILL and waits for the end of the process, whose lock on the
// data directory goes with it. It may be called twice.
func (s *crashServer) kill() {
	s.killed.Store(true)
	_ = s.cmd.Process.Kill() // it fails when the process is gone already
	<-s.exited
	s.client.CloseIdleConnections()
}

// log is what the process wrote, once it has ended.
func (s *crashServer) log() string {
	<-s.exited
	return s.stderr.String()
}

// send makes one change and returns the revision of the answer. Any answer but
// a success is an error; none at all is errCut once the server was killed.
func (s *crashServer) send(ctx context.Context, method, path, body string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, method, s.endpoint+"/api/v1/"+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	a, err := s.do(request)
	if err != nil {
		return "", err
	}
	switch a.status {
	case http.StatusOK, http.StatusCreated, http.StatusNoContent:
		return strings.Trim(a.etag, `"`), nil
	}
	return "", fmt.Errorf("%s %s: status %d: %s", method, path, a.status, a.text)
}

// list returns the description of each SLA by its name.
func (s *crashServer) list(ctx context.Context) (map[string]string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.endpoint+"/api/v1/domains/crash/slas?limit=500", nil)
	if err != nil {
		return nil, err
	}
	a, err := s.do(request)
	if err != nil {
		return nil, err
	}
	var page struct {
		Items []struct{ Name, Description string }
	}
	if a.status != http.StatusOK {
		return nil, fmt.Errorf("list: status %d: %s", a.status, a.text)
	}
	if err := json.Unmarshal(a.text, &page); err != nil {
		return nil, fmt.Errorf("list: %s: %w", a.text, err)
	}
	found := map[string]string{}
	for _, item := range page.Items {
		found[item.Name] = item.Description
	}
	return found, nil
}

// answer is what a request was answered with.
type answer struct {
	status int
	etag   string
	text   []byte
}

func (s *crashServer) do(request *http.Request) (answer, error) {
	request.Header.Set("Authorization", "Bearer "+s.token)
	if request.Method == http.MethodPut {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := s.client.Do(request)
	if err != nil {
		if s.killed.Load() {
			return answer{}, errCut
		}
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }() // what could be read has been
	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil && !s.killed.Load() {
		return answer{}, err
	}
	// The status is the acknowledgement, whether or not the body came whole.
	return answer{response.StatusCode, response.Header.Get("ETag"), text}, nil
}
