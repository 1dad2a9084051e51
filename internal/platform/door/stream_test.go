package door_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
)

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// serverLimit is what a server gives a request, from when its header is there.
const serverLimit = time.Second

// limited sets the deadlines that a server sets whose ReadTimeout and
// WriteTimeout are serverLimit. Those would bound the handshake too, which on a
// loaded machine takes as long as it takes.
func limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, end := http.NewResponseController(w), time.Now().Add(serverLimit)
		if err := errors.Join(c.SetReadDeadline(end), c.SetWriteDeadline(end)); err != nil {
			panic(err) // the server has them
		}
		next.ServeHTTP(w, r)
	})
}

// streaming is a server whose requests are all served by the function, behind
// what wraps it.
func streaming(t *testing.T, o door.Options, serve func(*http.Request, catalog.Caller, *door.Stream) error, wrap ...func(http.Handler) http.Handler) (*httptest.Server, *lines) {
	t.Helper()
	log := &lines{}
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	if o.Authenticate == nil {
		o.Authenticate = func(*http.Request) (catalog.Caller, error) { return catalog.Caller{Subject: "ana"}, nil }
	}
	o.Refusal = func(_ *http.Request, err error) door.Answer {
		status := http.StatusInternalServerError
		if known := (*catalog.Error)(nil); errors.As(err, &known) {
			status = map[catalog.Code]int{catalog.CodeUnavailable: 503, catalog.CodeUnauthenticated: 401}[known.Code]
		}
		return door.Answer{Status: status, Body: []byte("refused")}
	}
	d := door.New(o)
	handler := d.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Stream(w, r, serve) }))
	for _, around := range wrap {
		handler = around(handler)
	}
	s := httptest.NewUnstartedServer(handler)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, log
}

// answer is a response without its body.
type answer struct {
	Status     string
	StatusCode int
	Header     http.Header
}

func read(t *testing.T, s *httptest.Server) (answer, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		return answer{}, "", err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end
	body, err := io.ReadAll(resp.Body)
	return answer{resp.Status, resp.StatusCode, resp.Header}, string(body), err
}

// TestStreamOutlivesTheLimitsOfTheServer: those are for answers that are
// complete before they are sent.
func TestStreamOutlivesTheLimitsOfTheServer(t *testing.T) {
	t.Parallel()
	s, log := streaming(t, door.Options{Timeout: serverLimit}, func(r *http.Request, caller catalog.Caller, stream *door.Stream) error {
		if caller.RequestID == "" || caller.RequestID != door.RequestID(r.Context()) {
			t.Errorf("the caller has request id %q", caller.RequestID)
		}
		out, err := stream.Begin(http.StatusAccepted, http.Header{"X-One": {"1"}})
		if err != nil {
			return err
		}
		for range 10 {
			if _, err := io.WriteString(out, "x"); err != nil {
				return err
			}
			stream.Flush()
			time.Sleep(serverLimit / 7) // longer than every limit, all in all
		}
		return r.Context().Err()
	}, limited)
	resp, body, err := read(t, s)
	if err != nil || resp.StatusCode != http.StatusAccepted || len(body) != 10 || resp.Header.Get("X-One") != "1" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %s %q %v %v", resp.Status, body, err, resp.Header)
	}
	if text := log.String(); !strings.Contains(text, "status=202 bytes=10") || !strings.Contains(text, "subject=ana") {
		t.Errorf("logged %s", text)
	}
}

// TestStreamThatFails is answered before it begins, and broken off afterwards.
func TestStreamThatFails(t *testing.T) {
	t.Parallel()
	begin := func(stream *door.Stream) {
		out, err := stream.Begin(http.StatusOK, nil)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(out, strings.Repeat("x", 100_000))
	}
	for name, c := range map[string]struct {
		serve   func(*http.Request, *door.Stream) error
		status  int // 0 when it is broken off
		logged  string
		timeout time.Duration // before the answer begins; 0 for the usual one
	}{
		"an error":     {func(*http.Request, *door.Stream) error { return errors.New("secret") }, 500, "secret", 0},
		"a panic":      {func(*http.Request, *door.Stream) error { panic("secret") }, 500, "secret", 0},
		"no answer":    {func(*http.Request, *door.Stream) error { return nil }, 500, "no answer", 0},
		"a late error": {func(_ *http.Request, s *door.Stream) error { begin(s); return errors.New("secret") }, 0, "secret", 0},
		"a late panic": {func(_ *http.Request, s *door.Stream) error { begin(s); panic("secret") }, 0, "secret", 0},
		"a cut":        {func(_ *http.Request, s *door.Stream) error { begin(s); s.Cut(errors.New("secret")); return nil }, 0, "secret", 0},
		"a cut before": {func(_ *http.Request, s *door.Stream) error {
			s.Cut(errors.New("secret"))
			_, err := s.Begin(200, nil)
			return err
		}, 500, "secret", 0},
		"too late a start": {func(r *http.Request, s *door.Stream) error {
			<-r.Context().Done()
			_, err := s.Begin(200, nil)
			return err
		}, 500, "deadline", 250 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, log := streaming(t, door.Options{Timeout: c.timeout}, func(r *http.Request, _ catalog.Caller, stream *door.Stream) error { return c.serve(r, stream) })
			resp, body, err := read(t, s)
			if c.status == 0 && err == nil || c.status != 0 && (err != nil || resp.StatusCode != c.status) || strings.Contains(body, "secret") {
				t.Errorf("got %s, %d bytes, %v", resp.Status, len(body), err)
			}
			s.Close()
			if text := log.String(); !strings.Contains(text, c.logged) || !strings.Contains(text, "msg=request") {
				t.Errorf("logged %s", text)
			}
		})
	}
}

func TestStreamGates(t *testing.T) {
	t.Parallel()
	held, release := make(chan struct{}), make(chan struct{})
	s, _ := streaming(t, door.Options{MaxConcurrent: 1}, func(_ *http.Request, _ catalog.Caller, stream *door.Stream) error {
		close(held)
		<-release
		_, err := stream.Begin(http.StatusNoContent, nil)
		return err
	})
	first := make(chan struct{})
	go func() {
		defer close(first)
		if resp, _, err := read(t, s); err != nil || resp.StatusCode != http.StatusNoContent {
			t.Errorf("the first: got %s %v", resp.Status, err)
		}
	}()
	<-held
	if resp, _, err := read(t, s); err != nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one too many: got %s %v", resp.Status, err)
	}
	close(release)
	<-first
	s, _ = streaming(t, door.Options{Authenticate: func(*http.Request) (catalog.Caller, error) { return catalog.Caller{}, errors.New("no") }},
		func(*http.Request, catalog.Caller, *door.Stream) error { t.Error("let in"); return nil })
	if resp, _, err := read(t, s); err != nil || resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("nobody: got %s %v", resp.Status, err)
	}
}

// TestReaderThatStalls is cut off, also while the kernel copies a file.
func TestReaderThatStalls(t *testing.T) {
	t.Parallel()
	for name, copied := range map[string]func(io.Writer) error{
		"from memory": func(w io.Writer) error {
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return err
				}
			}
		},
		"by the kernel": func(w io.Writer) error { _, err := io.Copy(w, io.LimitReader(zeros{}, 1<<40)); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			failed := make(chan error, 1)
			s, _ := streaming(t, door.Options{Stall: 200 * time.Millisecond}, func(_ *http.Request, _ catalog.Caller, stream *door.Stream) error {
				out, err := stream.Begin(http.StatusOK, nil)
				if err == nil {
					err = copied(out)
				}
				failed <- err
				return err
			})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp, err := s.Client().Do(req); err == nil { // else it was cut off before the reader saw anything
				defer func() { _ = resp.Body.Close() }()
			}
			select {
			case err := <-failed:
				if err == nil {
					t.Error("the stream went on to its end")
				}
			case <-time.After(30 * time.Second):
				t.Error("the reader holds the stream")
			}
		})
	}
}

// zeros is endless.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
