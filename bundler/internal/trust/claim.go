package trust

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/tlog"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
)

// claim is one document in a piece of evidence that says to be signed. Nothing
// in it is true until an entry of the policy has vouched for it.
type claim struct {
	where   string              // for people: which piece, which part
	subject artifact.Descriptor // the manifest that it hangs on
	read    func(payload []byte) (meaning, error)

	payload    []byte
	signed     []byte // the bytes under the signature: payload, or payload with its type
	enveloped  bool   // payload is in a DSSE envelope
	signatures []signature
	certified                  // with a certificate
	cosigned   cosigned        // as it lies there, of what cosign keeps by tag
	bundle     *bundle.Bundle  // as it lies there, of a Sigstore bundle
	notary     *notaryEnvelope // of the Notary Project; then all fields above it are unused
}

// signature is one of a claim's signatures.
type signature struct {
	keyID string // a hint, "" when there is none
	bytes []byte
}

// certified is what comes with a signature that a certificate explains.
type certified struct {
	leaf       *x509.Certificate // nil: signed by a bare key
	above      []*x509.Certificate
	timestamps [][]byte // RFC 3161 responses
	log        []*tlog.Entry
}

// meaning is what the payload of a claim says.
type meaning struct {
	about     []artifact.Digest // what it is about
	predicate string            // the type of an attestation; "" of a signature
}

// The media types of evidence, and the annotations in which cosign keeps what
// belongs to a signature (sigstore/cosign, specs/SIGNATURE_SPEC.md).
const (
	typeSimpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	typeDSSE          = "application/vnd.dsse.envelope.v1+json"
	typeBundlePrefix  = "application/vnd.dev.sigstore.bundle"
	typeJWS           = "application/jose+json"
	typeCOSE          = "application/cose"
	typeNotary        = "application/vnd.cncf.notary.signature"

	annotationSignature   = "dev.cosignproject.cosign/signature"
	annotationCertificate = "dev.sigstore.cosign/certificate"
	annotationChain       = "dev.sigstore.cosign/chain"
	annotationLog         = "dev.sigstore.cosign/bundle"
	annotationTimestamp   = "dev.sigstore.cosign/rfc3161timestamp"
)

// maxTimestamp is the longest timestamp that is parsed, in bytes
// (CVE-2025-66564), and maxTimestamps how many there may be.
const (
	maxTimestamp  = 64 << 10
	maxTimestamps = 16
)

// parseSimpleSigning reads a signature of cosign: a payload and, in the
// annotations of its layer, the signature and what explains it.
func parseSimpleSigning(payload []byte, annotations *strictjson.Value) (*claim, error) {
	encoded, err := text(annotations, annotationSignature)
	if err != nil {
		return nil, err
	}
	sig, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(sig) == 0 {
		return nil, malformedf("annotation %s is no base64 signature", annotationSignature)
	}
	c := &claim{payload: payload, signed: payload, signatures: []signature{{bytes: sig}}, read: parseSimplePayload, cosigned: cosigned{payload, annotations}}
	return c, c.readAnnotations(annotations)
}

// parseEnvelope reads a DSSE envelope that cosign keeps as a layer.
func parseEnvelope(raw []byte, annotations *strictjson.Value) (*claim, error) {
	e, err := parseDSSE(raw)
	if err != nil {
		return nil, err
	}
	c := e.claim()
	c.cosigned = cosigned{raw, annotations}
	return c, c.readAnnotations(annotations)
}

// readAnnotations reads what explains a signature of cosign.
func (c *claim) readAnnotations(v *strictjson.Value) error {
	if v == nil {
		return nil
	}
	if err := object(v, "annotations", annotationSignature, annotationCertificate, annotationChain, annotationLog, annotationTimestamp); err != nil {
		return err
	}
	if err := c.readCertificates(v); err != nil {
		return err
	}
	if err := c.readTimestamp(v); err != nil {
		return err
	}
	return c.readLog(v)
}

func (c *claim) readCertificates(v *strictjson.Value) error {
	leaf, err := annotatedChain(v, annotationCertificate)
	if err != nil {
		return err
	}
	if len(leaf) > 1 {
		return malformedf("annotation %s holds %d certificates", annotationCertificate, len(leaf))
	}
	if len(leaf) == 1 {
		c.leaf = leaf[0]
	}
	c.above, err = annotatedChain(v, annotationChain)
	return err
}

func annotatedChain(v *strictjson.Value, key string) ([]*x509.Certificate, error) {
	pemText, err := text(v, key)
	if err != nil {
		return nil, err
	}
	chain, err := parseCertificates([]byte(pemText))
	if err != nil {
		return nil, malformedf("annotation %s: %s", key, printable(err.Error()))
	}
	return chain, nil
}

// annotated is the JSON object in an annotation; nil when there is none. cosign
// writes "null" for what it does not have.
func annotated(v *strictjson.Value, key string, keys ...string) (*strictjson.Value, error) {
	raw, err := text(v, key)
	if err != nil || raw == "" || raw == "null" {
		return nil, err
	}
	return document([]byte(raw), keys...)
}

func (c *claim) readTimestamp(v *strictjson.Value) error {
	d, err := annotated(v, annotationTimestamp, "SignedRFC3161Timestamp")
	if err != nil || d == nil {
		return err
	}
	response, err := base64.StdEncoding.Strict().DecodeString(d.StringAt("SignedRFC3161Timestamp"))
	if err != nil {
		return malformedf("annotation %s is no base64", annotationTimestamp)
	}
	c.timestamps = [][]byte{response}
	return c.checkTimestamps()
}

func (c *claim) checkTimestamps() error {
	if len(c.timestamps) > maxTimestamps {
		return malformedf("has %d timestamps, at most %d are read", len(c.timestamps), maxTimestamps)
	}
	for _, t := range c.timestamps {
		if len(t) > maxTimestamp {
			return malformedf("has a timestamp of %d bytes, at most %d are read", len(t), maxTimestamp)
		}
	}
	return nil
}

// readLog reads the promise of the Rekor log, as cosign keeps it.
func (c *claim) readLog(v *strictjson.Value) error {
	d, err := annotated(v, annotationLog, "SignedEntryTimestamp", "Payload")
	if err != nil || d == nil {
		return err
	}
	payload := d.Get("Payload")
	if err := object(payload, "Payload", "body", "integratedTime", "logIndex", "logID"); err != nil {
		return err
	}
	body, err1 := base64.StdEncoding.Strict().DecodeString(payload.StringAt("body"))
	promise, err2 := base64.StdEncoding.Strict().DecodeString(d.StringAt("SignedEntryTimestamp"))
	logID, err3 := hex.DecodeString(payload.StringAt("logID"))
	if err1 != nil || err2 != nil || err3 != nil {
		return malformedf("annotation %s is not encoded as it must be", annotationLog)
	}
	entry := &protorekor.TransparencyLogEntry{
		LogId:             &protocommon.LogId{KeyId: logID},
		InclusionPromise:  &protorekor.InclusionPromise{SignedEntryTimestamp: promise},
		CanonicalizedBody: body,
	}
	if entry.IntegratedTime, err = integer(payload, "integratedTime"); err != nil {
		return err
	}
	if entry.LogIndex, err = integer(payload, "logIndex"); err != nil {
		return err
	}
	return c.addLogEntry(entry)
}

func (c *claim) addLogEntry(entry *protorekor.TransparencyLogEntry) error {
	kind, err := document(entry.GetCanonicalizedBody(), "kind", "apiVersion", "spec")
	if err != nil {
		return err
	}
	entry.KindVersion = &protorekor.KindVersion{Kind: kind.StringAt("kind"), Version: kind.StringAt("apiVersion")}
	parsed, err := tlog.ParseTransparencyLogEntry(entry)
	if err != nil {
		return malformedf("log entry: %s", printable(err.Error()))
	}
	c.log = append(c.log, parsed)
	return nil
}
