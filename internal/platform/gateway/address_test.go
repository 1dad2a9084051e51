package gateway

import (
	"net/netip"
	"testing"
)

// TestAddressesThatAreNotReal: what a source without networks leads to.
func TestAddressesThatAreNotReal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"198.51.100.7": true, "10.1.2.3": true, "2001:db8::7": true, "fd00:1::7": true, "64:ff9b::198.51.100.7": true,
		"127.0.0.1": false, "127.255.255.254": false, "::1": false, "0.0.0.0": false, "::": false, "169.254.169.254": false, "fe80::1": false,
		"224.0.0.1": false, "ff02::1": false, "255.255.255.255": false,
		// behind a translator from IPv6 (RFC 6052)
		"64:ff9b::127.0.0.1": false, "64:ff9b::169.254.169.254": false, "64:ff9b::": false,
	} {
		if got := anyReal(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}
