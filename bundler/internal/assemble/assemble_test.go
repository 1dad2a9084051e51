package assemble

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cas"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/trust"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/volume"
)

// nobody is a keychain without credentials, so that no test sends the
// developer's.
type nobody struct{}

func (nobody) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }

// someone has a user's password for one host.
type someone struct{ host string }

func (s someone) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if r.RegistryStr() != s.host {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{Username: "user", Password: "secret"}), nil
}

// vendor signs images as cosign does with a key.
type vendor struct {
	key *ecdsa.PrivateKey
	pem []byte
}

func newVendor(t testing.TB) *vendor {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signing.EncodePublic(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return &vendor{key, text}
}

// sign attaches a signature to the manifest, by cosign's tag.
func (v *vendor) sign(t testing.TB, r *bundlertest.Registry, repository string, d artifact.Digest) artifact.Descriptor {
	t.Helper()
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`,
		r.Host+"/"+repository, d)
	sum := sha256.Sum256(payload)
	signature, err := v.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return r.AttachTag(t, repository, d, "sig", "application/vnd.dev.cosign.simplesigning.v1+json", bundlertest.Bytes(payload),
		map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(signature)})
}

// fixture is a registry with signed images and what it takes to bundle them.
type fixture struct {
	registry *bundlertest.Registry
	vendor   *vendor
	packer   signing.Signer
	keys     *signing.KeySet
}

func newFixture(t testing.TB, o ...bundlertest.Option) *fixture {
	t.Helper()
	key, err := signing.Generate(signing.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	packer, err := signing.New(key)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := signing.NewKeySet(1, key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{bundlertest.Start(t, o...), newVendor(t), packer, keys}
}

// image pushes a signed image with one layer of its own and a shared one.
func (f *fixture) image(t testing.TB, repository, tag string, seed uint64) artifact.Descriptor {
	t.Helper()
	d := f.registry.PushImage(t, repository, tag, bundlertest.AMD64, bundlertest.Layer(1000, 300_000), bundlertest.Layer(seed, 2_000_000))
	f.vendor.sign(t, f.registry, repository, d.Digest)
	return d
}

// bundleYAML has entries under the head that all bundles of the tests share.
func bundleYAML(entries ...string) string {
	return "apiVersion: datamesh-bundler/v1\nkind: Bundle\nname: ops\nmarking: SECRET//NOFORN\nvalidFor: 90d\n" + strings.Join(entries, "\n") + "\n"
}

func (f *fixture) policyYAML(more ...string) string {
	return strings.Join(append([]string{
		"apiVersion: datamesh-bundler/v1", "kind: Policy", "ceiling: SECRET//NOFORN",
		"trust: {vendor: {cosign: {keys: [vendor.pub]}}, other: {cosign: {keys: [other.pub]}}}",
	}, more...), "\n") + "\n"
}

func (f *fixture) sources() string {
	return fmt.Sprintf("sources:\n  - {match: %q, signature: vendor}\n  - {match: \"files/**\", checksum: true}", f.registry.Host+"/**")
}

func (f *fixture) options(t testing.TB, bundle, policy string) Options {
	t.Helper()
	s, err := spec.Parse([]byte(bundle))
	if err != nil {
		t.Fatalf("bundle.yaml: %v", err)
	}
	p, err := spec.ParsePolicy([]byte(policy))
	if err != nil {
		t.Fatalf("policy.yaml: %v", err)
	}
	verifier, err := trust.New(p, fstest.MapFS{"vendor.pub": {Data: f.vendor.pem}, "other.pub": {Data: newVendor(t).pem}})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Spec: s, Policy: p, Folder: t.TempDir()}
	o.Judge = func(ctx context.Context, item *lock.Item, content Content) (lock.Verdict, error) {
		return verifier.Judge(ctx, item, content, created)
	}
	o.Registries.Keychain = nobody{}
	o.Registries.Transfer.Wait = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	return o
}

var created = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func (f *fixture) pack(dir string) PackOptions {
	return PackOptions{Dir: dir, Signers: []signing.Signer{f.packer}, Created: created}
}

func openStore(t testing.TB, dir string) *cas.Store {
	t.Helper()
	store, err := cas.Open(dir, cas.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// verify reads a bundle back as the far side does, and names what is wrong.
func (f *fixture) verify(t testing.TB, dir string) *envelope.Envelope {
	t.Helper()
	raw, err := volume.ReadEnvelope(dir, "ops")
	if err != nil {
		t.Fatal(err)
	}
	e, err := envelope.Open(raw, f.keys)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, e.LockName()))
	if err != nil || artifact.DigestOf(sha256.Sum256(text)) != e.Lock.Digest {
		t.Fatalf("the lock beside the envelope is another: %v", err)
	}
	l, err := lock.Decode(text)
	if err != nil {
		t.Fatal(err)
	}
	layout, err := archive.New(l, e.Lock.Digest, nil, e.VolumeSize)
	if err != nil {
		t.Fatal(err)
	}
	set, err := volume.Open(dir, e, layout)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = set.Close() }()
	report, err := set.Verify(t.Context(), nil)
	if err != nil || len(report.Problems) > 0 {
		t.Fatalf("%v, %v", report.Problems, err)
	}
	return e
}

// files are the bytes of all files of a bundle but the attestation.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".attestation.json") {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[e.Name()] = string(raw)
	}
	return found
}

func same(t testing.TB, want, got map[string]string) {
	t.Helper()
	if len(want) == 0 || len(want) != len(got) {
		t.Errorf("%d files and %d", len(want), len(got))
	}
	for name, content := range want {
		if got[name] != content {
			t.Errorf("%s differs", name)
		}
	}
}

// events counts what a run tells.
type events struct {
	mu   sync.Mutex
	list []Event
}

func (e *events) note(event Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, event)
}

func (e *events) bytes(p Phase, kinds ...EventKind) int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	var n int64
	for _, event := range e.list {
		for _, kind := range kinds {
			if event.Phase == p && event.Kind == kind {
				n += event.Bytes
			}
		}
	}
	return n
}

func refused(t testing.TB, err error, want ...string) {
	t.Helper()
	for _, text := range want {
		if err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want an error with %q", err, text)
		}
	}
}
