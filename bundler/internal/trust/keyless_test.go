package trust

import (
	"crypto"
	"strings"
	"testing"
	"time"

	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/rekor/pkg/types"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

const (
	trustWorkflow = "{keyless: {trustedRoot: trusted_root.json, issuer: https://issuer.example, identity: https://example.org/workflow@refs/tags/v1}}"
	trustPattern  = "{keyless: {trustedRoot: trusted_root.json, issuer: https://issuer.example, identityRegexp: 'https://example\\.org/workflow@refs/tags/v[0-9]+'}}"
)

func (d *deployment) verifier(trust string) *Verifier {
	d.t.Helper()
	o := newOffice()
	o.file("trusted_root.json", d.trustedRoot())
	return o.verifier(d.t, policyText(trust, signedByVendor, ""))
}

// loggedBundle signs a statement keyless: certificate, signature, log entry.
func (d *deployment) loggedBundle(leaf *holder, statement []byte) part {
	d.t.Helper()
	signature := leaf.sign(authenticated(typeStatement, statement))
	return leaf.bundleOf(statement, signature, nil, d.loggedEnvelope(leaf, statement, signature, d.created))
}

func (d *deployment) loggedEnvelope(leaf *holder, statement, signature []byte, at time.Time) *protorekor.TransparencyLogEntry {
	return d.logged("dsse", types.ArtifactProperties{
		ArtifactBytes:  pretty(map[string]any{"payloadType": typeStatement, "payload": statement, "signatures": []any{map[string]any{"sig": signature}}}),
		PublicKeyBytes: [][]byte{chainPEM(leaf.certificate)},
	}, at)
}

// loggedSimple signs as keyless cosign does by tag.
func (d *deployment) loggedSimple(leaf *holder, payload []byte) part {
	d.t.Helper()
	p := leaf.certifiedPart(payload, nil)
	entry := d.loggedPayload(leaf, payload, p)
	p.annotations[annotationLog] = string(pretty(map[string]any{
		"SignedEntryTimestamp": entry.GetInclusionPromise().GetSignedEntryTimestamp(),
		"Payload":              map[string]any{"body": entry.GetCanonicalizedBody(), "integratedTime": entry.GetIntegratedTime(), "logIndex": 0, "logID": d.logID()},
	}))
	return p
}

func (d *deployment) logID() string {
	id, err := d.log.RekorLogID()
	must(d.t, err)
	return id
}

func (d *deployment) loggedPayload(leaf *holder, payload []byte, p part) *protorekor.TransparencyLogEntry {
	return d.logged("hashedrekord", types.ArtifactProperties{
		ArtifactHash:   artifact.DigestOf([32]byte(sum(crypto.SHA256, payload))).Hex(),
		SignatureBytes: decode64(d.t, p.annotations[annotationSignature]), PublicKeyBytes: [][]byte{chainPEM(leaf.certificate)},
	}, d.created)
}

func TestKeylessSignaturesPass(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	for _, trust := range []string{trustWorkflow, trustPattern} {
		for form, sign := range map[string]func(artifact.Digest) part{
			"bundle": func(a artifact.Digest) part {
				return d.loggedBundle(d.leaf(identity, issuer, true), statementOf(a, predicateSignature))
			},
			"tag": func(a artifact.Digest) part { return d.loggedSimple(d.leaf(identity, issuer, true), simpleOf(a)) },
		} {
			c := anImage(t)
			c.attach(lock.FormReferrer, c.item.Root, typeBundlePrefix+".v0.3+json", sign(c.item.Root.Digest))
			report, err := d.verifier(trust).Examine(t.Context(), c.item, c, d.created.AddDate(5, 0, 0))
			if err != nil {
				t.Errorf("%s: %v", form, err)
				continue
			}
			if want := identity + " (" + issuer + ")"; len(report.Verdict.Signers) != 1 || report.Verdict.Signers[0] != want {
				t.Errorf("%s: got signers %q, want %s", form, report.Verdict.Signers, want)
			}
		}
	}
}

// The truth table of keyless signatures: each proof is needed.
func TestKeylessSignaturesWithoutAProofAreRefused(t *testing.T) {
	t.Parallel()
	d, stranger := newDeployment(t), newDeployment(t)
	c := anImage(t)
	about := statementOf(c.item.Root.Digest, predicateSignature)
	leaf := d.leaf(identity, issuer, true)
	signature := leaf.sign(authenticated(typeStatement, about))
	entry := func() *protorekor.TransparencyLogEntry { return d.loggedEnvelope(leaf, about, signature, d.created) }
	spoilt := func(spoil func(*protorekor.TransparencyLogEntry)) part {
		e := entry()
		spoil(e)
		return leaf.bundleOf(about, signature, nil, e)
	}
	other := statementOf(artifact.DigestOf([32]byte{1}), predicateSignature)
	for _, tt := range []struct {
		name string
		part part
		want string
	}{
		{"wrong identity", d.loggedBundle(d.leaf("https://example.org/workflow@refs/heads/main", issuer, true), about), "not by identity " + identity},
		{"identity as a part of another", d.loggedBundle(d.leaf(identity+"/x", issuer, true), about), "not by identity"},
		{"wrong issuer", d.loggedBundle(d.leaf(identity, "https://evil.example", true), about), "not by identity"},
		{"another deployment", stranger.loggedBundle(stranger.leaf(identity, issuer, true), about), "not issued by the deployment"},
		{"certificate that no log has seen", d.loggedBundle(d.leaf(identity, issuer, false), about), "signed certificate timestamp"},
		{"signature that no log has seen", leaf.bundleOf(about, signature, nil), "log inclusion"},
		{"signature that another log has seen", leaf.bundleOf(about, signature, nil, stranger.loggedEnvelope(leaf, about, signature, d.created)), "not enough verified log entries"},
		{"logged after the certificate", leaf.bundleOf(about, signature, nil, d.loggedEnvelope(leaf, about, signature, leaf.certificate.NotAfter.Add(time.Second))), "certificate validity"},
		{"logged before the certificate", leaf.bundleOf(about, signature, nil, d.loggedEnvelope(leaf, about, signature, leaf.certificate.NotBefore.Add(-time.Second))), "certificate validity"},
		{"log entry of another signature", leaf.bundleOf(about, signature, nil, d.loggedEnvelope(leaf, other, leaf.sign(authenticated(typeStatement, other)), d.created)), "transparency log signature does not match"},
		{"promise of another time", spoilt(func(e *protorekor.TransparencyLogEntry) { e.IntegratedTime++ }), "not enough verified log entries"},
		{"no promise and no clock", spoilt(func(e *protorekor.TransparencyLogEntry) { e.InclusionPromise = nil }), "timestamp"},
		{"false proof of inclusion", spoilt(func(e *protorekor.TransparencyLogEntry) { e.InclusionProof.RootHash[0] ^= 1 }), "log inclusion"},
		{"no proof of inclusion", spoilt(func(e *protorekor.TransparencyLogEntry) { e.InclusionProof = nil }), "inclusion proof missing"},
		{"false signature", leaf.bundleOf(about, leaf.sign([]byte("else")), nil, entry()), "whose key did not sign it"},
		{"another artifact", d.loggedBundle(leaf, other), "is a true signature of another artifact"},
		{"an attestation", d.loggedBundle(leaf, statementOf(c.item.Root.Digest, "https://slsa.dev/provenance/v1")), "expected: a signature"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := c.clone(t)
			c.attach(lock.FormReferrer, c.item.Root, typeBundlePrefix+".v0.3+json", tt.part)
			c.refusedAt(d.verifier(trustWorkflow), d.created, tt.want)
		})
	}
}

// Attack 13 (CVE-2022-36056): a signature by tag with the log entry of another.
func TestUnboundLogEntryIsRefused(t *testing.T) {
	t.Parallel()
	d, c := newDeployment(t), anImage(t)
	leaf := d.leaf(identity, issuer, true)
	good := d.loggedSimple(leaf, simpleOf(c.item.Root.Digest))
	other := d.loggedSimple(leaf, simpleOf(artifact.DigestOf([32]byte{1})))
	good.annotations[annotationLog] = other.annotations[annotationLog]
	c.attach(lock.FormSignatureTag, c.item.Root, "", good)
	c.refusedAt(d.verifier(trustWorkflow), d.created, "transparency log signature does not match")
}

// A clock of the deployment proves the time where the log promises none.
func TestKeylessTimeByTimestamp(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	leaf := d.leaf(identity, issuer, true)
	for at, want := range map[time.Time]string{
		leaf.certificate.NotBefore:                   "",
		leaf.certificate.NotAfter:                    "",
		leaf.certificate.NotAfter.Add(time.Second):   "leaf certificate verification failed",
		leaf.certificate.NotBefore.Add(-time.Second): "leaf certificate verification failed",
	} {
		c := anImage(t)
		about := statementOf(c.item.Root.Digest, predicateSignature)
		signature := leaf.sign(authenticated(typeStatement, about))
		entry := d.loggedEnvelope(leaf, about, signature, d.created)
		entry.InclusionPromise = nil
		stamp := func(signature []byte) []byte { return clockAt(d, signature, at) }
		c.attach(lock.FormReferrer, c.item.Root, typeBundlePrefix+".v0.3+json", leaf.bundleOf(about, signature, stamp, entry))
		if want != "" {
			c.refusedAt(d.verifier(trustWorkflow), d.created, want)
		} else if _, err := d.verifier(trustWorkflow).Judge(t.Context(), c.item, c, d.created); err != nil {
			t.Errorf("stamped at %s: %v", at, err)
		}
	}
}

func TestTrustedRootMustBeWhole(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	for part, want := range map[string]string{"tlogs": "no transparency log", "ctlogs": "no certificate log", "certificateAuthorities": "no certificate authority", "mediaType": "media type"} {
		o := newOffice()
		o.file("trusted_root.json", d.trustedRoot(part))
		if _, err := o.open(policyText(trustWorkflow, signedByVendor, "")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("without %s: got error %v, want one with %q", part, err, want)
		}
	}
	o := newOffice()
	o.file("trusted_root.json", []byte(strings.Replace(string(d.trustedRoot()), `"tlogs":`, `"tlogs":[],"tlogs":`, 1)))
	if _, err := o.open(policyText(trustWorkflow, signedByVendor, "")); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("a root with a key twice: got error %v", err)
	}
}
