package platformd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/http"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestAttackCertificateForSomethingElse: our own authority signed each of these
// for the service's name, and none for the client of a TLS connection.
func TestAttackCertificateForSomethingElse(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	names, client := []string{platformtest.Pipeline}, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		certificate tls.Certificate
		want        int
	}{
		"a client's":          {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: client, KeyUsage: x509.KeyUsageDigitalSignature}), http.StatusOK},
		"without key usage":   {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: client}), http.StatusOK},
		"a server's":          {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}), 0},
		"a signer's of code":  {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}), 0},
		"for key agreement":   {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: client, KeyUsage: x509.KeyUsageKeyAgreement}), 0},
		"an authority's":      {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: client, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true}), 0},
		"of a short RSA key":  {p.PKI.IssueFor(weak, &x509.Certificate{DNSNames: names, ExtKeyUsage: client, KeyUsage: x509.KeyUsageDigitalSignature}), 0},
		"of a wildcard":       {p.PKI.Issue(&x509.Certificate{DNSNames: []string{"*.enclave.example"}, ExtKeyUsage: client}), http.StatusUnauthorized},
		"of the common name":  {p.PKI.Issue(&x509.Certificate{Subject: pkix.Name{CommonName: platformtest.Pipeline}, ExtKeyUsage: client}), http.StatusUnauthorized},
		"of an address of it": {p.PKI.Issue(&x509.Certificate{EmailAddresses: []string{"x@" + platformtest.Pipeline}, ExtKeyUsage: client}), http.StatusUnauthorized},
	} {
		if got := list(t, p, p.Client(c.certificate)); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

// TestAttackAuthorityBeyondItsNames: an authority that may name the hosts of one
// place only cannot make the services of another.
func TestAttackAuthorityBeyondItsNames(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t, func(f *configfile.File) { f.TLS.CRLFiles = nil })
	below := func(domain string) tls.Certificate {
		authority := p.PKI.Issue(&x509.Certificate{
			Subject: pkix.Name{CommonName: "limited"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, PermittedDNSDomains: []string{domain},
		})
		return under(t, authority, &x509.Certificate{DNSNames: []string{platformtest.Pipeline}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	}
	if got := list(t, p, p.Client(below("enclave.example"))); got != http.StatusOK {
		t.Errorf("within its names: got %d, want 200", got)
	}
	if got := list(t, p, p.Client(below("partner.example"))); got != 0 {
		t.Errorf("beyond its names: got %d, want the connection refused", got)
	}
}

// under signs a certificate by an authority of the test's own.
func under(t *testing.T, authority tls.Certificate, template *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = big.NewInt(7), time.Now().Add(-time.Minute), time.Now().Add(time.Hour)
	raw, err := x509.CreateCertificate(rand.Reader, template, authority.Leaf, key.Public(), authority.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: append([][]byte{raw}, authority.Certificate...), PrivateKey: key}
}

// TestAttackPartialRevocationList: a list that tells only a part, or whose
// signature somebody else could have made, does not stand in for the whole one,
// or what is revoked came back to life.
func TestAttackPartialRevocationList(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	stolen, good := p.PKI.Client(platformtest.Pipeline), p.PKI.Client(platformtest.Pipeline)
	p.PKI.Revoke(stolen)
	await(t, "the revoked certificate", 0, func() int { return list(t, p, p.Client(stolen)) })
	whole := x509.RevocationList{RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: stolen.Leaf.SerialNumber, RevocationTime: time.Now().Add(-time.Minute)}}}
	watcher := p.Client()
	ready := func() int {
		status, _ := knock(t, watcher, http.MethodGet, p.Endpoint+"/readyz", "")
		return status
	}
	extended := func(critical bool, last int, value string) x509.RevocationList {
		return x509.RevocationList{ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, last}, Critical: critical, Value: []byte(value)}}}
	}
	for name, partial := range map[string]x509.RevocationList{
		"a delta list":                      extended(true, 27, "\x02\x01\x01"),
		"a delta list that is not critical": extended(false, 27, "\x02\x01\x01"),
		"of users only":                     extended(true, 28, "\x30\x03\x81\x01\xff"),
		"of users only, not critical":       extended(false, 28, "\x30\x03\x81\x01\xff"),
		"signed by way of SHA-1":            {SignatureAlgorithm: x509.ECDSAWithSHA1},
	} {
		p.PKI.WriteList(partial)
		await(t, name, http.StatusServiceUnavailable, ready)
		if got := list(t, p, p.Client(stolen)); got != 0 {
			t.Errorf("%s: the revoked certificate: got %d, want the connection refused", name, got)
		}
		if got := list(t, p, p.Client(good)); got != http.StatusOK {
			t.Errorf("%s: another certificate: got %d, want 200", name, got)
		}
		p.PKI.WriteList(whole)
		await(t, name+" is gone", http.StatusOK, ready)
	}
	if got := list(t, p, p.Client(stolen), bearer(p.IDP.Token(identitytest.User("ana")))); got != 0 {
		t.Errorf("at the end: got %d, want the connection refused", got)
	}
}
