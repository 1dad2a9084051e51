package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/client"
)

var track = catalog.Ref{Kind: catalog.KindSchema, ID: "sigint/track"}

// platform is a server that answers every request like this.
func platform(t *testing.T, answer http.HandlerFunc) *client.Service {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return dial(t, server)
}

// says answers with a status, headers as "Name: value" lines and a body.
func says(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, line := range headers {
			name, value, _ := strings.Cut(line, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body) // the client may have left
	}
}

func codeOf(err error) catalog.Code {
	var failure *catalog.Error
	if !errors.As(err, &failure) {
		return "none"
	}
	return failure.Code
}

// TestProxyPagesAreNotAnswers: a page from something in between says nothing
// about objects. Were its 404 an object that is gone, a wrong endpoint would
// empty a state file.
func TestProxyPagesAreNotAnswers(t *testing.T) {
	t.Parallel()
	page := "<html>token=secret</html>"
	for status, want := range map[int]catalog.Code{
		400: catalog.CodeUnavailable, 401: catalog.CodeUnauthenticated, 403: catalog.CodeForbidden, 404: catalog.CodeUnavailable,
		405: catalog.CodeUnavailable, 409: catalog.CodeUnavailable, 412: catalog.CodeUnavailable, 413: catalog.CodeTooLarge,
		429: catalog.CodeTooManyRequests, 500: catalog.CodeUnavailable, 502: catalog.CodeUnavailable, 503: catalog.CodeUnavailable,
	} {
		_, err := platform(t, says(status, page, "Content-Type: text/html")).Get(t.Context(), track)
		if codeOf(err) != want {
			t.Errorf("%d: got %v, want %s", status, err, want)
		}
		for _, part := range []string{fmt.Sprint(status), "/api/v1/domains/sigint/schemas/track", "text/html"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%d: got %q, want %s in it", status, err, part)
			}
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("%d: got %q, want nothing of the page in it", status, err)
		}
	}
}

// TestOnlyThePlatformSaysGone: problem documents that are another server's, or
// about a path and not an object.
func TestOnlyThePlatformSaysGone(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]catalog.Code{
		`{"type":"/problems/not-found","title":"No such object","status":404,"code":"not_found","detail":"Gone.","request_id":"r-1"}`: catalog.CodeNotFound,
		`{"type":"/problems/invalid","title":"No such path","status":404,"code":"invalid","detail":"No such path."}`:                  catalog.CodeInvalid,
		`{"type":"about:blank","title":"Not Found","status":404}`:                                                                     catalog.CodeUnavailable,
		`{"error":"not found"}`: catalog.CodeUnavailable,
		``:                      catalog.CodeUnavailable,
	} {
		_, err := platform(t, says(404, body, "Content-Type: application/problem+json")).Get(t.Context(), track)
		if codeOf(err) != want {
			t.Errorf("%s: got %v, want %s", body, err, want)
		}
	}
}

func TestProblemsArriveWhole(t *testing.T) {
	t.Parallel()
	want := &catalog.Error{Code: catalog.CodeConflict, Message: "In use.", Problems: []catalog.Problem{
		{Field: "/a~1b", Rule: catalog.RuleInUse, Detail: "By x.", Fix: "Delete x."}, {Rule: catalog.RuleDeletionProtection, Detail: "On."}}}
	err := serve(t, &constant{err: want}).Delete(t.Context(), track, catalog.WriteOptions{})
	var got *catalog.Error
	if !errors.As(err, &got) || !errors.Is(err, catalog.ErrConflict) {
		t.Fatalf("got %v, want a conflict", err)
	}
	if got.RequestID == "" {
		t.Error("got no request id")
	}
	got.RequestID = ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestRedirectsAreNotFollowed: a redirect would take the token to another host,
// and a 302 would turn a PUT into a GET that looks as if it had worked.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Add(1)
		says(200, `{"domain":"sigint","name":"track"}`, `ETag: "r1"`)(w, nil)
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(says(status, "", "Location: "+elsewhere.URL))
		t.Cleanup(server.Close)
		real, err := client.NewHTTPClient(client.Options{Token: "secret-token"})
		if err != nil {
			t.Fatal(err)
		}
		for _, hc := range []*http.Client{server.Client(), real} {
			s, err := client.New(server.URL, hc)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Get(t.Context(), track); err == nil || codeOf(err) != catalog.CodeInternal && codeOf(err) != catalog.CodeUnavailable {
				t.Errorf("%d: got %v, want the redirect refused", status, err)
			}
			if _, err := s.Put(t.Context(), &catalog.Schema{Domain: "sigint", Name: "track"}, catalog.WriteOptions{IfMatch: "r0"}); err == nil {
				t.Errorf("%d: a PUT was taken for done", status)
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("the other host was reached %d times, want never", n)
	}
}

// TestTransportThatFollowsRedirects: whatever the transport below does, an
// answer of another host is none.
func TestTransportThatFollowsRedirects(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(says(200, `{"domain":"sigint","name":"track"}`, `ETag: "r1"`))
	t.Cleanup(elsewhere.Close)
	server := httptest.NewServer(says(307, "", "Location: "+elsewhere.URL))
	t.Cleanup(server.Close)
	s, err := client.New(server.URL, &http.Client{Transport: following{}})
	if err != nil {
		t.Fatal(err)
	}
	if entry, err := s.Get(t.Context(), track); err == nil {
		t.Errorf("got %+v, want the other host's answer refused", entry)
	}
}

// following is a transport with a client of its own inside, as retrying ones
// are made.
type following struct{}

func (following) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	return http.DefaultClient.Do(r)
}

// TestUnusableAnswers: a success that is not about what was asked.
func TestUnusableAnswers(t *testing.T) {
	t.Parallel()
	good := `{"id":"sigint/track","domain":"sigint","name":"track"}`
	for name, answer := range map[string]http.HandlerFunc{
		"no entity tag":     says(200, good),
		"bad entity tag":    says(200, good, `ETag: r1`),
		"no JSON":           says(200, `<html>`, `ETag: "r1"`),
		"cut off":           says(200, good[:9], `ETag: "r1"`),
		"another object":    says(200, `{"domain":"sigint","name":"emitter"}`, `ETag: "r1"`),
		"another id":        says(200, `{"id":"sigint/emitter"}`, `ETag: "r1"`),
		"null":              says(200, `null`, `ETag: "r1"`),
		"a member twice":    says(200, `{"name":"track","name":"track"}`, `ETag: "r1"`),
		"deep":              says(200, `{"x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`}`, `ETag: "r1"`),
		"no content":        says(204, ``, `ETag: "r1"`),
		"not modified":      says(304, ``, `ETag: "r1"`),
		"another success":   says(202, good, `ETag: "r1"`),
		"length that is no": says(200, good, `ETag: "r1"`, "Content-Length: 10"),
	} {
		if entry, err := platform(t, answer).Get(t.Context(), track); err == nil || errors.Is(err, catalog.ErrNotFound) || codeOf(err) == "none" {
			t.Errorf("%s: got %+v, %v, want an error of the catalogue", name, entry, err)
		}
	}
	if err := platform(t, says(200, "")).Delete(t.Context(), track, catalog.WriteOptions{}); err == nil {
		t.Error("a delete answered with 200 was taken for done")
	}
	entry, err := platform(t, says(200, good, `ETag: W/"r1"`)).Get(t.Context(), track)
	if err != nil || entry.Revision != "r1" {
		t.Errorf("a tag that a proxy weakened: got %q, %v, want r1", entry.Revision, err)
	}
}

// TestAnswerWithoutEnd: a server that never stops sending.
func TestAnswerWithoutEnd(t *testing.T) {
	t.Parallel()
	chunk := strings.Repeat(" ", 1<<20)
	s := platform(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
	})
	if _, err := s.Get(t.Context(), track); codeOf(err) != catalog.CodeInternal || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("got %v, want it to be too long", err)
	}
}

func TestCursorThatStandsStill(t *testing.T) {
	t.Parallel()
	s := platform(t, says(200, `{"items":[],"next_cursor":"c1"}`))
	if _, err := s.List(t.Context(), catalog.Query{Kind: catalog.KindSchema, Cursor: "c1"}); codeOf(err) != catalog.CodeInternal {
		t.Errorf("got %v, want the cursor refused", err)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	const nobody = "http://127.0.0.1:1" // a port that the kernel gives to none who asks for any
	s, err := client.New(nobody, http.DefaultClient)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.List(t.Context(), catalog.Query{Kind: catalog.KindSchema, Text: "secret"})
	if !errors.Is(err, catalog.ErrUnavailable) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want unavailable with the cause", err)
	}
	if text := err.Error(); strings.Contains(text, "secret") || !strings.Contains(text, nobody) {
		t.Errorf("got %q, want the endpoint and not the query", text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Get(ctx, track); !errors.Is(err, context.Canceled) || !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("got %v, want canceled and unavailable", err)
	}
}

// TestNeverSent: what the wire cannot carry is refused here, and names that are
// no names are gone from nowhere.
func TestNeverSent(t *testing.T) {
	t.Parallel()
	s := platform(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was sent") })
	for name, c := range map[string]struct {
		object catalog.Object
		code   catalog.Code
		field  string
	}{
		"nothing":         {nil, catalog.CodeInvalid, ""},
		"a name's slash":  {&catalog.Schema{Domain: "a", Name: "b/versions"}, catalog.CodeInvalid, "/name"},
		"a domain's case": {&catalog.Schema{Domain: "A", Name: "b"}, catalog.CodeInvalid, "/domain"},
		"no name":         {&catalog.Domain{}, catalog.CodeInvalid, "/name"},
		"the board's":     {&catalog.ReferenceSchema{Name: "sigint/track"}, catalog.CodeInvalid, "/name"},
		"a reference":     {&catalog.Schema{Domain: "a", Name: "b", Dependencies: map[string]catalog.SchemaDependency{"\xff": {}}}, catalog.CodeInvalid, "/references"},
		"not UTF-8":       {&catalog.Domain{Name: "a", Contact: "\xff"}, catalog.CodeInvalid, "/contact"},
		"not a number":    {&catalog.SLA{Domain: "a", Name: "b", Accuracy: &catalog.Objective{TargetPercent: math.Inf(1)}}, catalog.CodeInvalid, ""},
		"too large":       {&catalog.Schema{Domain: "a", Name: "b", Definition: strings.Repeat("x", 3<<20)}, catalog.CodeTooLarge, ""},
	} {
		_, err := s.Put(t.Context(), c.object, catalog.WriteOptions{})
		var failure *catalog.Error
		if !errors.As(err, &failure) || failure.Code != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
			continue
		}
		found := c.field == ""
		for _, p := range failure.Problems {
			found = found || p.Field == c.field
		}
		if !found {
			t.Errorf("%s: got %+v, want a problem at %s", name, failure.Problems, c.field)
		}
	}
	bad := catalog.Ref{Kind: catalog.KindProduct, ID: "a/b?dry_run=true"}
	if _, err := s.Get(t.Context(), bad); codeOf(err) != catalog.CodeNotFound {
		t.Errorf("get: got %v, want not_found", err)
	}
	if err := s.Delete(t.Context(), bad, catalog.WriteOptions{}); codeOf(err) != catalog.CodeNotFound {
		t.Errorf("delete: got %v, want not_found", err)
	}
	if err := s.Delete(t.Context(), track, catalog.WriteOptions{IfMatch: "no tag"}); codeOf(err) != catalog.CodePreconditionFailed {
		t.Errorf("delete at no revision: got %v, want precondition_failed", err)
	}
	many := catalog.Proposal{Puts: make([]catalog.Object, 20)}
	for i := range many.Puts {
		many.Puts[i] = &catalog.Schema{Domain: "a", Name: "b", Definition: strings.Repeat("x", 2<<20)}
	}
	if _, err := s.Validate(t.Context(), many); codeOf(err) != catalog.CodeTooLarge {
		t.Errorf("validate: got %v, want too_large", err)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for endpoint, good := range map[string]bool{
		"https://mesh.example": true, "https://mesh.example/": true, "http://127.0.0.1:8080": true, "https://[::1]:8443": true,
		"https://proxy.example/mesh/v2.1": true, "HTTPS://mesh.example": true,
		"": false, "mesh.example": false, "mesh.example:8080": false, "//mesh.example": false, "ftp://mesh.example": false,
		"https://": false, "https://:8080": false, "https://user:secret@mesh.example": false, "https://secret@mesh.example": false,
		"https://mesh.example?token=secret": false, "https://mesh.example?": false, "https://mesh.example#secret": false,
		"https://mesh.example/a/../b": false, "https://mesh.example//a": false, "https://mesh.example/a%2Fb": false,
		"https://mesh.example/\x00secret": false, "unix:/run/secret.sock": false, "https://mesh.example:secret": false,
	} {
		_, err := client.New(endpoint, http.DefaultClient)
		if (err == nil) != good {
			t.Errorf("%q: got %v, want it accepted: %v", endpoint, err, good)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %q, which repeats a secret", endpoint, err)
		}
	}
	if _, err := client.New("https://mesh.example", nil); err == nil {
		t.Error("no HTTP client: got a service, want an error")
	}
}

// pages is a reader of scripted pages.
type pages struct {
	catalog.Reader
	page  func(cursor string) catalog.Page
	asked int
}

func (p *pages) List(_ context.Context, q catalog.Query) (catalog.Page, error) {
	if p.asked++; p.asked > 1000 {
		return catalog.Page{}, errors.New("asked a thousand times")
	}
	return p.page(q.Cursor), nil
}

func entries(names ...string) (list []catalog.Entry) {
	for _, name := range names {
		list = append(list, catalog.Entry{Object: &catalog.Domain{Name: name}, Revision: "r"})
	}
	return list
}

func TestAll(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	for name, c := range map[string]struct {
		page func(string) catalog.Page
		want []string
		fail string
	}{
		"three pages, one empty": {func(cursor string) catalog.Page {
			return map[string]catalog.Page{"": {Entries: entries("a", "b"), Next: "1"}, "1": {Next: "2"}, "2": {Entries: entries("c")}}[cursor]
		}, []string{"a", "b", "c"}, ""},
		"the same page again": {func(string) catalog.Page {
			return catalog.Page{Entries: entries("a"), Next: "1"}
		}, []string{"a"}, "repeats objects"},
		"two pages in a ring": {func(cursor string) catalog.Page {
			if cursor == "1" {
				return catalog.Page{Entries: entries("b"), Next: "0"}
			}
			return catalog.Page{Entries: entries("a"), Next: "1"}
		}, []string{"a", "b"}, "repeats objects"},
		"empty pages without end": {func(cursor string) catalog.Page {
			return catalog.Page{Next: cursor + "x"}
		}, nil, "without objects"},
	} {
		var got []string
		var failure error
		for entry, err := range client.All(ctx, &pages{page: c.page}, catalog.Query{Kind: catalog.KindDomain}) {
			if failure = err; err == nil {
				got = append(got, entry.Object.Ref().ID)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if (failure == nil) != (c.fail == "") || failure != nil && !strings.Contains(failure.Error(), c.fail) {
			t.Errorf("%s: got %v, want %q", name, failure, c.fail)
		}
	}
}
