// Package transfer reads over HTTP from servers that break, stall, redirect and
// lie.
//
// From outside in: [Open] goes on by Range where a transfer broke and ends one
// that crawls; a [Line]'s transport repeats what is worth repeating and, last
// before the network, keeps credentials from every host but their own. What
// arrives is not verified here: whoever reads it hashes it.
package transfer

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/outbound"
)

// Bounds of a connection.
const (
	dialTimeout    = 15 * time.Second
	answerTimeout  = 60 * time.Second // from the end of a request to the head of its answer
	idleTimeout    = 90 * time.Second
	maxHeaderBytes = 64 << 10
)

// Options are how servers are reached. The zero value uses the system's
// authorities and the environment's proxy.
type Options struct {
	// Parallel is how many requests are expected at once, 8 when 0. Connections
	// are kept for as many.
	Parallel int

	// CAFile holds the certificate authorities to trust, in PEM, instead of
	// the system's.
	CAFile string
	// ClientCertFile and ClientKeyFile hold the client's certificate chain and
	// its key, in PEM. Both or neither.
	ClientCertFile, ClientKeyFile string
	// ProxyURL is the proxy for all but this machine; "" for what the
	// environment says. http, https or socks5.
	ProxyURL string
	// PlainHTTP names the hosts (host:port) that may be spoken to without TLS.
	// Loopback always may.
	PlainHTTP []string

	// Patience is how long a transfer may stand still; 30 s when 0. Four of
	// them with less than 64 KiB end an attempt as well.
	Patience time.Duration
	// Wait sleeps between attempts; a clock of tests. nil for a real one.
	Wait func(context.Context, time.Duration) error
}

// Line is a pool of connections. Safe for concurrent use.
type Line struct {
	options Options
	base    *http.Transport
}

// New prepares a line. The error names the option that is wrong.
func New(o Options) (*Line, error) {
	if o.Parallel == 0 {
		o.Parallel = 8
	}
	if o.Patience == 0 {
		o.Patience = 30 * time.Second
	}
	if o.Wait == nil {
		o.Wait = sleep
	}
	base, err := newTransport(o)
	if err != nil {
		return nil, err
	}
	return &Line{o, base}, nil
}

// Close gives up idle connections.
func (l *Line) Close() { l.base.CloseIdleConnections() }

// Patience is how long an answer may take that fits in memory.
func (l *Line) Patience() time.Duration { return windows * l.options.Patience }

// Home is the host that credentials belong to.
type Home struct {
	Host       string   // host:port, as in URLs
	TokenHosts []string // further hosts that its credentials may be sent to
	// Plain lets everything be plain HTTP, for content that is known by its
	// digest and comes without credentials.
	Plain bool
}

// Transport sends requests that start at home: repeated when that is worth it,
// and refused with a *[Refusal] when they would carry credentials away.
func (l *Line) Transport(home Home) http.RoundTripper {
	return &retrier{next: &guard{next: l.base, home: home, plainHTTP: l.options.PlainHTTP}, wait: l.options.Wait}
}

var settingNames = outbound.Names{
	CAFile: "certificate authorities", ClientCertFile: "client certificate", ClientKeyFile: "client key", ProxyURL: "proxy",
}

// newTransport speaks HTTP/1.1 only: one connection a blob lets the kernel share
// the line fairly, and a stalled blob does not hold up the others' flow control.
func newTransport(o Options) (*http.Transport, error) {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	transport := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext,
		Protocols:              protocols,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  answerTimeout,
		MaxIdleConns:           4 * o.Parallel,
		MaxIdleConnsPerHost:    2 * o.Parallel,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true, // the bytes that a digest names, not others
	}
	settings := outbound.Settings{CAFile: o.CAFile, ClientCertFile: o.ClientCertFile, ClientKeyFile: o.ClientKeyFile, ProxyURL: o.ProxyURL}
	if err := settings.Configure(transport, settingNames); err != nil {
		return nil, err
	}
	return transport, nil
}

// Plain drops the URL that net/http writes into its errors: the query of a
// redirect is a credential, and a realm may hold one too.
func Plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}
