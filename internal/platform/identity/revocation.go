package identity

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"sync"
	"time"
)

// list is a revocation list (RFC 5280 section 5) that was parsed; whether its
// authority signed it shows when the authority is met in a chain.
type list struct {
	*x509.RevocationList
	path    string
	next    time.Time
	revoked map[string]bool // by serial number
	signers sync.Map        // heldBy of an authority to whether it signed the list
}

// signedBy is asked for every client, and a list may have megabytes.
func (l *list) signedBy(authority *x509.Certificate) bool {
	key := heldBy(authority)
	if known, ok := l.signers.Load(key); ok {
		return known == true
	}
	signed := l.CheckSignatureFrom(authority) == nil
	l.signers.Store(key, signed)
	return signed
}

// lists are those that name one authority as their issuer.
type lists []*list

func (t *trust) addLists(path string) error {
	text, err := readFile(path)
	if err != nil {
		return fmt.Errorf("revocation lists: %w", err)
	}
	found := 0
	for text, more := text, true; more; found++ {
		var raw []byte
		if raw, text, more = nextList(text); !more {
			break
		}
		parsed, err := parseList(raw)
		if err != nil {
			return fmt.Errorf("revocation lists: %s: %w", path, err)
		}
		parsed.path = path
		t.lists[string(parsed.RawIssuer)] = append(t.lists[string(parsed.RawIssuer)], parsed)
	}
	if found == 0 {
		return fmt.Errorf("revocation lists: %s holds none: it must be PEM or DER", path)
	}
	return nil
}

// nextList is the next list of a file, PEM or DER.
func nextList(text []byte) (raw, rest []byte, ok bool) {
	if !bytes.Contains(text, []byte("-----BEGIN")) {
		return text, nil, len(bytes.TrimSpace(text)) > 0
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "X509 CRL" {
		return []byte("not a revocation list"), nil, true // parsing says so
	}
	return block.Bytes, bytes.TrimSpace(rest), true
}

// The extensions of a list that tells only a part (RFC 5280 sections 5.2.4 and
// 5.2.5): the changes since another list, or some certificates or reasons.
var (
	deltaIndicator    = asn1.ObjectIdentifier{2, 5, 29, 27}
	distributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
)

// check refuses a list that tells only a part, which should say so by a critical
// extension, and one that two texts could have the signature of: SHA-1, which
// the library takes for lists, though for no certificate.
func (l *list) check() error {
	for _, extension := range l.Extensions {
		if extension.Critical || extension.Id.Equal(deltaIndicator) || extension.Id.Equal(distributionPoint) {
			return fmt.Errorf("the list of %q has the extension %v: only complete lists are read", l.Issuer, extension.Id)
		}
	}
	switch l.SignatureAlgorithm {
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1:
		return fmt.Errorf("the list of %q is signed by way of SHA-1: have it signed with SHA-256 or better", l.Issuer)
	}
	if l.NextUpdate.IsZero() {
		return fmt.Errorf("the list of %q does not say when the next one comes: RFC 5280 requires nextUpdate", l.Issuer)
	}
	return nil
}

func parseList(raw []byte) (*list, error) {
	parsed, err := x509.ParseRevocationList(raw)
	if err != nil {
		return nil, fmt.Errorf("not a revocation list: %w", err)
	}
	l := &list{RevocationList: parsed, next: parsed.NextUpdate, revoked: make(map[string]bool, len(parsed.RevokedCertificateEntries))}
	if err := l.check(); err != nil {
		return nil, err
	}
	for _, entry := range parsed.RevokedCertificateEntries {
		for _, extension := range entry.Extensions {
			if extension.Critical {
				return nil, fmt.Errorf("the list of %q has an entry with the critical extension %v: only lists of an authority's own certificates are read", parsed.Issuer, extension.Id)
			}
		}
		l.revoked[string(entry.SerialNumber.Bytes())] = true
	}
	return l, nil
}

// of is the newest list that this authority signed, nil for none. An authority
// of the same name with another key is another one.
func (all lists) of(authority *x509.Certificate) *list {
	var newest *list
	for _, l := range all {
		if l.signedBy(authority) && (newest == nil || l.after(newest)) {
			newest = l
		}
	}
	return newest
}

// held is the newest list of an authority that was in force in this process.
type held struct {
	authority *x509.Certificate
	list      *list
}

// heldBy is the key of an authority among those held: name and public key.
func heldBy(authority *x509.Certificate) string {
	return string(authority.RawSubject) + string(authority.RawSubjectPublicKeyInfo)
}

// list is the one in force of an authority, nil for none: that of the files,
// unless a newer one was in force before. An older one is good for as long as it
// says, so whoever can put it back would bring back whom the newer one revoked.
func (t *trust) list(of *x509.Certificate) *list {
	found := t.lists[string(of.RawSubject)].of(of)
	if before, known := t.held[heldBy(of)]; known && found != nil && before.list.after(found) {
		return before.list
	}
	return found
}

// follow takes over from the trust before this one what was in force: for its
// anchors, and for the authorities between anchors and clients that were met.
// Only a signature makes a list count, so none of somebody else is taken over.
func (t *trust) follow(before *trust, met []*x509.Certificate) {
	t.held = map[string]held{}
	maps.Copy(t.held, before.held)
	for _, authority := range slices.Concat(before.authorities, met) {
		if l := before.list(authority); l != nil {
			t.held[heldBy(authority)] = held{authority, l}
		}
	}
	var older []error
	for _, h := range t.held {
		if t.list(h.authority) == h.list && !slices.ContainsFunc(t.lists[string(h.authority.RawSubject)], h.list.same) {
			older = append(older, fmt.Errorf("the revocation list of %q in the files is older than the one in force, number %v of %s, which stays in force: put the newest one there",
				h.list.Issuer, number(h.list), h.list.ThisUpdate.UTC().Format(time.RFC3339)))
		}
	}
	t.older = errors.Join(older...)
}

func (l *list) same(other *list) bool { return bytes.Equal(l.Raw, other.Raw) }

func (l *list) after(other *list) bool {
	if c := number(l).Cmp(number(other)); c != 0 {
		return c > 0
	}
	return l.ThisUpdate.After(other.ThisUpdate)
}

func number(l *list) *big.Int {
	if l.Number == nil {
		return new(big.Int)
	}
	return l.Number
}

// admits fails closed: without a list, and with one whose successor is overdue,
// nobody knows what was revoked.
func (l *list) admits(certificate *x509.Certificate, now time.Time) error {
	switch {
	case l == nil:
		return fmt.Errorf("there is no revocation list of %q that it signed", certificate.Issuer)
	case l.stale(now) != nil:
		return l.stale(now)
	case now.Before(l.ThisUpdate.Add(-Leeway)):
		return fmt.Errorf("the revocation list of %q is of the future", certificate.Issuer)
	case l.revoked[string(certificate.SerialNumber.Bytes())]:
		return fmt.Errorf("the certificate with serial number %x of %q is revoked", certificate.SerialNumber, certificate.Issuer)
	}
	return nil
}

func (l *list) stale(now time.Time) error {
	if now.After(l.next) {
		return fmt.Errorf("the revocation list of %q has expired, so certificates of that authority are refused: get a new one to %s", l.Issuer, l.path)
	}
	return nil
}

// trouble names the authorities without a current list, or with an older one.
func (t *trust) trouble(now time.Time) error {
	if t.older != nil {
		return t.older
	}
	for _, authority := range t.record.authorities() {
		if err := t.record.admits(authority, t.list(authority)); err != nil {
			return err
		}
	}
	for _, of := range t.lists {
		newest := of[0]
		for _, l := range of[1:] {
			if l.after(newest) {
				newest = l
			}
		}
		if err := newest.stale(now); err != nil {
			return err
		}
	}
	return nil
}
