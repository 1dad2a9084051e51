package gateway_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
)

// untouched is an upstream that must not be asked.
func untouched(t *testing.T) string {
	t.Helper()
	return upstream(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the upstream was asked for %s", r.URL) })
}

// TestNothingIsAskedBeforeTheGrant: whatever the decision is, but for a permit,
// the upstream does not hear of it, and the answer is the same whatever the
// words of the decision.
func TestNothingIsAskedBeforeTheGrant(t *testing.T) {
	t.Parallel()
	up := untouched(t)
	m := from(catalog.PortHTTP, up+"/")
	endpoint := serve(t, m, everyone(up+"/"))
	for _, c := range []struct {
		code   catalog.Code
		status int
	}{
		{catalog.CodeNotFound, 404}, {catalog.CodeForbidden, 403}, {catalog.CodeConflict, 409}, {catalog.CodeUnavailable, 503}, {catalog.CodeUnauthenticated, 401}, {catalog.CodeInternal, 500},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			m.refuse = &catalog.Error{Code: c.code, Message: "clearance", Problems: []catalog.Problem{{Detail: "clearance"}}}
			resp, body, err := do(t, request(t, method, endpoint+"/data/sigint/tracks/p"))
			told := c.status == 503 || c.status == 401 || c.status == 500 // what does not depend on the product
			if err != nil || resp.StatusCode != c.status || !told && strings.Contains(body, "clearance") {
				t.Errorf("%s %s: got %s %q %v", method, c.code, resp.Status, body, err)
			}
		}
	}
	m.refuse = errors.New("database: secret path")
	if resp, body, err := get(t, endpoint+"/data/sigint/tracks/p"); err != nil || resp.StatusCode != http.StatusInternalServerError || strings.Contains(body, "secret") {
		t.Errorf("got %s %q %v", resp.Status, body, err)
	}
}

// TestHiddenAndAbsentAreOneAnswer, byte for byte.
func TestHiddenAndAbsentAreOneAnswer(t *testing.T) {
	t.Parallel()
	up := untouched(t)
	m := from(catalog.PortHTTP, up+"/")
	endpoint := serve(t, m, everyone(up+"/"))
	var answers []string
	for _, message := range []string{`The product "sigint/tracks" does not exist.`, "The product has no such port."} {
		m.refuse = &catalog.Error{Code: catalog.CodeNotFound, Message: message}
		answers = append(answers, wire(t, endpoint+"/data/sigint/tracks/p"))
	}
	if answers[0] != answers[1] {
		t.Errorf("the answers differ:\n%s\n%s", answers[0], answers[1])
	}
}

func TestQuestionsThatAreNone(t *testing.T) {
	t.Parallel()
	up := untouched(t)
	m := from(catalog.PortHTTP, up+"/")
	endpoint := serve(t, m, everyone(up+"/"))
	p := endpoint + "/data/sigint/tracks/p"
	with := func(method, address, body string, headers ...string) *http.Request {
		req := request(t, method, address, headers...)
		if body != "" {
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		}
		return req
	}
	chunked := with(http.MethodGet, p, "x")
	chunked.ContentLength = -1
	for name, c := range map[string]struct {
		req    *http.Request
		status int
	}{
		"put":             {with(http.MethodPut, p, "x"), 405},
		"delete":          {with(http.MethodDelete, p, ""), 405},
		"options":         {with(http.MethodOptions, p, ""), 405},
		"trace":           {with(http.MethodTrace, p, ""), 405},
		"a body":          {with(http.MethodGet, p, "x"), 400},
		"a chunked body":  {chunked, 400},
		"a query":         {with(http.MethodGet, p+"?versionId=1", ""), 400},
		"an empty query":  {with(http.MethodGet, p+"?", ""), 400},
		"two purposes":    {with(http.MethodGet, p, "", gateway.PurposeHeader, "a", gateway.PurposeHeader, "b"), 400},
		"a long purpose":  {with(http.MethodGet, p, "", gateway.PurposeHeader, strings.Repeat("a", catalog.MaxLine+1)), 400},
		"a loud purpose":  {with(http.MethodGet, p, "", gateway.PurposeHeader, "caf\u00e9"), 400},
		"no port":         {with(http.MethodGet, endpoint+"/data/sigint/tracks", ""), 404},
		"a path trick":    {with(http.MethodGet, p+"/%252e%252e/x", ""), 404},
		"not who it says": {with(http.MethodGet, p, "", "Authorization", "Bearer bad"), 401},
	} {
		if name == "not who it says" {
			c.req.Header.Set("Authorization", "Bearer bad")
		}
		resp, body, err := do(t, c.req)
		var problem struct{ Status int }
		if err != nil || resp.StatusCode != c.status || json.Unmarshal([]byte(body), &problem) != nil || problem.Status != c.status {
			t.Errorf("%s: got %s %q %v, want %d", name, resp.Status, body, err, c.status)
		}
		if allow := resp.Header.Get("Allow"); (c.status == 405) != (allow == "GET, HEAD") {
			t.Errorf("%s: got Allow %q", name, allow)
		}
	}
	if asked := m.requests(); len(asked) != 0 {
		t.Errorf("decided on %+v", asked)
	}
}

// TestPathTricks as they are on the wire, which no client cleans: none of them
// is decided on, and none reaches the upstream.
func TestPathTricks(t *testing.T) {
	t.Parallel()
	up := untouched(t)
	m := from(catalog.PortHTTP, up+"/tracks/")
	endpoint := serve(t, m, everyone(up+"/"))
	for _, path := range []string{
		"/..", "/../x", "/%2e%2e/x", "/.%2E/x", "/a/../../x", "/%2e%2e%2fx", "/..%2fx", "/..%5cx", `/..\x`, "/%252e%252e/x", "/%c0%ae%c0%ae/x", "//x", "/a//x", "//", "/a%2fb", "/a%5cb",
		"/%00", "/a%00.txt", "/a%0d%0aX:%20y", "/..;/x", "/..;a=b/x", "/...", "/%20", "/" + strings.Repeat("a", 300), "/" + strings.Repeat("a/", 2500),
	} {
		for _, prefix := range []string{"/data/sigint/tracks/p", "http://x/data/sigint/tracks/p"} {
			if status := ask(t, endpoint, prefix+path); status != 404 && status != 400 {
				t.Errorf("%.80q: got %d, want 404", prefix+path, status)
			}
		}
	}
	for _, path := range []string{"/data/../data/sigint/tracks/p", "/data//sigint/tracks/p", "/data/sigint%2ftracks/p", "/data/sigint/tracks%2fp", "/data/./sigint/tracks/p", "/data/sigint/tracks/../other/p"} {
		if status := ask(t, endpoint, path); status != 404 {
			t.Errorf("%s: got %d, want 404", path, status)
		}
	}
	if asked := m.requests(); len(asked) != 0 {
		t.Errorf("decided on %+v", asked)
	}
}

// ask sends a request target as it is, and returns the status.
func ask(t *testing.T, endpoint, target string) int {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET "+target+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%q: %v", target, err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestSlowlorisOnTheBody: a body is refused before it arrives.
func TestSlowlorisOnTheBody(t *testing.T) {
	t.Parallel()
	up := untouched(t)
	limits := func(o *gateway.Options) { o.Timeout = 200 * time.Millisecond } // of the connection, after the answer
	endpoint := serve(t, from(catalog.PortHTTP, up+"/"), everyone(up+"/"), limits)
	for _, length := range []string{"Content-Length: 1000000", "Transfer-Encoding: chunked"} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(endpoint, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, "GET /data/sigint/tracks/p HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n"+length+"\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(conn) // until the server hangs up
		if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 400 ") {
			t.Errorf("%s: got %.40q %v", length, all, err)
		}
		_ = conn.Close()
	}
}

func TestProductsThatEndSaySo(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") })
	for _, c := range []struct {
		product                   catalog.Product
		deprecation, sunset, link string
	}{
		{catalog.Product{Status: catalog.StatusActive}, "", "", ""},
		{catalog.Product{Status: catalog.StatusDeprecated}, "@0", "", ""},
		{
			catalog.Product{Status: catalog.StatusDeprecated, DeprecatedOn: "2026-03-01", SunsetOn: "2026-09-30", Successor: "sigint/tracks-2"},
			"@1772323200", "Wed, 30 Sep 2026 00:00:00 GMT", `</api/v1/domains/sigint/products/tracks-2>; rel="successor-version"`,
		},
		{catalog.Product{Status: catalog.StatusDeprecated, DeprecatedOn: "\r\nX: y", SunsetOn: "soon", Successor: ">; rel=\"x\""}, "@0", "", ""},
	} {
		m := from(catalog.PortHTTP, up+"/")
		m.product = c.product
		resp, _, err := get(t, serve(t, m, everyone(up+"/"))+"/data/sigint/tracks/p")
		got := fmt.Sprint([]string{resp.Header.Get("Deprecation"), resp.Header.Get("Sunset"), resp.Header.Get("Link")})
		if want := fmt.Sprint([]string{c.deprecation, c.sunset, c.link}); err != nil || got != want {
			t.Errorf("got %s %v, want %s", got, err, want)
		}
	}
}

// TestDataThatCouldRun is saved, not shown, and has no origin.
func TestDataThatCouldRun(t *testing.T) {
	t.Parallel()
	for media, disposition := range map[string]string{
		"text/html": "attachment", "image/svg+xml": "attachment", "application/xhtml+xml": "attachment", "text/xml": "attachment", "application/javascript": "attachment",
		"application/pdf": "attachment", "TEXT/HTML; charset=utf-8": "attachment", "application/vnd.example": "attachment",
		"text/plain; charset=utf-8": "", "application/geo+json": "", "application/json": "", "image/png": "", "text/csv": "",
	} {
		up := upstream(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", media) })
		resp, _, err := get(t, serve(t, from(catalog.PortHTTP, up+"/"), everyone(up+"/"))+"/data/sigint/tracks/p")
		if got := resp.Header.Get("Content-Disposition"); err != nil || got != disposition {
			t.Errorf("%s: got %q %v, want %q", media, got, err, disposition)
		}
	}
}
