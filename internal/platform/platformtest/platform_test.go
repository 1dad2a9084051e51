package platformtest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// get answers 0 when there was no answer.
func get(t *testing.T, url, token string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body) // only the status counts
	return response.StatusCode
}

func TestBothWaysInMeetTheSamePlatform(t *testing.T) {
	t.Parallel()
	p := Start(t)
	if _, err := p.Admin().Put(t.Context(), SIGINT(), catalog.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, p.Endpoint+"/api/v1/domains/sigint", p.Token); got != http.StatusOK {
		t.Errorf("over HTTP: got %d, want %d", got, http.StatusOK)
	}
	stranger := catalog.Caller{Subject: "z.nobody"}
	if got := get(t, p.Endpoint+"/api/v1/domains/sigint", p.TokenFor(stranger)); got != http.StatusOK {
		t.Errorf("over HTTP as somebody else: got %d, want %d", got, http.StatusOK)
	}
	_, err := p.Service(stranger).Put(t.Context(), SIGINT(), catalog.WriteOptions{})
	if !errors.Is(err, catalog.ErrForbidden) {
		t.Errorf("a stranger's put: got %v, want %v", err, catalog.ErrForbidden)
	}
	owner := SIGINT()
	owner.Description = "changed"
	if _, err := p.Service(catalog.Caller{Subject: "a.stone"}).Put(t.Context(), owner, catalog.WriteOptions{}); err != nil {
		t.Errorf("the owner's put: %v", err)
	}
}

func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	p := Start(t)
	get(t, p.Endpoint+"/api/v1/domains?limit=5", p.Token)
	get(t, p.Endpoint+"/healthz", "")
	want := []string{"GET /api/v1/domains?limit=5", "GET /healthz"}
	if got := p.Requests(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	p.ResetRequests()
	if got := p.Requests(); len(got) != 0 {
		t.Errorf("after a reset: got %q, want none", got)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	p := Start(t)
	url := p.Endpoint + "/api/v1/domains"
	p.Fail(func(r *http.Request) int {
		if r.Method == http.MethodGet {
			return http.StatusBadGateway
		}
		return 0
	})
	if got := get(t, url, p.Token); got != http.StatusBadGateway {
		t.Errorf("got %d, want %d", got, http.StatusBadGateway)
	}
	p.Fail(func(*http.Request) int { return Cut })
	if got := get(t, url, p.Token); got != 0 {
		t.Errorf("a cut connection: got %d, want no answer", got)
	}
	p.Fail(nil)
	if got := get(t, url, p.Token); got != http.StatusOK {
		t.Errorf("after the faults: got %d, want %d", got, http.StatusOK)
	}
}

func TestDelayHoldsARequestBack(t *testing.T) {
	t.Parallel()
	p := Start(t)
	held := make(chan struct{})
	p.Delay(func(r *http.Request) {
		close(held)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Endpoint+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-held
		cancel()
	}()
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestOutageAndReturn(t *testing.T) {
	t.Parallel()
	p := Start(t)
	if _, err := p.Admin().Put(t.Context(), SIGINT(), catalog.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	p.Stop()
	if got := get(t, p.Endpoint+"/healthz", ""); got != 0 {
		t.Errorf("after Stop: got %d, want no answer", got)
	}
	p.Restart()
	if got := get(t, p.Endpoint+"/api/v1/domains/sigint", p.Token); got != http.StatusOK {
		t.Errorf("after Restart, same endpoint and token: got %d, want %d", got, http.StatusOK)
	}
}

// TestRestartWaitsForItsPort: between the two somebody else may listen there.
func TestRestartWaitsForItsPort(t *testing.T) {
	t.Parallel()
	p := Start(t)
	p.Stop()
	other, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", strings.TrimPrefix(p.Endpoint, "http://"))
	if err != nil {
		t.Skipf("somebody else does: %v", err)
	}
	time.AfterFunc(50*time.Millisecond, func() { _ = other.Close() })
	p.Restart()
	if got := get(t, p.Endpoint+"/healthz", ""); got != http.StatusOK {
		t.Errorf("after Restart: got %d, want 200", got)
	}
}
