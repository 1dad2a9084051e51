package gateway_test

import (
	"bufio"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
)

// secret is what a source sends where it has no place.
const secret = "emitter 50.85N 4.35E"

// TestBytesBehindAnAnswerAreNotLogged: net/http writes what comes on an idle
// connection to the standard logger.
func TestBytesBehindAnAnswerAreNotLogged(t *testing.T) { //nolint:paralleltest // the standard logger is everybody's
	var standard logged
	defer log.SetOutput(log.Writer())
	log.SetOutput(&standard)
	for kind, source := range kinds {
		left := make(chan struct{})
		m, config := source(t, raw(t, func(c net.Conn) {
			defer close(left)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"+secret)
			_, _ = io.Copy(io.Discard, c) // until the gateway hangs up, which it does behind the line in the log
		}))
		if _, body, err := get(t, serve(t, m, config)+"/data/sigint/tracks/p"); err != nil || body != "hi" {
			t.Errorf("%s: got %q %v", kind, body, err)
		}
		await(t, left, "the gateway to hang up")
	}
	if strings.Contains(standard.String(), "emitter") {
		t.Errorf("the standard logger has %q", standard.String())
	}
}

// TestSurplusOfOneAnswerIsNoneToTheNext: what a source sends too much, or too
// late, would be the answer to the next question on its connection, which may be
// of another caller to another product.
func TestSurplusOfOneAnswerIsNoneToTheNext(t *testing.T) {
	t.Parallel()
	for kind, source := range kinds {
		var connections atomic.Int32
		m, config := source(t, raw(t, func(c net.Conn) {
			connections.Add(1)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"+secret)
			}
		}))
		endpoint := serve(t, m, config)
		for range 3 {
			if _, body, err := get(t, endpoint+"/data/sigint/tracks/p"); err != nil || body != "hi" {
				t.Errorf("%s: got %q %v", kind, body, err)
			}
		}
		if n := connections.Load(); n != 3 {
			t.Errorf("%s: 3 questions went over %d connections", kind, n)
		}
	}
}

// TestAnswersThatAreNoHTTPAreNotLogged: the errors of net/http quote what they
// could not read, which may be the data.
func TestAnswersThatAreNoHTTPAreNotLogged(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"data":           secret + "\r\n\r\n",
		"a status":       "HTTP/1.1 " + secret + "\r\n\r\n",
		"a version":      "HTTP/" + secret + " 200 OK\r\n\r\n",
		"a header":       "HTTP/1.1 200 OK\r\n" + secret + "\r\n\r\n",
		"a length":       "HTTP/1.1 200 OK\r\nContent-Length: " + secret + "\r\n\r\n",
		"a coding":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + secret + "\r\n\r\n",
		"a chunk":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + secret + "\r\n",
		"a trailer":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + secret + "\r\n\r\n",
		"switched":       "HTTP/1.1 101 " + secret + "\r\n\r\n" + secret,
		"an interim one": "HTTP/1.1 1xx " + secret + "\r\n\r\n",
	} {
		for kind, source := range kinds {
			m, config := source(t, raw(t, func(c net.Conn) { _, _ = io.WriteString(c, text) }))
			var log logged
			endpoint := serve(t, m, config, func(o *gateway.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			_, body, _ := get(t, endpoint+"/data/sigint/tracks/p") // an error, or broken off
			if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed {
				t.Errorf("%s, %s: recorded %+v", kind, name, done)
			}
			if strings.Contains(body+log.String(), "emitter") {
				t.Errorf("%s, %s: told: %s %s", kind, name, body, log.String())
			}
		}
	}
}
