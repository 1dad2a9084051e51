package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// answering is a network on which everybody says the same. It counts.
type answering struct {
	status int
	asked  int
	body   closed
}

// closed is a body that knows whether it was closed.
type closed struct {
	io.Reader
	is bool
}

func (c *closed) Close() error { c.is = true; return nil }

func (a *answering) RoundTrip(*http.Request) (*http.Response, error) {
	a.asked++
	a.body.Reader = strings.NewReader("<Error><Code>SlowDown</Code></Error>")
	return &http.Response{StatusCode: a.status, Header: http.Header{"Server": {"evil"}}, Body: &a.body}, nil
}

// TestClientThatMeansSomethingElse than the one request for the object gets to
// nobody, whoever tells it to.
func TestClientThatMeansSomethingElse(t *testing.T) {
	t.Parallel()
	to := &url.URL{Scheme: "https", Host: "s3.example", Path: "/tracks/x"}
	for _, address := range []string{
		"http://s3.example/tracks/x", "https://evil.example/tracks/x", "https://tracks.s3.example/x", "https://s3.example:444/tracks/x", "https://s3.example/tracks/y",
		"https://s3.example/tracks/", "https://s3.example/tracks/x?location=", "https://user@s3.example/tracks/x", "https://s3.example/secrets/x",
	} {
		network := &answering{status: http.StatusOK}
		g := &gate{server: network, to: to}
		if told, _ := ask(t, g, address); told != http.StatusNotFound {
			t.Errorf("%s: the client is told %d", address, told)
		}
		if a, err := g.outcome(nil); err == nil || a != nil || network.asked != 0 {
			t.Errorf("%s: got %v %v after %d requests", address, a, err, network.asked)
		}
	}
}

// TestClientThatAsksTwice gets nothing, even if the first answer was good.
func TestClientThatAsksTwice(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusServiceUnavailable, http.StatusTemporaryRedirect} {
		network := &answering{status: status}
		g := &gate{server: network, to: &url.URL{Scheme: "https", Host: "s3.example", Path: "/tracks/x"}}
		first, _ := ask(t, g, "https://s3.example:443/tracks/x")
		again, header := ask(t, g, "https://s3.example/tracks/x")
		if status != http.StatusOK && first != http.StatusNotFound || again != http.StatusNotFound || len(header) != 0 {
			t.Errorf("%d: the client is told %d and %d", status, first, again)
		}
		if a, err := g.outcome(nil); !errors.Is(err, errAgain) || a != nil || network.asked != 1 || !network.body.is {
			t.Errorf("%d: got %v %v after %d requests", status, a, err, network.asked)
		}
	}
}

// TestClientThatThrowsTheAnswerAway, or asks nobody, has no answer to give.
func TestClientThatThrowsTheAnswerAway(t *testing.T) {
	t.Parallel()
	network := &answering{status: http.StatusOK}
	g := &gate{server: network, to: &url.URL{Scheme: "https", Host: "s3.example", Path: "/x"}}
	ask(t, g, "https://s3.example/x")
	if a, err := g.outcome(errors.New("I do not like it")); err == nil || a != nil || !network.body.is {
		t.Errorf("got %v %v", a, err)
	}
	if a, err := (&gate{}).outcome(nil); err == nil || a != nil {
		t.Errorf("without a question: got %v %v", a, err)
	}
}

// ask is what a client does, up to the body, which is for outcome to close.
func ask(t *testing.T, g *gate, address string) (status int, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := g.RoundTrip(req) //nolint:bodyclose // as above
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header
}
