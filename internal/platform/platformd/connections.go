package platformd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"sync"
	"time"
)

// connections are those whose client sent a certificate. A request is refused
// once the certificate is not good any more; a response that is still being
// sent then has only the connection to be ended by. Safe for concurrent use.
type connections struct {
	mu   sync.Mutex // guards what follows
	open map[*tls.Conn]*x509.Certificate
}

// note follows the life of a connection, as http.Server.ConnState tells it.
func (c *connections) note(conn net.Conn, state http.ConnState) {
	secure, ok := conn.(*tls.Conn)
	if !ok {
		return
	}
	switch state {
	case http.StateActive: // the handshake is over
		if peers := secure.ConnectionState().PeerCertificates; len(peers) > 0 {
			c.keep(secure, peers[0])
		}
	case http.StateClosed, http.StateHijacked:
		c.keep(secure, nil)
	}
}

// keep remembers a connection, or forgets it when there is no certificate.
func (c *connections) keep(conn *tls.Conn, peer *x509.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if peer == nil {
		delete(c.open, conn)
		return
	}
	if c.open == nil {
		c.open = map[*tls.Conn]*x509.Certificate{}
	}
	c.open[conn] = peer
}

// cut ends the connections whose certificate is not good.
func (c *connections) cut(good func(*x509.Certificate) bool) {
	for conn, peer := range c.copied() {
		if !good(peer) {
			// Below TLS, whose own closing waits for whoever does not read.
			_ = conn.NetConn().Close() // it may be gone already
		}
	}
}

func (c *connections) copied() map[*tls.Conn]*x509.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[*tls.Conn]*x509.Certificate, len(c.open))
	for conn, peer := range c.open {
		all[conn] = peer
	}
	return all
}

const (
	// cutInterval is how soon a connection ends after what its certificate is
	// held against has changed.
	cutInterval = time.Second
	// expiryInterval is how soon it ends after a certificate or a revocation
	// list has expired.
	expiryInterval = time.Minute
)

// patrol ends connections until ctx ends.
func (s *Server) patrol(ctx context.Context) {
	ticker := time.NewTicker(cutInterval)
	defer ticker.Stop()
	generation, last := s.verifier.Generation(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if now := s.verifier.Generation(); now != generation || time.Since(last) >= expiryInterval {
			generation, last = now, time.Now()
			s.connections.cut(func(peer *x509.Certificate) bool { return s.verifier.Admits(peer) == nil })
		}
	}
}
