package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// The limits of an upstream. A whole answer has none: see [door.Options].
const (
	dialTimeout    = 5 * time.Second
	headerTimeout  = 15 * time.Second
	maxHeaderBytes = 64 << 10
)

// network is the way to one server: its anchors, our certificate, and the
// addresses that may be called.
type network struct {
	anchors   []string // files
	cert, key string   // files, "" for none
	allowed   func(netip.Addr) bool
}

func newNetwork(base *url.URL, anchors, networks []string, loopbackOnly bool) (*network, error) {
	n := &network{anchors: anchors, allowed: anyReal}
	prefixes := make([]netip.Prefix, 0, len(networks))
	for _, text := range networks {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("networks: %q is no prefix of addresses: write one such as 10.1.0.0/16", text)
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	if len(prefixes) > 0 {
		n.allowed = func(a netip.Addr) bool {
			return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
		}
	}
	if loopbackOnly {
		n.allowed = netip.Addr.IsLoopback
	}
	local := loopbackOnly || len(prefixes) > 0 && !slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return !p.Addr().IsLoopback() })
	switch {
	case base.Scheme == "http" && !local:
		return nil, errors.New("http sends data in the clear: use https, or allow loopback networks only")
	case base.Scheme == "https" && len(anchors) == 0:
		return nil, errors.New("ca_files is missing: name the files of the authorities that vouch for the server")
	case loopbackOnly && (base.Port() == "" || !loopbackHost(base.Hostname())):
		return nil, fmt.Errorf("%s is not a loopback address with a port, and a development server calls no other", base.Host)
	}
	return n, nil
}

func loopbackHost(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}

// anyReal is every address but those of this machine and its link: services that
// trust whoever can reach them listen there, those of clouds among them.
func anyReal(a netip.Addr) bool {
	if translated.Contains(a) {
		b := a.As16()
		a = netip.AddrFrom4([4]byte(b[12:]))
	}
	return a.IsGlobalUnicast() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !ours(a)
}

// translated are the addresses behind which a translator has those of IPv4
// (RFC 6052): what is near to it is near to us.
var translated = netip.MustParsePrefix("64:ff9b::/96")

// ours reports whether an interface of this machine has the address now, or
// nobody can tell.
func ours(a netip.Addr) bool {
	interfaces, err := net.InterfaceAddrs()
	return err != nil || slices.ContainsFunc(interfaces, func(one net.Addr) bool {
		network, is := one.(*net.IPNet)
		if !is {
			return true
		}
		addr, _ := netip.AddrFromSlice(network.IP)
		return addr.Unmap() == a
	})
}

// transport calls the server and nobody else: no proxy of the environment, no
// compression, so that ranges are ranges of what is there, and for each question
// a connection of its own.
func (n *network) transport() http.RoundTripper {
	return discreet{&http.Transport{
		DialContext:            dialer(n.dial),
		DialTLSContext:         dialer(n.dialTLS),
		DisableCompression:     true,
		DisableKeepAlives:      true,
		ResponseHeaderTimeout:  headerTimeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}}
}

// dial looks at the address that a name has led to, at the time it is called:
// what a name meant when it was checked is of no use.
func (n *network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(address)
		if err != nil || !n.allowed(addr.Addr().Unmap()) {
			return fmt.Errorf("refuse to call %s, which is not among the allowed addresses", address)
		}
		return nil
	}}
	return d.DialContext(ctx, kind, address)
}

// dialTLS reads anchors and certificate anew for each connection: they are
// replaced while the server runs.
func (n *network) dialTLS(ctx context.Context, kind, address string) (net.Conn, error) {
	config, err := n.tlsConfig()
	if err != nil {
		return nil, err
	}
	if config.ServerName, _, err = net.SplitHostPort(address); err != nil {
		return nil, err
	}
	plain, err := n.dial(ctx, kind, address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn := tls.Client(plain, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	return conn, nil
}

func (n *network) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: x509.NewCertPool(), NextProtos: []string{"http/1.1"}}
	for _, name := range n.anchors {
		text, err := readFile(name)
		if err != nil {
			return nil, fmt.Errorf("ca_files: %w", err)
		}
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("ca_files: %s holds no certificate", name)
		}
	}
	if n.cert == "" && n.key == "" {
		return config, nil
	}
	pair, err := n.pair()
	if err != nil {
		return nil, fmt.Errorf("certificate_file, key_file: %w", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

func (n *network) pair() (tls.Certificate, error) {
	cert, err := readFile(n.cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readFile(n.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(cert, key)
}
