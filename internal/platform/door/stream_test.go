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
	served sync.WaitGroup // the requests, each of which ends with its line

	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// whole is the log once all requests that began have ended: one whose stream was
// reset has the client gone on before.
func (l *lines) whole() string {
	l.served.Wait()
	return l.String()
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

// streaming is a server whose requests are all served by the function. It may
// have limits of its own on the reading and the writing of each.
func streaming(t *testing.T, o door.Options, serve func(*http.Request, catalog.Caller, *door.Stream) error, limit ...time.Duration) (*httptest.Server, *lines) {
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
	guarded := d.Guard(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.Stream(w, r, serve) }))
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.served.Add(1)
		defer log.served.Done()
		guarded.ServeHTTP(w, r)
	}))
	if len(limit) > 0 {
		s.Config.ReadTimeout, s.Config.WriteTimeout = limit[0], limit[0]
	}
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
	const limit = 5 * time.Second // far more than a busy machine needs to begin
	s, log := streaming(t, door.Options{Timeout: limit}, func(r *http.Request, caller catalog.Caller, stream *door.Stream) error {
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
			time.Sleep(limit / 8) // longer than every limit, all in all
		}
		return r.Context().Err()
	}, limit)
	resp, body, err := read(t, s)
	if err != nil || resp.StatusCode != http.StatusAccepted || len(body) != 10 || resp.Header.Get("X-One") != "1" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %s %q %v %v", resp.Status, body, err, resp.Header)
	}
	if text := log.whole(); !strings.Contains(text, "status=202 bytes=10") || !strings.Contains(text, "subject=ana") {
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
		serve  func(*http.Request, *door.Stream) error
		status int // 0 when it is broken off
		logged string
	}{
		"an error":     {func(*http.Request, *door.Stream) error { return errors.New("secret") }, 500, "secret"},
		"a panic":      {func(*http.Request, *door.Stream) error { panic("secret") }, 500, "secret"},
		"no answer":    {func(*http.Request, *door.Stream) error { return nil }, 500, "no answer"},
		"a late error": {func(_ *http.Request, s *door.Stream) error { begin(s); return errors.New("secret") }, 0, "secret"},
		"a late panic": {func(_ *http.Request, s *door.Stream) error { begin(s); panic("secret") }, 0, "secret"},
		"a cut":        {func(_ *http.Request, s *door.Stream) error { begin(s); s.Cut(errors.New("secret")); return nil }, 0, "secret"},
		"a cut before": {func(_ *http.Request, s *door.Stream) error {
			s.Cut(errors.New("secret"))
			_, err := s.Begin(200, nil)
			return err
		}, 500, "secret"},
		"too late a start": {func(r *http.Request, s *door.Stream) error {
			<-r.Context().Done()
			_, err := s.Begin(200, nil)
			return err
		}, 500, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := door.Options{}
			if c.logged == "deadline" {
				options.Timeout = time.Millisecond // it waits for that, and no other may meet it
			}
			s, log := streaming(t, options, func(r *http.Request, _ catalog.Caller, stream *door.Stream) error { return c.serve(r, stream) })
			resp, body, err := read(t, s)
			if c.status == 0 && err == nil || c.status != 0 && (err != nil || resp.StatusCode != c.status) || strings.Contains(body, "secret") {
				t.Errorf("got %s, %d bytes, %v", resp.Status, len(body), err)
			}
			if text := log.whole(); !strings.Contains(text, c.logged) || !strings.Contains(text, "msg=request") {
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
			if resp, err := s.Client().Do(req); err == nil { // or it is cut off before its header has left
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
