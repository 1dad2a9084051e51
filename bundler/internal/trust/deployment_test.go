package trust

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"testing"
	"time"

	ct "github.com/google/certificate-transparency-go"
	cttls "github.com/google/certificate-transparency-go/tls"
	ctx509 "github.com/google/certificate-transparency-go/x509"
	ctx509util "github.com/google/certificate-transparency-go/x509util"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/rekor/pkg/types"
	_ "github.com/sigstore/rekor/pkg/types/dsse/v0.0.1"
	_ "github.com/sigstore/rekor/pkg/types/hashedrekord/v0.0.1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// deployment is a Sigstore of the tests: an authority, a certificate log, a
// signature log (that of sigstore-go's own tests) and a clock.
type deployment struct {
	t       *testing.T
	middle  *holder
	ctKey   *ecdsa.PrivateKey
	log     *ca.VirtualSigstore
	clock   clock
	created time.Time
}

func newDeployment(t *testing.T) *deployment {
	t.Helper()
	log, err := ca.NewVirtualSigstore()
	must(t, err)
	ctKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	root := (*holder)(nil).issue(t, authorityTemplate("deployment root"), curveKey(t))
	middle := root.issue(t, authorityTemplate("deployment", x509.ExtKeyUsageCodeSigning), curveKey(t))
	return &deployment{t, middle, ctKey, log, newClock(t), time.Now().Truncate(time.Second)}
}

func logID(t *testing.T, key crypto.PublicKey) []byte {
	return sum(crypto.SHA256, publicDER(t, key))
}

// trustedRoot is the deployment's trusted_root.json, without the named parts.
func (d *deployment) trustedRoot(without ...string) []byte {
	d.t.Helper()
	long := func(key crypto.PublicKey, url string) map[string]*root.TransparencyLog {
		id := logID(d.t, key)
		return map[string]*root.TransparencyLog{hex.EncodeToString(id): {
			BaseURL: url, ID: id, ValidityPeriodStart: d.created.Add(-time.Hour), ValidityPeriodEnd: d.created.Add(time.Hour),
			HashFunc: crypto.SHA256, PublicKey: key, SignatureHashFunc: crypto.SHA256,
		}}
	}
	var rekor crypto.PublicKey
	for _, l := range d.log.RekorLogs() {
		rekor = l.PublicKey
	}
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01,
		[]root.CertificateAuthority{&root.FulcioCertificateAuthority{Root: d.middle.above[0], Intermediates: []*x509.Certificate{d.middle.certificate}, URI: "https://fulcio.example"}},
		long(d.ctKey.Public(), "https://ct.example"),
		[]root.TimestampingAuthority{&root.SigstoreTimestampingAuthority{Root: d.clock.root(), Leaf: d.clock.certificate, URI: "https://tsa.example"}},
		long(rekor, "https://rekor.localhost"))
	must(d.t, err)
	raw, err := trusted.MarshalJSON()
	must(d.t, err)
	var parts map[string]json.RawMessage
	must(d.t, json.Unmarshal(raw, &parts))
	for _, part := range without {
		delete(parts, part)
	}
	return pretty(parts)
}

const (
	issuer   = "https://issuer.example"
	identity = "https://example.org/workflow@refs/tags/v1"
)

// leaf issues a short-lived certificate, with or without the certificate log's
// word for it.
func (d *deployment) leaf(name, issuer string, logged bool) *holder {
	d.t.Helper()
	template := leafTemplate(name)
	template.Subject = pkix.Name{}
	template.NotBefore, template.NotAfter = d.created.Add(-time.Minute), d.created.Add(9*time.Minute)
	template.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte(issuer)}}
	key := curveKey(d.t)
	bare := d.middle.issue(d.t, template, key)
	if !logged {
		return bare
	}
	template.ExtraExtensions = append(template.ExtraExtensions, d.sct(bare.certificate))
	template.SerialNumber = bare.certificate.SerialNumber
	der, err := x509.CreateCertificate(rand.Reader, template, d.middle.certificate, key.Public(), d.middle.key)
	must(d.t, err)
	certificate, err := x509.ParseCertificate(der)
	must(d.t, err)
	return &holder{d.t, certificate, key, bare.above}
}

// sct is the certificate log's promise for a certificate, as an extension of it
// (RFC 6962, section 3.3).
func (d *deployment) sct(bare *x509.Certificate) pkix.Extension {
	d.t.Helper()
	sct := ct.SignedCertificateTimestamp{SCTVersion: ct.V1, LogID: ct.LogID{KeyID: [32]byte(logID(d.t, d.ctKey.Public()))}, Timestamp: uint64(d.created.UnixMilli())}
	input, err := ct.SerializeSCTSignatureInput(sct, ct.LogEntry{Leaf: ct.MerkleTreeLeaf{
		Version: ct.V1, LeafType: ct.TimestampedEntryLeafType,
		TimestampedEntry: &ct.TimestampedEntry{Timestamp: sct.Timestamp, EntryType: ct.PrecertLogEntryType, PrecertEntry: &ct.PreCert{
			IssuerKeyHash: sha256.Sum256(d.middle.certificate.RawSubjectPublicKeyInfo), TBSCertificate: bare.RawTBSCertificate,
		}},
	}})
	must(d.t, err)
	signature, err := d.ctKey.Sign(rand.Reader, sum(crypto.SHA256, input), crypto.SHA256)
	must(d.t, err)
	sct.Signature = ct.DigitallySigned{Algorithm: cttls.SignatureAndHashAlgorithm{Hash: cttls.SHA256, Signature: cttls.ECDSA}, Signature: signature}
	list, err := ctx509util.MarshalSCTsIntoSCTList([]*ct.SignedCertificateTimestamp{&sct})
	must(d.t, err)
	raw, err := cttls.Marshal(*list)
	must(d.t, err)
	value, err := asn1.Marshal(raw)
	must(d.t, err)
	return pkix.Extension{Id: asn1.ObjectIdentifier(ctx509.OIDExtensionCTSCT), Value: value}
}

// logged is the signature log's entry for a signature, with its promise and the
// proof of inclusion.
func (d *deployment) logged(kind string, properties types.ArtifactProperties, at time.Time) *protorekor.TransparencyLogEntry {
	d.t.Helper()
	properties.PKIFormat = "x509"
	proposed, err := types.NewProposedEntry(context.Background(), kind, "0.0.1", properties)
	must(d.t, err)
	entry, err := types.CreateVersionedEntry(proposed)
	must(d.t, err)
	body, err := types.CanonicalizeEntry(context.Background(), entry)
	must(d.t, err)
	id, err := d.log.RekorLogID()
	must(d.t, err)
	promise, err := d.log.RekorSignPayload(tlog.RekorPayload{Body: encode64(body), IntegratedTime: at.Unix(), LogIndex: 0, LogID: id})
	must(d.t, err)
	proof, err := d.log.GetInclusionProof(body)
	must(d.t, err)
	rootHash, err := hex.DecodeString(*proof.RootHash)
	must(d.t, err)
	rawID, err := hex.DecodeString(id)
	must(d.t, err)
	return &protorekor.TransparencyLogEntry{
		LogId: &protocommon.LogId{KeyId: rawID}, KindVersion: &protorekor.KindVersion{Kind: kind, Version: "0.0.1"}, IntegratedTime: at.Unix(),
		InclusionPromise:  &protorekor.InclusionPromise{SignedEntryTimestamp: promise},
		InclusionProof:    &protorekor.InclusionProof{RootHash: rootHash, TreeSize: *proof.TreeSize, Checkpoint: &protorekor.Checkpoint{Envelope: *proof.Checkpoint}},
		CanonicalizedBody: body,
	}
}

// statementOf is an in-toto statement about a digest.
func statementOf(d artifact.Digest, predicate string) []byte {
	return pretty(map[string]any{
		"_type": "https://in-toto.io/Statement/v1", "predicateType": predicate, "predicate": map[string]any{"x": 1},
		"subject": []any{map[string]any{"name": "app", "digest": map[string]any{"sha256": d.Hex()}}},
	})
}

// envelopePart is a signed statement as "cosign attest --certificate" leaves it.
func (h *holder) envelopePart(statement []byte, stamp func([]byte) []byte) part {
	p := h.certifiedPart(authenticated(typeStatement, statement), stamp)
	p.mediaType = typeDSSE
	p.raw = pretty(map[string]any{"payloadType": typeStatement, "payload": statement, "signatures": []any{map[string]any{"sig": p.annotations[annotationSignature]}}})
	delete(p.annotations, annotationSignature)
	return p
}

// bundlePart is a signed statement as a Sigstore bundle.
func (h *holder) bundlePart(statement []byte, stamp func([]byte) []byte, log ...*protorekor.TransparencyLogEntry) part {
	h.t.Helper()
	return h.bundleOf(statement, h.sign(authenticated(typeStatement, statement)), stamp, log...)
}

func (h *holder) bundleOf(statement, signature []byte, stamp func([]byte) []byte, log ...*protorekor.TransparencyLogEntry) part {
	h.t.Helper()
	material := &protobundle.VerificationMaterial{
		Content:     &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: h.certificate.Raw}},
		TlogEntries: log,
	}
	if stamp != nil {
		material.TimestampVerificationData = &protobundle.TimestampVerificationData{Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp(signature)}}}
	}
	raw, err := protojson.Marshal(&protobundle.Bundle{
		MediaType: typeBundlePrefix + ".v0.3+json", VerificationMaterial: material,
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{Payload: statement, PayloadType: typeStatement, Signatures: []*protodsse.Signature{{Sig: signature}}}},
	})
	must(h.t, err)
	return part{typeBundlePrefix + ".v0.3+json", raw, nil}
}
