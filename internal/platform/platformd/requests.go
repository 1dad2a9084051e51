package platformd

import (
	"net/http"
	"sync"
	"time"
)

// requests are those being served, whether their connection is still open or
// not: http.Server waits for connections, and one that it has cut, or whose
// client has reset the stream, leaves a handler behind that has yet to record
// what became of it. Safe for concurrent use.
type requests struct {
	mu     sync.Mutex // guards what follows
	served int
	none   chan struct{} // closed when there are none; nil while nobody waits
}

// counted counts the requests to next.
func (r *requests) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.add(1)
		defer r.add(-1)
		next.ServeHTTP(w, request)
	})
}

func (r *requests) add(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.served += n; r.served == 0 && r.none != nil {
		close(r.none)
		r.none = nil
	}
}

// wait reports whether all requests have ended within the limit.
func (r *requests) wait(limit time.Duration) bool {
	select {
	case <-r.end():
		return true
	case <-time.After(limit):
		return false
	}
}

func (r *requests) end() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.none == nil {
		r.none = make(chan struct{})
	}
	none := r.none
	if r.served == 0 {
		close(none)
		r.none = nil
	}
	return none
}
