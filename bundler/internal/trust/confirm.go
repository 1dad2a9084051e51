package trust

import (
	"context"
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/sigstore/cosign/v2/pkg/cosign"
	cbundle "github.com/sigstore/cosign/v2/pkg/cosign/bundle"
	"github.com/sigstore/cosign/v2/pkg/oci"
	"github.com/sigstore/cosign/v2/pkg/oci/static"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	sigs "github.com/sigstore/sigstore/pkg/signature"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// What our own reader accepts, the library of the project that made the format
// is asked about too, and counts only when both accept it: cosign's for what it
// keeps by tag, sigstore-go for bundles, notation-go (notary_confirm.go) for the
// Notary Project. Ours is first: a library gets nothing that repeats a key, is
// too long or is of another layout. It is told everything that it needs, works
// offline, and is not asked what depends on the time: that is given, and its
// clock may be another.

// cosigned is a claim as cosign keeps it: a layer and its annotations.
type cosigned struct {
	layer       []byte
	annotations *strictjson.Value
}

// confirmed asks the format's own library about a claim that the entry vouched
// for. The error is a [*flaw].
func (x *examination) confirmed(ctx context.Context, e entry, c *claim) error {
	if err := x.second(ctx, e, c); err != nil {
		return unprovedf("is accepted here, and not by the library of its format: %s", printable(err.Error()))
	}
	return nil
}

func confirm(ctx context.Context, e entry, c *claim) error {
	switch e := e.(type) {
	case *keys:
		return e.confirm(ctx, c)
	case *keyless:
		return e.confirm(ctx, c)
	case *authority:
		return e.confirm(ctx, c)
	case *notary:
		return e.confirm(ctx, c)
	}
	return fmt.Errorf("there is no library for %s", e)
}

// confirm wants each of the keys that vouched to be taken by the library.
func (k *keys) confirm(ctx context.Context, c *claim) error {
	for _, s := range c.signatures {
		print := k.signer(c, s)
		if print == "" {
			continue
		}
		if err := c.confirmKey(ctx, k.byPrint[print]); err != nil {
			return err
		}
	}
	return nil
}

// confirmKey asks about one signer. Which hash goes with a key has changed in
// cosign's life, so all that it has used are tried.
func (c *claim) confirmKey(ctx context.Context, key crypto.PublicKey) error {
	verifiers, err := verifiersOf(key)
	if err != nil {
		return err
	}
	var all error
	for _, v := range verifiers {
		err := c.confirmBy(ctx, v)
		if err == nil {
			return nil
		}
		all = errors.Join(all, err)
	}
	return all
}

func verifiersOf(key crypto.PublicKey) ([]sigs.Verifier, error) {
	usual, err := sigs.LoadDefaultVerifier(key)
	if err != nil {
		return nil, err
	}
	all := []sigs.Verifier{usual}
	if older, err := sigs.LoadVerifier(key, crypto.SHA256); err == nil {
		all = append(all, older)
	}
	if k, ok := key.(*rsa.PublicKey); ok {
		padded, err := sigs.LoadRSAPSSVerifier(k, crypto.SHA256, nil)
		return append(all, padded), err
	}
	return all, nil
}

func (c *claim) confirmBy(ctx context.Context, v sigs.Verifier) error {
	if c.bundle != nil {
		return c.confirmBundle(v)
	}
	return c.confirmCosigned(ctx, &cosign.CheckOpts{SigVerifier: v, IgnoreTlog: true, Offline: true})
}

// confirmBundle asks sigstore-go about the signature of a bundle, by its
// certificate or by this key, and about the subject of its statement.
func (c *claim) confirmBundle(v sigs.Verifier) error {
	digest, err := hex.DecodeString(c.subject.Digest.Hex())
	if err != nil {
		return err
	}
	content, err := c.bundle.SignatureContent()
	if err != nil {
		return err
	}
	explained, err := c.bundle.VerificationContent()
	if err != nil {
		return err
	}
	trusted := root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		return root.NewExpiringKey(v, time.Time{}, time.Time{}), nil // keys have no time
	})
	return verify.VerifySignatureWithArtifactDigests(content, explained, trusted, []verify.ArtifactDigest{{Algorithm: "sha256", Digest: digest}})
}

// confirm has cosign check the certificate, its identity, both logs and the
// time, which the deployment's logs or clocks prove. Bundles are judged by
// sigstore-go to begin with.
func (k *keyless) confirm(ctx context.Context, c *claim) error {
	if c.bundle != nil {
		return nil
	}
	return c.confirmCosigned(ctx, &cosign.CheckOpts{
		TrustedMaterial: k.trusted, Offline: true,
		UseSignedTimestamps: len(c.timestamps) > 0 && len(k.trusted.TimestampingAuthorities()) > 0,
		Identities:          []cosign.Identity{{Issuer: k.issuer, Subject: k.subject.Exact, SubjectRegExp: k.subject.Pattern()}},
	})
}

// confirm has cosign check the certificate's chain and use, and the signature.
// When the certificate was good is for the caller: cosign would ask a clock.
func (a *authority) confirm(ctx context.Context, c *claim) error {
	v, err := cosign.ValidateAndUnpackCertWithIntermediates(c.leaf, &cosign.CheckOpts{RootCerts: pool(a.roots), IgnoreSCT: true}, pool(slices.Concat(a.below, c.above)))
	if err != nil {
		return err
	}
	if c.bundle != nil {
		return c.confirmBundle(v)
	}
	return c.confirmKey(ctx, c.leaf.PublicKey)
}

// confirmCosigned has cosign verify the layer as it lies there.
func (c *claim) confirmCosigned(ctx context.Context, o *cosign.CheckOpts) error {
	subject, err := v1.NewHash(string(c.subject.Digest))
	if err != nil {
		return err
	}
	kept, err := c.asKept(o.SigVerifier == nil)
	if err != nil {
		return err
	}
	if !c.enveloped {
		o.ClaimVerifier = cosign.SimpleClaimVerifier
		_, err = cosign.VerifyImageSignature(ctx, kept, subject, o)
		return err
	}
	o.ClaimVerifier = cosign.IntotoSubjectClaimVerifier
	_, err = cosign.VerifyBlobAttestation(ctx, kept, subject, o)
	return err
}

// asKept shows the layer to cosign, with what explains it only where that is
// asked for: of a key's signature it would hold a certificate beside it against
// its clock.
func (c *claim) asKept(explained bool) (oci.Signature, error) {
	var options []static.Option
	if explained {
		var err error
		if options, err = c.explanations(); err != nil {
			return nil, err
		}
	}
	if c.enveloped {
		return static.NewAttestation(c.cosigned.layer, options...)
	}
	return static.NewSignature(c.cosigned.layer, base64.StdEncoding.EncodeToString(c.signatures[0].bytes), options...)
}

func (c *claim) explanations() ([]static.Option, error) {
	at := c.cosigned.annotations.StringAt
	options := []static.Option{static.WithCertChain([]byte(at(annotationCertificate)), []byte(at(annotationChain)))}
	promise, stamp := &cbundle.RekorBundle{}, &cbundle.RFC3161Timestamp{}
	if text := at(annotationLog); text != "" && text != "null" {
		if err := json.Unmarshal([]byte(text), promise); err != nil {
			return nil, err
		}
		options = append(options, static.WithBundle(promise))
	}
	if text := at(annotationTimestamp); text != "" && text != "null" {
		if err := json.Unmarshal([]byte(text), stamp); err != nil {
			return nil, err
		}
		options = append(options, static.WithRFC3161Timestamp(stamp))
	}
	return options, nil
}
