package assemble

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/trust"
)

// one is a bundle of one image, team/app:1.0, with more words in its entry.
func (f *fixture) one(t *testing.T, words string, policy ...string) Options {
	t.Helper()
	if len(policy) == 0 {
		policy = []string{f.sources()}
	}
	return f.options(t, bundleYAML("images:", "  - {ref: \""+f.registry.Host+"/team/app:1.0\""+words+"}"), f.policyYAML(policy...))
}

// fails creates a bundle and wants an error with these texts, no envelope, and
// no layer asked for.
func (f *fixture) fails(t *testing.T, o Options, want ...string) error {
	t.Helper()
	p := f.pack(t.TempDir())
	_, err := Create(t.Context(), o, nil, p)
	refused(t, err, want...)
	if _, err := os.Stat(filepath.Join(p.Dir, "ops"+envelope.Suffix)); err == nil {
		t.Error("there is an envelope")
	}
	return err
}

func (f *fixture) untouched(t *testing.T, layers ...bundlertest.Content) {
	t.Helper()
	for _, layer := range layers {
		if sent := f.registry.Sent(layer.Digest); sent.Requests > 0 {
			t.Errorf("a layer was fetched before its item was judged: %d bytes", sent.Bytes)
		}
	}
}

// TestSignatureStripped: what is not there does not pass (CVE-2026-35205), the
// error lists what was expected, and no layer is fetched.
func TestSignatureStripped(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	layer := bundlertest.Layer(5, 100_000)
	f.registry.PushImage(t, "team/app", "1.0", bundlertest.AMD64, layer)
	err := f.fails(t, f.one(t, ""), "/team/app:1.0 is refused", "expected:", "found:")
	var refusal *trust.Refusal
	if !errors.As(err, &refusal) {
		t.Errorf("the error is a %T, want one that holds a *trust.Refusal", err)
	}
	f.untouched(t, layer)
}

// TestSignatureOfAnotherArtifact is attached to this one.
func TestSignatureOfAnotherArtifact(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	layer := bundlertest.Layer(5, 100_000)
	d := f.registry.PushImage(t, "team/app", "1.0", bundlertest.AMD64, layer)
	f.image(t, "team/other", "1.0", 6)
	other := f.vendor.sign(t, f.registry, "team/app", artifact.Digest("sha256:"+strings.Repeat("0", 64)))
	raw, mediaType := f.registry.Manifest(t, "team/app", string(other.Digest))
	f.registry.PushManifest(t, "team/app", "sha256-"+d.Digest.Hex()+".sig", mediaType, raw)
	f.fails(t, f.one(t, ""), "is refused")
	f.untouched(t, layer)
}

// TestUnsignedPassesByNameAndDigestOnly.
func TestUnsignedPassesByNameAndDigestOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := f.registry.PushImage(t, "team/app", "1.0", bundlertest.AMD64, bundlertest.Layer(5, 1000))
	name := f.registry.Host + "/team/app:1.0"
	let := func(digest artifact.Digest) Options {
		return f.one(t, "", f.sources(), "unsigned: [\""+name+"@"+string(digest)+"\"]")
	}
	f.fails(t, let(artifact.Digest("sha256:"+strings.Repeat("0", 64))), "is refused")
	bundle, err := Create(t.Context(), let(d.Digest), nil, f.pack(t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	if v := bundle.Lock.Items[0].Verdict; v.Unsigned == "" || v.Trusted != "" {
		t.Errorf("verdict %+v, want it to say unsigned", v)
	}
}

// TestAuthorExpectsAnotherSigner than the policy finds.
func TestAuthorExpectsAnotherSigner(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.image(t, "team/app", "1.0", 1)
	f.fails(t, f.one(t, ", trust: other"), "bundle.yaml expects other", "vouched for by vendor")
}

// TestPinnedTagThatMoved is refused, although its new image is signed.
func TestPinnedTagThatMoved(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	was := f.image(t, "team/app", "1.0", 1)
	now := f.image(t, "team/app", "1.0", 2)
	o := f.options(t, bundleYAML("images:", "  - {ref: \""+f.registry.Host+"/team/app:1.0@"+string(was.Digest)+"\"}"), f.policyYAML(f.sources()))
	f.fails(t, o, "the tag is "+string(now.Digest), string(was.Digest))
}

// TestTagMovedBetweenLockAndCopy: the lock is by digest, and so is the copy.
func TestTagMovedBetweenLockAndCopy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	was := f.image(t, "team/app", "1.0", 1)
	o := f.one(t, "")
	l, err := Resolve(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	f.image(t, "team/app", "1.0", 2)
	bundle, err := Create(t.Context(), o, l, f.pack(t.TempDir()))
	if err != nil || bundle.Lock.Items[0].Root.Digest != was.Digest {
		t.Errorf("%v, want the image that was locked", err)
	}
}

// TestPolicyLimits: each is checked before layers are fetched.
func TestPolicyLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.image(t, "team/app", "1.0", 1)
	sources := f.sources()
	for want, policy := range map[string]string{
		"which the policy does not list": "mediaTypes: [application/vnd.oci.image.layer.v1.tar+gzip]",
		"and the policy allows 1048576":  "limits: {blob: 1MiB}",
		"bytes, and the policy allows":   "limits: {bundle: 1MiB}",
	} {
		var no *Refused
		if err := f.fails(t, f.one(t, "", sources, policy), want); !errors.As(err, &no) {
			t.Errorf("%s: the error is a %T", want, err)
		}
	}
	f.untouched(t, bundlertest.Layer(1, 2_000_000))
}

// TestMarkingAboveTheCeiling of the policy is not packed.
func TestMarkingAboveTheCeiling(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.image(t, "team/app", "1.0", 1)
	o := f.one(t, "")
	low := strings.Replace(f.policyYAML(f.sources()), "ceiling: SECRET//NOFORN", "ceiling: UNCLASSIFIED", 1)
	o.Policy = f.options(t, bundleYAML("images:", "  - {ref: \"registry.example/a:1\"}"), low).Policy
	var above *spec.MarkingError
	if err := f.fails(t, o, "above the policy's ceiling"); !errors.As(err, &above) {
		t.Errorf("the error is a %T", err)
	}
	f.untouched(t, bundlertest.Layer(1, 2_000_000))
}

// TestAllBadItemsAreNamed, not only the first.
func TestAllBadItemsAreNamed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.image(t, "team/good", "1.0", 1)
	f.registry.PushImage(t, "team/bad", "1.0", bundlertest.AMD64, bundlertest.Layer(5, 1000))
	h := f.registry.Host
	o := f.options(t, bundleYAML("images:", "  - {ref: \""+h+"/team/bad:1.0\"}", "  - {ref: \""+h+"/team/good:1.0\"}", "  - {ref: \""+h+"/team/gone:1.0\"}"), f.policyYAML(f.sources()))
	f.fails(t, o, "team/bad:1.0 is refused", "team/gone:1.0: the registry does not have it")
}

// TestRegistryThatLiesAboutALayer: the run fails and names the item. The next
// one, when the registry is honest, fetches only what is missing.
func TestRegistryThatLiesAboutALayer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.image(t, "team/app", "1.0", 1)
	o, p := f.one(t, ""), f.pack(t.TempDir())
	o.Parallel = 1
	layer, base := bundlertest.Layer(1, 2_000_000), bundlertest.Layer(1000, 300_000)
	f.registry.Inject(bundlertest.Corrupt("/blobs/" + string(layer.Digest)))
	_, err := Create(t.Context(), o, nil, p)
	refused(t, err, "/team/app:1.0", string(layer.Digest))
	f.registry.Inject(nil)
	if _, err := Create(t.Context(), o, nil, p); err != nil {
		t.Fatal(err)
	}
	f.verify(t, p.Dir)
	if sent := f.registry.Sent(base.Digest); sent.Whole != 1 {
		t.Errorf("the layer that was good was sent %d times", sent.Whole)
	}
}

// TestEditedLock: what a lock says is checked again before anything moves.
func TestEditedLock(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.image(t, "team/app", "1.0", 1)
	f.image(t, "team/other", "1.0", 7)
	o := f.one(t, "")
	for want, edit := range map[string]func(*lock.Lock){
		"otherwise than when it was locked": func(l *lock.Lock) { l.Items[0].Verdict.Signers = []string{"somebody else"} },
		"from another bundle.yaml":          func(l *lock.Lock) { l.Spec = artifact.Digest("sha256:" + strings.Repeat("0", 64)) },
		"is refused":                        func(l *lock.Lock) { l.Items[0].Evidence = nil },
		"/team/app:1.0":                     func(l *lock.Lock) { l.Items[0].Blobs = append(l.Items[0].Blobs, smuggled) },
		"above the bundle's":                func(l *lock.Lock) { l.Items[0].Marking = "TOP SECRET//NOFORN" },
	} {
		l, err := Resolve(t.Context(), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		edit(l)
		if err := l.Arrange(); err != nil {
			t.Fatal(err)
		}
		_, err = Create(t.Context(), o, l, f.pack(t.TempDir()))
		refused(t, err, want)
	}
	f.untouched(t, bundlertest.Layer(1, 2_000_000))
}

// smuggled is a blob that no manifest names.
var smuggled = artifact.Descriptor{Blob: artifact.Blob{Digest: artifact.Digest("sha256:" + strings.Repeat("1", 64)), Size: 10}, MediaType: "application/octet-stream"}

// TestPoisonedStoreIsNotPacked (attack 28): right size, other bytes.
func TestPoisonedStoreIsNotPacked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.image(t, "team/app", "1.0", 1)
	o, dir := f.one(t, ""), t.TempDir()
	l, err := Resolve(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	first := openStore(t, dir)
	if _, err := Collect(t.Context(), o, l, first, nil); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	layer := bundlertest.Layer(1, 2_000_000)
	if err := os.WriteFile(filepath.Join(dir, "blobs", "sha256", layer.Digest.Hex()), make([]byte, layer.Size), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Pack(t.Context(), o, l, openStore(t, dir), f.pack(t.TempDir()))
	refused(t, err, "/team/app:1.0", "does not have "+string(layer.Digest))
}

// TestFileChangedBetweenLockAndCopy (attack 30): hashed when it was locked,
// another file when it is copied.
func TestFileChangedBetweenLockAndCopy(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	o := f.options(t, bundleYAML("files:", "  - {name: run, path: run.sh}"), f.policyYAML(f.sources()))
	name := filepath.Join(o.Folder, "run.sh")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Resolve(t.Context(), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("#!/bin/rm\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Create(t.Context(), o, l, f.pack(t.TempDir()))
	refused(t, err, "files/run")
}

// TestCredentialsOpenTheWholeWay: the registry asks for a token everywhere.
func TestCredentialsOpenTheWholeWay(t *testing.T) {
	t.Parallel()
	f := newFixture(t, bundlertest.Token("user", "secret"))
	f.image(t, "team/app", "1.0", 1)
	o := f.one(t, "")
	_, err := Create(t.Context(), o, nil, f.pack(t.TempDir()))
	refused(t, err, "log in with docker login")
	o.Registries.Keychain = someone{f.registry.Host}
	if _, err := Create(t.Context(), o, nil, f.pack(t.TempDir())); err != nil {
		t.Error(err)
	}
}

// TestOptionsAreCheckedBeforehand: nothing is asked for what cannot be written.
func TestOptionsAreCheckedBeforehand(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.image(t, "team/app", "1.0", 1)
	o := f.one(t, "")
	p := f.pack(t.TempDir())
	p.Volumes.Parity = 33
	_, err := Create(t.Context(), o, nil, p)
	refused(t, err, "parity")
	if f.registry.Requests() > 0 {
		t.Error("the registry was asked before the options were checked")
	}
}
