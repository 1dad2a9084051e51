package platformd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of a test. It is for a loaded machine, and nothing
// is asserted of how long things take.
const patience = 2 * time.Minute

// running is a server that serves in the background.
type running struct {
	*Server
	log  *lines
	stop func() error
}

// lines is a log that may be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, c Config) running {
	t.Helper()
	log := &lines{}
	c.Dev, c.Log = true, slog.New(slog.NewTextHandler(log, nil))
	server, err := Open(t.Context(), c)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	stop := sync.OnceValue(func() error {
		cancel()
		return errors.Join(<-ended, server.Close())
	})
	t.Cleanup(func() { _ = stop() }) // tests that care ask themselves
	return running{Server: server, log: log, stop: stop}
}

// ask sends one request and returns the status and the body.
func ask(t *testing.T, method, url, token, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

const sigint = `{"display_name":"Signals","discipline":"SIGINT","contact":"s@enclave.example",
	"team":{"a.stone":{"role":"owner"}},"deletion_protection":false}`

func TestServesWithItsOwnToken(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	token := s.Ready().Token
	for _, c := range []struct {
		method, path, token, body string
		want                      int
	}{
		{"GET", "/healthz", "", "", http.StatusOK},
		{"GET", "/readyz", "", "", http.StatusOK},
		{"GET", "/api/v1/domains", "", "", http.StatusUnauthorized},
		{"GET", "/api/v1/domains", "forged", "", http.StatusUnauthorized},
		{"GET", "/api/v1/domains", token, "", http.StatusOK},
		{"PUT", "/api/v1/domains/sigint", token, sigint, http.StatusCreated},
		{"GET", "/api/v1/domains/sigint", token, "", http.StatusOK},
	} {
		if got, body := ask(t, c.method, s.Endpoint()+c.path, c.token, c.body); got != c.want {
			t.Errorf("%s %s: got %d, want %d: %s", c.method, c.path, got, c.want, body)
		}
	}
	if err := s.stop(); err != nil {
		t.Errorf("end: %v", err)
	}
	if strings.Contains(s.log.String(), token) || strings.Contains(s.log.String(), "Bearer") {
		t.Error("the log shows a token")
	}
	if !strings.Contains(s.log.String(), "/api/v1/domains/sigint") {
		t.Errorf("the log has no line for a request:\n%s", s.log)
	}
}

func TestDataOutliveTheServer(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "mesh")
	s := start(t, Config{DataDir: dir})
	if got, body := ask(t, "PUT", s.Endpoint()+"/api/v1/domains/sigint", s.Ready().Token, sigint); got != http.StatusCreated {
		t.Fatalf("put: got %d: %s", got, body)
	}
	old := s.Ready().Token
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, Config{DataDir: dir})
	if got, body := ask(t, "GET", again.Endpoint()+"/api/v1/domains/sigint", old, ""); got != http.StatusOK {
		t.Errorf("after a restart, with a token from before: got %d: %s", got, body)
	}
}

func TestWarnsOfADirectoryThatOthersCanWrite(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for mode, want := range map[os.FileMode]bool{0o770: true, 0o707: true, 0o755: false, 0o700: false} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		s := start(t, Config{DataDir: dir})
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(s.log.String(), "others can write"); got != want {
			t.Errorf("mode %v: got a warning: %v, want %v", mode, got, want)
		}
	}
}

func TestTemporaryDirectoryGoesWithTheServer(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	if _, err := os.Stat(filepath.Join(s.DataDir(), DatabaseName)); err != nil {
		t.Fatal(err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.DataDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want %v", err, fs.ErrNotExist)
	}
}

func TestOneServerADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, Config{DataDir: dir})
	second, err := Open(t.Context(), Config{Dev: true, DataDir: dir})
	if err == nil {
		t.Fatal("a second server opened", second.Close())
	}
	if !strings.Contains(err.Error(), "another process") {
		t.Errorf("got %v, want it to say who has it", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	absent := filepath.Join(t.TempDir(), "absent")
	for name, c := range map[string]struct {
		config Config
		want   string
	}{
		"production":               {Config{DataDir: absent}, "development mode"},
		"beyond loopback":          {Config{Dev: true, Listen: "0.0.0.0:0", DataDir: absent}, "loopback"},
		"port taken":               {Config{Dev: true, Listen: taken.Addr().String(), DataDir: absent}, "in use"},
		"directory is a file":      {Config{Dev: true, DataDir: file}, "data directory"},
		"ready file has no parent": {Config{Dev: true, ReadyFile: filepath.Join(absent, "ready.json")}, "ready file"},
		"ready file is other data": {Config{Dev: true, ReadyFile: file}, "not a ready file"},
	} {
		s, err := Open(t.Context(), c.config)
		if err == nil {
			t.Errorf("%s: a server opened: %v", name, s.Close())
			continue
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if _, err := os.Stat(absent); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a refused server created its data directory: %v", err)
	}
	if raw, err := os.ReadFile(file); err != nil || string(raw) != "x" {
		t.Errorf("a refused server changed a file: %q, %v", raw, err)
	}
}

func TestReadyFileComesAndGoes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ready.json")
	served := make(chan struct{})
	s := start(t, Config{DataDir: t.TempDir(), ReadyFile: path, Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer close(served)
			next.ServeHTTP(w, r)
		})
	}})
	// A request that was answered: Run is past writing the file, as it does
	// so before it waits, but maybe not yet; so ask until it is there.
	if got, _ := ask(t, "GET", s.Endpoint()+"/healthz", "", ""); got != http.StatusOK {
		t.Fatalf("got %d", got)
	}
	<-served
	ready := waitFor(t, path)
	if ready != s.Ready() {
		t.Errorf("got %+v, want %+v", ready, s.Ready())
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after the end: got %v, want %v", err, fs.ErrNotExist)
	}
}

// waitFor reads the ready file as soon as it is there, as a script would. It
// fails at the first sight of half a file.
func waitFor(t *testing.T, path string) Ready {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var ready Ready
		if err != nil || json.Unmarshal(raw, &ready) != nil {
			t.Fatalf("the ready file reads %q, %v", raw, err)
		}
		return ready
	}
	t.Fatal("the ready file did not come")
	return Ready{}
}

// TestRequestsUnderWayMayFinish ends a server while it answers.
func TestRequestsUnderWayMayFinish(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	s := start(t, Config{DataDir: t.TempDir(), Wrap: func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			<-release
			next.ServeHTTP(w, r)
		})
	}})
	answer := make(chan int, 1)
	go func() {
		defer close(answer) // ask ends this goroutine when it fails
		status, _ := ask(t, "PUT", s.Endpoint()+"/api/v1/domains/sigint", s.Ready().Token, sigint)
		answer <- status
	}()
	<-entered
	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	waitRefused(t, s.listener.Addr().String())
	close(release)
	if got := <-answer; got != http.StatusCreated {
		t.Errorf("the request under way: got %d, want %d", got, http.StatusCreated)
	}
	if err := <-ended; err != nil {
		t.Errorf("end: %v", err)
	}
}

// waitRefused waits until nobody listens any more: the end has begun.
func waitRefused(t *testing.T, address string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		_ = conn.Close()
	}
	t.Fatal("the server still listens")
}

// TestSlowHeaders is slowloris: a header that never ends is cut off, and
// before its sender has said who it is.
func TestSlowHeaders(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for a time limit of 5 s")
	}
	s := start(t, Config{DataDir: t.TempDir()})
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	const late = readTimeout - 10*time.Second // the limit on a whole request would end it then
	if err := conn.SetReadDeadline(time.Now().Add(late)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is still open after %v", late)
	}
}

func TestHugeHeader(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	conn, err := net.Dial("tcp", s.listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	go func() {
		_, _ = fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Huge: %s\r\n\r\n", strings.Repeat("a", 1<<20)) // cut off on purpose
	}()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d, want %d", response.StatusCode, http.StatusRequestHeaderFieldsTooLarge)
	}
}

func TestNotReadyWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	if got, _ := ask(t, "GET", s.Endpoint()+"/readyz", "", ""); got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: got %d, want %d", got, http.StatusServiceUnavailable)
	}
	if got, _ := ask(t, "GET", s.Endpoint()+"/healthz", "", ""); got != http.StatusOK {
		t.Errorf("/healthz: got %d, want %d", got, http.StatusOK)
	}
}
