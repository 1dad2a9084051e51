package platformd

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

// outboundClient reaches one server that the operator named, and no other: it
// follows no redirect, takes no proxy from the environment, and trusts the
// operator's anchors only. Without TLS it reaches this machine only.
func outboundClient(address string, caFiles []string, limit time.Duration) (*http.Client, error) {
	transport, err := outboundTransport(address, caFiles)
	if err != nil {
		return nil, err
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       limit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

func outboundTransport(address string, caFiles []string) (*http.Transport, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("its address is not valid: write it as https://host[:port]") // it may hold a password, so it is not repeated
	}
	transport := &http.Transport{
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: time.Minute, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: 32 << 10, MaxIdleConnsPerHost: 2,
	}
	switch ip := net.ParseIP(u.Hostname()); {
	case u.Scheme == "http" && ip != nil && ip.IsLoopback():
		return transport, nil
	case u.Scheme != "https":
		return nil, fmt.Errorf("%s is reached without TLS: write https, or an address of this machine", u.Host)
	case len(caFiles) == 0:
		return nil, fmt.Errorf("%s has no ca_files: name the anchors of its certificate, the system's are never used", u.Host)
	}
	anchors, err := readAnchors(caFiles)
	if err != nil {
		return nil, err
	}
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: anchors}
	transport.ForceAttemptHTTP2 = true
	return transport, nil
}

func readAnchors(files []string) (*x509.CertPool, error) {
	anchors := x509.NewCertPool()
	for _, name := range files {
		raw, err := os.ReadFile(name) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("anchors: %w", err)
		}
		if !anchors.AppendCertsFromPEM(raw) {
			return nil, fmt.Errorf("anchors: %s holds no certificate in PEM", name)
		}
	}
	return anchors, nil
}
