package gateway_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// marked is a mesh with one port of lines that carry a mark, of which the
// unmarked reader sees (U).
func marked(address, media string) *mesh {
	m := from(catalog.PortHTTP, address)
	m.ports["p"] = catalog.OutputPort{Type: catalog.PortHTTP, URL: address, ContentType: media, RecordMarking: "mark"}
	m.admits = func(mark string) bool { return mark == "U" }
	return m
}

// lines are n lines for everybody, with secret ones before every one.
func lines(n, secret int) string {
	var b strings.Builder
	for i := range n {
		for range secret {
			b.WriteString(`{"mark":"S","text":"` + strings.Repeat("secret ", 50) + `"}` + "\n")
		}
		_, _ = fmt.Fprintf(&b, `{"mark":"U","n":%d}`+"\n", i)
	}
	return b.String()
}

// TestWithheldRecordsLeaveNoTrace: two sources that differ in withheld records
// give the same answer, down to the pieces in which it is sent.
func TestWithheldRecordsLeaveNoTrace(t *testing.T) {
	t.Parallel()
	const n = 20_000
	var answers []string
	for _, secret := range []int{0, 3} {
		body := lines(n, secret)
		up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Etag", fmt.Sprintf(`"%d"`, secret))
			w.Header().Set("Content-Type", fmt.Sprintf("application/jsonl; records=%d", n+n*secret))
			http.ServeContent(w, r, "", time.Unix(1e9+int64(secret), 0), strings.NewReader(body))
		})
		m := marked(up+"/", "application/jsonl")
		answers = append(answers, wire(t, serve(t, m, everyone(up+"/"))+"/data/sigint/tracks/p"))
		want := catalog.Delivery{Outcome: catalog.OutcomeComplete, Bytes: int64(len(lines(n, 0))), Records: n, Withheld: int64(secret * n)}
		if diff := cmp.Diff(want, m.last(t).result(t)); diff != "" {
			t.Error(diff)
		}
	}
	if answers[0] != answers[1] {
		t.Errorf("the answers differ:\n%.500s\n%.500s", answers[0], answers[1])
	}
	if strings.Contains(answers[1], "secret") {
		t.Error("what is withheld was sent")
	}
}

// wire is an answer as it is on the wire, its chunks included, without the two
// headers that differ each time.
func wire(t *testing.T, address string) string {
	t.Helper()
	host, path, _ := strings.Cut(strings.TrimPrefix(address, "http://"), "/")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET /"+path+" HTTP/1.1\r\nHost: x\r\nX-Request-Id: a\r\nConnection: close\r\nAuthorization: Bearer good\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(all), "\r\n\r\n")
	kept := []string(nil)
	for _, line := range strings.Split(head, "\r\n") {
		if !strings.HasPrefix(line, "Date: ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n") + "\n\n" + body
}

// TestETagOracleOfAFilteredResource: a caller must not learn that something
// changed which it does not see.
func TestETagOracleOfAFilteredResource(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if diff := cmp.Diff(http.Header{"Accept": {"application/jsonl"}, "Accept-Encoding": {"identity"}, "Connection": {"close"}, "User-Agent": {"datamesh"}}, r.Header); diff != "" {
			t.Errorf("the upstream was asked (-want +got):\n%s", diff)
		}
		w.Header().Set("Etag", `"v1"`)
		w.Header().Set("Content-Type", "application/jsonl; charset=utf-8")
		http.ServeContent(w, r, "", time.Unix(1e9, 0), strings.NewReader(lines(3, 1)))
	})
	m := marked(up+"/", "application/jsonl")
	endpoint := serve(t, m, everyone(up+"/"))
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		resp, body, err := do(t, request(t, method, endpoint+"/data/sigint/tracks/p", "If-None-Match", `"v1"`, "If-Modified-Since", time.Now().UTC().Format(http.TimeFormat),
			"Range", "bytes=0-9", "If-Range", `"v1"`, "Accept", "text/plain"))
		want := lines(3, 0)
		if method == http.MethodHead {
			want = ""
		}
		if err != nil || resp.StatusCode != http.StatusOK || body != want {
			t.Errorf("%s: got %s %q %v", method, resp.Status, body, err)
		}
		h := resp.Header
		if length := h.Get("Content-Length"); length != "" && length != fmt.Sprint(len(want)) {
			t.Errorf("%s: got the length %s", method, length)
		}
		if h.Get("Etag") != "" || h.Get("Last-Modified") != "" || h.Get("Accept-Ranges") != "none" || len(resp.Trailer) != 0 {
			t.Errorf("%s: got %v %v", method, h, resp.Trailer)
		}
	}
}

// TestMarkedRecordsOfAnotherType: bytes are never read as another format than
// the one they were declared with.
func TestMarkedRecordsOfAnotherType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		port, upstream string
		status         int
	}{
		{"application/jsonl", "application/octet-stream", 200},
		{"application/jsonl", "application/x-ndjson", 200},
		{"application/jsonl", "text/html", 502},
		{"application/jsonl", "application/geo+json", 502},
		{"application/jsonl", "application/jsonl; charset=utf-16", 502},
		{"text/csv", "text/csv", 502},
		{"", "application/jsonl", 502},
	} {
		up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.upstream)
			_, _ = io.WriteString(w, lines(1, 1))
		})
		m := marked(up+"/", c.port)
		resp, body, err := get(t, serve(t, m, everyone(up+"/"))+"/data/sigint/tracks/p")
		if err != nil || resp.StatusCode != c.status || strings.Contains(body, "secret") {
			t.Errorf("%+v: got %s %q %v", c, resp.Status, body, err)
		}
		if done := m.last(t).result(t); (done.Outcome == catalog.OutcomeComplete) != (c.status == 200) {
			t.Errorf("%+v: recorded %+v", c, done)
		}
	}
}

// TestMarkedRecordsThatCannotBeRead end the answer, broken off.
func TestMarkedRecordsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jsonl")
		_, _ = io.WriteString(w, lines(50_000, 0)+`{"mark":"U"`+"\n")
	})
	m := marked(up+"/", "application/jsonl")
	resp, body, err := get(t, serve(t, m, everyone(up+"/"))+"/data/sigint/tracks/p")
	if resp.StatusCode != http.StatusOK || err == nil {
		t.Errorf("got %s, %d bytes as the whole", resp.Status, len(body))
	}
	if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed {
		t.Errorf("recorded %+v", done)
	}
}

// TestPanicInTheMiddleOfAStream breaks the answer off and closes the grant, with
// what had been sent by then.
func TestPanicInTheMiddleOfAStream(t *testing.T) {
	t.Parallel()
	const n = 50_000
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jsonl")
		_, _ = io.WriteString(w, lines(n, 0)+`{"mark":"X"}`+"\n")
	})
	m := marked(up+"/", "application/jsonl")
	m.admits = func(mark string) bool {
		if mark == "X" {
			panic("boom")
		}
		return true
	}
	resp, body, err := get(t, serve(t, m, everyone(up+"/"))+"/data/sigint/tracks/p")
	if resp.StatusCode != http.StatusOK || err == nil {
		t.Errorf("got %s, %d bytes as the whole", resp.Status, len(body))
	}
	if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed || done.Bytes < int64(len(body)) || len(body) == 0 {
		t.Errorf("got %d bytes, recorded %+v", len(body), done)
	}
}

// TestRecordsThatWaitWhileAPartnerLeaves: a record that was let through waits
// until a piece is full. When it would be withheld by then it is not sent.
func TestRecordsThatWaitWhileAPartnerLeaves(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jsonl")
		_, _ = io.WriteString(w, `{"mark":"REL TO PARTNERS"}`+"\n"+`{"mark":"THEN"}`+"\n")
	})
	m := marked(up+"/", "application/jsonl")
	var left atomic.Bool
	m.admits = func(mark string) bool {
		left.CompareAndSwap(false, mark == "THEN")
		return mark == "REL TO PARTNERS" && !left.Load()
	}
	_, body, err := get(t, serve(t, m, everyone(up+"/"))+"/data/sigint/tracks/p")
	if err == nil || body != "" {
		t.Errorf("got %q %v, want nothing, broken off", body, err)
	}
	if done := m.last(t).result(t); done.Outcome != catalog.OutcomeEnded || done.Bytes != 0 {
		t.Errorf("recorded %+v", done)
	}
}

// TestMarksWithoutNumber: a source with another mark on each record, or with long
// ones, fills no memory with those that its reader may see.
func TestMarksWithoutNumber(t *testing.T) {
	t.Parallel()
	for most, format := range map[int64]string{256: "%d", 64: "%01024d"} {
		up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/jsonl")
			for i := range 1000 {
				_, _ = fmt.Fprintf(w, `{"mark":"`+format+`"}`+"\n", i)
			}
		})
		m := marked(up+"/", "application/jsonl")
		m.admits = func(string) bool { return true }
		if _, body, err := get(t, serve(t, m, everyone(up+"/"))+"/data/sigint/tracks/p"); err == nil {
			t.Errorf("%s: got %q as the whole", format, body)
		}
		if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed || done.Records > most {
			t.Errorf("%s: recorded %+v", format, done)
		}
	}
}
