package trust

import (
	"context"
	"crypto"
	"errors"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/notaryproject/notation-go"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// TestTheLibraryOfTheFormatHasToAgree shows evidence of every kind to the
// library of its format, as it is and forged, and lets the library object to
// what is good: then the item is refused.
func TestTheLibraryOfTheFormatHasToAgree(t *testing.T) {
	t.Parallel()
	for kind, evidence := range map[string]func(*testing.T) (*crossing, *Verifier, time.Time){
		"key, by tag":            cosignedBy((*vendor).sign),
		"key, as bundle":         cosignedBy((*vendor).signBundle),
		"key, attestation":       attested,
		"certificate, by tag":    certifiedTag,
		"certificate, as bundle": certifiedBundle,
		"Sigstore certificate":   logged,
		"Notary Project, JWS":    notarized(typeJWS),
		"Notary Project, COSE":   notarized(typeCOSE),
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			c, v, at := evidence(t)
			asked := 0
			v.second = func(ctx context.Context, e entry, good *claim) error {
				asked++
				if err := confirm(ctx, e, good); err != nil {
					t.Errorf("the library refuses what is good: %v", err)
				}
				for what, forged := range forgeries(good) {
					if confirm(ctx, e, forged) == nil {
						t.Errorf("the library accepts %s", what)
					}
				}
				return errors.New("objected")
			}
			c.refusedAt(v, at, "objected")
			if asked == 0 {
				t.Error("the library was not asked")
			}
			v.second = confirm
			if _, err := v.Judge(t.Context(), c.item, c, at); err != nil {
				t.Errorf("got %v, want it to pass", err)
			}
		})
	}
}

// forgeries are copies of a claim that no library may take.
func forgeries(good *claim) map[string]*claim {
	elsewhere := *good
	elsewhere.subject.Digest = artifact.DigestOf([32]byte{1})
	all := map[string]*claim{"another subject": &elsewhere}
	if good.notary != nil {
		spoilt, envelope := *good, *good.notary
		envelope.raw = append([]byte(nil), envelope.raw...)
		envelope.raw[len(envelope.raw)/2] ^= 1
		spoilt.notary = &envelope
		all["a spoilt envelope"] = &spoilt
	}
	if good.bundle == nil && good.notary == nil {
		spoilt := *good
		spoilt.cosigned.layer = append([]byte(" "), spoilt.cosigned.layer...)
		if !good.enveloped { // a space is no part of what an envelope signs
			all["a longer payload"] = &spoilt
		}
	}
	return all
}

func cosignedBy(sign func(*vendor, name.Digest)) func(*testing.T) (*crossing, *Verifier, time.Time) {
	return func(t *testing.T) (*crossing, *Verifier, time.Time) {
		s, v := newSite(t), newVendor(t)
		d := s.image()
		sign(v, d)
		return s.collect(d), v.verifier(), time.Now()
	}
}

const wantsProvenance = "  - {match: \"**\", signature: vendor, require: [{predicateType: https://slsa.dev/provenance/v1}]}\n"

func attested(t *testing.T) (*crossing, *Verifier, time.Time) {
	s, v := newSite(t), newVendor(t)
	d := s.image()
	v.sign(d)
	v.attest(d, "slsaprovenance1")
	return s.collect(d), v.office().verifier(t, policyText(trustVendor, wantsProvenance, "")), time.Now()
}

func certifiedTag(t *testing.T) (*crossing, *Verifier, time.Time) {
	r, c := newRealm(t), anImage(t)
	c.attach(lock.FormSignatureTag, c.item.Root, "", r.leaf(t).certifiedPart(simpleOf(c.item.Root.Digest), func(signature []byte) []byte {
		return r.clock.stamp(signature, epoch, crypto.SHA256)
	}))
	return c, r.verifier(t, policyText(trustStamped, signedByVendor, "")), epoch
}

func certifiedBundle(t *testing.T) (*crossing, *Verifier, time.Time) {
	r, c := newRealm(t), anImage(t)
	c.attach(lock.FormReferrer, c.item.Root, typeBundlePrefix+".v0.3+json", r.leaf(t).bundlePart(statementOf(c.item.Root.Digest, predicateSignature), nil))
	return c, r.verifier(t, policyText(trustNow, signedByVendor, "")), epoch
}

func logged(t *testing.T) (*crossing, *Verifier, time.Time) {
	d, c := newDeployment(t), anImage(t)
	c.attach(lock.FormSignatureTag, c.item.Root, "", d.loggedSimple(d.leaf(identity, issuer, true), simpleOf(c.item.Root.Digest)))
	return c, d.verifier(trustWorkflow), d.created.AddDate(5, 0, 0)
}

func notarized(mediaType string) func(*testing.T) (*crossing, *Verifier, time.Time) {
	return func(t *testing.T) (*crossing, *Verifier, time.Time) {
		m, c := newMill(t), anImage(t)
		c.attachNotary(mediaType, m.leaf(t, nil).notarize(c.item.Root, mediaType, notation.SignerSignOptions{}))
		return c, m.verifier(t, policyText(trustMill, signedByVendor, "")), time.Now()
	}
}
