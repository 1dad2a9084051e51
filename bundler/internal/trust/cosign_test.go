package trust

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	"github.com/sigstore/cosign/v2/pkg/cosign/attestation"
	cbundle "github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v2/pkg/oci/mutate"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	ctypes "github.com/sigstore/cosign/v2/pkg/types"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	sigs "github.com/sigstore/sigstore/pkg/signature"
	sigdsse "github.com/sigstore/sigstore/pkg/signature/dsse"
	"github.com/sigstore/sigstore/pkg/signature/payload"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func errorsAs[T error](err error, target *T) bool { return errors.As(err, target) }

func discard() *log.Logger { return log.New(io.Discard, "", 0) }

// vendor is somebody with a key pair who signs with cosign.
type vendor struct {
	t      *testing.T
	signer sigs.SignerVerifier
	public []byte // PEM
}

func newVendor(t *testing.T) *vendor {
	t.Helper()
	key, err := cosign.GeneratePrivateKey()
	must(t, err)
	return vendorWith(t, key)
}

// vendorWithPair has the files that "cosign generate-key-pair" writes. Their
// encryption is slow on purpose.
func vendorWithPair(t *testing.T) *vendor {
	t.Helper()
	pass := []byte("correct horse")
	pair, err := cosign.GenerateKeyPair(func(bool) ([]byte, error) { return pass, nil })
	must(t, err)
	signer, err := cosign.LoadPrivateKey(pair.PrivateBytes, pass, nil)
	must(t, err)
	return &vendor{t, signer, pair.PublicBytes}
}

// vendorWith is somebody with a key of another kind.
func vendorWith(t *testing.T, key crypto.Signer) *vendor {
	t.Helper()
	signer, err := sigs.LoadDefaultSignerVerifier(key)
	must(t, err)
	public, err := cryptoutils.MarshalPublicKeyToPEM(key.Public())
	must(t, err)
	return &vendor{t, signer, public}
}

func (v *vendor) key() crypto.PublicKey {
	key, err := v.signer.PublicKey()
	must(v.t, err)
	return key
}

func (v *vendor) fingerprint() string {
	print, err := fingerprint(v.key())
	must(v.t, err)
	return "sha256:" + print
}

// office is one that trusts the vendor's key as "vendor".
func (v *vendor) office() office {
	o := newOffice()
	o.file("vendor.pub", v.public)
	return o
}

const trustVendor = "{cosign: {keys: [vendor.pub]}}"

// verifier is one that wants the vendor's signature and no more.
func (v *vendor) verifier() *Verifier {
	return v.office().verifier(v.t, policyText(trustVendor, signedByVendor, ""))
}

func (v *vendor) signed(message []byte) []byte {
	v.t.Helper()
	sig, err := v.signer.SignMessage(bytes.NewReader(message))
	must(v.t, err)
	return sig
}

// simple is cosign's payload for a digest.
func (v *vendor) simple(d name.Digest) []byte {
	v.t.Helper()
	raw, err := payload.Cosign{Image: d}.MarshalJSON()
	must(v.t, err)
	return raw
}

// sign signs as "cosign sign --key" does: with a tag.
func (v *vendor) sign(d name.Digest) {
	v.t.Helper()
	message := v.simple(d)
	sig, err := static.NewSignature(message, encode64(v.signed(message)))
	must(v.t, err)
	entity, err := mutate.AttachSignatureToEntity(ociremote.SignedUnknown(d), sig)
	must(v.t, err)
	must(v.t, ociremote.WriteSignatures(d.Repository, entity))
}

// envelope signs a statement as cosign does.
func (v *vendor) envelope(statement []byte) []byte {
	v.t.Helper()
	raw, err := sigdsse.WrapSigner(v.signer, ctypes.IntotoPayloadType).SignMessage(bytes.NewReader(statement))
	must(v.t, err)
	return raw
}

func (v *vendor) statement(d name.Digest, kind string) []byte {
	v.t.Helper()
	h, err := v1.NewHash(d.DigestStr())
	must(v.t, err)
	statement, err := attestation.GenerateStatement(attestation.GenerateOpts{
		Predicate: strings.NewReader(`{"buildDefinition":{"buildType":"https://example/b"},"runDetails":{"builder":{"id":"https://example/r"}}}`),
		Type:      kind, Digest: h.Hex, Repo: d.Repository.String(),
	})
	must(v.t, err)
	raw, err := json.Marshal(statement)
	must(v.t, err)
	return raw
}

// attest attests as "cosign attest --key" does: with a tag.
func (v *vendor) attest(d name.Digest, kind string) {
	v.t.Helper()
	att, err := static.NewAttestation(v.envelope(v.statement(d, kind)), static.WithLayerMediaType(ctypes.DssePayloadType))
	must(v.t, err)
	entity, err := mutate.AttachAttestationToEntity(ociremote.SignedUnknown(d), att)
	must(v.t, err)
	must(v.t, ociremote.WriteAttestations(d.Repository, entity))
}

// bundle is a statement as a Sigstore bundle.
func (v *vendor) bundle(statement []byte) []byte {
	v.t.Helper()
	raw, err := cbundle.MakeNewBundle(v.key(), nil, statement, v.envelope(statement), v.public, nil)
	must(v.t, err)
	return raw
}

// signBundle signs as "cosign sign --new-bundle-format" does: with a referrer.
func (v *vendor) signBundle(d name.Digest) {
	v.t.Helper()
	must(v.t, ociremote.WriteAttestationNewBundleFormat(d, v.bundle(v.statement(d, ctypes.CosignSignPredicateType)), ctypes.CosignSignPredicateType))
}

// attestBundle attests in the same way.
func (v *vendor) attestBundle(d name.Digest, kind string) {
	v.t.Helper()
	must(v.t, ociremote.WriteAttestationNewBundleFormat(d, v.bundle(v.statement(d, kind)), kind))
}

// cosignSays is cosign's own verdict on the signatures of an image.
func (v *vendor) cosignSays(d name.Digest) error {
	_, _, err := cosign.VerifyImageSignatures(context.Background(), d, &cosign.CheckOpts{
		SigVerifier: v.signer, IgnoreTlog: true, IgnoreSCT: true, Offline: true, ClaimVerifier: cosign.SimpleClaimVerifier,
	})
	return err
}

func (v *vendor) cosignSaysOfAttestations(d name.Digest) error {
	_, _, err := cosign.VerifyImageAttestations(context.Background(), d, &cosign.CheckOpts{
		SigVerifier: v.signer, IgnoreTlog: true, IgnoreSCT: true, Offline: true, ClaimVerifier: cosign.IntotoSubjectClaimVerifier,
	})
	return err
}

func encode64(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

// envelopeOf signs any payload of any type.
func (v *vendor) envelopeOf(payloadType string, raw []byte) []byte {
	v.t.Helper()
	envelope, err := sigdsse.WrapSigner(v.signer, payloadType).SignMessage(bytes.NewReader(raw))
	must(v.t, err)
	return envelope
}

func publicDER(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	must(t, err)
	return der
}

func publicPEM(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicDER(t, key)})
}

func decode64(t *testing.T, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	must(t, err)
	return raw
}

func clockAt(d *deployment, signature []byte, at time.Time) []byte {
	return d.clock.stamp(signature, at, crypto.SHA256)
}
