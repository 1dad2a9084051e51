// Package identitytest makes what an operator has: authorities with revocation
// lists, certificates, and issuers of tokens. All of it is real, its keys are
// fresh, and it ends with the test.
package identitytest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// PKI is a root authority and an intermediate one that signs certificates,
// each with a revocation list. Its methods are safe for concurrent use.
type PKI struct {
	// Dir holds root.pem, the anchor; root.crl and intermediate.crl; and the
	// certificates that were issued to files.
	Dir string
	// Lifetime is how long revocation lists are good for; a day unless it is
	// set before Revoke or WriteLists.
	Lifetime time.Duration

	t            testing.TB
	root         authority
	intermediate authority

	mu      sync.Mutex // guards what follows
	serial  int64
	revoked []x509.RevocationListEntry
	number  int64
}

type authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// NewPKI makes a PKI whose root has this name, below the test's own directory.
func NewPKI(t testing.TB, name string) *PKI {
	t.Helper()
	p := &PKI{Dir: t.TempDir(), Lifetime: 24 * time.Hour, t: t, serial: 1}
	p.root = p.sign(authorityTemplate(name), nil)
	p.intermediate = p.sign(authorityTemplate(name+" intermediate"), &p.root)
	p.write("root.pem", "CERTIFICATE", p.root.certificate.Raw)
	p.WriteLists()
	return p
}

func authorityTemplate(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{Organization: []string{"Enclave"}, CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
}

// sign makes a key and a certificate for it; without an authority it signs
// itself.
func (p *PKI) sign(template *x509.Certificate, by *authority) authority {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatalf("identitytest: %v", err)
	}
	return p.signFor(key, template, by)
}

func (p *PKI) signFor(key crypto.Signer, template *x509.Certificate, by *authority) authority {
	p.t.Helper()
	p.mu.Lock()
	p.serial++
	template.SerialNumber = big.NewInt(p.serial)
	p.mu.Unlock()
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(48*time.Hour)
	parent, signer := template, key
	if by != nil {
		parent, signer = by.certificate, by.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		p.t.Fatalf("identitytest: %v", err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		p.t.Fatalf("identitytest: %v", err)
	}
	return authority{certificate, key}
}

func (p *PKI) write(name, kind string, raw ...[]byte) string {
	p.t.Helper()
	var text []byte
	for _, block := range raw {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: block})...)
	}
	path := filepath.Join(p.Dir, name)
	Replace(p.t, path, text)
	return path
}

// Replace puts a file in its place whole, as a careful operator does.
func Replace(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		t.Fatalf("identitytest: %v", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatalf("identitytest: %v", err)
	}
}

// Root is the path of the anchor.
func (p *PKI) Root() string { return filepath.Join(p.Dir, "root.pem") }

// Lists are the paths of the revocation lists.
func (p *PKI) Lists() []string {
	return []string{filepath.Join(p.Dir, "root.crl"), filepath.Join(p.Dir, "intermediate.crl")}
}

// Pool is the anchor as a client believes it.
func (p *PKI) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.root.certificate)
	return pool
}

// Client is a certificate of a client: a SPIFFE id, a DNS name, or a common
// name when it has a space. The chain ends below the root.
func (p *PKI) Client(name string) tls.Certificate {
	p.t.Helper()
	template := &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	switch id, err := url.Parse(name); {
	case err == nil && id.Scheme == "spiffe":
		template.URIs = []*url.URL{id}
	case strings.Contains(name, " "):
		template.Subject = pkix.Name{CommonName: name}
	default:
		template.DNSNames = []string{name}
	}
	return p.Issue(template)
}

// Issue signs a certificate by the intermediate authority.
func (p *PKI) Issue(template *x509.Certificate) tls.Certificate {
	p.t.Helper()
	return p.chain(p.sign(template, &p.intermediate))
}

// IssueFor is Issue for a key that there is already.
func (p *PKI) IssueFor(key crypto.Signer, template *x509.Certificate) tls.Certificate {
	p.t.Helper()
	return p.chain(p.signFor(key, template, &p.intermediate))
}

func (p *PKI) chain(made authority) tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{made.certificate.Raw, p.intermediate.certificate.Raw}, PrivateKey: made.key, Leaf: made.certificate}
}

// Server is a certificate of a server on loopback addresses.
func (p *PKI) Server() tls.Certificate {
	p.t.Helper()
	return p.Issue(&x509.Certificate{
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	})
}

// Write writes a certificate with its chain and its key to files of this name,
// .pem and .key, and returns their paths.
func (p *PKI) Write(name string, c tls.Certificate) (certificate, key string) {
	p.t.Helper()
	raw, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		p.t.Fatalf("identitytest: %v", err)
	}
	return p.write(name+".pem", "CERTIFICATE", c.Certificate...), p.write(name+".key", "PRIVATE KEY", raw)
}

// Revoke puts a certificate on the intermediate's list and writes it.
// It leaves the root's list as it is.
func (p *PKI) Revoke(c tls.Certificate) {
	p.t.Helper()
	p.mu.Lock()
	p.revoked = append(p.revoked, x509.RevocationListEntry{SerialNumber: c.Leaf.SerialNumber, RevocationTime: time.Now().Add(-time.Minute)})
	p.mu.Unlock()
	p.writeIntermediate()
}

// RevokeIntermediate puts the intermediate authority on the root's list and
// writes it.
func (p *PKI) RevokeIntermediate() {
	p.t.Helper()
	revoked := x509.RevocationListEntry{SerialNumber: p.intermediate.certificate.SerialNumber, RevocationTime: time.Now().Add(-time.Minute)}
	p.write("root.crl", "X509 CRL", p.list(p.root, []x509.RevocationListEntry{revoked}))
}

// WriteLists writes new revocation lists: the root's as PEM, the intermediate's
// as DER.
func (p *PKI) WriteLists() {
	p.t.Helper()
	p.write("root.crl", "X509 CRL", p.list(p.root, nil))
	p.writeIntermediate()
}

func (p *PKI) writeIntermediate() {
	p.t.Helper()
	p.mu.Lock()
	revoked := slices.Clone(p.revoked)
	p.mu.Unlock()
	Replace(p.t, filepath.Join(p.Dir, "intermediate.crl"), p.list(p.intermediate, revoked))
}

// list is signed by the authority and good for Lifetime.
func (p *PKI) list(by authority, revoked []x509.RevocationListEntry) []byte {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.signList(by, x509.RevocationList{RevokedCertificateEntries: revoked})
}

// signList fills in number and times; mu is held.
func (p *PKI) signList(by authority, list x509.RevocationList) []byte {
	p.t.Helper()
	p.number++
	now := time.Now()
	list.Number, list.ThisUpdate, list.NextUpdate = big.NewInt(p.number), now.Add(min(0, p.Lifetime)-time.Minute), now.Add(p.Lifetime)
	raw, err := x509.CreateRevocationList(rand.Reader, &list, by.certificate, by.key)
	if err != nil {
		p.t.Fatalf("identitytest: %v", err)
	}
	return raw
}

// WriteList writes a list of the intermediate authority that is as the template
// says, with a number and times of its own, in the place of its list.
func (p *PKI) WriteList(template x509.RevocationList) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	Replace(p.t, filepath.Join(p.Dir, "intermediate.crl"), p.signList(p.intermediate, template))
}
