package identity_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
)

// handshake is the part of one that the verifier decides.
func handshake(t *testing.T, v *identity.Verifier, client tls.Certificate) error {
	t.Helper()
	config, err := v.TLS().GetConfigForClient(nil)
	if err != nil {
		t.Fatal(err)
	}
	sent := []*x509.Certificate{client.Leaf}
	for _, raw := range client.Certificate[1:] {
		authority, err := x509.ParseCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, authority)
	}
	return config.VerifyConnection(tls.ConnectionState{PeerCertificates: sent})
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestAttackOlderRevocationList: who can put an old list in the place of a newer
// one, be it by way of no list at all, brings no certificate back to life. A list
// of somebody else, whatever its number, stands in nobody's way.
func TestAttackOlderRevocationList(t *testing.T) {
	t.Parallel()
	pki, forger := identitytest.NewPKI(t, "Root"), identitytest.NewPKI(t, "Root")
	v := open(t, pki, newHands())
	good, stolen, next := pki.Client("good"), pki.Client("stolen"), pki.Client("next")
	path := pki.Lists()[1]
	old := contents(t, path)
	put := func(what string, text []byte, admitted ...error) {
		t.Helper()
		identitytest.Replace(t, path, text)
		v.Reload()
		for i, client := range []tls.Certificate{good, stolen, next} {
			if got := handshake(t, v, client); (got == nil) != (admitted[i] == nil) {
				t.Errorf("%s: client %d: got %v", what, i, got)
			}
			if got := v.Admits(client.Leaf); (got == nil) != (admitted[i] == nil) {
				t.Errorf("%s: connection of client %d: got %v", what, i, got)
			}
		}
	}
	no := os.ErrPermission
	put("at first", old, nil, nil, nil)
	pki.Revoke(stolen)
	revoking := contents(t, path)
	put("with the new list", revoking, nil, no, nil)
	put("with the old list", old, nil, no, nil)
	if err := v.Trouble(); err == nil || !strings.Contains(err.Error(), "is older than the one in force") {
		t.Errorf("the operator is told %v", err)
	}
	for range 9 {
		forger.WriteLists() // numbers beyond ours
	}
	forged := contents(t, forger.Lists()[1])
	put("with a list that somebody else signed", forged, no, no, no)
	put("and then the old list", old, nil, no, nil)
	put("with the new list again", revoking, nil, no, nil)
	if err := v.Trouble(); err != nil {
		t.Errorf("repaired: %v", err)
	}
	pki.Revoke(next)
	put("with the next list", contents(t, path), nil, no, no)
}

// TestAttackOlderListBehindARevokedClient: a list that was only ever met by whom
// it shut out is in force all the same.
func TestAttackOlderListBehindARevokedClient(t *testing.T) {
	t.Parallel()
	pki := identitytest.NewPKI(t, "Root")
	stolen, path := pki.Client("stolen"), pki.Lists()[1]
	old := contents(t, path)
	pki.Revoke(stolen)
	v := open(t, pki, newHands())
	if err := handshake(t, v, stolen); err == nil {
		t.Fatal("a revoked client is let in")
	}
	identitytest.Replace(t, path, old)
	v.Reload()
	if err := handshake(t, v, stolen); err == nil {
		t.Error("a revoked client is let in by an older list")
	}
}
