package bundlertest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// Memory is an [artifact.Source] of a few blobs. Fill it before it is shared.
type Memory map[artifact.Digest][]byte

// Open implements [artifact.Source].
func (m Memory) Open(_ context.Context, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	content, ok := m[b.Digest]
	if !ok {
		return nil, errors.New("the medium is gone")
	}
	if offset > int64(len(content)) {
		return nil, errors.New("the blob ends before that offset")
	}
	return io.NopCloser(bytes.NewReader(content[offset:])), nil
}

// Add keeps a blob.
func (m Memory) Add(media string, content []byte) artifact.Descriptor {
	digest := artifact.DigestOf(sha256.Sum256(content))
	m[digest] = content
	return artifact.Descriptor{Blob: artifact.Blob{Digest: digest, Size: int64(len(content))}, MediaType: media}
}

// AddManifest keeps an OCI manifest of these layers. extra is members that
// follow, such as `,"subject":{…}`.
func (m Memory) AddManifest(t testing.TB, extra string, layers ...artifact.Descriptor) artifact.Descriptor {
	t.Helper()
	if layers == nil {
		layers = []artifact.Descriptor{}
	}
	list, err := json.Marshal(layers)
	if err != nil {
		t.Fatal(err)
	}
	config := m.Add("application/vnd.oci.empty.v1+json", []byte("{}"))
	return m.Add(artifact.MediaTypeOCIManifest, fmt.Appendf(nil,
		`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":2},"layers":%s%s}`,
		artifact.MediaTypeOCIManifest, config.MediaType, config.Digest, list, extra))
}
