package oci

import (
	"context"
	"crypto/sha256"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/transfer"
)

// nobody is a keychain without credentials, so that no test sends the
// developer's.
type nobody struct{}

func (nobody) Resolve(authn.Resource) (authn.Authenticator, error) { return authn.Anonymous, nil }

// someone has one user's credentials for one host.
type someone struct{ host, user, password string }

func (s someone) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if r.RegistryStr() != s.host {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{Username: s.user, Password: s.password}), nil
}

// pauses is a clock that does not wait and remembers how long it should have.
type pauses struct {
	mu    sync.Mutex
	asked []time.Duration
}

func (p *pauses) wait(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, d)
	return ctx.Err()
}

func open(t *testing.T, o Options) *Registries {
	t.Helper()
	if o.Keychain == nil {
		o.Keychain = nobody{}
	}
	if o.Transfer.Wait == nil {
		o.Transfer.Wait = (&pauses{}).wait
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// app pushes an image of one layer as team/app:1.0.
func app(t *testing.T, r *bundlertest.Registry) (artifact.Descriptor, bundlertest.Content) {
	t.Helper()
	layer := bundlertest.Layer(1, 3<<20)
	return r.PushImage(t, "team/app", "1.0", bundlertest.AMD64, layer), layer
}

func refused(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error with %q", err, want)
	}
}

// TestGraphIsWhole walks an index with evidence of every form, in a registry
// that has the Referrers API and in one that has not.
func TestGraphIsWhole(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		registry *bundlertest.Registry
		form     lock.Form
	}{
		"distribution": {bundlertest.Start(t), lock.FormReferrersTag},
		"with API":     {bundlertest.Start(t, bundlertest.Referrers()), lock.FormReferrer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := c.registry
			amd := r.PushImage(t, "team/app", "", bundlertest.AMD64, bundlertest.Layer(1, 1000), bundlertest.Layer(2, 1000))
			arm := r.PushImage(t, "team/app", "", bundlertest.ARM64, bundlertest.Layer(1, 1000), bundlertest.Layer(3, 1000))
			root := r.PushIndex(t, "team/app", "1.0", amd, arm)
			payload := bundlertest.Bytes([]byte(`{"signed":true}`))
			sig := r.AttachTag(t, "team/app", root.Digest, "sig", "application/json", payload, nil)
			att := r.AttachTag(t, "team/app", amd.Digest, "att", "application/json", payload, nil)
			sbom := r.Attach(t, "team/app", amd, "application/spdx+json", "application/spdx+json", payload, nil)
			about := r.Attach(t, "team/app", sbom, "application/vnd.test", "application/json", bundlertest.Bytes([]byte("about the SBOM")), nil)

			g, err := walk(t, r, "1.0")
			if err != nil {
				t.Fatal(err)
			}
			if g.Root.Blob != root.Blob || len(g.Blobs) != 5 {
				t.Errorf("root %v with %d configs and layers, want %v with 2 configs and 3 layers", g.Root, len(g.Blobs), root)
			}
			if diff := cmp.Diff(bundlertest.Sorted([]artifact.Descriptor{amd, arm}), g.Manifests); diff != "" {
				t.Errorf("manifests (-want +got):\n%s", diff)
			}
			want := map[artifact.Digest]lock.Form{sig.Digest: lock.FormSignatureTag, att.Digest: lock.FormAttestationTag, sbom.Digest: c.form, about.Digest: c.form}
			got := map[artifact.Digest]lock.Form{}
			for _, e := range g.Evidence {
				got[e.Manifest.Digest] = e.Form
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("evidence (-want +got):\n%s", diff)
			}
			if !slices.IsSortedFunc(g.Evidence, compareEvidence) {
				t.Error("evidence is not sorted")
			}
		})
	}
}

func walk(t *testing.T, r *bundlertest.Registry, tag string, platforms ...artifact.Platform) (*Graph, error) {
	t.Helper()
	repository := open(t, Options{}).Repository(r.Repository("team/app"))
	root, err := repository.Resolve(t.Context(), tag)
	if err != nil {
		return nil, err
	}
	return repository.Walk(t.Context(), root, platforms)
}

// TestOnlyWantedPlatformsTravel: the index stays as it was signed, with a child
// that is not there.
func TestOnlyWantedPlatformsTravel(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	amd := r.PushImage(t, "team/app", "", bundlertest.AMD64, bundlertest.Layer(1, 1000))
	arm := r.PushImage(t, "team/app", "", artifact.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}, bundlertest.Layer(2, 1000))
	root := r.PushIndex(t, "team/app", "1.0", amd, arm)
	g, err := walk(t, r, "1.0", bundlertest.ARM64)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Manifests) != 1 || g.Manifests[0].Digest != arm.Digest || g.Root.Digest != root.Digest {
		t.Errorf("got %v below %s, want %s alone below %s", g.Manifests, g.Root.Digest, arm.Digest, root.Digest)
	}
	_, err = walk(t, r, "1.0", bundlertest.ARM64, artifact.Platform{OS: "linux", Architecture: "s390x"})
	refused(t, err, "there is no linux/s390x; the source has linux/amd64, linux/arm64/v8")
}

// TestAttestationsInAnIndexTravelWithTheirSubject: BuildKit lists them for the
// platform unknown/unknown.
func TestAttestationsInAnIndexTravelWithTheirSubject(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	amd := r.PushImage(t, "team/app", "", bundlertest.AMD64, bundlertest.Layer(1, 1000))
	arm := r.PushImage(t, "team/app", "", bundlertest.ARM64, bundlertest.Layer(2, 1000))
	unknown := artifact.Platform{OS: "unknown", Architecture: "unknown"}
	about := r.PushImage(t, "team/app", "", unknown, bundlertest.Layer(3, 1000))
	r.PushManifest(t, "team/app", "1.0", artifact.MediaTypeOCIIndex, bundlertest.JSON(t, bundlertest.Document{
		SchemaVersion: 2, MediaType: artifact.MediaTypeOCIIndex,
		Manifests: []bundlertest.Descriptor{
			{Descriptor: amd}, {Descriptor: arm},
			{Descriptor: about, Annotations: map[string]string{"vnd.docker.reference.digest": string(amd.Digest)}},
		},
	}))
	for platform, want := range map[artifact.Platform]int{bundlertest.AMD64: 2, bundlertest.ARM64: 1} {
		g, err := walk(t, r, "1.0", platform)
		if err != nil {
			t.Fatal(err)
		}
		if len(g.Manifests) != want {
			t.Errorf("%s: %d manifests travel, want %d", platform, len(g.Manifests), want)
		}
	}
}

func TestPlatformOfASingleImageIsChecked(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	app(t, r)
	if _, err := walk(t, r, "1.0", bundlertest.AMD64); err != nil {
		t.Error(err)
	}
	_, err := walk(t, r, "1.0", bundlertest.ARM64)
	refused(t, err, "there is no linux/arm64; the source has linux/amd64")
}

// TestCredentialsOpenTheRegistry tries every way in, and each without its key.
func TestCredentialsOpenTheRegistry(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]bundlertest.Option{
		"basic":          {bundlertest.Basic("user", "secret")},
		"token":          {bundlertest.Token("user", "secret")},
		"basic over TLS": {bundlertest.Basic("user", "secret"), bundlertest.TLS()},
		"token over TLS": {bundlertest.Token("user", "secret"), bundlertest.TLS()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := bundlertest.Start(t, options...)
			root, layer := app(t, r)
			o := Options{Keychain: someone{r.Host, "user", "secret"}}
			if strings.HasPrefix(r.URL, "https") {
				o.Transfer.CAFile = r.CAFile(t)
			}
			repository := open(t, o).Repository(r.Repository("team/app"))
			if got, err := repository.Resolve(t.Context(), "1.0"); err != nil || got.Digest != root.Digest {
				t.Errorf("resolved %s, %v, want %s", got.Digest, err, root.Digest)
			}
			readWhole(t, repository, layer.Blob)
			for _, wrong := range []authn.Keychain{nobody{}, someone{r.Host, "user", "wrong"}} {
				o.Keychain = wrong
				_, err := open(t, o).Repository(r.Repository("team/app")).Resolve(t.Context(), "1.0")
				if err == nil || strings.Contains(err.Error(), "wrong") {
					t.Errorf("with %T: %v, want it refused without the password in the text", wrong, err)
				}
			}
		})
	}
}

func TestUnknownAuthorityIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t, bundlertest.TLS())
	app(t, r)
	clock := &pauses{}
	_, err := open(t, Options{Transfer: transfer.Options{Wait: clock.wait}}).Repository(r.Repository("team/app")).Resolve(t.Context(), "1.0")
	refused(t, err, "certificate")
	if len(clock.asked) > 0 {
		t.Errorf("waited %v to try the same certificate again", clock.asked)
	}
}

func readWhole(t *testing.T, from artifact.Source, b artifact.Blob) {
	t.Helper()
	body, err := from.Open(t.Context(), b, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = body.Close() }()
	sum := sha256.New()
	n, err := io.Copy(sum, body)
	if found := artifact.DigestOf([32]byte(sum.Sum(nil))); err != nil || n != b.Size || found != b.Digest {
		t.Errorf("read %d bytes of %s, %v, want %d of %s", n, found, err, b.Size, b.Digest)
	}
}

func TestOpenStartsAtAnyOffset(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	_, layer := app(t, r)
	whole, err := io.ReadAll(layer.Open())
	if err != nil {
		t.Fatal(err)
	}
	repository := open(t, Options{}).Repository(r.Repository("team/app"))
	for _, offset := range []int64{0, 1, layer.Size / 2, layer.Size - 1, layer.Size} {
		body, err := repository.Open(t.Context(), layer.Blob, offset)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err != nil || string(got) != string(whole[offset:]) {
			t.Errorf("from %d: %d bytes, %v, want the last %d", offset, len(got), err, layer.Size-offset)
		}
		_ = body.Close()
	}
	if sent := r.Sent(layer.Digest); sent.Bytes > 2*layer.Size+layer.Size/2 {
		t.Errorf("the registry sent %d bytes for %d that were asked for", sent.Bytes, 2*layer.Size+layer.Size/2)
	}
	for _, offset := range []int64{-1, layer.Size + 1} {
		if _, err := repository.Open(t.Context(), layer.Blob, offset); err == nil {
			t.Errorf("offset %d is opened", offset)
		}
	}
}

func TestTagsAreReadOverPages(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	root, _ := app(t, r)
	raw, mediaType := r.Manifest(t, "team/app", string(root.Digest))
	want := []string{"1.0"}
	for _, tag := range []string{"1.1", "2.0.0-rc1", "v3", "x_y"} {
		r.PushManifest(t, "team/app", tag, mediaType, raw)
		want = append(want, tag)
	}
	got, err := open(t, Options{}).Repository(r.Repository("team/app")).Tags(t.Context())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestClientCertificateAndProxyAreChecked(t *testing.T) {
	t.Parallel()
	empty := t.TempDir() + "/empty.pem"
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, o := range map[string]transfer.Options{
		"holds no certificate": {CAFile: empty},
		"belong together":      {ClientCertFile: empty},
		"client certificate":   {ClientCertFile: empty, ClientKeyFile: empty},
		"proxy: write it as":   {ProxyURL: "user:secret@proxy"},
	} {
		_, err := New(Options{Transfer: o})
		refused(t, err, want)
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error repeats a password: %v", err)
		}
	}
}
