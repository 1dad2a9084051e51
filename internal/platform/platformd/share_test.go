package platformd

import (
	"net"
	"testing"
)

// peer is a connection from an address.
type peer struct {
	net.Conn
	address net.Addr
}

func (p peer) RemoteAddr() net.Addr { return p.address }

// TestAddressesOfOneOwner: one address is one, however it is written, and so is
// the network in which a host chooses its own.
func TestAddressesOfOneOwner(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1:1", "192.0.2.1:2", true},
		{"192.0.2.1:1", "192.0.2.2:1", false},
		{"192.0.2.1:1", "[::ffff:192.0.2.1]:1", true},
		{"[2001:db8::1]:1", "[2001:db8::ffff:0:0:2]:1", true},
		{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", false},
		{"[fe80::1%eth0]:1", "[fe80::1%eth1]:1", true},
	} {
		at := func(text string) peer {
			address, err := net.ResolveTCPAddr("tcp", text)
			if err != nil {
				t.Fatal(err)
			}
			return peer{address: address}
		}
		if a, b := addressOf(at(c.a)), addressOf(at(c.b)); (a == b) != c.same || !a.IsValid() {
			t.Errorf("%s and %s: got %v and %v, want them the same: %v", c.a, c.b, a, b, c.same)
		}
	}
	if got := addressOf(peer{address: &net.UnixAddr{Name: "x"}}); got.IsValid() {
		t.Errorf("a socket of another kind: got %v, want no address", got)
	}
}
