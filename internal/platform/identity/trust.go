package identity

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
)

// maxChain is the most certificates that a client may send.
const maxChain = 10

// trust is what client certificates are held against. Immutable.
type trust struct {
	anchors     *x509.CertPool
	authorities []*x509.Certificate // the anchors
	none        bool                // there is no anchor: no certificate is good
	lists       map[string]lists    // by the raw subject of the authority
	held        map[string]held     // the newest that were ever in force, see follow
	older       error               // names the lists that are older than those
	record      *record             // of the newest that were ever in force
	revokes     bool                // each authority in a chain needs a list
}

func loadTrust(anchors, crls []string) (*trust, error) {
	// A pool that is nil would be the system's.
	t := &trust{anchors: x509.NewCertPool(), none: len(anchors) == 0, lists: map[string]lists{}, revokes: len(crls) > 0}
	var errs []error
	for _, path := range anchors {
		found, err := readAuthorities(path)
		errs = append(errs, err)
		for _, anchor := range found {
			t.anchors.AddCert(anchor)
			t.authorities = append(t.authorities, anchor)
		}
	}
	for _, path := range crls {
		errs = append(errs, t.addLists(path))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return t, nil
}

// readAuthorities reads certificates of authorities, PEM.
func readAuthorities(path string) ([]*x509.Certificate, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	var found []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return nil, fmt.Errorf("certificates: %s holds a %q that is no certificate: %w", path, block.Type, err)
		}
		if !certificate.BasicConstraintsValid || !certificate.IsCA {
			return nil, fmt.Errorf("certificates: %s holds the certificate of %q, which is no authority: an anchor must be one", path, certificate.Subject)
		}
		found = append(found, certificate)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("certificates: %s holds none: it must be PEM", path)
	}
	return found, nil
}

// verify holds a client's certificate against anchors and revocation lists, and
// says how long that is good for. One chain that passes is enough. With an error
// too there is a chain, when it is one from an anchor down to the client.
func (t *trust) verify(leaf *x509.Certificate, others []*x509.Certificate, now time.Time) (chain []*x509.Certificate, until time.Time, err error) {
	if err := signsConnections(leaf); err != nil {
		return nil, time.Time{}, err
	}
	between := x509.NewCertPool()
	for _, certificate := range others {
		between.AddCert(certificate)
	}
	found, err := leaf.Verify(x509.VerifyOptions{
		Roots: t.anchors, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, time.Time{}, err
	}
	var errs []error
	for _, chain := range found {
		until, err := t.current(chain, now)
		if err == nil {
			return chain, until, nil
		}
		errs = append(errs, err)
	}
	return found[0], time.Time{}, errors.Join(errs...)
}

// signsConnections reports whether a certificate is for a key that signs TLS
// handshakes (RFC 8446 section 4.4.2.2, which the library leaves to us), and not
// an authority's, which no caller has (X.509-SVID section 5.2).
func signsConnections(leaf *x509.Certificate) error {
	switch {
	case leaf.IsCA:
		return errors.New("it is the certificate of an authority, not of a client")
	case leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return errors.New("its key usage is without digitalSignature")
	}
	return nil
}

// strong reports whether the key of a certificate is as long as those of issuers
// have to be.
func strong(certificate *x509.Certificate) error {
	if key, ok := certificate.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < minRSA {
		return fmt.Errorf("the RSA key of %q has %d bits, fewer than %d", certificate.Subject, key.N.BitLen(), minRSA)
	}
	return nil
}

// current reports whether nothing in a chain is weak or revoked, and until when
// the answer is good. The anchor at its end is there by the operator's word.
func (t *trust) current(chain []*x509.Certificate, now time.Time) (until time.Time, err error) {
	until = chain[0].NotAfter
	for i, certificate := range chain {
		until = earlier(until, certificate.NotAfter)
		if err := strong(certificate); err != nil {
			return time.Time{}, err
		}
		if i+1 == len(chain) || !t.revokes {
			continue
		}
		list := t.list(chain[i+1])
		if err := t.record.admits(chain[i+1], list); err != nil {
			return time.Time{}, err
		}
		if err := list.admits(certificate, now); err != nil {
			return time.Time{}, err
		}
		until = earlier(until, list.next)
	}
	return until, nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Thumbprint is the x5t#S256 of a certificate (RFC 8705 section 3.1).
func Thumbprint(certificate *x509.Certificate) string {
	sum := sha256.Sum256(certificate.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// loadCertificate reads the server's certificate and its key.
func loadCertificate(certificate, key string) (*tls.Certificate, error) {
	chain, err := readFile(certificate)
	if err != nil {
		return nil, fmt.Errorf("the server's certificate: %w", err)
	}
	secret, err := readKey(key)
	if err != nil {
		return nil, fmt.Errorf("the server's key: %w", err)
	}
	defer clear(secret)
	pair, err := tls.X509KeyPair(chain, secret)
	if err != nil {
		return nil, fmt.Errorf("the server's certificate %s and key %s: %w", certificate, key, err)
	}
	return &pair, nil
}

// expired says that no client will believe the server any more.
func expired(pair *tls.Certificate, now time.Time) error {
	if pair.Leaf != nil && now.After(pair.Leaf.NotAfter) {
		return errors.New("the server's certificate has expired: put a new one in its place")
	}
	return nil
}

// readKey refuses a key that everybody on this machine can read. A group may:
// that is how orchestrators hand secrets to a process.
func readKey(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	// Windows has no such bits: Go makes them up.
	if mode := info.Mode(); !mode.IsRegular() || runtime.GOOS != "windows" && mode.Perm()&0o007 != 0 {
		return nil, fmt.Errorf("%s is %v, and everybody can read it: take the right away with chmod o-rwx", path, mode)
	}
	text, err := readFile(path)
	if err == nil && !bytes.Contains(text, []byte("PRIVATE KEY-----")) {
		err = fmt.Errorf("%s holds no private key: it must be PEM", path)
	}
	return text, err
}
