package httpapi

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
)

func TestRequestsAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	service := mesh()
	service.get = func(catalog.Ref) (catalog.Entry, error) {
		entered <- struct{}{}
		<-leave
		return catalog.Entry{}, catalog.ErrNotFound
	}
	h := serving(service, func(o *Options) { o.MaxConcurrent = 1 })
	first := make(chan int)
	go func() { first <- do(h, "GET", slas+"b", "").status }()
	<-entered
	second := do(h, "GET", slas+"b", "")
	if second.status != http.StatusServiceUnavailable || second.header.Get("Retry-After") == "" {
		t.Errorf("second request: got %d, Retry-After %q, want 503 and a wait", second.status, second.header.Get("Retry-After"))
	}
	if got := do(h, "GET", "/healthz", "").status; got != http.StatusOK {
		t.Errorf("probe of a busy server: got %d, want 200", got)
	}
	close(leave)
	if got := <-first; got != http.StatusNotFound {
		t.Errorf("first request: got %d, want 404", got)
	}
	go func() { <-entered }()
	if got := do(h, "GET", slas+"b", "").status; got != http.StatusNotFound {
		t.Errorf("third request: got %d, want the slot to be free again", got)
	}
}

// waiting is a service that answers when the request's time is over.
type waiting struct{ catalog.Service }

func (waiting) Get(ctx context.Context, _ catalog.Ref) (catalog.Entry, error) {
	<-ctx.Done()
	return catalog.Entry{}, fmt.Errorf("store: %w", ctx.Err())
}

func TestRequestsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := serving(waiting{})
		start := time.Now()
		r := do(h, "GET", slas+"b", "")
		if r.status != http.StatusServiceUnavailable || time.Since(start) != door.DefaultTimeout {
			t.Errorf("got %d after %v, want 503 after %v", r.status, time.Since(start), door.DefaultTimeout)
		}
	})
}

// TestTricklingBody: a caller that never finishes its body must not hold a
// slot for ever.
func TestTricklingBody(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(serving(mesh(), func(o *Options) { o.Timeout = 50 * time.Millisecond }))
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have closed it
	if _, err := conn.Write([]byte("PUT " + slas + "b HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n" +
		"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{")); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer func() { _ = response.Body.Close() }() // read as far as it matters
	if response.StatusCode != http.StatusRequestTimeout {
		t.Errorf("got %d, want 408", response.StatusCode)
	}
}

// TestBodyWithoutLength: a chunked body shows its length only while it comes.
func TestBodyWithoutLength(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodPut, slas+"b", strings.NewReader(strings.Repeat(" ", 3<<20)))
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer good")
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	serving(mesh()).ServeHTTP(w, r)
	if w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d, want 413", w.Code)
	}
}

// TestPagesAreBounded: large objects come in pages of fewer.
func TestPagesAreBounded(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("x", catalog.MaxDefinition)
	var limits []int
	service := mesh()
	service.list = func(q catalog.Query) (catalog.Page, error) {
		limits = append(limits, q.Limit)
		n := q.Limit
		if n == 0 {
			n = 40
		}
		page := catalog.Page{Next: "n"}
		for i := range n {
			page.Entries = append(page.Entries, catalog.Entry{Revision: "r", Object: &catalog.Schema{Domain: "a", Name: fmt.Sprintf("s%02d", i), Definition: text}})
		}
		return page, nil
	}
	r := do(serving(service), "GET", "/api/v1/schemas", "")
	if body := r.body; r.status != http.StatusOK || len(body) > 16<<20 || len(body) < 8<<20 {
		t.Errorf("got %d with %d bytes after the limits %v, want 200 with at most 16 MiB", r.status, len(body), limits)
	}
}

// TestBrokenServices: what a service must not return is its fault, not the
// caller's.
func TestBrokenServices(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]catalog.Entry{
		"no revision":        {Object: &catalog.SLA{Domain: "a", Name: "b"}},
		"revision of no tag": {Object: &catalog.SLA{Domain: "a", Name: "b"}, Revision: "a b"},
		"text of no JSON":    {Object: &catalog.SLA{Domain: "a", Name: "b", Description: "\xff"}, Revision: "r"},
	} {
		service := mesh()
		service.get = func(catalog.Ref) (catalog.Entry, error) { return entry, nil }
		service.put = func(catalog.Object, catalog.WriteOptions) (catalog.Entry, error) { return entry, nil }
		for _, r := range []reply{do(serving(service), "GET", slas+"b", ""), do(serving(service), "PUT", slas+"b", "{}")} {
			if body := r.body; r.status != http.StatusInternalServerError {
				t.Errorf("%s: got %d %s, want 500", name, r.status, body)
			}
		}
	}
}
