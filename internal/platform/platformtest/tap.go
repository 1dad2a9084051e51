package platformtest

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
)

// tap sits around the whole HTTP interface: it notes each request and may
// answer in the platform's place.
type tap struct {
	mu       sync.Mutex // guards what follows
	requests []string
	fail     func(*http.Request) int
	delay    func(*http.Request)
}

func (t *tap) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fail, delay := t.note(r)
		if delay != nil {
			delay(r)
		}
		if fail != nil {
			if status := fail(r); status != 0 {
				refuse(w, status)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (t *tap) note(r *http.Request) (fail func(*http.Request) int, delay func(*http.Request)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests = append(t.requests, r.Method+" "+r.URL.RequestURI())
	return t.fail, t.delay
}

// refuse answers as a broken gateway does. Cut stands for no answer at all.
func refuse(w http.ResponseWriter, status int) {
	if status == Cut {
		panic(http.ErrAbortHandler) // net/http closes the connection, without a log line
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "%d injected by the test\n", status) // the peer is gone
}

// Cut as an injected status cuts the connection instead of answering.
const Cut = -1

// Requests lists every request since the start or the last ResetRequests, in
// the order of arrival, as "GET /api/v1/products?limit=500".
func (p *Platform) Requests() []string {
	p.tap.mu.Lock()
	defer p.tap.mu.Unlock()
	return slices.Clone(p.tap.requests)
}

// ResetRequests forgets all requests so far.
func (p *Platform) ResetRequests() {
	p.tap.mu.Lock()
	defer p.tap.mu.Unlock()
	p.tap.requests = nil
}

// Fail has f asked at each request: the platform sees the request when f
// answers 0, and never does when f answers with a status or Cut. nil ends
// it. f may be called by several requests at once.
func (p *Platform) Fail(f func(*http.Request) int) {
	p.tap.mu.Lock()
	defer p.tap.mu.Unlock()
	p.tap.fail = f
}

// Delay has f called before each request is looked at, to hold it back; a
// well-behaved f returns when the request's context ends. nil ends it.
func (p *Platform) Delay(f func(*http.Request)) {
	p.tap.mu.Lock()
	defer p.tap.mu.Unlock()
	p.tap.delay = f
}
