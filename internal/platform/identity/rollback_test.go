package identity_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
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

// TestAttackEndlessNameInTheLog: anybody can send a certificate, with names of some
// hundred thousand letters, as often as he likes; the log has a short line of each.
func TestAttackEndlessNameInTheLog(t *testing.T) {
	t.Parallel()
	pki, stranger := identitytest.NewPKI(t, "Root"), identitytest.NewPKI(t, "Root")
	certificate, key := pki.Write("server", pki.Server())
	var log bytes.Buffer // one handshake after the other
	v, err := identity.Open(t.Context(), identity.Config{
		TLS: configfile.TLS{CertificateFile: certificate, KeyFile: key, ClientCAFiles: []string{pki.Root()}}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	long := pkix.Name{CommonName: strings.Repeat("x", 100<<10), Organization: []string{strings.Repeat("\u4e16\u00a0", 30<<10)}}
	for name, client := range map[string]tls.Certificate{
		"of a stranger":   stranger.Issue(&x509.Certificate{Subject: long}),
		"of an authority": pki.Issue(&x509.Certificate{Subject: long, IsCA: true, BasicConstraintsValid: true}),
		"for a server":    pki.Issue(&x509.Certificate{Subject: long, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}),
	} {
		log.Reset()
		if err := handshake(t, v, client); err == nil {
			t.Errorf("%s: it is let in", name)
		}
		if got := log.Len(); got == 0 || got > 4096 {
			t.Errorf("%s: the log has %d bytes of it", name, got)
		}
	}
}

// restarted is a verifier as it is after a restart, with what the file remembers.
func restarted(t *testing.T, pki *identitytest.PKI, record string) (*identity.Verifier, error) {
	t.Helper()
	certificate, key := pki.Write("server", pki.Server())
	return identity.Open(t.Context(), identity.Config{
		TLS:    configfile.TLS{CertificateFile: certificate, KeyFile: key, ClientCAFiles: []string{pki.Root()}, CRLFiles: pki.Lists()},
		Record: record, Log: slog.New(slog.DiscardHandler),
	})
}

func mustRestart(t *testing.T, pki *identitytest.PKI, record string) *identity.Verifier {
	t.Helper()
	v, err := restarted(t, pki, record)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestAttackOlderRevocationListAfterARestart: who puts an old list in the place of
// a newer one while no server runs brings no certificate back to life, be it the
// list of the authority between or of the anchor. The operator is told what to do,
// and doing it mends it; an authority that begins anew is believed once the operator
// has said so.
func TestAttackOlderRevocationListAfterARestart(t *testing.T) {
	t.Parallel()
	for i, name := range []string{"of the anchor", "of the authority below it"} {
		pki, record := identitytest.NewPKI(t, "Root"), filepath.Join(t.TempDir(), "lists.json")
		stolen, good := pki.Client("stolen"), pki.Client("good")
		v, path := mustRestart(t, pki, record), pki.Lists()[i]
		old := contents(t, path)
		if err := handshake(t, v, stolen); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			pki.RevokeIntermediate()
		} else {
			pki.Revoke(stolen)
		}
		newest := contents(t, path)
		v.Reload()
		identitytest.Replace(t, path, old)
		v = mustRestart(t, pki, record)
		if err := handshake(t, v, stolen); err == nil {
			t.Errorf("%s: an older list lets a revoked client in", name)
		}
		if err := handshake(t, v, good); err == nil {
			t.Errorf("%s: an older list lets anybody in", name)
		}
		if err := v.Trouble(); err == nil || !strings.Contains(err.Error(), "put the newest one to "+path) || !strings.Contains(err.Error(), "remove "+record) {
			t.Errorf("%s: the operator is told %v", name, err)
		}
		identitytest.Replace(t, path, newest)
		v.Reload()
		if err := v.Trouble(); err != nil {
			t.Errorf("%s: repaired: %v", name, err)
		}
		if err := handshake(t, v, good); (err == nil) != (i == 1) {
			t.Errorf("%s: repaired: another client: %v", name, err)
		}
		identitytest.Replace(t, path, old)
		if err := os.Remove(record); err != nil {
			t.Fatal(err)
		}
		if err := handshake(t, mustRestart(t, pki, record), stolen); err != nil {
			t.Errorf("%s: once the operator has removed the record: %v", name, err)
		}
	}
}

// TestAttackForgedListBeforeARestart: a list of somebody else, whatever its number,
// is not remembered, and stands in nobody's way after a restart.
func TestAttackForgedListBeforeARestart(t *testing.T) {
	t.Parallel()
	pki, forger, record := identitytest.NewPKI(t, "Root"), identitytest.NewPKI(t, "Root"), filepath.Join(t.TempDir(), "lists.json")
	v, own := mustRestart(t, pki, record), contents(t, pki.Lists()[1])
	for range 9 {
		forger.WriteLists() // numbers beyond ours
	}
	if err := handshake(t, v, pki.Client("a")); err != nil {
		t.Fatal(err)
	}
	identitytest.Replace(t, pki.Lists()[1], contents(t, forger.Lists()[1]))
	v.Reload()
	_ = handshake(t, v, pki.Client("a")) // refused: it has no list of its own
	_ = handshake(t, v, forger.Client("a"))
	v.Reload()
	identitytest.Replace(t, pki.Lists()[1], own)
	v = mustRestart(t, pki, record)
	if err := errors.Join(handshake(t, v, pki.Client("a")), v.Trouble()); err != nil {
		t.Error(err)
	}
}

// TestBrokenRecordOfLists: what cannot be read is no reason to believe every list,
// and what cannot be written is told, while the newest list counts all the same.
func TestBrokenRecordOfLists(t *testing.T) {
	t.Parallel()
	pki, record := identitytest.NewPKI(t, "Root"), filepath.Join(t.TempDir(), "state", "lists.json")
	v, stolen := mustRestart(t, pki, record), pki.Client("stolen") // its folder is missing
	if err := v.Trouble(); err == nil || !strings.Contains(err.Error(), "not remembered beyond a restart") {
		t.Errorf("not written: the operator is told %v", err)
	}
	pki.Revoke(stolen)
	v.Reload()
	if err := handshake(t, v, stolen); err == nil {
		t.Error("not written: a revoked client is let in")
	}
	if err := os.Mkdir(filepath.Dir(record), 0o700); err != nil {
		t.Fatal(err)
	}
	v.Reload()
	if err := v.Trouble(); err != nil {
		t.Errorf("written: %v", err)
	}
	whole := string(contents(t, record))
	number := regexp.MustCompile(`"number": "\d+"`)
	for name, text := range map[string]string{
		"empty":             "",
		"cut off":           whole[:len(whole)/2],
		"another format":    strings.Replace(whole, "revocation-lists/1", "revocation-lists/2", 1),
		"no number":         number.ReplaceAllString(whole, `"number": "x"`),
		"the number twice":  number.ReplaceAllString(whole, `"number": "1", "number": "9"`),
		"no certificate":    strings.Replace(whole, "\"certificate\": \"MII", "\"certificate\": \"", 1),
		"no list of marks":  `{"format":"revocation-lists/1","authorities":{}}`,
		"too large":         whole + strings.Repeat(" ", 32<<20),
		"too many to count": `{"format":"revocation-lists/1","authorities":[` + strings.Repeat("1,", 5000) + `1]}`,
	} {
		identitytest.Replace(t, record, []byte(text))
		if _, err := restarted(t, pki, record); err == nil || !strings.Contains(err.Error(), record) || !strings.Contains(err.Error(), "or remove it") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	identitytest.Replace(t, record, []byte(whole))
	mustRestart(t, pki, record)
}
