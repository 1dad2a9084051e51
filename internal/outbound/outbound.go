// Package outbound is how our programs go out to a server: whose certificates
// they trust, which certificate they show, and through which proxy they go.
//
// What to send over such a connection, how often and how patiently is the
// business of whoever makes it.
package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
)

const maxPEMFileBytes = 4 << 20

// Settings are what a user may say of how servers are reached. The zero value
// trusts the system's authorities and takes the proxy from the environment.
type Settings struct {
	// CAFile holds the certificate authorities to trust, in PEM, instead of
	// the system's.
	CAFile string
	// ClientCertFile and ClientKeyFile hold the client's certificate chain and
	// its key, in PEM. Both or neither. Each file has 4 MiB at most.
	ClientCertFile, ClientKeyFile string
	// ProxyURL is the proxy for all requests but those to this machine; ""
	// for what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say. http, https or socks5.
	ProxyURL string
}

// Names are what the user knows the settings by. Errors say which one is wrong.
type Names struct {
	CAFile, ClientCertFile, ClientKeyFile, ProxyURL string
}

// Configure gives the transport its TLS configuration, of TLS 1.2 at least, and
// its proxy. Nothing of the transport is changed with an error, which never
// repeats the proxy's URL: it may hold a password.
func (s Settings) Configure(t *http.Transport, names Names) error {
	security, err := s.tls(names)
	if err != nil {
		return err
	}
	proxy, err := s.proxy(names)
	if err != nil {
		return err
	}
	t.TLSClientConfig, t.Proxy = security, proxy
	return nil
}

func (s Settings) tls(names Names) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.CAFile != "" {
		pool, err := readAuthorities(s.CAFile)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", names.CAFile, err)
		}
		config.RootCAs = pool
	}
	both := names.ClientCertFile + " and " + names.ClientKeyFile
	if (s.ClientCertFile == "") != (s.ClientKeyFile == "") {
		return nil, errors.New(both + " belong together: set both or neither")
	}
	if s.ClientCertFile != "" {
		pair, err := readPair(s.ClientCertFile, s.ClientKeyFile)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", both, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

func readAuthorities(file string) (*x509.CertPool, error) {
	text, err := ReadFile(file, maxPEMFileBytes)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", file)
	}
	return pool, nil
}

// readPair does what tls.LoadX509KeyPair does, within bounds.
func readPair(certFile, keyFile string) (tls.Certificate, error) {
	cert, err := ReadFile(certFile, maxPEMFileBytes)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ReadFile(keyFile, maxPEMFileBytes)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}

// proxy leaves out this machine, as the environment's variables do too: a
// token for a loopback port has no business at a proxy.
func (s Settings) proxy(names Names) (func(*http.Request) (*url.URL, error), error) {
	if s.ProxyURL == "" {
		return http.ProxyFromEnvironment, nil
	}
	proxy, err := url.Parse(s.ProxyURL)
	if err != nil || proxy.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5"}, proxy.Scheme) {
		return nil, errors.New(names.ProxyURL + ": write it as http://host:port, https://host:port or socks5://host:port")
	}
	return func(req *http.Request) (*url.URL, error) {
		if IsLoopback(req.URL.Hostname()) {
			return nil, nil
		}
		return proxy, nil
	}, nil
}

// IsLoopback reports whether the host, a name or an address without its port,
// is this machine whatever a name server says.
func IsLoopback(host string) bool {
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}

// ReadFile reads a file that the user named. A folder, and what is longer than
// limit bytes, are errors: a device or a mistaken name must not fill memory.
func ReadFile(name string, limit int64) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // G304: the user names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return text, nil
}
