package transfer

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/meshwright/terraform-provider-datamesh/internal/outbound"
)

// guard is the last stop before the network. Whatever the layers above it made
// of redirects and challenges, no credential passes it to another host than the
// one that it belongs to, and none in the clear unless the operator names the
// host.
type guard struct {
	next      http.RoundTripper
	home      Home
	plainHTTP []string
}

// Refusal is a request that was not sent, because a server must not be able to
// ask for it. It is not worth repeating.
type Refusal struct {
	Host   string
	Reason string
}

// Error says what was not sent and why.
func (r *Refusal) Error() string { return "nothing was sent to " + r.Host + ": " + r.Reason }

// RoundTrip sends the request or returns a [Refusal].
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if reason := g.objection(req); reason != "" {
		return nil, &Refusal{Host: req.URL.Host, Reason: reason}
	}
	return g.next.RoundTrip(req)
}

func (g *guard) objection(req *http.Request) string {
	own := req.URL.Host == g.home.Host && (req.Host == "" || req.Host == g.home.Host)
	switch {
	case req.URL.Scheme != "https" && !g.mayBePlain(req.URL):
		return "it is not HTTPS; name the host as one that may be spoken to in the clear, if it must be"
	case req.URL.User != nil:
		return "the address holds a user name"
	case own:
		return ""
	case outbound.IsLoopback(req.URL.Hostname()) && !outbound.IsLoopback(hostname(g.home.Host)):
		return g.home.Host + " points to this machine"
	case carries(req) && !g.isTokenHost(req.URL.Host):
		return "the credentials belong to " + g.home.Host + "; name the host as its token service, if it is"
	}
	return ""
}

func (g *guard) mayBePlain(u *url.URL) bool {
	return u.Scheme == "http" && (g.home.Plain || outbound.IsLoopback(u.Hostname()) || slices.Contains(g.plainHTTP, u.Host))
}

// carries reports whether the request holds what only one host may see. A body
// is a refresh token on its way to a token service.
func carries(req *http.Request) bool {
	return req.Header.Get("Authorization") != "" || req.Header.Get("Cookie") != "" || req.Body != nil && req.Body != http.NoBody
}

// isTokenHost reports whether the host is of the registry's own domain, as
// auth.docker.io is of registry-1.docker.io's, or named by the operator.
func (g *guard) isTokenHost(address string) bool {
	if slices.Contains(g.home.TokenHosts, address) {
		return true
	}
	theirs, err := publicsuffix.EffectiveTLDPlusOne(hostname(address))
	if err != nil || net.ParseIP(hostname(address)) != nil {
		return false
	}
	ours, err := publicsuffix.EffectiveTLDPlusOne(hostname(g.home.Host))
	return err == nil && theirs == ours
}

func hostname(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}

const maxRedirects = 5

// Redirects bounds redirects, as a CheckRedirect of http.Client. The guard
// judges each target.
func Redirects(_ *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return &Refusal{Host: via[0].URL.Host, Reason: fmt.Sprintf("more than %d redirects", maxRedirects)}
	}
	return nil
}
