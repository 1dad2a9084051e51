package trust

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// TestMain lets the tests reach their own registries and nothing else: whatever
// in the package or below it used the default transport to go further would
// fail.
func TestMain(m *testing.M) {
	transport := http.DefaultTransport.(*http.Transport)
	transport.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, _, err := net.SplitHostPort(address); err != nil || !net.ParseIP(host).IsLoopback() {
			panic("somebody reaches for the network: " + address)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	m.Run()
}

// site is a registry with one repository that tests sign into.
type site struct {
	t    *testing.T
	repo name.Repository
}

func newSite(t *testing.T) *site {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(discard())))
	t.Cleanup(server.Close)
	repo, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/team/app")
	must(t, err)
	return &site{t, repo}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// image pushes a small image of random content.
func (s *site) image() name.Digest {
	s.t.Helper()
	image, err := random.Image(300, 2)
	must(s.t, err)
	d := s.digest(image)
	must(s.t, remote.Write(d, image))
	return d
}

func (s *site) digest(of interface{ Digest() (v1.Hash, error) }) name.Digest {
	s.t.Helper()
	h, err := of.Digest()
	must(s.t, err)
	return s.repo.Digest(h.String())
}

// index pushes an index of images for so many platforms.
func (s *site) index(platforms ...string) name.Digest {
	s.t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range platforms {
		image, err := random.Image(300, 1)
		must(s.t, err)
		os, arch, _ := strings.Cut(p, "/")
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: os, Architecture: arch}}})
	}
	d := s.digest(index)
	must(s.t, remote.WriteIndex(d, index))
	return d
}

// crossing is an item with all that travels with it: what a bundle holds.
type crossing struct {
	t     *testing.T
	item  *lock.Item
	mu    sync.Mutex
	blobs map[artifact.Digest][]byte
}

// collect copies an item and its evidence out of the registry, as a bundle does.
func (s *site) collect(root name.Digest) *crossing {
	s.t.Helper()
	c := newCrossing(s.t)
	c.item.Root = s.take(c, root)
	s.children(c, c.item.Root, root)
	for _, d := range append([]artifact.Descriptor{c.item.Root}, c.item.Manifests...) {
		s.evidence(c, d)
	}
	for i := 0; i < len(c.item.Evidence); i++ { // grows: evidence about evidence
		s.evidence(c, c.item.Evidence[i].Manifest)
	}
	return c
}

const itemName = "registry.example/team/app:1.0"

func newCrossing(t *testing.T) *crossing {
	return &crossing{t: t, blobs: map[artifact.Digest][]byte{}, item: &lock.Item{Name: itemName, Kind: lock.KindImage, Repository: "registry.example/team/app", Tag: "1.0"}}
}

// take copies a manifest and its blobs.
func (s *site) take(c *crossing, ref name.Reference) artifact.Descriptor {
	s.t.Helper()
	got, err := remote.Get(ref)
	must(s.t, err)
	return c.put(string(got.MediaType), got.Manifest)
}

func (s *site) children(c *crossing, root artifact.Descriptor, ref name.Digest) {
	s.t.Helper()
	m, err := parseManifest(c.blobs[root.Digest], root.MediaType)
	must(s.t, err)
	c.item.Blobs = append(c.item.Blobs, m.blobs()...)
	for _, child := range m.children {
		d := s.take(c, s.repo.Digest(string(child.Digest)))
		c.item.Manifests = append(c.item.Manifests, d)
		s.children(c, d, ref)
	}
}

// evidence copies what the registry has about a manifest: by tags and as
// referrers.
func (s *site) evidence(c *crossing, subject artifact.Descriptor) {
	s.t.Helper()
	for suffix, form := range map[string]lock.Form{"sig": lock.FormSignatureTag, "att": lock.FormAttestationTag, "sbom": lock.FormSBOMTag} {
		tag := "sha256-" + subject.Digest.Hex() + "." + suffix
		if _, err := remote.Head(s.repo.Tag(tag)); err == nil {
			s.piece(c, lock.Evidence{Form: form, Tag: tag, Subject: subject.Digest}, s.repo.Tag(tag))
		}
	}
	referrers, err := remote.Referrers(s.repo.Digest(string(subject.Digest)))
	must(s.t, err)
	manifest, err := referrers.IndexManifest()
	must(s.t, err)
	for _, d := range manifest.Manifests {
		s.piece(c, lock.Evidence{Form: lock.FormReferrer, Subject: subject.Digest}, s.repo.Digest(d.Digest.String()))
	}
}

func (s *site) piece(c *crossing, e lock.Evidence, ref name.Reference) {
	s.t.Helper()
	e.Manifest = s.take(c, ref)
	m, err := parseManifest(c.blobs[e.Manifest.Digest], e.Manifest.MediaType)
	must(s.t, err)
	for _, d := range m.blobs() {
		blob, err := remote.Layer(s.repo.Digest(string(d.Digest)))
		must(s.t, err)
		reader, err := blob.Compressed()
		must(s.t, err)
		raw, err := io.ReadAll(reader)
		must(s.t, err)
		c.put(d.MediaType, raw)
	}
	e.Blobs = m.blobs()
	c.item.Evidence = append(c.item.Evidence, e)
}

// put stores a blob.
func (c *crossing) put(mediaType string, raw []byte) artifact.Descriptor {
	c.mu.Lock()
	defer c.mu.Unlock()
	d := artifact.Descriptor{Blob: artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256(raw)), Size: int64(len(raw))}, MediaType: mediaType}
	c.blobs[d.Digest] = raw
	return d
}

// Fetch makes a crossing the Content of its item.
func (c *crossing) Fetch(_ context.Context, d artifact.Descriptor) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	raw, ok := c.blobs[d.Digest]
	if !ok {
		return nil, fmt.Errorf("no blob %s", d.Digest)
	}
	return raw, nil
}

// clone is a copy that a test can spoil.
func (c *crossing) clone(t *testing.T) *crossing {
	item := *c.item
	item.Evidence = slices.Clone(c.item.Evidence)
	item.Manifests, item.Blobs = slices.Clone(c.item.Manifests), slices.Clone(c.item.Blobs)
	return &crossing{t: t, item: &item, blobs: maps.Clone(c.blobs)}
}

// anImage is an item made without a registry.
func anImage(t *testing.T) *crossing {
	c := newCrossing(t)
	config, layer := c.put("application/vnd.oci.image.config.v1+json", []byte(`{"os":"linux"}`)), c.put("application/vnd.oci.image.layer.v1.tar", []byte("layer of "+t.Name()))
	c.item.Blobs = []artifact.Descriptor{config, layer}
	c.item.Root = c.manifest(map[string]any{"config": config, "layers": []any{layer}})
	return c
}

// manifest stores an OCI manifest with these fields.
func (c *crossing) manifest(fields map[string]any) artifact.Descriptor {
	c.t.Helper()
	fields["schemaVersion"], fields["mediaType"] = 2, artifact.MediaTypeOCIManifest
	raw, err := json.Marshal(fields)
	must(c.t, err)
	return c.put(artifact.MediaTypeOCIManifest, raw)
}

// part is a layer of a piece of evidence.
type part struct {
	mediaType   string
	raw         []byte
	annotations map[string]string
}

// attach adds evidence about a manifest, of any form.
func (c *crossing) attach(form lock.Form, subject artifact.Descriptor, artifactType string, parts ...part) *lock.Evidence {
	c.t.Helper()
	layers := make([]any, len(parts))
	for i, p := range parts {
		layers[i] = struct {
			artifact.Descriptor
			Annotations map[string]string `json:"annotations,omitempty"`
		}{c.put(p.mediaType, p.raw), p.annotations}
	}
	fields := map[string]any{"config": c.put("application/vnd.oci.empty.v1+json", []byte("{}")), "layers": layers}
	e := lock.Evidence{Form: form, Subject: subject.Digest}
	switch form {
	case lock.FormSignatureTag:
		e.Tag = "sha256-" + subject.Digest.Hex() + ".sig"
	case lock.FormAttestationTag:
		e.Tag = "sha256-" + subject.Digest.Hex() + ".att"
	case lock.FormSBOMTag:
		e.Tag = "sha256-" + subject.Digest.Hex() + ".sbom"
	default:
		fields["subject"], fields["artifactType"] = subject, artifactType
	}
	e.Manifest = c.manifest(fields)
	c.item.Evidence = append(c.item.Evidence, e)
	return &c.item.Evidence[len(c.item.Evidence)-1]
}

// office is a security officer's folder: policy.yaml and the files beside it.
type office struct{ files fstest.MapFS }

func newOffice() office { return office{fstest.MapFS{}} }

func (o office) file(path string, raw []byte) { o.files[path] = &fstest.MapFile{Data: raw} }

// policy is the text of a policy.yaml with these lines in it.
func policyText(trust, sources, more string) string {
	text := "apiVersion: datamesh-bundler/v1\nkind: Policy\nceiling: SECRET\n"
	if trust != "" {
		text += "trust:\n  vendor: " + trust + "\n"
	}
	return text + "sources:\n" + sources + more
}

const signedByVendor = "  - {match: registry.example/**, signature: vendor}\n"

func (o office) verifier(t *testing.T, policy string) *Verifier {
	t.Helper()
	v, err := o.open(policy)
	must(t, err)
	return v
}

func (o office) open(policy string) (*Verifier, error) {
	p, err := spec.ParsePolicy([]byte(policy))
	if err != nil {
		return nil, err
	}
	return New(p, o.files)
}

// judge judges now; pass fails the test when the item is refused.
func (c *crossing) judge(v *Verifier) (Report, error) {
	return v.Examine(c.t.Context(), c.item, c, time.Now())
}

func (c *crossing) passes(v *Verifier) Report {
	c.t.Helper()
	report, err := c.judge(v)
	if err != nil {
		c.t.Fatalf("got %v, want it to pass", err)
	}
	return report
}

// refused fails the test unless the item is refused for what the text says.
func (c *crossing) refused(v *Verifier, want string) {
	c.t.Helper()
	c.refusedAt(v, time.Now(), want)
}

func (c *crossing) refusedAt(v *Verifier, at time.Time, want string) {
	c.t.Helper()
	report, err := v.Examine(c.t.Context(), c.item, c, at)
	var refusal *Refusal
	if !errorsAs(err, &refusal) {
		c.t.Fatalf("got %+v and error %v, want a refusal", report, err)
	}
	if !strings.Contains(err.Error(), want) {
		c.t.Errorf("refused, but for another reason than %q:\n%v", want, err)
	}
	if len(report.Verdict.Signers) > 0 || report.Verdict.Trusted != "" {
		c.t.Errorf("refused with verdict %+v, want none", report.Verdict)
	}
}

func pretty(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return b.Bytes()
}
