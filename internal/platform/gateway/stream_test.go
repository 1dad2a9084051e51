package gateway_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
)

// impatient makes a gateway that does not wait long for more of what has begun. For
// the beginning it waits, so that a loaded machine comes that far.
func impatient(o *gateway.Options) { o.Stall, o.Timeout = time.Second, patience }

// TestLyingContentLength: a body that is shorter than it said never looks whole,
// and nothing beyond its length is passed on.
func TestLyingContentLength(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"short":   "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
	} {
		for kind, source := range kinds {
			m, config := source(t, raw(t, func(c net.Conn) { _, _ = io.WriteString(c, answer) }))
			_, body, err := get(t, serve(t, m, config)+"/data/sigint/tracks/p")
			if err == nil {
				t.Errorf("%s, %s: got %q as the whole", kind, name, body)
			}
			if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed {
				t.Errorf("%s, %s: recorded %+v", kind, name, done)
			}
		}
	}
	long := raw(t, func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother")
	})
	for kind, source := range kinds {
		m, config := source(t, long)
		endpoint := serve(t, m, config)
		for range 3 { // what is too much must not answer the next request
			if _, body, err := get(t, endpoint+"/data/sigint/tracks/p"); err != nil || body != "hi" {
				t.Errorf("%s, long: got %q %v", kind, body, err)
			}
		}
	}
}

func TestUpstreamThatNeverAnswers(t *testing.T) {
	t.Parallel()
	for kind, source := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{})
			up := raw(t, func(c net.Conn) {
				_, _ = c.Read(make([]byte, 1)) // until the gateway hangs up
				close(gone)
			})
			m, config := source(t, up)
			hurried := func(o *gateway.Options) { o.Timeout = 2 * time.Second } // in which the upstream is asked on any machine
			resp, _, err := get(t, serve(t, m, config, hurried)+"/data/sigint/tracks/p")
			if err != nil || resp.StatusCode != http.StatusGatewayTimeout {
				t.Errorf("got %s %v, want 504", resp.Status, err)
			}
			if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed {
				t.Errorf("recorded %+v", done)
			}
			await(t, gone, "the gateway to hang up")
		})
	}
}

func TestUpstreamThatStallsHalfway(t *testing.T) {
	t.Parallel()
	for kind, source := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			gone := make(chan struct{})
			up := raw(t, func(c net.Conn) {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
				_, _ = c.Read(make([]byte, 1))
				close(gone)
			})
			m, config := source(t, up)
			if _, body, err := get(t, serve(t, m, config, impatient)+"/data/sigint/tracks/p"); err == nil {
				t.Errorf("got %q as the whole", body)
			}
			if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed || done.Bytes != 5 {
				t.Errorf("recorded %+v", done)
			}
			await(t, gone, "the gateway to hang up")
		})
	}
}

// TestSlowButSteadyStreamIsNotCut: the limits are on progress, not on the whole.
func TestSlowButSteadyStreamIsNotCut(t *testing.T) {
	t.Parallel()
	for kind, source := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			const pieces, limit = 12, 2 * time.Second
			up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
				for range pieces {
					_, _ = io.WriteString(w, "x")
					_ = http.NewResponseController(w).Flush()
					time.Sleep(limit / 10) // what is slow: the peer, not the test
				}
			})
			m, config := source(t, up)
			limits := func(o *gateway.Options) { o.Timeout, o.Stall = limit, patience }
			if _, body, err := get(t, serve(t, m, config, limits)+"/data/sigint/tracks/p"); err != nil || len(body) != pieces {
				t.Errorf("got %q %v", body, err)
			}
		})
	}
}

// endless is an upstream that sends for ever, and counts what was taken. left is
// closed when its reader has gone.
func endless(t *testing.T) (address string, sent *atomic.Int64, left chan struct{}) {
	t.Helper()
	sent, left = new(atomic.Int64), make(chan struct{})
	var once sync.Once
	address = upstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			return
		}
		defer once.Do(func() { close(left) })
		block := make([]byte, 32<<10)
		for {
			n, err := w.Write(block)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	return address, sent, left
}

// open asks and reads the first bytes of an answer, and no more.
func open(t *testing.T, address string) net.Conn {
	t.Helper()
	host := strings.TrimPrefix(address, "http://")
	host, path, _ := strings.Cut(host, "/")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "GET /"+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 12)
	if _, err := io.ReadFull(conn, first); err != nil || string(first) != "HTTP/1.1 200" {
		t.Fatalf("got %q %v", first, err)
	}
	return conn
}

// TestEndlessStreamIntoADeadClient: whoever takes nothing any more is cut off,
// and the upstream is let go.
func TestEndlessStreamIntoADeadClient(t *testing.T) {
	t.Parallel()
	for kind, source := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			up, _, left := endless(t)
			m, config := source(t, up)
			open(t, serve(t, m, config, impatient)+"/data/sigint/tracks/p")
			await(t, left, "the upstream to be let go")
			if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed || done.Bytes == 0 {
				t.Errorf("recorded %+v", done)
			}
		})
	}
}

// TestStalledClientStallsTheUpstream: the gateway takes from the upstream no
// more than buffers hold, and goes on when the client does.
func TestStalledClientStallsTheUpstream(t *testing.T) {
	t.Parallel()
	for kind, source := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			up, sent, left := endless(t)
			m, config := source(t, up)
			conn := open(t, serve(t, m, config)+"/data/sigint/tracks/p")
			held := settle(sent)
			if const64 := int64(64 << 20); held > const64 {
				t.Errorf("the gateway took %d bytes for a client that takes none", held)
			}
			if _, err := io.CopyN(io.Discard, conn, held+1<<20); err != nil {
				t.Errorf("the stream does not go on: %v", err)
			}
			if now := sent.Load(); now <= held {
				t.Errorf("the upstream has sent %d bytes still", now)
			}
			_ = conn.Close() // the client is gone
			await(t, left, "the upstream to be let go")
			if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed {
				t.Errorf("recorded %+v", done)
			}
		})
	}
}

// settle waits until the number stands still.
func settle(n *atomic.Int64) int64 {
	for last, still := int64(-1), 0; ; {
		now := n.Load()
		if still++; now != last {
			last, still = now, 0
		}
		if still == 20 {
			return now
		}
		time.Sleep(10 * time.Millisecond) // the condition is that nothing happens
	}
}

// TestEndedStreamIsBrokenOff at once, whether the client reads or has stalled.
func TestEndedStreamIsBrokenOff(t *testing.T) {
	t.Parallel()
	for kind, source := range kinds {
		t.Run(kind, func(t *testing.T) { t.Parallel(); testEndedStream(t, source) })
	}
}

func testEndedStream(t *testing.T, source func(*testing.T, string) (*mesh, configfile.Gateway)) {
	t.Helper()
	for name, reads := range map[string]bool{"a reading client": true, "a stalled client": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up, sent, left := endless(t)
			m, config := source(t, up)
			conn := open(t, serve(t, m, config)+"/data/sigint/tracks/p")
			rest := make(chan []byte, 1)
			if reads {
				go func() { all := tail(conn); rest <- all }()
			} else {
				settle(sent)
			}
			close(m.last(t).ended)
			await(t, left, "the upstream to be let go")
			if done := m.last(t).result(t); done.Outcome != catalog.OutcomeEnded || done.Bytes == 0 {
				t.Errorf("recorded %+v", done)
			}
			if !reads {
				rest <- tail(conn)
			}
			if end := <-rest; bytes.HasSuffix(end, []byte("0\r\n\r\n")) {
				t.Error("the answer ends as if it were whole")
			}
		})
	}
}

// tail is the last bytes of what a connection still brings.
func tail(conn net.Conn) []byte {
	var last []byte
	block := make([]byte, 64<<10)
	for {
		n, err := conn.Read(block)
		last = append(last, block[:n]...)
		last = last[max(0, len(last)-16):]
		if err != nil {
			return last
		}
	}
}

// TestGrantThatEndsBeforeTheAnswer: the caller learns that it must ask again,
// and nothing of the data.
func TestGrantThatEndsBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	m := from(catalog.PortHTTP, "")
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		close(m.last(t).ended)
		<-r.Context().Done()
		_, _ = io.WriteString(w, "late")
	})
	m.ports["p"] = catalog.OutputPort{Type: catalog.PortHTTP, URL: up + "/"}
	resp, body, err := get(t, serve(t, m, everyone(up+"/"))+"/data/sigint/tracks/p")
	if err != nil || resp.StatusCode != http.StatusServiceUnavailable || strings.Contains(body, "late") {
		t.Errorf("got %s %q %v, want 503", resp.Status, body, err)
	}
	if done := m.last(t).result(t); done != (catalog.Delivery{Outcome: catalog.OutcomeEnded}) {
		t.Errorf("recorded %+v", done)
	}
}

// TestCallerWhoTakesEverySlot has a share, and gets it back.
func TestCallerWhoTakesEverySlot(t *testing.T) {
	t.Parallel()
	up, _, _ := endless(t)
	m := from(catalog.PortHTTP, up+"/")
	address := serve(t, m, everyone(up+"/"), func(o *gateway.Options) {
		o.PerCaller = 1
		o.Authenticate = func(r *http.Request) (catalog.Caller, error) {
			return catalog.Caller{Subject: r.Header.Get("Authorization")}, nil
		}
	}) + "/data/sigint/tracks/p"
	conn := open(t, address)
	if resp, body, err := get(t, address); err != nil || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: got %s %q %v, want 429", resp.Status, body, err)
	}
	if len(m.requests()) != 1 {
		t.Error("one too many was decided on")
	}
	other := request(t, http.MethodHead, address)
	other.Header.Set("Authorization", "Bearer other")
	if resp, _, err := do(t, other); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("another caller: got %s %v", resp.Status, err)
	}
	first := m.grants[0]
	_ = conn.Close() // the caller has gone
	first.result(t)
	for deadline := time.Now().Add(patience); ; {
		resp, _, err := do(t, request(t, http.MethodHead, address))
		if err == nil && resp.StatusCode == http.StatusOK {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the share is not given back: %s %v", resp.Status, err)
		}
	}
}

// TestConnectionServesTheNextRequest: the deadlines of a stream end with it.
func TestConnectionServesTheNextRequest(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "whole") })
	m := from(catalog.PortHTTP, up+"/")
	endpoint := serve(t, m, everyone(up+"/"), func(o *gateway.Options) { o.Stall = patience })
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(endpoint, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	client := &http.Client{Transport: &http.Transport{DialContext: oneConnection(conn)}}
	for i := range 20 {
		resp, err := client.Do(request(t, http.MethodGet, endpoint+"/data/sigint/tracks/p"))
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || string(body) != "whole" {
			t.Fatalf("request %d: got %q %v", i, body, err)
		}
		close(m.last(t).ended) // after the end: without effect
	}
}

// TestEndThatCannotBeRecorded: an answer whose record fails does not end well.
func TestEndThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
		_ = http.NewResponseController(w).Flush()
	})
	m := from(catalog.PortHTTP, up+"/")
	m.unclosed = errors.New("disk full")
	if _, body, err := get(t, serve(t, m, everyone(up+"/"))+"/data/sigint/tracks/p"); err == nil {
		t.Errorf("got %d bytes as the whole", len(body))
	}
}

// TestGrantIsClosedAfterAPanic, once, and the answer is broken off.
func TestGrantIsClosedAfterAPanic(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "never passed on") })
	m := from(catalog.PortHTTP, up+"/")
	m.ports["p"] = catalog.OutputPort{Type: catalog.PortHTTP, URL: up + "/"}
	endpoint := serve(t, m, everyone(up+"/"), func(o *gateway.Options) {
		o.Data = func(catalog.Caller) catalog.Data { return panicking{m} }
	})
	resp, body, err := get(t, endpoint+"/data/sigint/tracks/p")
	if err != nil || resp.StatusCode != http.StatusInternalServerError || strings.Contains(body, "boom") {
		t.Errorf("got %s %q %v, want 500", resp.Status, body, err)
	}
	if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed {
		t.Errorf("recorded %+v", done)
	}
}
