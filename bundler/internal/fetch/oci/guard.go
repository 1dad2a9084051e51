package oci

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// guard is the last stop before the network. Whatever the layers above it made
// of redirects and challenges, no credential passes it to another host than the
// one that it belongs to, and none passes it in the clear.
type guard struct {
	next     http.RoundTripper
	registry string // host:port
	options  *Options
}

// Refusal is a request that was not sent, because a registry must not be able
// to ask for it. It is not worth repeating.
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
	own := req.URL.Host == g.registry && (req.Host == "" || req.Host == g.registry)
	switch {
	case req.URL.Scheme != "https" && !g.mayBePlain(req.URL):
		return "it is not HTTPS; name the host as one that may be spoken to in the clear, if it must be"
	case req.URL.User != nil:
		return "the address holds a user name"
	case own:
		return ""
	case isLoopback(req.URL.Hostname()) && !isLoopback(hostname(g.registry)):
		return g.registry + " points to this machine"
	case carries(req) && !g.isTokenHost(req.URL.Host):
		return "the credentials belong to " + g.registry + "; name the host as its token service, if it is"
	}
	return ""
}

func (g *guard) mayBePlain(u *url.URL) bool {
	return u.Scheme == "http" && (isLoopback(u.Hostname()) || slices.Contains(g.options.PlainHTTP, u.Host))
}

// carries reports whether the request holds what only one host may see. A body
// is a refresh token on its way to a token service.
func carries(req *http.Request) bool {
	return req.Header.Get("Authorization") != "" || req.Header.Get("Cookie") != "" || req.Body != nil && req.Body != http.NoBody
}

// isTokenHost reports whether the host is of the registry's own domain, as
// auth.docker.io is of registry-1.docker.io's, or named by the operator.
func (g *guard) isTokenHost(address string) bool {
	if slices.Contains(g.options.TokenHosts[g.registry], address) {
		return true
	}
	theirs, err := publicsuffix.EffectiveTLDPlusOne(hostname(address))
	if err != nil || net.ParseIP(hostname(address)) != nil {
		return false
	}
	ours, err := publicsuffix.EffectiveTLDPlusOne(hostname(g.registry))
	return err == nil && theirs == ours
}

func hostname(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}

// followable bounds redirects. The guard judges each target.
func followable(_ *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return &Refusal{Host: via[0].URL.Host, Reason: fmt.Sprintf("more than %d redirects", maxRedirects)}
	}
	return nil
}
