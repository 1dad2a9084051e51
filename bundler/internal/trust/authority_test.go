package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// holder is a certificate and its key.
type holder struct {
	t           *testing.T
	certificate *x509.Certificate
	key         crypto.Signer
	above       []*x509.Certificate // up to the root, which comes last
}

func curveKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

var serials = func() func() *big.Int {
	numbers := make(chan *big.Int)
	go func() {
		for i := int64(1); ; i++ {
			numbers <- big.NewInt(i)
		}
	}()
	return func() *big.Int { return <-numbers }
}()

// issue makes a certificate under the holder; under a nil one it is a root.
func (h *holder) issue(t *testing.T, template *x509.Certificate, key crypto.Signer) *holder {
	t.Helper()
	template.SerialNumber = serials()
	parent, signer, above := template, key, []*x509.Certificate(nil)
	if h != nil {
		parent, signer, above = h.certificate, h.key, append([]*x509.Certificate{h.certificate}, h.above...)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	must(t, err)
	certificate, err := x509.ParseCertificate(der)
	must(t, err)
	return &holder{t, certificate, key, above}
}

func authorityTemplate(name string, usage ...x509.ExtKeyUsage) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name, Organization: []string{"Example"}, Country: []string{"GB"}, Province: []string{"London"}},
		NotBefore: epoch.AddDate(-10, 0, 0), NotAfter: epoch.AddDate(100, 0, 0),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, ExtKeyUsage: usage, BasicConstraintsValid: true, IsCA: true,
	}
}

// epoch is when the certificates of the tests begin to be valid.
var epoch = time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)

// expiry is when they end.
var expiry = epoch.Add(24 * time.Hour)

func leafTemplate(identity string) *x509.Certificate {
	u, _ := url.Parse(identity)
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: "release", Organization: []string{"Example"}, Country: []string{"GB"}, Province: []string{"London"}},
		NotBefore: epoch, NotAfter: expiry, URIs: []*url.URL{u},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
}

// clock is an RFC 3161 timestamp authority.
type clock struct{ *holder }

func newClock(t *testing.T) clock {
	t.Helper()
	eku, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	must(t, err)
	root := (*holder)(nil).issue(t, authorityTemplate("clock root"), curveKey(t))
	return clock{root.issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "clock"}, NotBefore: epoch.AddDate(-1, 0, 0), NotAfter: epoch.AddDate(90, 0, 0), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: eku}},
	}, curveKey(t))}
}

// stamp is a response over a signature.
func (c clock) stamp(signature []byte, at time.Time, hash crypto.Hash) []byte {
	c.t.Helper()
	return c.respond(timestamp.Timestamp{HashAlgorithm: hash, HashedMessage: sum(hash, signature)}, at)
}

// stampHash is a response to a request with a SHA-256 sum and a nonce.
func (c clock) stampHash(sum []byte, at time.Time, nonce *big.Int) []byte {
	c.t.Helper()
	return c.respond(timestamp.Timestamp{HashAlgorithm: crypto.SHA256, HashedMessage: sum, Nonce: nonce}, at)
}

func (c clock) respond(stamp timestamp.Timestamp, at time.Time) []byte {
	c.t.Helper()
	stamp.Time, stamp.Policy, stamp.AddTSACertificate, stamp.SerialNumber = at, asn1.ObjectIdentifier{1, 2, 3}, true, serials()
	response, err := stamp.CreateResponseWithOpts(c.certificate, c.key, crypto.SHA256)
	must(c.t, err)
	return response
}

func chainPEM(chain ...*x509.Certificate) []byte {
	var b bytes.Buffer
	for _, c := range chain {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return b.Bytes()
}

// chain is the holder's certificate and all above it.
func (h *holder) chain() []byte {
	return chainPEM(append([]*x509.Certificate{h.certificate}, h.above...)...)
}

func (h *holder) root() *x509.Certificate { return h.above[len(h.above)-1] }

func (h *holder) sign(message []byte) []byte {
	h.t.Helper()
	signature, err := h.key.Sign(rand.Reader, sum(crypto.SHA256, message), crypto.SHA256)
	must(h.t, err)
	return signature
}

// simpleOf is cosign's payload for a digest.
func simpleOf(d artifact.Digest) []byte {
	return []byte(`{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":"` + string(d) + `"},"type":"` + typeSimplePayload + `"},"optional":null}`)
}

// certifiedPart is a signature of a certificate as "cosign sign --certificate"
// leaves it: in the annotations of a layer. No stamp: none.
func (h *holder) certifiedPart(payload []byte, stamp func(signature []byte) []byte) part {
	signature := h.sign(payload)
	annotations := map[string]string{
		annotationSignature: encode64(signature), annotationCertificate: string(chainPEM(h.certificate)), annotationChain: string(chainPEM(h.above...)),
	}
	if stamp != nil {
		annotations[annotationTimestamp] = `{"SignedRFC3161Timestamp":"` + encode64(stamp(signature)) + `"}`
	}
	return part{typeSimpleSigning, payload, annotations}
}

// realm is an authority of one's own with a clock.
type realm struct {
	office
	root, middle *holder
	clock        clock
}

func newRealm(t *testing.T) realm {
	t.Helper()
	root := (*holder)(nil).issue(t, authorityTemplate("root"), curveKey(t))
	r := realm{newOffice(), root, root.issue(t, authorityTemplate("middle"), curveKey(t)), newClock(t)}
	r.file("root.pem", chainPEM(root.certificate))
	r.file("middle.pem", chainPEM(r.middle.certificate))
	r.file("clock.pem", r.clock.chain())
	return r
}

const releaser = "https://example.org/release"

const (
	trustStamped = "{ca: {roots: [root.pem], identity: https://example.org/release, timestampAuthorities: [clock.pem]}}"
	trustNow     = "{ca: {roots: [root.pem], intermediates: [middle.pem], identity: https://example.org/release, validAt: now}}"
	trustSigning = "{ca: {roots: [root.pem], identityRegexp: https://example\\.org/.*, validAt: signing}}"
	trustBoth    = "{ca: {roots: [root.pem], identity: https://example.org/release, timestampAuthorities: [clock.pem], validAt: now}}"
)

func (r realm) leaf(t *testing.T) *holder {
	return r.middle.issue(t, leafTemplate(releaser), curveKey(t))
}

// Attack 15: a certificate outside of its time, at both edges, with a trusted
// timestamp, with a chosen moment and with both.
func TestExpiredCertificateAtBothEdges(t *testing.T) {
	t.Parallel()
	r, second := newRealm(t), time.Second
	leaf := r.leaf(t)
	const lapsed, stampLess = "does not hold at", "has no timestamp"
	for _, tt := range []struct {
		name, trust string
		stamped     time.Time // zero: not at all
		judged      time.Time
		want        string // "": passes
	}{
		{"stamped before the first second", trustStamped, epoch.Add(-second), epoch, lapsed},
		{"stamped in the first second", trustStamped, epoch, expiry.AddDate(1, 0, 0), ""},
		{"stamped in the last second", trustStamped, expiry, expiry.AddDate(5, 0, 0), ""},
		{"stamped after the last second", trustStamped, expiry.Add(second), expiry, lapsed},
		{"not stamped", trustStamped, time.Time{}, epoch, stampLess},
		{"judged before the first second", trustNow, time.Time{}, epoch.Add(-second), lapsed},
		{"judged in the first second", trustNow, time.Time{}, epoch, ""},
		{"judged in the last second", trustNow, time.Time{}, expiry, ""},
		{"judged after the last second", trustNow, time.Time{}, expiry.Add(second), lapsed},
		{"judged after the last second, stamped", trustNow, epoch, expiry.Add(second), lapsed},
		{"stamped and judged in time", trustBoth, epoch, expiry, ""},
		{"stamped in time, judged too late", trustBoth, epoch, expiry.Add(second), lapsed},
		{"judged in time, stamped too late", trustBoth, expiry.Add(second), expiry, lapsed},
		{"judged in time, not stamped", trustBoth, time.Time{}, expiry, stampLess},
		{"the policy believes the signer", trustSigning, time.Time{}, expiry.AddDate(1, 0, 0), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := anImage(t)
			var stamp func([]byte) []byte
			if !tt.stamped.IsZero() {
				stamp = func(signature []byte) []byte { return r.clock.stamp(signature, tt.stamped, crypto.SHA256) }
			}
			c.attach(lock.FormSignatureTag, c.item.Root, "", leaf.certifiedPart(simpleOf(c.item.Root.Digest), stamp))
			v := r.verifier(t, policyText(tt.trust, signedByVendor, ""))
			if tt.want != "" {
				c.refusedAt(v, tt.judged, tt.want)
				return
			}
			verdict, err := v.Judge(t.Context(), c.item, c, tt.judged)
			must(t, err)
			if len(verdict.Signers) != 1 || !strings.Contains(verdict.Signers[0], releaser) {
				t.Errorf("got verdict %+v, want it to name %s", verdict, releaser)
			}
		})
	}
}

// Attack 16: timestamps of strangers, over other signatures, over weak hashes,
// of monstrous size.
func TestTimestampsThatProveNothing(t *testing.T) {
	t.Parallel()
	r, stranger := newRealm(t), newClock(t)
	leaf := r.leaf(t)
	for want, stamp := range map[string]func([]byte) []byte{
		"has a timestamp that does not hold": func(signature []byte) []byte { return stranger.stamp(signature, epoch, crypto.SHA256) },
		"hashed messages don't match":        func([]byte) []byte { return r.clock.stamp([]byte("another signature"), epoch, crypto.SHA256) },
		"that cannot be read":                func([]byte) []byte { return []byte("x") },
		"at most 65536 are read":             func([]byte) []byte { return make([]byte, maxTimestamp+1) },
		"x509: certificate has expired":      func(signature []byte) []byte { return r.clock.stamp(signature, epoch.AddDate(-2, 0, 0), crypto.SHA256) },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			c := anImage(t)
			c.attach(lock.FormSignatureTag, c.item.Root, "", leaf.certifiedPart(simpleOf(c.item.Root.Digest), stamp))
			c.refusedAt(r.verifier(t, policyText(trustStamped, signedByVendor, "")), epoch, want)
		})
	}
}

// FIPS 140-3: no timestamp over a hash that somebody can make twins for. The
// library that makes the other timestamps refuses to make such a one.
func TestTimestampsOverWeakHashesAreNotTaken(t *testing.T) {
	t.Parallel()
	for h, want := range map[crypto.Hash]bool{crypto.MD5: false, crypto.SHA1: false, crypto.SHA224: false, crypto.SHA256: true, crypto.SHA384: true, crypto.SHA512: true, 0: false} {
		if got := takenHash(h); got != want {
			t.Errorf("%s: got %v, want %v", h, got, want)
		}
	}
}

// Attack 13 in an authority of one's own: who else has a certificate.
func TestCertificateOfSomebodyElseIsRefused(t *testing.T) {
	t.Parallel()
	r, other := newRealm(t), newRealm(t)
	authority := leafTemplate(releaser)
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	encipher := leafTemplate(releaser)
	encipher.KeyUsage = x509.KeyUsageKeyEncipherment
	server := leafTemplate(releaser)
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	for _, tt := range []struct {
		name string
		leaf *holder
		want string
	}{
		{"another identity", r.middle.issue(t, leafTemplate("https://example.org/release2"), curveKey(t)), "not by certificate of " + releaser},
		{"identity as a part of another", r.middle.issue(t, leafTemplate("https://example.org/release/x"), curveKey(t)), "not by certificate of " + releaser},
		{"another root of the same name", other.leaf(t), "not issued by"},
		{"issued by a leaf", r.leaf(t).issue(t, leafTemplate(releaser), curveKey(t)), "not issued by"},
		{"an authority itself", r.middle.issue(t, authority, curveKey(t)), "not a certificate to sign with"},
		{"not for signatures", r.middle.issue(t, encipher, curveKey(t)), "not a certificate to sign with"},
		{"not for code", r.middle.issue(t, server, curveKey(t)), "incompatible key usage"},
		{"weak key", r.middle.issue(t, leafTemplate(releaser), short), "weak key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := anImage(t)
			c.attach(lock.FormSignatureTag, c.item.Root, "", tt.leaf.certifiedPart(simpleOf(c.item.Root.Digest), nil))
			c.refusedAt(r.verifier(t, policyText(trustNow, signedByVendor, "")), epoch, tt.want)
		})
	}
}

// Attack 14: the true certificate beside a signature that its key did not make.
func TestTrueCertificateWithFalseSignatureRefuses(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	leaf := r.leaf(t)
	c := anImage(t)
	good := leaf.certifiedPart(simpleOf(c.item.Root.Digest), nil)
	forged := (&holder{t, leaf.certificate, curveKey(t), leaf.above}).certifiedPart(simpleOf(c.item.Root.Digest), nil)
	c.attach(lock.FormSignatureTag, c.item.Root, "", good, forged)
	v := r.verifier(t, policyText(trustNow, signedByVendor, ""))
	c.refusedAt(v, epoch, "whose key did not sign it")
	c = anImage(t)
	c.attach(lock.FormSignatureTag, c.item.Root, "", leaf.certifiedPart(simpleOf(artifact.DigestOf([32]byte{1})), nil))
	c.refusedAt(v, epoch, "is a true signature of another artifact")
}

// Envelopes of an authority of one's own count too, as signature and as
// attestation, by tag and as bundle.
func TestAuthoritySignsEnvelopes(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	leaf := r.leaf(t)
	sources := "  - {match: registry.example/**, signature: vendor, require: [{predicateType: https://slsa.dev/provenance/v1}]}\n"
	v := r.verifier(t, policyText(strings.Replace(trustStamped, "root.pem]", "root.pem], intermediates: [middle.pem]", 1), sources, ""))
	stamp := func(signature []byte) []byte { return r.clock.stamp(signature, epoch, crypto.SHA384) }
	c := anImage(t)
	c.attach(lock.FormReferrer, c.item.Root, typeBundlePrefix+".v0.3+json", leaf.bundlePart(statementOf(c.item.Root.Digest, predicateSignature), stamp))
	c.refusedAt(v, epoch, "expected: an attestation of type")
	c.attach(lock.FormAttestationTag, c.item.Root, "", leaf.envelopePart(statementOf(c.item.Root.Digest, "https://slsa.dev/provenance/v1"), stamp))
	if _, err := v.Judge(t.Context(), c.item, c, epoch); err != nil {
		t.Error(err)
	}
}

func TestRootsMustBeAuthorities(t *testing.T) {
	t.Parallel()
	r := newRealm(t)
	for path, raw := range map[string][]byte{
		"root.pem":   chainPEM(r.leaf(t).certificate),
		"clock.pem":  chainPEM(r.clock.certificate),
		"middle.pem": nil,
	} {
		o := newRealm(t).office
		o.file(path, raw)
		trust := "{ca: {roots: [root.pem], intermediates: [middle.pem], identity: x, timestampAuthorities: [clock.pem]}}"
		if _, err := o.open(policyText(trust, signedByVendor, "")); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got error %v, want one that names it", path, err)
		}
	}
}
