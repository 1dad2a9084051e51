package trust

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// signedEntity shows a claim to Sigstore's verifier.
type signedEntity struct{ *claim }

var _ verify.SignedEntity = signedEntity{}

func (e signedEntity) HasInclusionPromise() bool {
	return e.any((*tlog.Entry).HasInclusionPromise)
}

func (e signedEntity) HasInclusionProof() bool {
	return e.any((*tlog.Entry).HasInclusionProof)
}

func (e signedEntity) any(has func(*tlog.Entry) bool) bool {
	for _, entry := range e.log {
		if has(entry) {
			return true
		}
	}
	return false
}

func (e signedEntity) Timestamps() ([][]byte, error)       { return e.timestamps, nil }
func (e signedEntity) TlogEntries() ([]*tlog.Entry, error) { return e.log, nil }

// Version is none: it only turns on ways of old clients to sign.
func (e signedEntity) Version() (string, error) { return "", nil }

func (e signedEntity) VerificationContent() (verify.VerificationContent, error) {
	if e.leaf == nil {
		return nil, errors.New("no certificate")
	}
	return bundle.NewCertificate(e.leaf), nil
}

func (e signedEntity) SignatureContent() (verify.SignatureContent, error) {
	if len(e.signatures) != 1 {
		return nil, errors.New("not exactly one signature")
	}
	if !e.enveloped {
		digest := sha256.Sum256(e.payload)
		return bundle.NewMessageSignature(digest[:], "sha256", e.signatures[0].bytes), nil
	}
	return &bundle.Envelope{Envelope: &dsse.Envelope{
		PayloadType: typeStatement,
		Payload:     base64.StdEncoding.EncodeToString(e.payload),
		Signatures:  []dsse.Signature{{Sig: base64.StdEncoding.EncodeToString(e.signatures[0].bytes)}},
	}}, nil
}

// artifact is what the verifier compares the signed bytes with.
func (e signedEntity) artifact() verify.ArtifactPolicyOption {
	if e.enveloped {
		return verify.WithoutArtifactUnsafe() // claim.meaning compares the subject, and strictly
	}
	return verify.WithArtifact(bytes.NewReader(e.payload))
}

// own reports whether the leaf's key made the one signature.
func (c *claim) own(leaf *x509.Certificate) bool {
	return len(c.signatures) == 1 && verifies(leaf.PublicKey, c.signed, c.signatures[0].bytes)
}
