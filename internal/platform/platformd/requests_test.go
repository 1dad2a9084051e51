package platformd

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestShutdownLetsCutRequestsRecord: a request that has lost its connection, and
// is slow to notice, still finds a store to record in.
func TestShutdownLetsCutRequestsRecord(t *testing.T) {
	t.Parallel()
	server, begun, recorded := make(chan *Server, 1), make(chan struct{}), make(chan error, 1)
	slow := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/slow" {
				next.ServeHTTP(w, r)
				return
			}
			close(begun)
			<-r.Context().Done()
			time.Sleep(settleTime / 6) // the fault: there is nothing to await
			_, err := (<-server).As(catalog.Caller{Subject: "root", Administrator: true}).Put(context.Background(),
				&catalog.Domain{Name: "late", DisplayName: "L", Discipline: "SIGINT", Contact: "l@enclave.example",
					Team: map[string]catalog.Member{"root": {Role: catalog.RoleOwner}}}, catalog.WriteOptions{})
			recorded <- err
		})
	}
	running := start(t, Config{Wrap: slow})
	server <- running.Server
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, running.Endpoint()+"/slow", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if response, err := http.DefaultTransport.RoundTrip(request); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-begun
	if err := running.stop(); err != nil {
		t.Error(err)
	}
	// The server waits for a while, and says so when that was not enough, as on a
	// disk that stands still.
	if err := <-recorded; err != nil && !strings.Contains(running.log.String(), "have not ended") {
		t.Errorf("what a request that was cut off had to record: %v", err)
	}
}

// TestRequestsWait: for the last of them, and no longer than the limit.
func TestRequestsWait(t *testing.T) {
	t.Parallel()
	var r requests
	if !r.wait(time.Minute) {
		t.Error("waited for nothing")
	}
	r.add(1)
	if r.wait(time.Millisecond) {
		t.Error("did not wait for one")
	}
	r.add(1)
	done := make(chan bool, 2)
	for range 2 {
		go func() { done <- r.wait(time.Minute) }()
	}
	r.add(-1)
	r.add(-1)
	for range 2 {
		if !<-done {
			t.Error("the end of the last one was missed")
		}
	}
	if !r.wait(time.Minute) {
		t.Error("waited for those that have ended")
	}
}
