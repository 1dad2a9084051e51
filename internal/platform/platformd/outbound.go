package platformd

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
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

// maxAnchors is the most of a file of anchors that is read, in bytes: several
// times all public authorities of the world.
const maxAnchors = 4 << 20

// readAnchors believes all of the files or nothing.
func readAnchors(files []string) (*x509.CertPool, error) {
	anchors := x509.NewCertPool()
	for _, name := range files {
		if err := addAnchors(anchors, name); err != nil {
			return nil, fmt.Errorf("anchors: %w", err)
		}
	}
	return anchors, nil
}

func addAnchors(anchors *x509.CertPool, name string) error {
	text, err := readPlain(name, maxAnchors)
	if err != nil {
		return err
	}
	found := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return fmt.Errorf("%s holds a %.40q that is no certificate: leave nothing but anchors in it", name, block.Type)
		}
		anchors.AddCert(certificate)
		found++
	}
	if found == 0 {
		return fmt.Errorf("%s holds no certificate in PEM", name)
	}
	return nil
}

// readPlain reads a plain file of at most so many bytes: opening a pipe may never
// end, and reading a device may neither.
func readPlain(name string, most int64) (text []byte, err error) {
	if info, err := os.Stat(name); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no plain file", name)
	}
	file, err := os.Open(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	text, err = io.ReadAll(io.LimitReader(file, most+1))
	if err == nil && int64(len(text)) > most {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, most)
	}
	return text, err
}
