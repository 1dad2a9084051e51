package trust

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	notation "github.com/notaryproject/notation-core-go/signature"
	_ "github.com/notaryproject/notation-core-go/signature/cose" // reads COSE envelopes
	_ "github.com/notaryproject/notation-core-go/signature/jws"  // reads JWS envelopes
	nx509 "github.com/notaryproject/notation-core-go/x509"
	notationgo "github.com/notaryproject/notation-go"
	"github.com/notaryproject/tspclient-go"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// typeNotaryPayload is the content type of what the Notary Project signs.
const typeNotaryPayload = "application/vnd.cncf.notary.payload.v1+json"

// maxNotary is the longest envelope that is read, in bytes. One has about 5 KiB;
// a long one could hold thousands of certificates, each of which the library
// verifies before it is known who signed.
const maxNotary = 128 << 10

// notaryEnvelope is a signature envelope of the Notary Project.
type notaryEnvelope struct {
	envelope notation.Envelope
	unproved *notation.EnvelopeContent // what it says, before it is verified

	raw       []byte
	mediaType string
}

// parseNotary reads a JWS or COSE envelope
// (notaryproject/specifications, signature-specification.md).
func parseNotary(raw []byte, mediaType string, subject artifact.Descriptor) (*claim, error) {
	if mediaType != typeJWS && mediaType != typeCOSE {
		return nil, malformedf("its envelope is of type %s, neither JWS nor COSE", printable(mediaType))
	}
	if len(raw) > maxNotary {
		return nil, malformedf("its envelope has %d bytes, at most %d are read", len(raw), maxNotary)
	}
	if mediaType == typeJWS {
		if _, err := document(raw, "payload", "protected", "header", "signature"); err != nil {
			return nil, err
		}
	}
	envelope, err := notation.ParseEnvelope(mediaType, raw)
	if err != nil {
		return nil, malformedf("its envelope: %s", printable(err.Error()))
	}
	content, err := envelope.Content()
	if err != nil {
		return nil, malformedf("its envelope: %s", printable(err.Error()))
	}
	if n := len(content.SignerInfo.CertificateChain); n > maxChain {
		return nil, malformedf("its envelope has %d certificates, at most %d are read", n, maxChain)
	}
	c := &claim{notary: &notaryEnvelope{envelope, content, raw, mediaType}, payload: content.Payload.Content}
	c.read = func(payload []byte) (meaning, error) { return parseNotaryPayload(payload, subject) }
	return c, nil
}

// parseNotaryPayload reads the descriptor that is signed. It must be that of
// the subject in size and media type too.
func parseNotaryPayload(payload []byte, subject artifact.Descriptor) (meaning, error) {
	v, err := document(payload, "targetArtifact")
	if err != nil {
		return meaning{}, err
	}
	d, err := descriptor(v.Get("targetArtifact"))
	if err != nil {
		return meaning{}, err
	}
	if d.Digest == subject.Digest && (d.Size != subject.Size || d.MediaType != subject.MediaType) {
		return meaning{}, forgedf("signs %s as %d bytes of %s", d.Digest, d.Size, printable(d.MediaType))
	}
	return meaning{about: []artifact.Digest{d.Digest}}, nil
}

// notary trusts signatures of the Notary Project by certificates under its
// roots, made by one of its identities.
type notary struct {
	roots      []*x509.Certificate
	identities []distinguishedName
	clocks     []*x509.Certificate // roots of timestamp authorities
	validAt    spec.ValidAt
	revoked    revocations
	whom       string
	second     notationgo.Verifier // that of the Notary Project
}

func newNotary(t *spec.Notation, m material) (*notary, error) {
	n := &notary{validAt: t.ValidAt}
	for _, path := range t.Roots {
		chain, err := m.certificates(path)
		if err != nil {
			return nil, err
		}
		n.roots = append(n.roots, chain...)
	}
	for _, text := range t.Identities {
		name, err := parseIdentity(text)
		if err != nil {
			return nil, err
		}
		n.identities = append(n.identities, name)
	}
	var err error
	if n.second, err = newNotationVerifier(t.Identities, n.roots); err != nil {
		return nil, fmt.Errorf("notation does not take the entry: %w", err)
	}
	n.whom = fmt.Sprintf("one of %q under %s", t.Identities, subjectsOf(n.roots))
	return n, n.readTimes(t, m)
}

// readTimes reads what says when a certificate is good.
func (n *notary) readTimes(t *spec.Notation, m material) (err error) {
	if n.clocks, err = m.authorities(t.TimestampAuthorities); err != nil {
		return err
	}
	if n.revoked, err = m.revocations(t.CRLs); err != nil {
		return err
	}
	if len(n.roots) == 0 || len(n.identities) == 0 || len(n.clocks) == 0 && n.validAt == "" {
		return fmt.Errorf("needs roots, identities, and timestampAuthorities or validAt")
	}
	return nil
}

func (n *notary) threshold() int { return 1 }
func (n *notary) String() string { return n.whom }

func (n *notary) vouch(c *claim, at time.Time) ([]string, error) {
	if c.notary == nil {
		return nil, foreignf("is not a Notary Project signature")
	}
	signer := &c.notary.unproved.SignerInfo
	leaf := signer.CertificateChain[0]
	who := printable(leaf.Subject.String())
	if !slices.ContainsFunc(n.identities, func(d distinguishedName) bool { return d.matches(leaf.Subject) }) {
		return nil, foreignf("is signed by %s, not by %s", who, n)
	}
	if _, err := notation.VerifyAuthenticity(signer, n.roots); err != nil {
		return nil, foreignf("has a certificate for %s that is not issued by %s", who, subjectsOf(n.roots))
	}
	if err := c.notary.verify(); err != nil {
		return nil, forgedf("has the certificate of %s, but: %s", who, printable(err.Error()))
	}
	if err := n.holds(c.notary.unproved, at); err != nil {
		return nil, unprovedf("is signed by %s, but %s", who, printable(err.Error()))
	}
	return []string{who + " (" + printable(leaf.Issuer.String()) + ")"}, nil
}

// verify checks the signature with the key of the first certificate.
func (e *notaryEnvelope) verify() error {
	content, err := e.envelope.Verify()
	if err != nil {
		return err
	}
	if content.Payload.ContentType != typeNotaryPayload {
		return fmt.Errorf("it signs a %s, not a %s", content.Payload.ContentType, typeNotaryPayload)
	}
	return nil
}

// holds checks what is signed beside the payload, and the certificates at the
// time of signing or of the check.
func (n *notary) holds(content *notation.EnvelopeContent, at time.Time) error {
	signed := content.SignerInfo.SignedAttributes
	if signed.SigningScheme != notation.SigningSchemeX509 {
		return fmt.Errorf("by the scheme %s, for which the policy has no roots", signed.SigningScheme)
	}
	for _, a := range signed.ExtendedAttributes {
		if a.Critical {
			return fmt.Errorf("it must not be accepted by who does not know its attribute %v", a.Key)
		}
	}
	if !signed.Expiry.IsZero() && !at.Before(signed.Expiry) {
		return fmt.Errorf("it expired at %s", signed.Expiry.UTC().Format(time.RFC3339))
	}
	if err := n.inTime(&content.SignerInfo, at); err != nil {
		return err
	}
	return n.revoked.check(content.SignerInfo.CertificateChain, at)
}

// inTime checks that all certificates were valid at each moment, from their
// first to their last second.
func (n *notary) inTime(signer *notation.SignerInfo, at time.Time) error {
	moments, err := n.moments(signer, at)
	if err != nil {
		return err
	}
	for _, c := range signer.CertificateChain {
		for _, moment := range moments {
			if moment.Before(c.NotBefore) || moment.After(c.NotAfter) {
				return fmt.Errorf("certificate %s does not hold at %s: it is valid from %s to %s", c.Subject, moment.UTC().Format(time.RFC3339),
					c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339))
			}
		}
	}
	return nil
}

// moments are all times at which the certificates must have been valid. Of a
// timestamp these are the ends of the span that its accuracy leaves open.
func (n *notary) moments(signer *notation.SignerInfo, at time.Time) ([]time.Time, error) {
	var all []time.Time
	if len(n.clocks) > 0 {
		stamp, err := n.stamped(signer)
		if err != nil {
			return nil, err
		}
		all = append(all, stamp.Value.Add(-stamp.Accuracy), stamp.Value.Add(stamp.Accuracy))
	}
	if n.validAt == spec.ValidAtNow {
		all = append(all, at)
	}
	if len(all) == 0 {
		all = append(all, signer.SignedAttributes.SigningTime) // the policy believes the signer's clock
	}
	return all, nil
}

// stamped verifies the timestamp over the signature, under the roots of the
// policy's timestamp authorities.
func (n *notary) stamped(signer *notation.SignerInfo) (*tspclient.Timestamp, error) {
	raw := signer.UnsignedAttributes.TimestampSignature
	if len(raw) == 0 || len(raw) > maxTimestamp {
		return nil, fmt.Errorf("it has a timestamp of %d bytes: 1 to %d are read", len(raw), maxTimestamp)
	}
	token, err := tspclient.ParseSignedToken(raw)
	if err != nil {
		return nil, fmt.Errorf("its timestamp: %w", err)
	}
	info, err := token.Info()
	if err != nil {
		return nil, fmt.Errorf("its timestamp: %w", err)
	}
	stamp, err := info.Validate(signer.Signature)
	if err != nil {
		return nil, fmt.Errorf("its timestamp: %w", err)
	}
	chain, err := token.Verify(context.Background(), x509.VerifyOptions{CurrentTime: stamp.Value, Roots: pool(n.clocks)})
	if err == nil {
		err = nx509.ValidateTimestampingCertChain(chain)
	}
	if err != nil {
		return nil, fmt.Errorf("its timestamp: %w", err)
	}
	return stamp, nil
}
