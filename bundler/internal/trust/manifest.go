package trust

import (
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// manifest is what is read of a manifest or an index.
type manifest struct {
	artifactType string
	subject      artifact.Digest
	children     []artifact.Descriptor // of an index
	config       artifact.Descriptor
	layers       []layer
}

// layer is a blob of a manifest and what the manifest says of it.
type layer struct {
	artifact.Descriptor
	annotations *strictjson.Value // nil when there are none
}

// blobs are the config and the layers; of an index none.
func (m *manifest) blobs() []artifact.Descriptor {
	if m.config.Digest == "" {
		return nil
	}
	blobs := []artifact.Descriptor{m.config}
	for _, l := range m.layers {
		blobs = append(blobs, l.Descriptor)
	}
	return blobs
}

// maxDescriptors is the most layers of a manifest and the most manifests of an
// index.
const maxDescriptors = 10_000

// parseManifest reads a manifest or index of the media type that its descriptor
// states. A document that could be read as either is refused (CVE-2021-41190).
func parseManifest(raw []byte, mediaType string) (*manifest, error) {
	v, err := document(raw, "schemaVersion", "mediaType", "artifactType", "config", "layers", "manifests", "subject", "annotations")
	if err != nil {
		return nil, err
	}
	stated, err := text(v, "mediaType")
	if err != nil {
		return nil, err
	}
	isIndex := artifact.IsIndex(mediaType)
	if stated != "" && stated != mediaType {
		return nil, malformedf("a manifest of type %s says that it is %s", printable(mediaType), printable(stated))
	}
	if (v.Get("manifests") != nil) != isIndex || isIndex && (v.Get("layers") != nil || v.Get("config") != nil) {
		return nil, malformedf("a manifest of type %s has the keys of another type", printable(mediaType))
	}
	m := &manifest{}
	if m.artifactType, err = text(v, "artifactType"); err != nil {
		return nil, err
	}
	return m, m.read(v, isIndex)
}

func (m *manifest) read(v *strictjson.Value, isIndex bool) error {
	if subject := v.Get("subject"); subject != nil {
		d, err := descriptor(subject)
		if err != nil {
			return err
		}
		m.subject = d.Digest
	}
	if isIndex {
		return m.readChildren(v)
	}
	var err error
	if m.config, err = descriptor(v.Get("config")); err != nil {
		return err
	}
	if m.artifactType == "" {
		m.artifactType = m.config.MediaType // OCI image-spec v1.1, manifest.md, "Guidelines for Artifact Usage"
	}
	return m.readLayers(v)
}

func (m *manifest) readChildren(v *strictjson.Value) error {
	items, err := array(v, "manifests", maxDescriptors)
	if err != nil {
		return err
	}
	for _, item := range items {
		d, err := descriptor(item)
		if err != nil {
			return err
		}
		m.children = append(m.children, d)
	}
	return nil
}

func (m *manifest) readLayers(v *strictjson.Value) error {
	items, err := array(v, "layers", maxDescriptors)
	if err != nil {
		return err
	}
	for _, item := range items {
		d, err := descriptor(item)
		if err != nil {
			return err
		}
		m.layers = append(m.layers, layer{d, item.Get("annotations")})
	}
	return nil
}

// descriptor reads digest, size and media type (OCI image-spec v1.1, descriptor.md).
func descriptor(v *strictjson.Value) (artifact.Descriptor, error) {
	var d artifact.Descriptor
	if err := object(v, "a descriptor", "digest", "size", "mediaType", "annotations"); err != nil {
		return d, err
	}
	digest, err := text(v, "digest")
	if err != nil {
		return d, err
	}
	if d.Digest, err = artifact.ParseDigest(digest); err != nil {
		return d, malformedf("%s", err)
	}
	if d.Size, err = integer(v, "size"); err != nil {
		return d, err
	}
	if d.Size < 0 {
		return d, malformedf("a descriptor has a size of %d", d.Size)
	}
	d.MediaType, err = text(v, "mediaType")
	return d, err
}
