package trust

import (
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// keyless trusts the short-lived certificates of a Sigstore deployment: those
// that its authority issued to the identity, that a certificate log and a
// signature log of the deployment have seen, at a time that one of its clocks
// has signed. What it knows of the deployment is a file.
type keyless struct {
	trusted  *root.TrustedRoot
	verifier *verify.Verifier
	identity verify.CertificateIdentity
	issuer   string
	subject  spec.Identity
	whom     string
}

func newKeyless(t *spec.Keyless, m material) (*keyless, error) {
	text, err := m.read(t.TrustedRoot)
	if err != nil {
		return nil, err
	}
	if _, err := document(text, "mediaType", "tlogs", "certificateAuthorities", "ctlogs", "timestampAuthorities"); err != nil {
		return nil, fmt.Errorf("%s: %w", t.TrustedRoot, err)
	}
	k := &keyless{issuer: t.Issuer, subject: t.Identity, whom: fmt.Sprintf("identity %s of issuer %s", printable(t.Identity.String()), printable(t.Issuer))}
	if k.trusted, err = root.NewTrustedRootFromJSON(text); err == nil {
		err = checkTrustedRoot(k.trusted)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.TrustedRoot, err)
	}
	if k.identity, err = verify.NewShortCertificateIdentity(t.Issuer, "", t.Identity.Exact, t.Identity.Pattern()); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	k.verifier, err = verify.NewVerifier(k.trusted, verify.WithSignedCertificateTimestamps(1), verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))
	return k, err
}

// checkTrustedRoot wants every part that proves something to be there. Without
// its logs a deployment is an authority of one's own, and the policy should say so.
func checkTrustedRoot(r *root.TrustedRoot) error {
	for what, n := range map[string]int{
		"certificate authority": len(r.FulcioCertificateAuthorities()),
		"transparency log":      len(r.RekorLogs()),
		"certificate log":       len(r.CTLogs()),
	} {
		if n == 0 {
			return fmt.Errorf("names no %s: for a deployment without one write ca instead of keyless", what)
		}
	}
	for _, logs := range []map[string]*root.TransparencyLog{r.RekorLogs(), r.CTLogs()} {
		for _, l := range logs {
			if err := CheckKey(l.PublicKey); err != nil {
				return fmt.Errorf("log %s: %w", printable(l.BaseURL), err)
			}
		}
	}
	return nil
}

func (k *keyless) threshold() int { return 1 }
func (k *keyless) String() string { return k.whom }

func (k *keyless) vouch(c *claim, _ time.Time) ([]string, error) {
	if c.notary != nil || c.leaf == nil {
		return nil, foreignf("has no Sigstore certificate")
	}
	summary, err := certificate.SummarizeCertificate(c.leaf)
	if err != nil {
		return nil, foreignf("has a certificate without a name: %s", printable(err.Error()))
	}
	who := fmt.Sprintf("%s (%s)", printable(summary.SubjectAlternativeName), printable(summary.Issuer))
	if err := k.identity.Verify(summary); err != nil {
		return nil, foreignf("is signed by %s, not by %s", who, k.whom)
	}
	if !k.issued(c) {
		return nil, foreignf("has a certificate for %s that is not issued by the deployment", who)
	}
	if !c.own(c.leaf) {
		return nil, forgedf("has the certificate of %s, whose key did not sign it", who)
	}
	entity := signedEntity{c}
	if _, err := k.verifier.Verify(entity, verify.NewPolicy(entity.artifact(), verify.WithCertificateIdentity(k.identity))); err != nil {
		return nil, unprovedf("is signed by %s, but: %s", who, printable(err.Error()))
	}
	return []string{who}, nil
}

// issued reports whether an authority of the deployment issued the certificate,
// at the time at which it did.
func (k *keyless) issued(c *claim) bool {
	if CheckKey(c.leaf.PublicKey) != nil {
		return false
	}
	_, err := verify.VerifyLeafCertificate(c.leaf.NotBefore, c.leaf, k.trusted)
	return err == nil
}
