package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	ctypes "github.com/sigstore/cosign/v2/pkg/types"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// The truth table of signatures by key: what cosign signed passes, and cosign
// itself says so too.
func TestWhatCosignSignedPasses(t *testing.T) {
	t.Parallel()
	for name, sign := range map[string]func(*vendor, name.Digest){
		"by tag":    (*vendor).sign,
		"as bundle": (*vendor).signBundle,
		"both":      func(v *vendor, d name.Digest) { v.sign(d); v.signBundle(d) },
		"many times": func(v *vendor, d name.Digest) {
			v.sign(d)
			v.signBundle(d)
			newVendor(v.t).sign(d)
			newVendor(v.t).signBundle(d)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, v := newSite(t), vendorWithPair(t)
			d := s.image()
			sign(v, d)
			report := s.collect(d).passes(v.verifier())
			if got := report.Verdict; got.Trusted != "vendor" || len(got.Signers) != 1 || got.Signers[0] != v.fingerprint() {
				t.Errorf("got verdict %+v, want vendor and %s", got, v.fingerprint())
			}
			if name != "as bundle" {
				must(t, v.cosignSays(d))
			}
		})
	}
}

func TestWhatCosignDidNotSignIsRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		sign func(s *site, v *vendor, d name.Digest)
		want string
	}{
		{"unsigned", func(*site, *vendor, name.Digest) {}, "found: nothing"},
		{"by another key", func(_ *site, v *vendor, d name.Digest) { newVendor(v.t).sign(d) }, "is not signed by key"},
		{"as bundle by another key", func(_ *site, v *vendor, d name.Digest) { newVendor(v.t).signBundle(d) }, "is not signed by key"},
		{"only attested", func(_ *site, v *vendor, d name.Digest) { v.attest(d, "slsaprovenance1") }, "a signature on"},
		{"only attested as bundle", func(_ *site, v *vendor, d name.Digest) { v.attestBundle(d, "slsaprovenance1") }, "a signature on"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, v := newSite(t), newVendor(t)
			d := s.image()
			tt.sign(s, v, d)
			s.collect(d).refused(v.verifier(), tt.want)
			if v.cosignSays(d) == nil {
				t.Error("cosign accepts it")
			}
		})
	}
}

// Keys of every kind of FIPS 186-5 sign as cosign signs with them.
func TestKeysOfEveryKind(t *testing.T) {
	t.Parallel()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	must(t, err)
	p521, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	must(t, err)
	for name, key := range map[string]crypto.Signer{"Ed25519": ed, "RSA": rsaKey, "P-384": p384, "P-521": p521} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, v := newSite(t), vendorWith(t, key)
			d := s.image()
			v.sign(d)
			s.collect(d).passes(v.verifier())
			must(t, v.cosignSays(d))
			d = s.image()
			v.signBundle(d)
			s.collect(d).passes(v.verifier())
		})
	}
}

func TestWeakKeysAreRefusedWithThePolicy(t *testing.T) {
	t.Parallel()
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	must(t, err)
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	for want, text := range map[string][]byte{
		"P-224":                 publicPEM(t, p224.Public()),
		"1024 bits":             publicPEM(t, short.Public()),
		"does not hold one PEM": nil,
		"and nothing else":      append(newVendor(t).public, newVendor(t).public...),
		"BEGIN PUBLIC KEY":      []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
		"vendor.pub":            []byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
		"is longer than":        make([]byte, maxMaterial+1),
	} {
		o := newOffice()
		o.file("vendor.pub", text)
		if _, err := o.open(policyText(trustVendor, signedByVendor, "")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want one with %q", err, want)
		}
	}
	if _, err := newOffice().open(policyText(trustVendor, signedByVendor, "")); err == nil || !strings.Contains(err.Error(), "vendor.pub") {
		t.Errorf("a key file that is not there: got error %v, want one that names it", err)
	}
}

// Attack 17: thresholds of nothing, and one key counted twice.
func TestThresholdCountsDistinctKeys(t *testing.T) {
	t.Parallel()
	s, a, b := newSite(t), newVendor(t), newVendor(t)
	o := a.office()
	o.file("copy.pub", a.public)
	o.file("b.pub", b.public)
	d := s.image()
	a.sign(d)
	a.signBundle(d)
	two := o.verifier(t, policyText("{cosign: {keys: [vendor.pub, b.pub], threshold: 2}}", signedByVendor, ""))
	s.collect(d).refused(two, "2 of the keys")
	b.sign(d)
	if report := s.collect(d).passes(two); len(report.Verdict.Signers) != 2 {
		t.Errorf("got signers %q, want two", report.Verdict.Signers)
	}
	for want, trust := range map[string]string{
		"1 distinct keys": "{cosign: {keys: [vendor.pub, copy.pub], threshold: 2}}",
		"threshold":       "{cosign: {keys: [vendor.pub], threshold: 0}}",
		"keys":            "{cosign: {keys: []}}",
	} {
		if _, err := o.open(policyText(trust, signedByVendor, "")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one with %q", trust, err, want)
		}
	}
}

// Attack 12: what was signed is stripped of its signature.
func TestStrippedSignatureIsRefused(t *testing.T) {
	t.Parallel()
	s, v := newSite(t), newVendor(t)
	d := s.image()
	v.sign(d)
	v.signBundle(d)
	c := s.collect(d)
	c.passes(v.verifier())
	c.item.Evidence = nil
	c.refused(v.verifier(), "expected: a signature on "+d.DigestStr())
}

// Attack 13: a true signature of the same key, of another artifact, hung on
// this one: by tag and as a bundle.
func TestSignatureOfAnotherArtifactIsRefused(t *testing.T) {
	t.Parallel()
	s, v := newSite(t), newVendor(t)
	other := s.image()
	for name, p := range map[string]part{
		"by tag":    {typeSimpleSigning, v.simple(other), map[string]string{annotationSignature: encode64(v.signed(v.simple(other)))}},
		"as bundle": {typeBundlePrefix + ".v0.3+json", v.bundle(v.statement(other, ctypes.CosignSignPredicateType)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := anImage(t)
			c.attach(lock.FormReferrer, c.item.Root, p.mediaType, p)
			c.refused(v.verifier(), "is a true signature of another artifact, "+other.DigestStr())
		})
	}
}

// Attack 13: the lock itself says that the evidence is about this item, while
// the evidence says otherwise.
func TestEvidenceMovedToAnotherSubjectCountsForNothing(t *testing.T) {
	t.Parallel()
	v, c := newVendor(t), anImage(t)
	other := c.manifest(map[string]any{"config": c.put("x/y", []byte("{}")), "layers": []any{}})
	c.attach(lock.FormReferrer, other, typeBundlePrefix+".v0.3+json").Subject = c.item.Root.Digest
	c.refused(v.verifier(), "refers to another subject")
	c = anImage(t)
	c.attach(lock.FormSignatureTag, other, "").Subject = c.item.Root.Digest
	c.refused(v.verifier(), "its tag names another subject")
}

// Attack 13: the wrong kind of attestation by the right key.
func TestWrongPredicateTypeIsRefused(t *testing.T) {
	t.Parallel()
	s, v := newSite(t), newVendor(t)
	sources := "  - {match: registry.example/**, signature: vendor, require: [{predicateType: https://slsa.dev/provenance/v1, trust: vendor}]}\n"
	verifier := v.office().verifier(t, policyText(trustVendor, sources, ""))
	for kind, attest := range map[string]func(*vendor, name.Digest, string){"by tag": (*vendor).attest, "as bundle": (*vendor).attestBundle} {
		d := s.image()
		v.sign(d)
		s.collect(d).refused(verifier, "expected: an attestation of type https://slsa.dev/provenance/v1")
		attest(v, d, "cyclonedx")
		s.collect(d).refused(verifier, "expected: an attestation of type https://slsa.dev/provenance/v1")
		attest(newVendor(t), d, "slsaprovenance1")
		s.collect(d).refused(verifier, "expected: an attestation of type https://slsa.dev/provenance/v1")
		attest(v, d, "slsaprovenance1")
		if report := s.collect(d).passes(verifier); len(report.Verdict.Signers) != 1 {
			t.Errorf("%s: got verdict %+v, want one signer", kind, report.Verdict)
		}
	}
	d := s.image()
	v.attest(d, "slsaprovenance1")
	must(t, v.cosignSaysOfAttestations(d))
}

// An attestation of another artifact by the right key is nothing, but it is no
// tampering either: builders hang those of children on their index.
func TestAttestationOfAnotherArtifactCountsForNothing(t *testing.T) {
	t.Parallel()
	s, v := newSite(t), newVendor(t)
	sources := "  - {match: registry.example/**, signature: vendor, require: [{predicateType: https://slsa.dev/provenance/v1, trust: vendor}]}\n"
	verifier := v.office().verifier(t, policyText(trustVendor, sources, ""))
	d, other := s.image(), s.image()
	v.sign(d)
	c := s.collect(d)
	c.attach(lock.FormAttestationTag, c.item.Root, "", part{typeDSSE, v.envelope(v.statement(other, "slsaprovenance1")), nil})
	c.refused(verifier, "attests another artifact, "+other.DigestStr())
	v.attest(d, "slsaprovenance1")
	c = s.collect(d)
	c.attach(lock.FormReferrer, c.item.Root, typeDSSE, part{typeDSSE, v.envelope(v.statement(other, "slsaprovenance1")), nil})
	if report := c.passes(verifier); !strings.Contains(strings.Join(report.Findings, "\n"), "attests another artifact") {
		t.Errorf("got findings %q, want the attestation of another artifact among them", report.Findings)
	}
}

// Attack 14: evidence that names the trusted key and is not signed by it
// refuses the item, whatever good evidence lies beside it.
func TestForgedKeyHintRefusesBesideAGoodSignature(t *testing.T) {
	t.Parallel()
	s, v, mallory := newSite(t), newVendor(t), newVendor(t)
	d := s.image()
	v.sign(d)
	c := s.collect(d)
	forged := strings.ReplaceAll(string(mallory.bundle(mallory.statement(d, ctypes.CosignSignPredicateType))), hint(mallory), hint(v))
	c.attach(lock.FormReferrer, c.item.Root, typeBundlePrefix+".v0.3+json", part{typeBundlePrefix + ".v0.3+json", []byte(forged), nil})
	c.refused(v.verifier(), "names key "+v.fingerprint()+", which did not sign it")
	c = s.collect(d)
	foreign := mallory.bundle(mallory.statement(d, ctypes.CosignSignPredicateType))
	c.attach(lock.FormReferrer, c.item.Root, typeBundlePrefix+".v0.3+json", part{typeBundlePrefix + ".v0.3+json", foreign, nil})
	c.passes(v.verifier())
}

// Attack 9: a thousand signatures, in one piece or in many.
func TestThousandSignaturesAreRefusedUnread(t *testing.T) {
	t.Parallel()
	v, c := newVendor(t), anImage(t)
	parts := make([]part, 1000)
	for i := range parts {
		parts[i] = part{typeSimpleSigning, []byte("x"), map[string]string{annotationSignature: "AAAA"}}
	}
	c.attach(lock.FormSignatureTag, c.item.Root, "", parts...)
	c.refused(v.verifier(), "at most 100 signatures")

	c = anImage(t)
	for range 1000 {
		c.item.Evidence = append(c.item.Evidence, lock.Evidence{Form: lock.FormReferrer, Subject: c.item.Root.Digest})
	}
	c.refused(v.verifier(), "at most 100 signatures")
}

func TestEvidenceOfARunIsBounded(t *testing.T) {
	t.Parallel()
	s, v := newSite(t), newVendor(t)
	d := s.image()
	v.sign(d)
	c, verifier := s.collect(d), v.verifier()
	verifier.read.Store(lock.MaxEvidenceTotal - 1)
	c.passes(verifier)
	c.refused(verifier, "in one run")
}

// Attack 8: a descriptor that claims a huge size makes nobody read or allocate
// anything.
func TestHugeClaimedSizeIsNotRead(t *testing.T) {
	t.Parallel()
	s, v := newSite(t), newVendor(t)
	d := s.image()
	v.sign(d)
	c := s.collect(d)
	huge := c.manifest(map[string]any{
		"config": c.put("x/y", []byte("{}")), "subject": c.item.Root,
		"layers": []any{artifact.Descriptor{Blob: artifact.Blob{Digest: c.item.Root.Digest, Size: 1 << 50}, MediaType: typeDSSE}},
	})
	c.item.Evidence = append(c.item.Evidence, lock.Evidence{Form: lock.FormReferrer, Subject: c.item.Root.Digest, Manifest: huge})
	if report := c.passes(v.verifier()); !strings.Contains(strings.Join(report.Findings, ""), "at most 4194304 are read") {
		t.Errorf("got findings %q, want the huge layer among them", report.Findings)
	}
	c.item.Root.Size = 1 << 50
	c.refused(v.verifier(), "at most 4194304 are read")
}

// A content that returns other bytes than were asked for is an error of the
// content and no refusal.
func TestContentThatLiesIsAnError(t *testing.T) {
	t.Parallel()
	s, v := newSite(t), newVendor(t)
	d := s.image()
	v.sign(d)
	for _, digest := range []artifact.Digest{artifact.Digest(d.DigestStr()), s.collect(d).item.Evidence[0].Manifest.Digest} {
		for _, lie := range [][]byte{[]byte("{}"), nil} {
			c := s.collect(d)
			c.blobs[digest] = lie
			_, err := c.judge(v.verifier())
			var refusal *Refusal
			if err == nil || errorsAs(err, &refusal) || !strings.Contains(err.Error(), "are not that blob") {
				t.Errorf("got error %v, want one of the content", err)
			}
		}
	}
}

func hint(v *vendor) string { return encode64(sum(crypto.SHA256, publicDER(v.t, v.key()))) }
