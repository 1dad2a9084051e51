package client

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/outbound"
)

// Bounds of a connection. Terraform works on ten objects at a time unless it
// is told otherwise, and more than 32 at once help nobody.
const (
	maxIdlePerHost = 32
	dialTimeout    = 10 * time.Second
	answerTimeout  = 60 * time.Second // from the end of a request to the head of its answer
	idleTimeout    = 90 * time.Second
	maxHeaderBytes = 64 << 10
	maxRedirects   = 3
)

// NewHTTPClient returns a client that authenticates, retries what is safe to
// repeat, stays below the request rate and never sends the token where it does
// not belong: over plain HTTP to another machine, or to another host than the
// one that was asked. The error names the option that is wrong.
//
// From outside in: retry, rate, trace, token, connection. Each attempt thus
// counts against the rate, has a span of its own and carries the newest token.
func NewHTTPClient(o Options) (*http.Client, error) {
	token, err := newTokenSource(o)
	if err != nil {
		return nil, err
	}
	connection, err := newConnection(o)
	if err != nil {
		return nil, err
	}
	sender := newSender(o, token, connection)
	return &http.Client{Transport: newRetry(o, sender), CheckRedirect: sameHost}, nil
}

// settingNames are those of the provider's configuration.
var settingNames = outbound.Names{
	CAFile: "ca_file", ClientCertFile: "client_cert_file", ClientKeyFile: "client_key_file", ProxyURL: "proxy_url",
}

func newConnection(o Options) (*http.Transport, error) {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		DialContext: dialer.DialContext,
		// A TLS configuration of one's own switches HTTP/2 off otherwise.
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  answerTimeout,
		MaxIdleConns:           maxIdlePerHost,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
	settings := outbound.Settings{CAFile: o.CAFile, ClientCertFile: o.ClientCertFile, ClientKeyFile: o.ClientKeyFile, ProxyURL: o.ProxyURL}
	if err := settings.Configure(transport, settingNames); err != nil {
		return nil, err
	}
	return transport, nil
}

// sameHost follows a redirect only within the host that was asked, because the
// token goes with it.
func sameHost(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("stopped after %d redirects", maxRedirects)
	}
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		return permanent{fmt.Errorf("refused a redirect from %s to %s://%s: the token must not go to another host; set the endpoint to it if it is the right one",
			first.Host, req.URL.Scheme, req.URL.Host)}
	}
	return nil
}
