package bundlertest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// Document is a manifest or an index as tests write it: any of its fields may
// be wrong.
type Document struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType,omitempty"`
	ArtifactType  string       `json:"artifactType,omitempty"`
	Config        *Descriptor  `json:"config,omitempty"`
	Layers        []Descriptor `json:"layers,omitempty"`
	Manifests     []Descriptor `json:"manifests,omitempty"`
	Subject       *Descriptor  `json:"subject,omitempty"`
}

// Descriptor is one with the fields that a source may set and the bundler must
// not follow.
type Descriptor struct {
	artifact.Descriptor
	Annotations map[string]string `json:"annotations,omitempty"`
	URLs        []string          `json:"urls,omitempty"`
}

// The media types of the layers and configs of the tests.
const (
	MediaTypeLayer  = "application/vnd.oci.image.layer.v1.tar"
	MediaTypeConfig = "application/vnd.oci.image.config.v1+json"
	MediaTypeEmpty  = "application/vnd.oci.empty.v1+json"
)

// PushImage pushes a runnable image of these layers, each an uncompressed tar.
func (r *Registry) PushImage(t testing.TB, repository, tag string, p artifact.Platform, layers ...Content) artifact.Descriptor {
	t.Helper()
	config := imageConfig(t, p, layers)
	manifest := Document{SchemaVersion: 2, MediaType: artifact.MediaTypeOCIManifest, Config: r.push(t, repository, MediaTypeConfig, config)}
	for _, layer := range layers {
		manifest.Layers = append(manifest.Layers, *r.push(t, repository, MediaTypeLayer, layer))
	}
	d := r.PushManifest(t, repository, tag, artifact.MediaTypeOCIManifest, JSON(t, manifest))
	d.Platform = &p
	return d
}

func imageConfig(t testing.TB, p artifact.Platform, layers []Content) Content {
	digests := []artifact.Digest{}
	for _, layer := range layers {
		digests = append(digests, layer.Digest)
	}
	return Bytes(JSON(t, map[string]any{
		"architecture": p.Architecture, "os": p.OS, "variant": p.Variant, "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": digests},
	}))
}

func (r *Registry) push(t testing.TB, repository, mediaType string, c Content) *Descriptor {
	t.Helper()
	r.PushBlob(t, repository, c)
	return &Descriptor{Descriptor: artifact.Descriptor{Blob: c.Blob, MediaType: mediaType}}
}

// PushIndex pushes an index of manifests that the repository has.
func (r *Registry) PushIndex(t testing.TB, repository, tag string, manifests ...artifact.Descriptor) artifact.Descriptor {
	t.Helper()
	index := Document{SchemaVersion: 2, MediaType: artifact.MediaTypeOCIIndex, Manifests: []Descriptor{}}
	for _, m := range manifests {
		index.Manifests = append(index.Manifests, Descriptor{Descriptor: m})
	}
	return r.PushManifest(t, repository, tag, artifact.MediaTypeOCIIndex, JSON(t, index))
}

// Attach pushes an artifact about the subject and makes it findable: by the
// Referrers API where the registry has it, else by the referrers tag schema
// (distribution-spec 1.1). The layer is what a signature or an SBOM is.
func (r *Registry) Attach(t testing.TB, repository string, subject artifact.Descriptor, artifactType, layerType string, layer Content, annotations map[string]string) artifact.Descriptor {
	t.Helper()
	payload := r.push(t, repository, layerType, layer)
	payload.Annotations = annotations
	d := r.PushManifest(t, repository, "", artifact.MediaTypeOCIManifest, JSON(t, Document{
		SchemaVersion: 2, MediaType: artifact.MediaTypeOCIManifest, ArtifactType: artifactType,
		Config:  r.push(t, repository, MediaTypeEmpty, Bytes([]byte("{}"))),
		Layers:  []Descriptor{*payload},
		Subject: &Descriptor{Descriptor: artifact.Descriptor{Blob: subject.Blob, MediaType: subject.MediaType}},
	}))
	d.ArtifactType = artifactType
	r.list(t, repository, subject, d)
	return d
}

// list adds the artifact to the index of the referrers tag, which a client of
// a registry without the Referrers API has to keep.
func (r *Registry) list(t testing.TB, repository string, subject, d artifact.Descriptor) {
	t.Helper()
	if r.do(t, http.MethodGet, "/v2/"+repository+"/referrers/"+string(subject.Digest), "", nil, 0).status == http.StatusOK {
		return
	}
	tag := "sha256-" + subject.Digest.Hex()
	index := Document{SchemaVersion: 2, MediaType: artifact.MediaTypeOCIIndex, Manifests: []Descriptor{}}
	if r.Has(t, repository, tag) {
		raw, _ := r.Manifest(t, repository, tag)
		if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&index); err != nil {
			t.Fatal(err)
		}
	}
	index.Manifests = append(index.Manifests, Descriptor{Descriptor: d})
	r.PushManifest(t, repository, tag, artifact.MediaTypeOCIIndex, JSON(t, index))
}

// AttachTag pushes an artifact under cosign's tag of the subject: suffix is
// "sig", "att" or "sbom".
func (r *Registry) AttachTag(t testing.TB, repository string, subject artifact.Digest, suffix, layerType string, layer Content, annotations map[string]string) artifact.Descriptor {
	t.Helper()
	payload := r.push(t, repository, layerType, layer)
	payload.Annotations = annotations
	config := r.push(t, repository, MediaTypeConfig, imageConfig(t, artifact.Platform{}, []Content{layer}))
	return r.PushManifest(t, repository, "sha256-"+subject.Hex()+"."+suffix, artifact.MediaTypeOCIManifest, JSON(t, Document{
		SchemaVersion: 2, MediaType: artifact.MediaTypeOCIManifest, Config: config, Layers: []Descriptor{*payload},
	}))
}

// Sorted are the descriptors in the order of their digests.
func Sorted(list []artifact.Descriptor) []artifact.Descriptor {
	return slices.SortedFunc(slices.Values(list), func(a, b artifact.Descriptor) int {
		return bytes.Compare([]byte(a.Digest), []byte(b.Digest))
	})
}
