package trust

import (
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
)

// A signature on an index covers its children; one on a child covers the child.
func TestSignatureOnIndexAndOnChildren(t *testing.T) {
	t.Parallel()
	s, v := newSite(t), newVendor(t)
	everywhere := v.office().verifier(t, policyText(trustVendor, "  - {match: registry.example/**, signature: vendor, signatureOn: children}\n", ""))
	index := s.index("linux/amd64", "linux/arm64")
	for _, child := range s.collect(index).item.Manifests {
		v.sign(s.repo.Digest(string(child.Digest)))
	}
	s.collect(index).refused(v.verifier(), "expected: a signature on "+index.DigestStr())
	s.collect(index).refused(everywhere, "expected: a signature on each of its 3 manifests")
	v.signBundle(index)
	s.collect(index).passes(v.verifier())
	s.collect(index).passes(everywhere)

	alone := s.index("linux/amd64", "linux/arm64")
	v.sign(alone)
	s.collect(alone).passes(v.verifier())
	s.collect(alone).refused(everywhere, "expected: a signature on each of its 3 manifests")

	// Only the children that travel are asked.
	c := s.collect(alone)
	v.sign(s.repo.Digest(string(c.item.Manifests[0].Digest)))
	c = s.collect(alone)
	gone := c.item.Manifests[1]
	m, err := parseManifest(c.blobs[gone.Digest], gone.MediaType)
	must(t, err)
	c.item.Manifests = c.item.Manifests[:1]
	c.item.Blobs = slices.DeleteFunc(c.item.Blobs, func(d artifact.Descriptor) bool { return slices.Contains(m.blobs(), d) })
	c.passes(everywhere)
}

// Attestations and SBOMs may hang on the root or on every child that travels.
func TestRequirementsOnRootOrOnEveryChild(t *testing.T) {
	t.Parallel()
	s, v := newSite(t), newVendor(t)
	provenance := v.office().verifier(t, policyText(trustVendor, "  - {match: registry.example/**, signature: vendor, require: [{predicateType: https://slsa.dev/provenance/v1}]}\n", ""))
	index := s.index("linux/amd64", "linux/arm64")
	v.sign(index)
	children := s.collect(index).item.Manifests
	v.attest(s.repo.Digest(string(children[0].Digest)), "slsaprovenance1")
	s.collect(index).refused(provenance, "expected: an attestation of type")
	v.attest(s.repo.Digest(string(children[1].Digest)), "slsaprovenance1")
	s.collect(index).passes(provenance)

	sbom := v.office().verifier(t, policyText(trustVendor, "  - {match: registry.example/**, signature: vendor, require: [{artifactType: application/spdx+json}]}\n", ""))
	c := s.collect(index)
	c.refused(sbom, "expected: an artifact of type application/spdx+json")
	c.attach(lock.FormReferrer, children[0], "application/spdx+json", part{"application/spdx+json", []byte("{}"), nil})
	c.refused(sbom, "expected: an artifact of type application/spdx+json")
	c.attach(lock.FormReferrer, children[1], "application/vnd.cyclonedx+json", part{"application/spdx+json", []byte("{}"), nil})
	c.refused(sbom, "expected: an artifact of type application/spdx+json")
	c.attach(lock.FormReferrersTag, children[1], "application/spdx+json", part{"application/spdx+json", []byte("{}"), nil})
	c.passes(sbom)
	c = s.collect(index)
	c.attach(lock.FormSBOMTag, c.item.Root, "", part{"application/spdx+json", []byte("{}"), nil})
	c.passes(sbom)
}

// An SBOM that must be signed needs a signature on itself.
func TestSignedSBOM(t *testing.T) {
	t.Parallel()
	s, v := newSite(t), newVendor(t)
	d := s.image()
	v.sign(d)
	verifier := v.office().verifier(t, policyText(trustVendor, "  - {match: registry.example/**, signature: vendor, require: [{artifactType: application/spdx+json, trust: vendor}]}\n", ""))
	c := s.collect(d)
	sbom := c.attach(lock.FormReferrer, c.item.Root, "application/spdx+json", part{"application/spdx+json", []byte("{}"), nil}).Manifest
	c.refused(verifier, "signed by vendor")
	c.attach(lock.FormReferrer, sbom, predicateSignature, part{typeDSSE, newVendor(t).envelope(statementOf(sbom.Digest, predicateSignature)), nil})
	c.refused(verifier, "signed by vendor")
	c.attach(lock.FormReferrer, sbom, predicateSignature, part{typeDSSE, v.envelope(statementOf(sbom.Digest, predicateSignature)), nil})
	c.passes(verifier)
}

// A lock that names more than the signed root does carries what nobody signed.
func TestLockThatCarriesMoreThanWasSignedIsRefused(t *testing.T) {
	t.Parallel()
	s, v := newSite(t), newVendor(t)
	index := s.index("linux/amd64")
	v.sign(index)
	for name, smuggle := range map[string]func(c *crossing){
		"a manifest": func(c *crossing) {
			c.item.Manifests = append(c.item.Manifests, c.manifest(map[string]any{"config": c.put("x/y", []byte("{}")), "layers": []any{}}))
		},
		"a blob":                 func(c *crossing) { c.item.Blobs = append(c.item.Blobs, c.put("x/y", []byte("smuggled"))) },
		"a blob of another type": func(c *crossing) { c.item.Blobs[0].MediaType = "application/x-executable" },
		"a blob of another size": func(c *crossing) { c.item.Blobs[0].Size++ },
		"the config as a layer":  func(c *crossing) { c.item.Blobs[0].MediaType = c.item.Blobs[1].MediaType },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := s.collect(index)
			c.passes(v.verifier())
			smuggle(c)
			c.refused(v.verifier(), "do not use this lock")
		})
	}
}

// Attack 20 (CVE-2021-41190): a document that is an index to one reader and a
// manifest to another.
func TestManifestThatIsAlsoAnIndexIsRefused(t *testing.T) {
	t.Parallel()
	v := newVendor(t)
	blob := `{"mediaType":"x/y","size":2,"digest":"sha256:` + strings.Repeat("0", 64) + `"}`
	for name, tt := range map[string]struct{ mediaType, text, want string }{
		"manifest with manifests":  {artifact.MediaTypeOCIManifest, `{"config":` + blob + `,"layers":[],"manifests":[]}`, "keys of another type"},
		"index with layers":        {artifact.MediaTypeOCIIndex, `{"layers":[],"manifests":[]}`, "keys of another type"},
		"index with a config":      {artifact.MediaTypeDockerList, `{"config":` + blob + `,"manifests":[]}`, "keys of another type"},
		"index as manifest":        {artifact.MediaTypeOCIManifest, `{"manifests":[]}`, "keys of another type"},
		"manifest as index":        {artifact.MediaTypeOCIIndex, `{"config":` + blob + `,"layers":[]}`, "keys of another type"},
		"says that it is an index": {artifact.MediaTypeOCIManifest, `{"mediaType":"` + artifact.MediaTypeOCIIndex + `","config":` + blob + `,"layers":[]}`, "says that it is"},
		"says that it is Docker's": {artifact.MediaTypeOCIIndex, `{"mediaType":"` + artifact.MediaTypeDockerList + `","manifests":[]}`, "says that it is"},
		"key twice":                {artifact.MediaTypeOCIManifest, `{"config":` + blob + `,"config":` + blob + `,"layers":[]}`, "twice"},
		"key in two cases":         {artifact.MediaTypeOCIManifest, `{"config":` + blob + `,"Layers":[],"layers":[]}`, "which some read as layers"},
		"digest that is a path":    {artifact.MediaTypeOCIManifest, `{"config":{"digest":"sha256:../../etc/passwd","size":1},"layers":[]}`, "is not a digest"},
		"negative size":            {artifact.MediaTypeOCIManifest, `{"config":` + strings.Replace(blob, "2", "-2", 1) + `,"layers":[]}`, "has a size of -2"},
		"layers no array":          {artifact.MediaTypeOCIManifest, `{"config":` + blob + `,"layers":{}}`, "is not an array"},
		"too many layers":          {artifact.MediaTypeOCIManifest, `{"config":` + blob + `,"layers":[` + strings.Repeat("0,", maxDescriptors) + `0]}`, "at most 10000 are read"},
		"no JSON":                  {artifact.MediaTypeOCIManifest, `config: x`, "is not JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := anImage(t)
			c.item.Root, c.item.Blobs = c.put(tt.mediaType, []byte(tt.text)), nil
			c.refused(v.verifier(), tt.want)
		})
	}
}

// Items that nobody signed pass by name and digest, and not by either alone.
func TestUnsignedByNameAndDigestOnly(t *testing.T) {
	t.Parallel()
	v, c := newVendor(t), anImage(t)
	allow := func(entry string) *Verifier {
		return v.office().verifier(t, policyText(trustVendor, signedByVendor, "unsigned: [\""+entry+"\"]\n"))
	}
	entry := itemName + "@" + string(c.item.Root.Digest)
	if got := c.passes(allow(entry)).Verdict; got.Unsigned != entry || got.Trusted != "" || got.Signers != nil {
		t.Errorf("got verdict %+v, want unsigned by %s", got, entry)
	}
	c.refused(allow(itemName+"@"+string(artifact.DigestOf([32]byte{1}))), "expected: a signature")
	c.refused(allow("registry.example/team/other:1.0@"+string(c.item.Root.Digest)), "expected: a signature")
	c.item.Blobs = append(c.item.Blobs, c.put("x/y", []byte("smuggled")))
	c.refused(allow(entry), "do not use this lock")
}

// The policy's media types and sizes hold for unsigned items too.
func TestMediaTypesAndSizesOfThePolicy(t *testing.T) {
	t.Parallel()
	c := anImage(t)
	entry := "unsigned: [\"" + itemName + "@" + string(c.item.Root.Digest) + "\"]\n"
	const types = "mediaTypes: [application/vnd.oci.image.config.v1+json"
	for more, want := range map[string]string{
		types + "]\n": "application/vnd.oci.image.layer.v1.tar",
		types + ", application/vnd.oci.image.layer.v1.tar]\n": "",
		"limits: {blob: 10B}\n":                               "blobs of at most 10 bytes",
	} {
		v := newVendor(t).office().verifier(t, policyText(trustVendor, signedByVendor, more+entry))
		if want == "" {
			c.passes(v)
		} else {
			c.refused(v, want)
		}
	}
}

func TestFilesByChecksumAndNothingElse(t *testing.T) {
	t.Parallel()
	verifier := newOffice().verifier(t, policyText("", "  - {match: \"**\", checksum: true}\n", ""))
	c := anImage(t)
	c.refused(verifier, "expected: a file")
	c.item.Kind, c.item.Name, c.item.Repository = lock.KindFile, "files/tools/kubectl", "files/tools/kubectl"
	if got := c.passes(verifier).Verdict; got.Trusted != lock.Checksum {
		t.Errorf("got verdict %+v, want checksum", got)
	}
	c.item.Blobs = append(c.item.Blobs, c.put("x/y", []byte("another file")))
	c.refused(verifier, "do not use this lock")
}

func TestItemWithoutASourceIsRefused(t *testing.T) {
	t.Parallel()
	v, c := newVendor(t), anImage(t)
	c.refused(v.office().verifier(t, policyText(trustVendor, "  - {match: registry.example/other/**, signature: vendor}\n", "")), "add a source to policy.yaml")
}

// The first source that matches decides, even where a later one would be
// easier to satisfy.
func TestFirstSourceDecides(t *testing.T) {
	t.Parallel()
	s, v, other := newSite(t), newVendor(t), newVendor(t)
	o := v.office()
	o.file("other.pub", other.public)
	d := s.image()
	v.sign(d)
	trust := trustVendor + "\n  other: {cosign: {keys: [other.pub]}}"
	verifier := o.verifier(t, policyText(trust, "  - {match: registry.example/team/**, signature: other}\n"+signedByVendor, ""))
	s.collect(d).refused(verifier, "by other: key "+other.fingerprint())
	other.sign(d)
	s.collect(d).passes(verifier)
}

// What one entry of the policy signed does not count for another.
func TestSignerOfOneEntryDoesNotCountForAnother(t *testing.T) {
	t.Parallel()
	s, v, auditor := newSite(t), newVendor(t), newVendor(t)
	o := v.office()
	o.file("auditor.pub", auditor.public)
	verifier := o.verifier(t, policyText(trustVendor+"\n  auditor: {cosign: {keys: [auditor.pub]}}",
		"  - {match: \"**\", signature: vendor, require: [{predicateType: https://slsa.dev/provenance/v1, trust: auditor}]}\n", ""))
	d := s.image()
	v.sign(d)
	v.attest(d, "slsaprovenance1")
	s.collect(d).refused(verifier, "expected: an attestation of type https://slsa.dev/provenance/v1 by auditor")
	auditor.attestBundle(d, "slsaprovenance1")
	s.collect(d).passes(verifier)
}

// Refusals name the item, what was expected and found, and the next step, in
// plain characters.
func TestRefusalsAreLinesOfPlainText(t *testing.T) {
	t.Parallel()
	v, c := newVendor(t), anImage(t)
	c.attach(lock.FormReferrer, c.item.Root, typeDSSE, part{typeDSSE, []byte(`{"payloadType":"\u001b[2Jx\u202e","payload":"e30=","signatures":[{"sig":"AAAA"}]}`), nil})
	_, err := c.judge(v.verifier())
	for _, want := range []string{itemName + " is refused\n", "\n  expected: ", "\n  found: ", "\n  next: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q in it", err, want)
		}
	}
	if strings.ContainsAny(err.Error(), "\x1b\u202e") {
		t.Errorf("got %q, want no control characters", err)
	}
}

func TestSignersOfThePolicy(t *testing.T) {
	t.Parallel()
	key, err := signing.Generate(signing.ECDSAP384)
	must(t, err)
	o := newOffice()
	o.file("packer.pub", publicPEM(t, key.Public()))
	none := o.verifier(t, policyText("", "  - {match: files/**, checksum: true}\n", ""))
	for name, get := range map[string]func() (*signing.KeySet, error){"bundleSigners": none.BundleSigners, "rollbackSigners": none.RollbackSigners, "receiptSigners": none.ReceiptSigners} {
		if set, err := get(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s of a policy without: got %v and error %v, want an error that names them", name, set, err)
		}
	}
	some := o.verifier(t, policyText("", "  - {match: files/**, checksum: true}\n", "bundleSigners: {keys: [packer.pub]}\n"))
	set, err := some.BundleSigners()
	must(t, err)
	id, err := signing.KeyID(key.Public())
	must(t, err)
	if got := set.KeyIDs(); !slices.Equal(got, []string{id}) {
		t.Errorf("got keys %q, want %s", got, id)
	}
	if _, err := o.open(policyText("", "  - {match: files/**, checksum: true}\n", "receiptSigners: {keys: [gone.pub]}\n")); err == nil || !strings.Contains(err.Error(), "gone.pub") {
		t.Errorf("a key that is not there: got error %v, want one that names it", err)
	}
}
