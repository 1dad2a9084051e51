package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// Bounds of a connection. Terraform works on ten objects at a time unless it
// is told otherwise, and more than 32 at once help nobody.
const (
	maxIdlePerHost  = 32
	dialTimeout     = 10 * time.Second
	answerTimeout   = 60 * time.Second // from the end of a request to the head of its answer
	idleTimeout     = 90 * time.Second
	maxHeaderBytes  = 64 << 10
	maxRedirects    = 3
	maxPEMFileBytes = 4 << 20
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

func newConnection(o Options) (*http.Transport, error) {
	security, err := newTLSConfig(o)
	if err != nil {
		return nil, err
	}
	proxy, err := newProxy(o.ProxyURL)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:           proxy,
		DialContext:     dialer.DialContext,
		TLSClientConfig: security,
		// A TLS configuration of one's own switches HTTP/2 off otherwise.
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  answerTimeout,
		MaxIdleConns:           maxIdlePerHost,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}, nil
}

func newTLSConfig(o Options) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		pool, err := readAuthorities(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("ca_file: %w", err)
		}
		config.RootCAs = pool
	}
	if (o.ClientCertFile == "") != (o.ClientKeyFile == "") {
		return nil, errors.New("client_cert_file and client_key_file belong together: set both or neither")
	}
	if o.ClientCertFile != "" {
		pair, err := tls.LoadX509KeyPair(o.ClientCertFile, o.ClientKeyFile)
		if err != nil {
			return nil, fmt.Errorf("client_cert_file and client_key_file: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func readAuthorities(file string) (*x509.CertPool, error) {
	text, err := readFile(file, maxPEMFileBytes)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return pool, nil
}

// readFile reads at most limit bytes: a device or a mistaken name must not
// fill memory.
func readFile(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() || info.Size() > limit {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", name, limit)
	}
	return readBounded(name, limit)
}

// newProxy leaves out this machine, as the environment's variables do too: a
// token for a loopback port has no business at a proxy.
func newProxy(text string) (func(*http.Request) (*url.URL, error), error) {
	if text == "" {
		return http.ProxyFromEnvironment, nil
	}
	proxy, err := url.Parse(text)
	if err != nil || proxy.Host == "" || (proxy.Scheme != "http" && proxy.Scheme != "https" && proxy.Scheme != "socks5") {
		// The text may hold a password, so it is not repeated.
		return nil, errors.New("proxy_url: write it as http://host:port, https://host:port or socks5://host:port")
	}
	return func(req *http.Request) (*url.URL, error) {
		if loopback(req.URL.Hostname()) {
			return nil, nil
		}
		return proxy, nil
	}, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address := net.ParseIP(host)
	return address != nil && address.IsLoopback()
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
