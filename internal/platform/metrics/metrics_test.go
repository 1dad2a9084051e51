package metrics

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// as authenticates everybody as this caller, save for a request without a token.
func as(c catalog.Caller) func(*http.Request) (catalog.Caller, error) {
	return func(r *http.Request) (catalog.Caller, error) {
		if r.Header.Get("Authorization") == "" {
			return catalog.Caller{}, errors.New("no token")
		}
		return c, nil
	}
}

func ask(t *testing.T, h http.Handler, method, token string) (int, http.Header, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, Path, nil)
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, w.Header(), string(body)
}

func TestWhoReads(t *testing.T) {
	t.Parallel()
	service := catalog.Caller{Subject: "s"}
	scraper := catalog.Caller{Subject: "prometheus", Groups: []string{Group}}
	unknown := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	for name, c := range map[string]struct {
		caller catalog.Caller
		token  string
		want   int
	}{
		"administrator":              {catalog.Caller{Subject: "root", Administrator: true}, "t", http.StatusOK},
		"group":                      {scraper, "t", http.StatusOK},
		"anybody":                    {catalog.Caller{Subject: "x", Groups: []string{"metric", "auditors"}}, "t", http.StatusNotFound},
		"nobody":                     {catalog.Caller{Administrator: true}, "t", http.StatusNotFound},
		"no token":                   {scraper, "", http.StatusNotFound},
		"through a service":          {catalog.Caller{Subject: "prometheus", Groups: []string{Group}, Via: &service}, "t", http.StatusNotFound},
		"through one that may":       {catalog.Caller{Subject: "prometheus", Groups: []string{Group}, Via: &scraper}, "t", http.StatusOK},
		"an administrator's service": {catalog.Caller{Subject: "x", Via: &catalog.Caller{Subject: "root", Administrator: true}}, "t", http.StatusNotFound},
	} {
		m := New(func(*http.Request) string { return "api" }, "api")
		status, _, _ := ask(t, m.Handler(Options{Authenticate: as(c.caller), Otherwise: unknown}), http.MethodGet, c.token)
		if status != c.want {
			t.Errorf("%s: got %d, want %d", name, status, c.want)
		}
	}
}

// TestWhatIsCounted also says what every number is called, and that all are
// there before anything has happened.
func TestWhatIsCounted(t *testing.T) {
	t.Parallel()
	m := New(func(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, "/") }, "api", "data")
	root := m.Handler(Options{Authenticate: as(catalog.Caller{Subject: "root", Administrator: true}), Otherwise: http.NotFoundHandler()})
	before := numbers(t, root)
	if before[`datamesh_http_requests_total{door="data",status="5xx"}`] != "0" {
		t.Errorf("got %v, want a zero for each pair of labels", before)
	}
	counted := m.Count(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.RawQuery {
		case "gone":
			w.WriteHeader(http.StatusGone)
		case "early":
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusSeeOther)
		case "cut":
			panic(http.ErrAbortHandler)
		case "stream":
			_, _ = io.Copy(w, strings.NewReader("all of it"))
			_ = http.NewResponseController(w).Flush()
		}
	}))
	for _, target := range []string{"/api?gone", "/api?early", "/data?cut", "/data?stream", "/data"} {
		func() {
			defer func() {
				if cause := recover(); (cause != nil) != strings.Contains(target, "cut") {
					t.Errorf("%s: got panic %v", target, cause)
				}
			}()
			counted.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
		}()
	}
	after := numbers(t, root)
	want := map[string]string{
		`datamesh_http_requests_total{door="api",status="4xx"}`: "1", `datamesh_http_requests_total{door="api",status="3xx"}`: "1",
		`datamesh_http_requests_total{door="data",status="aborted"}`: "1", `datamesh_http_requests_total{door="data",status="2xx"}`: "2",
		`datamesh_http_request_duration_seconds_count{door="api"}`: "2", `datamesh_http_request_duration_seconds_count{door="data"}`: "3",
	}
	got := map[string]string{}
	for name := range want {
		got[name] = after[name]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
	if len(after) != len(before) {
		t.Errorf("got %d numbers after requests and %d before, want as many", len(after), len(before))
	}
}

// numbers are the lines of the text by what they count.
func numbers(t *testing.T, h http.Handler) map[string]string {
	t.Helper()
	status, header, text := ask(t, h, http.MethodGet, "t")
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("got %d with %q, want the text form of Prometheus", status, header.Get("Content-Type"))
	}
	found := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			found[name] = value
		}
	}
	return found
}

func TestMethods(t *testing.T) {
	t.Parallel()
	m := New(func(*http.Request) string { return "api" }, "api")
	h := m.Handler(Options{Authenticate: as(catalog.Caller{Subject: "root", Administrator: true}), Otherwise: http.NotFoundHandler()})
	if status, header, _ := ask(t, h, http.MethodPost, "t"); status != http.StatusMethodNotAllowed || header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: got %d, Allow %q", status, header.Get("Allow"))
	}
	if status, header, body := ask(t, h, http.MethodHead, "t"); status != http.StatusOK || body != "" || header.Get("Content-Length") == "0" {
		t.Errorf("HEAD: got %d, length %q and a body of %d bytes", status, header.Get("Content-Length"), len(body))
	}
}
