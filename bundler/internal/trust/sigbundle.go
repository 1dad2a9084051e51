package trust

import (
	"crypto/x509"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/sigstore/sigstore-go/pkg/bundle"
)

// parseBundle reads a Sigstore bundle (sigstore/protobuf-specs, bundle.proto)
// with a DSSE envelope, which is the only content that says what it is about.
func parseBundle(raw []byte) (*claim, error) {
	if _, err := document(raw, "mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature"); err != nil {
		return nil, err
	}
	message := &protobundle.Bundle{}
	if err := protojson.Unmarshal(raw, message); err != nil {
		return nil, malformedf("bundle: %s", printable(err.Error()))
	}
	whole, err := bundle.NewBundle(message)
	if err != nil {
		return nil, malformedf("bundle: %s", printable(err.Error()))
	}
	c, err := claimOf(message)
	if err == nil {
		c.bundle = whole
	}
	return c, err
}

func claimOf(message *protobundle.Bundle) (*claim, error) {
	content := message.GetDsseEnvelope()
	if content == nil {
		return nil, malformedf("its bundle holds a bare signature, which does not say what it is about")
	}
	e := &dsseEnvelope{payloadType: content.GetPayloadType(), payload: content.GetPayload()}
	hint := message.GetVerificationMaterial().GetPublicKey().GetHint()
	for _, s := range content.GetSignatures() {
		e.signatures = append(e.signatures, signature{keyID: hint, bytes: s.GetSig()})
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	if len(e.signatures) != 1 {
		return nil, malformedf("its bundle has %d signatures: exactly one is allowed", len(e.signatures))
	}
	c := e.claim()
	return c, c.readMaterial(message.GetVerificationMaterial())
}

// readMaterial reads what explains the signature of a bundle.
func (c *claim) readMaterial(m *protobundle.VerificationMaterial) error {
	certificates := m.GetX509CertificateChain().GetCertificates()
	if leaf := m.GetCertificate(); leaf != nil {
		certificates = []*protocommon.X509Certificate{leaf}
	}
	if len(certificates) > maxChain {
		return malformedf("its bundle has %d certificates, at most %d are read", len(certificates), maxChain)
	}
	for i, raw := range certificates {
		parsed, err := x509.ParseCertificate(raw.GetRawBytes())
		switch {
		case err != nil:
			return malformedf("certificate: %s", printable(err.Error()))
		case i == 0:
			c.leaf = parsed
		default:
			c.above = append(c.above, parsed)
		}
	}
	for _, t := range m.GetTimestampVerificationData().GetRfc3161Timestamps() {
		c.timestamps = append(c.timestamps, t.GetSignedTimestamp())
	}
	for _, entry := range m.GetTlogEntries() {
		if err := c.addLogEntry(entry); err != nil {
			return err
		}
	}
	return c.checkTimestamps()
}
