package trust

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/notaryproject/notation-core-go/revocation"
	"github.com/notaryproject/notation-core-go/revocation/purpose"
	nsignature "github.com/notaryproject/notation-core-go/signature"
	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/signer"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"
	"github.com/notaryproject/tspclient-go"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// mill issues certificates for the Notary Project.
type mill struct {
	office
	root  *holder
	clock clock
}

func newMill(t *testing.T) mill {
	t.Helper()
	m := mill{newOffice(), (*holder)(nil).issue(t, authorityTemplate("mill root"), curveKey(t)), newClock(t)}
	m.file("root.pem", chainPEM(m.root.certificate))
	m.file("clock.pem", chainPEM(m.clock.root()))
	return m
}

// now makes a certificate that is valid now: notation signs with no other.
func (m mill) leaf(t *testing.T, change func(*x509.Certificate)) *holder {
	t.Helper()
	template := leafTemplate(releaser)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour).Truncate(time.Second), time.Now().Add(time.Hour).Truncate(time.Second)
	if change != nil {
		change(template)
	}
	return m.root.issue(t, template, curveKey(t))
}

func ociDescriptor(d artifact.Descriptor) ocispec.Descriptor {
	return ocispec.Descriptor{MediaType: d.MediaType, Digest: digest.Digest(d.Digest), Size: d.Size}
}

// notarize signs a descriptor as "notation sign" does.
func (h *holder) notarize(d artifact.Descriptor, mediaType string, options notation.SignerSignOptions) []byte {
	h.t.Helper()
	s, err := signer.NewGenericSigner(h.key, append([]*x509.Certificate{h.certificate}, h.above...))
	must(h.t, err)
	options.SignatureMediaType = mediaType
	raw, _, err := s.Sign(context.Background(), ociDescriptor(d), options)
	must(h.t, err)
	return raw
}

func (c *crossing) attachNotary(mediaType string, raw []byte) {
	c.t.Helper()
	c.attach(lock.FormReferrer, c.item.Root, typeNotary, part{mediaType, raw, nil})
}

const (
	trustMill        = `{notation: {roots: [root.pem], identities: ["x509.subject: C=GB, ST=London, O=Example"], validAt: now}}`
	trustMillStamped = `{notation: {roots: [root.pem], identities: ["x509.subject: C=GB, ST=London, O=Example"], timestampAuthorities: [clock.pem]}}`
	trustMillSigning = `{notation: {roots: [root.pem], identities: ["*"], validAt: signing}}`
	trustMillLists   = `{notation: {roots: [root.pem], identities: ["*"], validAt: now, crls: [root.crl]}}`
)

// trustStore gives notation's own verifier the mill's root.
type trustStore struct{ roots []*x509.Certificate }

func (s trustStore) GetCertificates(_ context.Context, kind truststore.Type, _ string) ([]*x509.Certificate, error) {
	if kind != truststore.TypeCA {
		return nil, nil
	}
	return s.roots, nil
}

// notationSays is the verdict of the Notary Project's own verifier.
func (m mill) notationSays(d artifact.Descriptor, mediaType string, raw []byte) error {
	v, err := verifier.New(&trustpolicy.Document{Version: "1.0", TrustPolicies: []trustpolicy.TrustPolicy{{
		Name: "mill", RegistryScopes: []string{"*"}, TrustStores: []string{"ca:mill"}, TrustedIdentities: []string{"x509.subject: C=GB, ST=London, O=Example"},
		SignatureVerification: trustpolicy.SignatureVerification{VerificationLevel: "strict", Override: map[trustpolicy.ValidationType]trustpolicy.ValidationAction{trustpolicy.TypeRevocation: trustpolicy.ActionSkip}},
	}}}, trustStore{[]*x509.Certificate{m.root.certificate}}, nil)
	if err != nil {
		return err
	}
	_, err = v.Verify(context.Background(), ociDescriptor(d), raw, notation.VerifierVerifyOptions{
		ArtifactReference: "registry.example/team/app@" + string(d.Digest), SignatureMediaType: mediaType,
	})
	return err
}

// What notation signed passes here, and what it refuses is refused here.
func TestNotationSignatures(t *testing.T) {
	t.Parallel()
	m, other := newMill(t), newMill(t)
	c := anImage(t)
	elsewhere := artifact.Descriptor{Blob: artifact.Blob{Digest: artifact.DigestOf([32]byte{1}), Size: 5}, MediaType: artifact.MediaTypeOCIManifest}
	longer := c.item.Root
	longer.Size++
	otherType := c.item.Root
	otherType.MediaType = artifact.MediaTypeDockerManifest
	plain := notation.SignerSignOptions{}
	good := m.leaf(t, nil)
	for _, tt := range []struct {
		name  string
		leaf  *holder
		of    artifact.Descriptor
		spoil func([]byte) []byte
		want  string
	}{
		{"good", good, c.item.Root, nil, ""},
		{"wrong digest", good, elsewhere, nil, "is a true signature of another artifact"},
		{"wrong size", good, longer, nil, "signs " + string(longer.Digest)},
		{"wrong media type", good, otherType, nil, "signs " + string(longer.Digest)},
		{"wrong root", other.leaf(t, nil), c.item.Root, nil, "not issued by"},
		{"wrong identity", m.leaf(t, func(c *x509.Certificate) { c.Subject.Organization = []string{"Example2"} }), c.item.Root, nil, "not by one of"},
		{"identity twice", m.leaf(t, func(c *x509.Certificate) { c.Subject.Organization = []string{"Example", "Evil"} }), c.item.Root, nil, "not by one of"},
		{"identity twice, the other way round", m.leaf(t, func(c *x509.Certificate) { c.Subject.Organization = []string{"Example", "Nobody at all"} }), c.item.Root, nil, "not by one of"},
		{"false signature", good, c.item.Root, flipSignature, "has the certificate of"},
	} {
		for _, mediaType := range []string{typeJWS, typeCOSE} {
			t.Run(tt.name+" "+mediaType, func(t *testing.T) {
				t.Parallel()
				c := c.clone(t)
				raw := (&holder{t, tt.leaf.certificate, tt.leaf.key, tt.leaf.above}).notarize(tt.of, mediaType, plain)
				if tt.spoil != nil {
					raw = tt.spoil(raw)
				}
				c.attachNotary(mediaType, raw)
				v := m.verifier(t, policyText(trustMill, signedByVendor, ""))
				oracle := m.notationSays(c.item.Root, mediaType, raw)
				if tt.want == "" {
					must(t, oracle)
					if got := c.passes(v).Verdict; got.Trusted != "vendor" || len(got.Signers) != 1 || !strings.Contains(got.Signers[0], "CN=release") {
						t.Errorf("got verdict %+v, want vendor and CN=release", got)
					}
					return
				}
				if oracle == nil {
					t.Error("notation accepts it")
				}
				c.refused(v, tt.want)
			})
		}
	}
}

// flipSignature changes one bit near the middle of the signature itself: of JWS
// a letter of its text, of COSE its last byte.
func flipSignature(raw []byte) []byte {
	raw = append([]byte(nil), raw...)
	if i := strings.Index(string(raw), `"signature":"`); i >= 0 {
		at := i + len(`"signature":"`) + 10
		letter := byte('A') // behind "-" and "_" of base64url comes nothing of it
		if raw[at] == letter {
			letter = 'B'
		}
		raw[at] = letter
		return raw
	}
	raw[len(raw)-1] ^= 1
	return raw
}

// Attack 15 for the Notary Project: time at both edges.
func TestNotationTimeAtBothEdges(t *testing.T) {
	t.Parallel()
	m, second := newMill(t), time.Second
	leaf := m.leaf(t, nil)
	first, last := leaf.certificate.NotBefore, leaf.certificate.NotAfter
	soon := notation.SignerSignOptions{ExpiryDuration: 10 * time.Minute}
	stamped := notation.SignerSignOptions{TSARootCAs: pool([]*x509.Certificate{m.clock.root()}), TSARevocationValidator: neverRevoked(t)}
	for _, tt := range []struct {
		name, trust string
		options     notation.SignerSignOptions
		stampedAt   time.Time
		judged      time.Time
		want        string
	}{
		{"before the first second", trustMill, notation.SignerSignOptions{}, time.Time{}, first.Add(-second), "does not hold at"},
		{"in the first second", trustMill, notation.SignerSignOptions{}, time.Time{}, first, ""},
		{"in the last second", trustMill, notation.SignerSignOptions{}, time.Time{}, last, ""},
		{"after the last second", trustMill, notation.SignerSignOptions{}, time.Time{}, last.Add(second), "does not hold at"},
		{"the policy believes the signer", trustMillSigning, notation.SignerSignOptions{}, time.Time{}, last.AddDate(1, 0, 0), ""},
		{"signature before its expiry", trustMill, soon, time.Time{}, time.Now().Add(9 * time.Minute), ""},
		{"signature after its expiry", trustMill, soon, time.Time{}, time.Now().Add(11 * time.Minute), "it expired at"},
		{"expiry whatever the clock says", trustMillSigning, soon, time.Time{}, time.Now().Add(11 * time.Minute), "it expired at"},
		{"no timestamp", trustMillStamped, notation.SignerSignOptions{}, time.Time{}, first, "it has a timestamp of 0 bytes"},
		{"stamped in the first second", trustMillStamped, stamped, first, last.AddDate(1, 0, 0), ""},
		{"stamped in the last second", trustMillStamped, stamped, last, last.AddDate(1, 0, 0), ""},
		{"stamped before the first second", trustMillStamped, stamped, first.Add(-second), first, "does not hold at"},
		{"stamped after the last second", trustMillStamped, stamped, last.Add(second), last, "does not hold at"},
	} {
		for _, mediaType := range []string{typeJWS, typeCOSE} {
			t.Run(tt.name+" "+mediaType, func(t *testing.T) {
				t.Parallel()
				c := anImage(t)
				if !tt.stampedAt.IsZero() {
					tt.options.Timestamper = stamper{m.clock, tt.stampedAt}
				}
				c.attachNotary(mediaType, leaf.notarize(c.item.Root, mediaType, tt.options))
				v := m.verifier(t, policyText(tt.trust, signedByVendor, ""))
				if tt.want != "" {
					c.refusedAt(v, tt.judged, tt.want)
				} else if _, err := v.Judge(t.Context(), c.item, c, tt.judged); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// stamper lets notation ask the clock of the tests.
type stamper struct {
	clock
	at time.Time
}

func (s stamper) Timestamp(_ context.Context, request *tspclient.Request) (*tspclient.Response, error) {
	raw := s.stampHash(request.MessageImprint.HashedMessage, s.at, request.Nonce)
	response := &tspclient.Response{}
	return response, response.UnmarshalBinary(raw)
}

func neverRevoked(t *testing.T) revocation.Validator {
	t.Helper()
	v, err := revocation.NewWithOptions(revocation.Options{CertChainPurpose: purpose.Timestamping})
	must(t, err)
	return v
}

// Attack 16: a timestamp by a stranger's clock.
func TestNotationTimestampOfAStrangerIsRefused(t *testing.T) {
	t.Parallel()
	m, stranger := newMill(t), newClock(t)
	leaf, c := m.leaf(t, nil), anImage(t)
	c.attachNotary(typeJWS, leaf.notarize(c.item.Root, typeJWS, notation.SignerSignOptions{
		Timestamper: stamper{stranger, time.Now()}, TSARootCAs: pool([]*x509.Certificate{stranger.root()}), TSARevocationValidator: neverRevoked(t),
	}))
	c.refused(m.verifier(t, policyText(trustMillStamped, signedByVendor, "")), "its timestamp: ")
}

// What is signed beside the descriptor can change its meaning: a scheme, a type,
// a critical attribute that nobody here knows.
func TestNotationSignaturesThatMeanSomethingElse(t *testing.T) {
	t.Parallel()
	m, c := newMill(t), anImage(t)
	leaf := m.leaf(t, nil)
	for _, mediaType := range []string{typeJWS, typeCOSE} {
		for want, change := range map[string]func(*nsignature.SignRequest){
			"":                                  func(*nsignature.SignRequest) {},
			"for which the policy has no roots": func(r *nsignature.SignRequest) { r.SigningScheme = nsignature.SigningSchemeX509SigningAuthority },
			"it signs a application/json":       func(r *nsignature.SignRequest) { r.Payload.ContentType = "application/json" },
			"who does not know its attribute": func(r *nsignature.SignRequest) {
				r.ExtendedSignedAttributes = []nsignature.Attribute{{Key: "io.cncf.notary.verificationPlugin", Critical: true, Value: "x"}}
			},
		} {
			request := &nsignature.SignRequest{
				Payload:     nsignature.Payload{ContentType: typeNotaryPayload, Content: pretty(map[string]any{"targetArtifact": ociDescriptor(c.item.Root)})},
				SigningTime: time.Now(), SigningScheme: nsignature.SigningSchemeX509,
			}
			change(request)
			var err error
			request.Signer, err = nsignature.NewLocalSigner(append([]*x509.Certificate{leaf.certificate}, leaf.above...), leaf.key)
			must(t, err)
			envelope, err := nsignature.NewEnvelope(mediaType)
			must(t, err)
			raw, err := envelope.Sign(request)
			must(t, err)
			c := c.clone(t)
			c.attachNotary(mediaType, raw)
			if v := m.verifier(t, policyText(trustMill, signedByVendor, "")); want == "" {
				c.passes(v)
			} else {
				c.refused(v, want)
			}
		}
	}
}

// Revocation without a network: lists beside the policy.
func TestNotationRevocationLists(t *testing.T) {
	t.Parallel()
	m := newMill(t)
	leaf := m.leaf(t, nil)
	now := time.Now()
	list := func(by *holder, extension []pkix.Extension, next time.Time, revoked ...x509.RevocationListEntry) []byte {
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
			Number: serials(), ThisUpdate: now.Add(-time.Hour), NextUpdate: next, RevokedCertificateEntries: revoked, ExtraExtensions: extension,
		}, by.certificate, by.key)
		must(t, err)
		return der
	}
	off := x509.RevocationListEntry{SerialNumber: leaf.certificate.SerialNumber, RevocationTime: now}
	delta := []pkix.Extension{{Id: []int{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}
	for _, tt := range []struct {
		name string
		raw  []byte
		want string
	}{
		{"not on it", list(m.root, nil, now.Add(time.Hour)), ""},
		{"not on it, as PEM", pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list(m.root, nil, now.Add(time.Hour))}), ""},
		{"revoked", list(m.root, nil, now.Add(time.Hour), off), "is revoked"},
		{"revoked by an old list", list(m.root, nil, now.Add(-time.Minute), off), "is revoked"},
		{"old list", list(m.root, nil, now.Add(-time.Minute)), "is not known"},
		{"list of a stranger", list(newMill(t).root, nil, now.Add(time.Hour)), "no list of its issuer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := anImage(t)
			c.attachNotary(typeJWS, leaf.notarize(c.item.Root, typeJWS, notation.SignerSignOptions{}))
			o := newOffice()
			o.file("root.pem", chainPEM(m.root.certificate))
			o.file("root.crl", tt.raw)
			v := o.verifier(t, policyText(trustMillLists, signedByVendor, ""))
			if tt.want != "" {
				c.refused(v, tt.want)
				return
			}
			c.passes(v)
		})
	}
	o := newOffice()
	o.file("root.pem", chainPEM(m.root.certificate))
	for want, raw := range map[string][]byte{"only complete lists": list(m.root, delta, now.Add(time.Hour)), "root.crl": []byte("x")} {
		o.file("root.crl", raw)
		if _, err := o.open(policyText(trustMillLists, signedByVendor, "")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
}

func TestNotationAttestsNothing(t *testing.T) {
	t.Parallel()
	m := newMill(t)
	_, err := m.open(policyText(trustMill, "  - {match: \"**\", signature: vendor, require: [{predicateType: https://slsa.dev/provenance/v1}]}\n", ""))
	if err == nil || !strings.Contains(err.Error(), "attests nothing") {
		t.Errorf("got error %v, want one that says so", err)
	}
}

// Keys that the Notary Project does not take are not taken.
func TestNotationKeysOfOtherKinds(t *testing.T) {
	t.Parallel()
	m := newMill(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 3072)
	must(t, err)
	for name, key := range map[string]crypto.Signer{"P-384": p384, "RSA": rsaKey} {
		template := leafTemplate(releaser)
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		leaf, c := m.root.issue(t, template, key), anImage(t)
		c.attachNotary(typeCOSE, leaf.notarize(c.item.Root, typeCOSE, notation.SignerSignOptions{}))
		t.Run(name, func(t *testing.T) { c.passes(m.verifier(t, policyText(trustMill, signedByVendor, ""))) })
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	if _, err := signer.NewGenericSigner(ed, nil); err == nil {
		t.Error("notation signs with Ed25519: add it to the table")
	}
}
