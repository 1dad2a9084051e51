package bundlertest

import (
	"crypto/subtle"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// Fault answers some requests in a hostile way and hands the others on.
type Fault func(next http.Handler) http.Handler

// Inject places a fault before everything that was injected earlier; nil takes
// all faults away.
func (r *Registry) Inject(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case f == nil:
		r.fault = nil
	case r.fault == nil:
		r.fault = f(r.inner)
	default:
		r.fault = f(r.fault)
	}
}

func (r *Registry) handler() http.Handler {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fault != nil {
		return r.fault
	}
	return r.inner
}

// door is what clients meet: counters, then authentication, then faults, then
// the registry.
func (r *Registry) door(s settings) http.Handler {
	var next http.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.handler().ServeHTTP(w, req)
	})
	switch {
	case s.token:
		next = tokenGate(s, next)
	case s.user != "":
		next = basicGate(s, next)
	}
	return r.counts.count(next)
}

func basicGate(s settings, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !s.knows(req) {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, req)
	})
}

func (s settings) knows(req *http.Request) bool {
	user, password, ok := req.BasicAuth()
	return ok && user == s.user && subtle.ConstantTimeCompare([]byte(password), []byte(s.password)) == 1
}

const bearer = "a-token-of-the-test"

func tokenGate(s settings, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		switch {
		case req.URL.Path == "/token" && s.knows(req):
			fmt.Fprintf(w, `{"token": %q}`, bearer)
		case req.URL.Path == "/token":
			w.WriteHeader(http.StatusUnauthorized)
		case req.Header.Get("Authorization") == "Bearer "+bearer:
			next.ServeHTTP(w, req)
		default:
			scheme := "http"
			if req.TLS != nil {
				scheme = "https"
			}
			w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s://%s/token",service="test"`, scheme, req.Host))
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
}

// Sent is what a registry sent of one blob.
type Sent struct {
	Requests int   // GET requests
	Whole    int   // of them from the first byte on
	Bytes    int64 // that were written, of all of them
}

type counts struct {
	requests atomic.Int64
	bytes    atomic.Int64
	blobs    syncMap[artifact.Digest, Sent]
	lines    syncMap[string, int]
}

// Sent says what was sent of a blob so far.
func (r *Registry) Sent(d artifact.Digest) Sent { return r.counts.blobs.get(d) }

// BytesSent is what all answers held together.
func (r *Registry) BytesSent() int64 { return r.counts.bytes.Load() }

// Requests counts the requests so far.
func (r *Registry) Requests() int64 { return r.counts.requests.Load() }

// Asked counts the requests of one method and path, "GET /v2/…" without query.
func (r *Registry) Asked(line string) int { return r.counts.lines.get(line) }

var blobPath = regexp.MustCompile(`/blobs/(sha256:[0-9a-f]{64})$`)

func (c *counts) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		c.requests.Add(1)
		c.lines.update(req.Method+" "+req.URL.Path, func(n int) int { return n + 1 })
		counted := &countingWriter{ResponseWriter: w}
		defer func() { c.add(req, counted) }() // also when the handler cuts the connection
		next.ServeHTTP(counted, req)
	})
}

func (c *counts) add(req *http.Request, w *countingWriter) {
	c.bytes.Add(w.n)
	match := blobPath.FindStringSubmatch(req.URL.Path)
	if match == nil || req.Method != http.MethodGet || w.n == 0 {
		return
	}
	c.blobs.update(artifact.Digest(match[1]), func(s Sent) Sent {
		s.Requests++
		s.Bytes += w.n
		if from := req.Header.Get("Range"); from == "" || strings.HasPrefix(from, "bytes=0-") {
			s.Whole++
		}
		return s
	})
}

type countingWriter struct {
	http.ResponseWriter
	n int64
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.n += int64(n)
	return n, err
}

// ReadFrom lets the kernel move files to the connection, as it would without a
// counter.
func (w *countingWriter) ReadFrom(from io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, from)
	w.n += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
