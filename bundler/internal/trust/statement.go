package trust

import (
	"encoding/base64"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// predicateSignature is the type of attestation that cosign writes for a plain
// signature in a Sigstore bundle. No other attestation is one.
const predicateSignature = "https://sigstore.dev/cosign/sign/v1"

// typeStatement is the payload type of in-toto statements in DSSE envelopes.
const typeStatement = "application/vnd.in-toto+json"

// typeSimplePayload is the type that cosign writes into its own payloads.
const typeSimplePayload = "cosign container image signature"

// The most subjects of a statement, and the most signatures of an envelope.
const (
	maxSubjects   = 1000
	maxSignatures = 32
)

// parseSimplePayload reads what cosign signs: a digest in a frame that
// containers/image defined (containers-signature(5)). The reference in it is
// where the signer had the image; mirrors change it, so it is not asked.
func parseSimplePayload(payload []byte) (meaning, error) {
	v, err := document(payload, "critical", "optional")
	if err != nil {
		return meaning{}, err
	}
	critical, image := v.Get("critical"), v.Get("critical").Get("image")
	if err := object(critical, "critical", "identity", "image", "type"); err != nil {
		return meaning{}, err
	}
	if err := object(image, "image", "docker-manifest-digest"); err != nil {
		return meaning{}, err
	}
	if kind := critical.StringAt("type"); kind != typeSimplePayload {
		return meaning{}, malformedf("its payload is of type %s, not %s", printable(kind), typeSimplePayload)
	}
	d, err := artifact.ParseDigest(image.StringAt("docker-manifest-digest"))
	if err != nil {
		return meaning{}, malformedf("%s", err)
	}
	return meaning{about: []artifact.Digest{d}}, nil
}

// parseStatement reads an in-toto statement (in-toto/attestation, spec/v1/statement.md).
func parseStatement(payload []byte) (meaning, error) {
	v, err := document(payload, "_type", "subject", "predicateType", "predicate")
	if err != nil {
		return meaning{}, err
	}
	if kind := v.StringAt("_type"); kind != "https://in-toto.io/Statement/v1" && kind != "https://in-toto.io/Statement/v0.1" {
		return meaning{}, malformedf("its payload is of type %s, not an in-toto statement", printable(kind))
	}
	m := meaning{predicate: v.StringAt("predicateType")}
	if m.predicate == "" {
		return meaning{}, malformedf("its statement has no predicateType")
	}
	if m.predicate == predicateSignature {
		m.predicate = ""
	}
	m.about, err = subjects(v)
	return m, err
}

// subjects are the SHA-256 digests that a statement is about. Those of other
// algorithms are about something else.
func subjects(v *strictjson.Value) ([]artifact.Digest, error) {
	items, err := array(v, "subject", maxSubjects)
	if err != nil {
		return nil, err
	}
	var all []artifact.Digest
	for _, item := range items {
		if err := object(item, "a subject", "name", "digest"); err != nil {
			return nil, err
		}
		digest := item.Get("digest")
		if err := object(digest, "a subject's digest", "sha256"); err != nil {
			return nil, err
		}
		hexadecimal, err := text(digest, "sha256")
		if err != nil {
			return nil, err
		}
		if d, err := artifact.ParseDigest("sha256:" + hexadecimal); err == nil {
			all = append(all, d)
		} else if hexadecimal != "" {
			return nil, malformedf("subject: %s", err)
		}
	}
	return all, nil
}

// dsseEnvelope is a Dead Simple Signing Envelope, decoded.
type dsseEnvelope struct {
	payloadType string
	payload     []byte
	signatures  []signature
}

// parseDSSE reads an envelope (secure-systems-lab/dsse, envelope.md).
func parseDSSE(raw []byte) (*dsseEnvelope, error) {
	v, err := document(raw, "payloadType", "payload", "signatures")
	if err != nil {
		return nil, err
	}
	e := &dsseEnvelope{}
	if e.payloadType, err = text(v, "payloadType"); err != nil {
		return nil, err
	}
	if e.payload, err = decodeBase64(v, "payload"); err != nil {
		return nil, err
	}
	if err := e.readSignatures(v); err != nil {
		return nil, err
	}
	return e, e.check()
}

func (e *dsseEnvelope) readSignatures(v *strictjson.Value) error {
	items, err := array(v, "signatures", maxSignatures)
	if err != nil {
		return err
	}
	for _, item := range items {
		if err := object(item, "a signature", "keyid", "sig"); err != nil {
			return err
		}
		s := signature{keyID: item.StringAt("keyid")}
		if s.bytes, err = decodeBase64(item, "sig"); err != nil {
			return err
		}
		e.signatures = append(e.signatures, s)
	}
	return nil
}

// check refuses what signs nothing.
func (e *dsseEnvelope) check() error {
	if len(e.signatures) == 0 {
		return malformedf("its envelope has no signature")
	}
	if e.payloadType != typeStatement {
		return malformedf("its payload is of type %s, not %s", printable(e.payloadType), typeStatement)
	}
	return nil
}

// decodeBase64 takes both alphabets, as DSSE demands of readers.
func decodeBase64(v *strictjson.Value, key string) ([]byte, error) {
	encoded, err := text(v, key)
	if err != nil {
		return nil, err
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		raw, err = base64.URLEncoding.Strict().DecodeString(encoded)
	}
	if err != nil || len(raw) == 0 {
		return nil, malformedf("%s is no base64", key)
	}
	return raw, nil
}

// claim is the envelope as something to vouch for.
func (e *dsseEnvelope) claim() *claim {
	return &claim{payload: e.payload, signed: authenticated(e.payloadType, e.payload), enveloped: true, signatures: e.signatures, read: parseStatement}
}

// authenticated are the bytes under a DSSE signature: the pre-authentication
// encoding of type and payload (secure-systems-lab/dsse, protocol.md).
func authenticated(payloadType string, payload []byte) []byte {
	head := fmt.Sprintf("DSSEv1 %d %s %d ", len(payloadType), payloadType, len(payload))
	return append([]byte(head), payload...)
}
