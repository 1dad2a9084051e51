package platformd

import (
	"log/slog"
	"net"
	"net/netip"
	"sync"
)

// shares gives no address more than a share of the connections, or one machine
// that opens connections and asks for nothing would keep everybody else out. A
// connection beyond the share is closed before a byte of it is read.
type shares struct {
	net.Listener
	most int
	log  *slog.Logger

	mu   sync.Mutex // guards what follows
	held map[netip.Prefix]*share
}

// share is what one address holds.
type share struct {
	open   int
	warned bool // until it holds nothing: a flood must not fill the log
}

func newShares(l net.Listener, most int, log *slog.Logger) *shares {
	return &shares{Listener: l, most: most, log: log, held: map[netip.Prefix]*share{}}
}

// Accept waits for a connection that is within its share.
func (s *shares) Accept() (net.Conn, error) {
	for {
		conn, err := s.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := addressOf(conn)
		if s.take(from) {
			return &sharedConn{Conn: conn, release: sync.OnceFunc(func() { s.give(from) })}, nil
		}
		_ = conn.Close() // nothing was sent
	}
}

func (s *shares) take(from netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	have := s.held[from]
	if have == nil {
		have = &share{}
		s.held[from] = have
	}
	if have.open < s.most {
		have.open++
		return true
	}
	if !have.warned {
		have.warned = true
		s.log.Warn("an address has as many connections as it may: others of it are refused", "address", from.String(), "connections", have.open)
	}
	return false
}

func (s *shares) give(from netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[from].open--; s.held[from].open == 0 {
		delete(s.held, from)
	}
}

// hostBits is how much of an IPv6 address its owner chooses (RFC 4291 section
// 2.5.1): who has one has 2^64.
const hostBits = 64

// addressOf is the address that a connection comes from, or its network in IPv6;
// one for all whose address is not of TCP.
func addressOf(conn net.Conn) netip.Prefix {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	address := tcp.AddrPort().Addr().Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits -= hostBits
	}
	return netip.PrefixFrom(address, bits).Masked()
}

// sharedConn gives its place back when it is closed.
type sharedConn struct {
	net.Conn
	release func()
}

func (c *sharedConn) Close() error {
	defer c.release()
	return c.Conn.Close()
}
