package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// newTestClient is a client that waits next to nothing between attempts.
func newTestClient(t *testing.T, o Options) *http.Client {
	t.Helper()
	o.firstWait = time.Millisecond
	client, err := NewHTTPClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// send sends a request and returns the status, 0 and the error when there is none.
func send(t *testing.T, client *http.Client, method, target, body string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, nil
}

// scripted answers with the statuses in turn, the last one for ever, and keeps
// the bodies it was sent. -1 cuts the connection.
type scripted struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	header   http.Header
	bodies   []string
	seen     []http.Header
}

func script(t *testing.T, statuses ...int) *scripted {
	t.Helper()
	s := &scripted{statuses: statuses, header: make(http.Header)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		status := s.statuses[min(len(s.bodies), len(s.statuses)-1)]
		s.bodies = append(s.bodies, string(body))
		s.seen = append(s.seen, r.Header.Clone())
		if status < 0 {
			panic(http.ErrAbortHandler)
		}
		for name, values := range s.header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestRetriesOnlyWhatIsSafe(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method, path string
		statuses     []int
		wantStatus   int // 0 for an error
		wantSent     int
	}{
		"unavailable, then there":          {"GET", "/a", []int{503, 200}, 200, 2},
		"too many, then there":             {"GET", "/a", []int{429, 429, 200}, 200, 3},
		"bad gateway on PUT":               {"PUT", "/a", []int{502, 201}, 201, 2},
		"gateway timeout on DELETE":        {"DELETE", "/a", []int{504, 204}, 204, 2},
		"cut connection on PUT":            {"PUT", "/a", []int{-1, 200}, 200, 2},
		"POST of a validation":             {"POST", "/api/v1/validate", []int{503, 200}, 200, 2},
		"POST of anything else":            {"POST", "/api/v1/lineage", []int{503, 200}, 503, 1},
		"cut connection on POST":           {"POST", "/api/v1/lineage", []int{-1, 200}, 0, 1},
		"precondition failed":              {"PUT", "/a", []int{412, 200}, 412, 1},
		"conflict":                         {"DELETE", "/a", []int{409, 204}, 409, 1},
		"invalid":                          {"PUT", "/a", []int{422, 200}, 422, 1},
		"internal error":                   {"PUT", "/a", []int{500, 200}, 500, 1},
		"not found":                        {"GET", "/a", []int{404, 200}, 404, 1},
		"given up: the last answer stands": {"GET", "/a", []int{503}, 503, maxAttempts},
		"given up: no answer":              {"GET", "/a", []int{-1}, 0, maxAttempts},
		"refused without a token file":     {"GET", "/a", []int{401, 200}, 401, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := script(t, test.statuses...)
			got, err := send(t, newTestClient(t, Options{Token: "t"}), test.method, server.URL+test.path, "the body")
			if got != test.wantStatus || (err != nil) != (test.wantStatus == 0) {
				t.Errorf("got status %d and error %v, want status %d", got, err, test.wantStatus)
			}
			server.mu.Lock()
			defer server.mu.Unlock()
			if len(server.bodies) != test.wantSent {
				t.Fatalf("got %d attempts, want %d", len(server.bodies), test.wantSent)
			}
			for i, body := range server.bodies {
				if body != "the body" {
					t.Errorf("attempt %d: got body %q, want it whole", i+1, body)
				}
			}
		})
	}
}

func TestCountAttempts(t *testing.T) {
	t.Parallel()
	server := script(t, 503, 503, 200)
	ctx, attempts := CountAttempts(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, server.URL, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := newTestClient(t, Options{}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if got := attempts.Count(); got != 3 {
		t.Errorf("got %d attempts, want 3", got)
	}
}

func TestRetryAfterIsHonouredAndCapped(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"0": 0, "7": 7 * time.Second, "Sun, 31 Jan 2027 12:00:30 GMT": 30 * time.Second, "Sun, 31 Jan 2027 11:00:00 GMT": 0,
	} {
		if got, ok := retryAfter(text, now); !ok || got != want {
			t.Errorf("Retry-After: %s: got %v %v, want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "soon", "-1", "1.5", "99999999999999999999"} {
		if got, ok := retryAfter(text, now); ok {
			t.Errorf("Retry-After: %s: got %v, want nothing", text, got)
		}
	}
	hostile := &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"2000000000"}}}
	if got := backoff(firstWait, longestWait, 0, hostile); got != maxRetryAfter {
		t.Errorf("a platform that asks for 63 years: got %v, want %v", got, maxRetryAfter)
	}
	for n := range 60 {
		got := backoff(firstWait, longestWait, n%10, nil)
		if most := min(firstWait<<(n%10), longestWait); got < most/2 || got > most {
			t.Errorf("wait %d: got %v, want between %v and %v", n, got, most/2, most)
		}
	}
}

func TestWaitIsLogged(t *testing.T) {
	t.Parallel()
	server := script(t, 503, 200)
	server.header.Set("Retry-After", "0")
	server.header.Set("X-Request-Id", "R7")
	var log []Attempt
	client := newTestClient(t, Options{Token: "hush", Log: func(_ context.Context, a Attempt) { log = append(log, a) }})
	if _, err := send(t, client, "GET", server.URL+"/a?secret=1", ""); err != nil {
		t.Fatal(err)
	}
	if len(log) != 2 || log[0].Status != 503 || log[0].Number != 1 || log[1].Status != 200 || log[1].Number != 2 {
		t.Fatalf("got %+v, want an entry for each attempt", log)
	}
	if log[0].Path != "/a" || log[0].RequestID != "R7" || log[0].TraceID != log[1].TraceID || len(log[0].TraceID) != 32 {
		t.Errorf("got %+v, want the path without its query, the request id and one trace", log[0])
	}
}

// A platform that is busy must not hold a caller longer than it wants to wait.
func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		busy := roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: http.NoBody, Header: http.Header{"Retry-After": {"50"}}}, nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/", nil)
		start := time.Now()
		resp, err := newRetry(Options{}, busy).RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
			t.Error("got an answer, want the context's error")
		}
		if got := time.Since(start); got != 3*time.Second {
			t.Errorf("waited %v, want 3s", got)
		}
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func TestMaxRequestsPerSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answer := roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
		})
		next := newRetry(Options{}, newSender(Options{MaxRequestsPerSecond: 4}, &tokenSource{}, answer))
		start := time.Now()
		for range 12 { // a burst of four, then eight more
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/", nil)
			resp, err := next.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
		}
		if got, want := time.Since(start), 2*time.Second; got.Round(time.Millisecond) != want {
			t.Errorf("12 requests at 4 a second took %v, want %v", got, want)
		}
	})
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	server := script(t, 503, 200)
	parent := "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
	client := newTestClient(t, Options{Token: "hush", UserAgent: "terraform-provider-datamesh/1 terraform/1.11.4", TraceParent: parent})
	if _, err := send(t, client, "GET", server.URL, ""); err != nil {
		t.Fatal(err)
	}
	span := regexp.MustCompile(`^00-0123456789abcdef0123456789abcdef-[0-9a-f]{16}-01$`)
	for i, header := range server.seen {
		if got := header.Get("Authorization"); got != "Bearer hush" {
			t.Errorf("attempt %d: got Authorization %q", i+1, got)
		}
		if got := header.Get("User-Agent"); got != "terraform-provider-datamesh/1 terraform/1.11.4" {
			t.Errorf("attempt %d: got User-Agent %q", i+1, got)
		}
		if got := header.Get("Traceparent"); !span.MatchString(got) || got == parent {
			t.Errorf("attempt %d: got Traceparent %q, want a new span of the trace", i+1, got)
		}
	}
	if server.seen[0].Get("Traceparent") == server.seen[1].Get("Traceparent") {
		t.Error("two attempts have the same span")
	}
}

func TestRequestsOfAnOperationShareATrace(t *testing.T) {
	t.Parallel()
	server := script(t, 200)
	client := newTestClient(t, Options{})
	traces := make(map[string]int)
	for _, ctx := range []context.Context{StartTrace(t.Context()), StartTrace(t.Context()), t.Context(), t.Context()} {
		for range 2 {
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
		}
	}
	for _, header := range server.seen {
		traces[traceOf(header.Get("Traceparent"))]++
	}
	if len(traces) != 6 || traces[""] != 0 { // two operations, and four requests of none
		t.Errorf("got traces %v, want six", traces)
	}
}

func TestMalformedTraceParentCountsAsNone(t *testing.T) {
	t.Parallel()
	for _, parent := range []string{"", "x", "00-00000000000000000000000000000000-0123456789abcdef-01", "00-0123\r\nX: y-0-01"} {
		if got := traceOf(parent); got != "" {
			t.Errorf("TRACEPARENT %q: got trace %q, want none", parent, got)
		}
	}
}

// Attack: a platform, or who sits in its place, sends the client on to a host
// that collects tokens.
func TestRedirectToAnotherHostIsRefused(t *testing.T) {
	t.Parallel()
	var got string
	thief := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("Authorization") }))
	t.Cleanup(thief.Close)
	server := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	if _, err := send(t, newTestClient(t, Options{Token: "hush"}), "GET", server.URL, ""); err == nil || !strings.Contains(err.Error(), "another host") {
		t.Errorf("got error %v, want a refusal", err)
	}
	if got != "" {
		t.Errorf("the other host got %q", got)
	}
}

func TestRedirectsWithinTheHostAreBounded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("/again", http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	if _, err := send(t, newTestClient(t, Options{}), "GET", server.URL, ""); err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("got error %v, want one about redirects", err)
	}
}

func TestProxy(t *testing.T) {
	t.Parallel()
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = append(asked, r.URL.Host) }))
	t.Cleanup(proxy.Close)
	client := newTestClient(t, Options{ProxyURL: proxy.URL})
	if got, err := send(t, client, "GET", "http://mesh.example/", ""); got != 200 {
		t.Errorf("got %d %v, want the proxy's answer", got, err)
	}
	// This machine is never asked for through a proxy: the token would leave it.
	server := script(t, 204)
	if got, err := send(t, client, "GET", server.URL, ""); got != 204 {
		t.Errorf("loopback: got %d %v, want 204", got, err)
	}
	if len(asked) != 1 || asked[0] != "mesh.example" {
		t.Errorf("the proxy was asked for %v, want mesh.example", asked)
	}
}

func TestOptionsThatAreWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte("two words"), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(dir, "huge")
	if err := os.WriteFile(huge, make([]byte, maxTokenBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		options Options
		want    string
	}{
		"two tokens":             {Options{Token: "a", TokenFile: garbage}, "exclude each other"},
		"token with a line end":  {Options{Token: "hush\r\nX-Admin: yes"}, "token:"},
		"token file missing":     {Options{TokenFile: filepath.Join(dir, "none")}, "token_file"},
		"token file is empty":    {Options{TokenFile: empty}, "token_file"},
		"token file of words":    {Options{TokenFile: garbage}, "token_file"},
		"token file is huge":     {Options{TokenFile: huge}, "token_file"},
		"token file is a folder": {Options{TokenFile: dir}, "token_file"},
		"ca_file missing":        {Options{CAFile: filepath.Join(dir, "none")}, "ca_file"},
		"ca_file of words":       {Options{CAFile: garbage}, "ca_file"},
		"certificate alone":      {Options{ClientCertFile: garbage}, "belong together"},
		"key alone":              {Options{ClientKeyFile: garbage}, "belong together"},
		"certificate of words":   {Options{ClientCertFile: garbage, ClientKeyFile: garbage}, "client_cert_file"},
		"proxy without a scheme": {Options{ProxyURL: "u:hush@proxy"}, "proxy_url"},
		"proxy of another kind":  {Options{ProxyURL: "ftp://proxy.example"}, "proxy_url"},
	} {
		client, err := NewHTTPClient(test.options)
		if err == nil || client != nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: got %v, want an error that names %q and repeats no secret", name, err, test.want)
		}
	}
}

// TestConnectionsAreKeptForParallelWork has ten requests answered only when all
// of them have come, so that each needs a connection of its own, and the next
// ten find those.
func TestConnectionsAreKeptForParallelWork(t *testing.T) {
	t.Parallel()
	const atOnce = 10
	var opened atomic.Int32
	var arrived sync.WaitGroup
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived.Done()
		arrived.Wait()
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := newTestClient(t, Options{})
	for range 20 {
		arrived.Add(atOnce)
		var wave sync.WaitGroup
		for range atOnce {
			wave.Go(func() {
				if _, err := send(t, client, "GET", server.URL, ""); err != nil {
					t.Error(err)
				}
			})
		}
		wave.Wait()
	}
	if got := opened.Load(); got != atOnce {
		t.Errorf("200 requests, ten at once, opened %d connections, want ten", got)
	}
}

func TestErrorsNameTheURLOnce(t *testing.T) {
	t.Parallel()
	server := script(t, -1)
	_, err := send(t, newTestClient(t, Options{}), "GET", server.URL, "")
	if err == nil || strings.Count(err.Error(), server.URL) != 1 {
		t.Errorf("got %v, want the URL once", err)
	}
	var named *url.Error
	if !errors.As(err, &named) {
		t.Errorf("got %T, want *url.Error", err)
	}
}
