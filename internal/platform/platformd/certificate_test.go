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
	"encoding/base64"
	"math/big"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity"
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
		"a client's":         {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: client, KeyUsage: x509.KeyUsageDigitalSignature}), http.StatusOK},
		"without key usage":  {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: client}), http.StatusOK},
		"a server's":         {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}), 0},
		"a signer's of code": {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}), 0},
		"for key agreement":  {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: client, KeyUsage: x509.KeyUsageKeyAgreement}), 0},
		"an authority's":     {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: client, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true}), 0},
		"of a short RSA key": {p.PKI.IssueFor(weak, &x509.Certificate{DNSNames: names, ExtKeyUsage: client, KeyUsage: x509.KeyUsageDigitalSignature}), 0},
		"with a part that is critical and not known": {p.PKI.Issue(&x509.Certificate{DNSNames: names, ExtKeyUsage: client,
			ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 999, 1}, Critical: true, Value: []byte{5, 0}}}}), 0},
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

// TestAttackUsersTokenBoundToTheService: a service that logs users in over mutual
// TLS gets their tokens bound to its own certificate (RFC 8705 section 3). It acts
// for them all the same: what it may not do itself it cannot do by their tokens,
// and a service that may act for nobody cannot use them.
func TestAttackUsersTokenBoundToTheService(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	root := func(c tls.Certificate) []string {
		bound := identitytest.Administrator("root").With("cnf", map[string]any{"x5t#S256": identity.Thumbprint(c.Leaf)})
		return []string{bearer(p.IDP.Token(bound))}
	}
	person, portal, pipeline := p.PKI.Client("Root Stone"), p.PKI.Client(platformtest.Portal), p.PKI.Client(platformtest.Pipeline)
	const domain = `{"display_name":"S","discipline":"SIGINT","contact":"s@x.example","team":{"a":{"role":"owner"}}}`
	for name, c := range map[string]struct {
		certificate tls.Certificate
		want        int
	}{
		"the administrator":                      {person, http.StatusOK},
		"a service that is no administrator":     {portal, http.StatusForbidden},
		"a service that may not act for anybody": {pipeline, http.StatusUnauthorized},
	} {
		if got, body := knock(t, p.Client(c.certificate), http.MethodPut, p.Endpoint+"/api/v1/domains/sigint?dry_run=true", domain, root(c.certificate)...); got != c.want {
			t.Errorf("%s: got %d %s, want %d", name, got, body, c.want)
		}
	}
}

// TestAttackRevokedAuthority: what an authority signed ends with the authority,
// on connections that are open as well, although its own list lets it pass.
func TestAttackRevokedAuthority(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	certificate := p.PKI.Client(platformtest.Pipeline)
	open := p.Client(certificate)
	if got := list(t, p, open); got != http.StatusOK {
		t.Fatalf("before: got %d, want 200", got)
	}
	p.PKI.RevokeIntermediate()
	await(t, "on its connection", refusal, func() int { return refusalOf(list(t, p, open)) })
	if got := list(t, p, p.Client(certificate)); got != 0 {
		t.Errorf("on a new one: got %d, want the connection refused", got)
	}
}

// TestAttackEnforcementPointIsRevoked: what a body says of others counts no more
// from a service whose certificate is revoked, on a connection over which it was
// believed.
func TestAttackEnforcementPointIsRevoked(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t, func(f *configfile.File) {
		f.EnforcementPoints = []configfile.EnforcementPoint{{Issuer: configfile.ServiceIssuer, Subject: platformtest.Portal}}
	})
	domain := &catalog.Domain{Name: "sigint", DisplayName: "S", Discipline: catalog.DisciplineSIGINT, Contact: "s@enclave.example", Team: map[string]catalog.Member{"ana": {Role: catalog.RoleOwner}}}
	product := &catalog.Product{Domain: "sigint", Name: "tracks", Title: "T", Version: "1.0.0", Marking: "SECRET//REL TO USA, GBR"}
	for _, object := range []catalog.Object{domain, product} {
		if _, err := p.Admin().Put(t.Context(), object, catalog.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	const question = `{"subject":{"type":"user","id":"brit","properties":{"clearance":"S","countryOfAffiliation":["GBR"],"dutyOrganization":"GBR.MOD","employmentType":"gov"}},
		"action":{"name":"read"},"resource":{"type":"product","id":"sigint/tracks"}}`
	certificate := p.PKI.Client(platformtest.Portal)
	portal := p.Client(certificate)
	ask := func() int {
		status, body := knock(t, portal, http.MethodPost, p.Endpoint+"/access/v1/evaluation", question)
		if status == http.StatusOK && body != `{"decision":true}` {
			t.Errorf("got %s, want a permit", body)
		}
		return refusalOf(status)
	}
	if got := ask(); got != http.StatusOK {
		t.Fatalf("before: got %d, want 200", got)
	}
	p.PKI.Revoke(certificate)
	await(t, "afterwards", refusal, ask)
}

// TestAttackPartialRevocationList: a list that tells only a part, or whose
// signature somebody else could have made, does not stand in for the whole one,
// or what is revoked came back to life.
func TestAttackPartialRevocationList(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	stolen, good := p.PKI.Client(platformtest.Pipeline), p.PKI.Client(platformtest.Pipeline)
	p.PKI.Revoke(stolen)
	await(t, "the revoked certificate", 0, func() int { return anew(t, p, stolen) })
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

// TestAttackNoTokenThroughAService: a service passes on what somebody sent it. A
// token of no letters is nobody's: it makes of nobody the service itself, whatever
// the form that it is sent in.
func TestAttackNoTokenThroughAService(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	client := p.Client(p.PKI.Client(platformtest.Portal))
	const registry = "/schema-registry/"
	if status, _ := knock(t, client, http.MethodGet, p.Endpoint+registry, ""); status != http.StatusOK {
		t.Fatalf("the service itself: got %d, want 200", status)
	}
	basic := func(user, password string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	for name, c := range map[string]struct{ path, header string }{
		"bearer of nothing":                  {"/api/v1/domains", "Authorization: Bearer "},
		"bearer of a space":                  {"/api/v1/domains", "Authorization: Bearer  "},
		"bearer of nothing, to the registry": {registry, "Authorization: Bearer "},
		"the service's name and no password": {registry, basic(platformtest.Portal, "")},
		"neither name nor password":          {registry, basic("", "")},
	} {
		if status, body := knock(t, client, http.MethodGet, p.Endpoint+c.path, "", c.header); status != http.StatusUnauthorized {
			t.Errorf("%s: got %d %s, want 401", name, status, body)
		}
	}
}

// TestAttackServiceThatActsForNobody: what the operator did not allow to act for
// users does not, and a certificate that is not listed is nobody.
func TestAttackServiceThatActsForNobody(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	token := bearer(p.IDP.Token(identitytest.User("ana")))
	two := p.PKI.Issue(&x509.Certificate{DNSNames: []string{platformtest.Pipeline, "laptop.enclave.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	id := func(path string) *url.URL { return &url.URL{Scheme: "spiffe", Host: "enclave.example", Path: path} }
	many := p.PKI.Issue(&x509.Certificate{
		URIs: []*url.URL{id("/portal"), id("/other")}, DNSNames: []string{platformtest.Pipeline}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	for name, c := range map[string]struct {
		client  *http.Client
		headers []string
		want    int
	}{
		"two SPIFFE ids and a name":     {p.Client(many), nil, 401},
		"the service itself":            {p.Client(p.PKI.Client(platformtest.Pipeline)), nil, 200},
		"listed by one of its names":    {p.Client(two), nil, 200},
		"with a user's token":           {p.Client(p.PKI.Client(platformtest.Pipeline)), []string{token}, 401},
		"with a token that is broken":   {p.Client(p.PKI.Client(platformtest.Portal)), []string{token + "x"}, 401},
		"with an empty header":          {p.Client(p.PKI.Client(platformtest.Pipeline)), []string{"Authorization: "}, 401},
		"a name that is not listed":     {p.Client(p.PKI.Client("spiffe://enclave.example/other")), nil, 401},
		"a path below a listed one":     {p.Client(p.PKI.Client(platformtest.Portal + "/x")), nil, 401},
		"a listed name as common name":  {p.Client(p.PKI.Client(platformtest.Pipeline + " x")), nil, 401},
		"a page in somebody's browser":  {p.Client(p.PKI.Client(platformtest.Pipeline)), []string{"Sec-Fetch-Site: cross-site"}, 200},
		"nobody's certificate, a token": {p.Client(p.PKI.Client("Ana Stone")), []string{token}, 200},
	} {
		if got := list(t, p, c.client, c.headers...); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
	const domain = `{"display_name":"S","discipline":"SIGINT","contact":"s@x.example","team":{"a":{"role":"owner"}}}`
	put := func(headers ...string) int {
		status, _ := knock(t, p.Client(p.PKI.Client(platformtest.Pipeline)), http.MethodPut, p.Endpoint+"/api/v1/domains/sigint?dry_run=true", domain, headers...)
		return status
	}
	if got := put("Sec-Fetch-Site: cross-site"); got != http.StatusUnauthorized {
		t.Errorf("a change by a page in somebody's browser: got %d, want 401", got)
	}
	if got := put(); got != http.StatusOK && got != http.StatusCreated {
		t.Errorf("the same change by the service: got %d, want it done", got)
	}
}
