package trust

import (
	"context"
	"crypto/x509"
	"errors"

	"github.com/notaryproject/notation-go"
	"github.com/notaryproject/notation-go/verifier"
	"github.com/notaryproject/notation-go/verifier/trustpolicy"
	"github.com/notaryproject/notation-go/verifier/truststore"
	"github.com/opencontainers/go-digest"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// newNotationVerifier makes notation's own verifier for the same roots and
// identities. It is told to leave alone what it would ask the network or the
// machine's clock about: revocation, expiry and timestamps are checked here, at
// the time of the check.
func newNotationVerifier(identities []string, roots []*x509.Certificate) (notation.Verifier, error) {
	return verifier.New(&trustpolicy.Document{Version: "1.0", TrustPolicies: []trustpolicy.TrustPolicy{{
		Name: "policy", RegistryScopes: []string{"*"}, TrustStores: []string{"ca:policy"}, TrustedIdentities: identities,
		SignatureVerification: trustpolicy.SignatureVerification{
			VerificationLevel: trustpolicy.LevelStrict.Name,
			Override: map[trustpolicy.ValidationType]trustpolicy.ValidationAction{
				trustpolicy.TypeAuthenticTimestamp: trustpolicy.ActionLog,
				trustpolicy.TypeExpiry:             trustpolicy.ActionLog,
				trustpolicy.TypeRevocation:         trustpolicy.ActionSkip,
			},
		},
	}}}, rootStore(roots), nil)
}

// rootStore is a trust store of roots in memory.
type rootStore []*x509.Certificate

// GetCertificates implements [truststore.X509TrustStore].
func (r rootStore) GetCertificates(_ context.Context, kind truststore.Type, _ string) ([]*x509.Certificate, error) {
	if kind != truststore.TypeCA {
		return nil, errors.New("the policy has no such certificates")
	}
	return r, nil
}

// confirm has notation check integrity, authenticity and what is signed.
func (n *notary) confirm(ctx context.Context, c *claim) error {
	d := c.subject
	_, err := n.second.Verify(ctx, ocispec.Descriptor{MediaType: d.MediaType, Digest: digest.Digest(d.Digest), Size: d.Size}, c.notary.raw,
		notation.VerifierVerifyOptions{ArtifactReference: "evidence.invalid/subject@" + string(d.Digest), SignatureMediaType: c.notary.mediaType})
	return err
}
