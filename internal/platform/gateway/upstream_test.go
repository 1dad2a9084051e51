package gateway_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
)

func TestDataPassesThrough(t *testing.T) {
	t.Parallel()
	var path atomic.Value
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		path.Store(r.URL.EscapedPath())
		w.Header().Set("Content-Type", "application/geo+json")
		http.ServeContent(w, r, "", time.Unix(1e9, 0), strings.NewReader("0123456789"))
	})
	m := from(catalog.PortHTTP, up+"/tracks")
	endpoint := serve(t, m, everyone(up+"/"))
	resp, body, err := get(t, endpoint+"/data/sigint/tracks/p/a%20b/c", gateway.PurposeHeader, "targeting")
	if err != nil || resp.StatusCode != http.StatusOK || body != "0123456789" || resp.ContentLength != 10 {
		t.Fatalf("got %s %q %v", resp.Status, body, err)
	}
	if got := path.Load(); got != "/tracks/a%20b/c" {
		t.Errorf("the upstream was asked for %q", got)
	}
	want := map[string]string{
		"Content-Type": "application/geo+json", "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox", "Content-Disposition": "",
		"Accept-Ranges": "bytes", "Last-Modified": "Sun, 09 Sep 2001 01:46:40 GMT",
	}
	for name, value := range want {
		if got := resp.Header.Get(name); got != value {
			t.Errorf("%s: got %q, want %q", name, got, value)
		}
	}
	if diff := cmp.Diff([]catalog.DataRequest{{Product: "sigint/tracks", Port: "p", Purpose: "targeting", Resource: "a b/c"}}, m.requests()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(catalog.Delivery{Outcome: catalog.OutcomeComplete, Bytes: 10}, m.last(t).result(t)); diff != "" {
		t.Error(diff)
	}
}

func TestPartsAndConditions(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"v1"`)
		http.ServeContent(w, r, "x.txt", time.Time{}, strings.NewReader("0123456789"))
	})
	m := from(catalog.PortHTTP, up+"/x.txt")
	checkParts(t, m, serve(t, m, everyone(up+"/"))+"/data/sigint/tracks/p", `"v1"`)
}

// checkParts asks for parts of 0123456789, whose entity tag is given, and with
// conditions.
func checkParts(t *testing.T, m *mesh, address, tag string) {
	t.Helper()
	for _, c := range []struct {
		headers []string
		status  int
		body    string
		part    string
	}{
		{nil, 200, "0123456789", ""},
		{[]string{"Range", "bytes=2-4"}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range", "bytes=7-"}, 206, "789", "bytes 7-9/10"},
		{[]string{"Range", "bytes=-3"}, 206, "789", "bytes 7-9/10"},
		{[]string{"Range", "bytes=2-4,6-7"}, 200, "0123456789", ""},
		{[]string{"Range", "lines=2-4"}, 200, "0123456789", ""},
		{[]string{"Range", "bytes=20-"}, 416, "", "bytes */10"},
		{[]string{"Range", "bytes=2-4", "Range", "bytes=3-4"}, 200, "0123456789", ""},
		{[]string{"Range", "bytes=2-4", "If-Range", tag}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range", "bytes=2-4", "If-Range", `"other"`}, 200, "0123456789", ""},
		{[]string{"If-None-Match", tag}, 304, "", ""},
		{[]string{"If-None-Match", `"other"`}, 200, "0123456789", ""},
		{[]string{"If-None-Match", `"oth,er", ` + tag}, 304, "", ""},
		{[]string{"If-None-Match", `"other"`, "If-None-Match", tag}, 304, "", ""},
		{[]string{"If-None-Match", "W/" + tag}, 304, "", ""},
		{[]string{"Range", "bytes=2-4", "If-None-Match", `"other", ` + tag}, 304, "", ""},
		{[]string{"If-Match", tag}, 200, "0123456789", ""},
		{[]string{"If-Match", "*"}, 200, "0123456789", ""},
		{[]string{"If-Match", `"other", ` + tag}, 200, "0123456789", ""},
		{[]string{"If-Match", `"other"`}, 412, "", ""},
		{[]string{"If-Match", "W/" + tag}, 412, "", ""},
		{[]string{"If-Match", tag[:len(tag)-1]}, 412, "", ""},
		{[]string{"If-Match", `"other"`, "If-None-Match", tag}, 412, "", ""},
		{[]string{"Range", "bytes=2-4", "If-Match", tag}, 206, "234", "bytes 2-4/10"},
		{[]string{"Range", "bytes=2-4", "If-Match", `"other"`}, 412, "", ""},
	} {
		resp, body, err := get(t, address, c.headers...)
		if c.status >= 400 {
			body = "" // a problem document
		}
		if c.status == 416 && resp.Header.Get("Content-Range") == "" {
			c.part = ""
		}
		if err != nil || resp.StatusCode != c.status || body != c.body || resp.Header.Get("Content-Range") != c.part {
			t.Errorf("%q: got %s %q %q %v, want %d %q %q", c.headers, resp.Status, body, resp.Header.Get("Content-Range"), err, c.status, c.body, c.part)
		}
		if got := resp.Header.Get("Etag"); c.status < 400 && strings.TrimPrefix(got, "W/") != tag || got != "" && c.status >= 400 {
			t.Errorf("%q: got the tag %s, want %s", c.headers, got, tag)
		}
		if done := m.last(t).result(t); done.Bytes != int64(len(c.body)) || (done.Outcome == catalog.OutcomeComplete) != (c.status < 400) {
			t.Errorf("%q: recorded %+v", c.headers, done)
		}
	}
	before := len(m.requests())
	resp, body, err := do(t, request(t, http.MethodHead, address, "Range", "bytes=2-4", "If-Range", tag)) // which has no parts
	if err != nil || resp.StatusCode != http.StatusOK || body != "" || resp.ContentLength != 10 || resp.Header.Get("Etag") != tag {
		t.Errorf("HEAD: got %s %d %q %v", resp.Status, resp.ContentLength, body, err)
	}
	if done := m.last(t).result(t); len(m.requests()) != before+1 || done != (catalog.Delivery{Outcome: catalog.OutcomeComplete}) {
		t.Errorf("HEAD: recorded %+v", done)
	}
}

// TestHeaderSmuggling: of what a caller sends, and of what stands in between
// would believe, nothing reaches the upstream but what is listed.
func TestHeaderSmuggling(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	up := upstream(t, func(_ http.ResponseWriter, r *http.Request) { got <- r })
	m := from(catalog.PortHTTP, up+"/")
	endpoint := serve(t, m, everyone(up+"/"))
	req := request(t, http.MethodGet, endpoint+"/data/sigint/tracks/p/x", "Cookie", "session=1", "X-Forwarded-For", "10.0.0.1", "X-Forwarded-User", "root",
		"Forwarded", "for=10.0.0.1", "X-Original-URL", "/etc/passwd", "X-HTTP-Method-Override", "DELETE", "Proxy-Authorization", "Basic x", "Datamesh-Purpose", "p",
		"Via", "1.1 x", "Te", "trailers", "Connection", "X-Secret", "X-Secret", "1", "Accept-Encoding", "gzip", "User-Agent", "evil", "If-Match", `"x"`, "Upgrade", "websocket",
		"Accept", "text/csv", "Range", "bytes=0-1", "X-Request-Id", "abc")
	req.Host = "evil.example"
	if _, _, err := do(t, req); err != nil {
		t.Fatal(err)
	}
	r := <-got
	want := http.Header{"Accept": {"text/csv"}, "Range": {"bytes=0-1"}, "Accept-Encoding": {"identity"}, "User-Agent": {"datamesh"}}
	if diff := cmp.Diff(want, r.Header); diff != "" {
		t.Errorf("headers at the upstream (-want +got):\n%s", diff)
	}
	if "http://"+r.Host != up {
		t.Errorf("the upstream was called %q, want %q", r.Host, up)
	}
}

// TestOnlyListedHeadersReachTheCaller.
func TestOnlyListedHeadersReachTheCaller(t *testing.T) {
	t.Parallel()
	up := raw(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/html\r\nSet-Cookie: a=b\r\nServer: secret/1.0\r\n"+
			"Location: http://evil.example/\r\nAccess-Control-Allow-Origin: *\r\nContent-Disposition: inline\r\nX-Request-Id: evil\r\nRefresh: 0; url=http://evil.example/\r\n"+
			"Strict-Transport-Security: max-age=0\r\nEtag: not-a-tag\r\nLast-Modified: never\r\nAccept-Ranges: bytes\r\nAccept-Ranges: none\r\nWarning: x\r\nAge: 9\r\nLink: <http://evil.example/>\r\n"+
			"Content-Range: bytes 0-1/2\r\nX-Internal: 10.1.2.3\r\nConnection: close\r\n\r\nhi")
	})
	want := http.Header{
		"Content-Type": {"text/html"}, "Content-Length": {"2"}, "Content-Disposition": {"attachment"}, "Cache-Control": {"private, no-store"},
		"Content-Security-Policy": {"default-src 'none'; frame-ancestors 'none'; sandbox"}, "Referrer-Policy": {"no-referrer"}, "X-Content-Type-Options": {"nosniff"},
	}
	for kind, source := range kinds {
		m, config := source(t, up)
		resp, body, err := get(t, serve(t, m, config)+"/data/sigint/tracks/p")
		if err != nil || resp.StatusCode != http.StatusOK || body != "hi" {
			t.Fatalf("%s: got %s %q %v", kind, resp.Status, body, err)
		}
		resp.Header.Del("Date")
		resp.Header.Del("X-Request-Id")
		if diff := cmp.Diff(want, resp.Header); diff != "" {
			t.Errorf("%s: headers (-want +got):\n%s", kind, diff)
		}
	}
}

// TestAnswersThatAreRefused: whatever an upstream answers beside data becomes a
// 502 that tells nothing of it.
func TestAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	reached := upstream(t, func(http.ResponseWriter, *http.Request) { t.Error("a redirect was followed") })
	for name, c := range map[string]struct {
		answer string
		status int
	}{
		"redirect to another host":   {"HTTP/1.1 302 Found\r\nLocation: " + reached + "/secret\r\nContent-Length: 6\r\n\r\nsecret", 502},
		"redirect to a file":         {"HTTP/1.1 301 Moved Permanently\r\nLocation: file:///etc/passwd\r\nContent-Length: 6\r\n\r\nsecret", 502},
		"redirect that keeps method": {"HTTP/1.1 307 Temporary Redirect\r\nLocation: " + reached + "/\r\nContent-Length: 6\r\n\r\nsecret", 502},
		"a megabyte of headers":      {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 1000) + "\r\nsecret", 502},
		"endless informational":      {strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: <secret>\r\n\r\n", 10_000), 502},
		"its own trouble":            {"HTTP/1.1 500 No\r\nContent-Length: 6\r\n\r\nsecret", 502},
		"our own credentials":        {"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=secret\r\nContent-Length: 6\r\n\r\nsecret", 502},
		"forbidden":                  {"HTTP/1.1 403 No\r\nContent-Length: 6\r\n\r\nsecret", 502},
		"compressed":                 {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nsecret", 502},
		"compressed behind another":  {"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nsecret", 502},
		"a part nobody asked for":    {"HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-5/6\r\nContent-Length: 6\r\n\r\nsecret", 502},
		"unchanged without a tag":    {"HTTP/1.1 304 Not Modified\r\n\r\n", 502},
		"no range was asked for":     {"HTTP/1.1 416 No\r\nContent-Length: 6\r\n\r\nsecret", 502},
		"an upgrade":                 {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nsecret", 502},
		"two lengths":                {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Length: 7\r\n\r\nsecret", 502},
		"no HTTP":                    {"SSH-2.0-secret\r\n", 502},
		"absent":                     {"HTTP/1.1 404 No\r\nContent-Length: 6\r\n\r\nsecret", 404},
		"gone":                       {"HTTP/1.1 410 No\r\nContent-Length: 6\r\n\r\nsecret", 404},
	} {
		for kind, source := range kinds {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				up := raw(t, func(conn net.Conn) { _, _ = io.WriteString(conn, c.answer) })
				m, config := source(t, up)
				resp, body, err := get(t, serve(t, m, config)+"/data/sigint/tracks/p")
				if err != nil || resp.StatusCode != c.status || strings.Contains(body, "secret") || strings.Contains(body, up) {
					t.Errorf("got %s %q %v, want %d", resp.Status, body, err, c.status)
				}
				if resp.Header.Get("Location") != "" {
					t.Errorf("the caller is sent to %s", resp.Header.Get("Location"))
				}
				if done := m.last(t).result(t); done != (catalog.Delivery{Outcome: catalog.OutcomeFailed}) {
					t.Errorf("recorded %+v", done)
				}
			})
		}
	}
}

// TestPartsThatLie: a part is what was asked for, or a 502.
func TestPartsThatLie(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"bytes 0-9/10", "bytes 4-2/10", "bytes 0-1", "bytes 4-5/10", "bytes 1-2/10", "pages 0-1/2", "bytes */2"} {
		up := raw(t, func(conn net.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 206 Partial\r\nContent-Length: 2\r\nContent-Range: "+part+"\r\n\r\nhi")
		})
		for kind, source := range kinds {
			m, config := source(t, up)
			resp, _, err := get(t, serve(t, m, config)+"/data/sigint/tracks/p", "Range", "bytes=0-1")
			if err != nil || resp.StatusCode != http.StatusBadGateway {
				t.Errorf("%s: %q: got %s %v, want 502", kind, part, resp.Status, err)
			}
		}
	}
}
