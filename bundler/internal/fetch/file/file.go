// Package file reads files from web servers and from the folder of bundle.yaml,
// and wraps each into an OCI artifact, so that a bundle holds one kind of thing.
//
// # The wrapping
//
// A manifest of artifact type [ArtifactType] with OCI's empty config and one
// layer, the file, whose title is the last part of its name. It follows from the
// name, the size and the digest of the file alone: the same file under the same
// name is the same artifact everywhere.
//
// # What it defends against
//
// A file from a web server is known by its SHA-256, so nobody on the way can
// change it, and no credential is sent for it. A local file lies below the
// folder, is no link, pipe or device, and is not read through one.
package file

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/transfer"
)

// The media types of the wrapping.
const (
	ArtifactType = "application/vnd.datamesh.file.v1"
	layerType    = "application/octet-stream"
	emptyType    = "application/vnd.oci.empty.v1+json"
	titleKey     = "org.opencontainers.image.title"
)

// empty is OCI's empty descriptor (image-spec 1.1, manifest.md).
var empty = []byte("{}")

// Files reads the files of one bundle.yaml. Safe for concurrent use.
type Files struct {
	line *transfer.Line
	root *os.Root
}

// New reads local files below the folder and others over the line, whose options
// name what is wrong with them in the error.
func New(folder string, o transfer.Options) (*Files, error) {
	line, err := transfer.New(o)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("folder of the bundle's files: %w", err)
	}
	return &Files{line, root}, nil
}

// Close lets go of the folder and of idle connections.
func (f *Files) Close() error {
	f.line.Close()
	return f.root.Close()
}

// Item describes a file as the lock holds it, without marking, reason and
// verdict. A local file is hashed; of one on a server the size is asked for.
func (f *Files) Item(ctx context.Context, s *spec.File) (*lock.Item, error) {
	blob, err := f.describe(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("%s%s: %w", lock.FilePrefix, s.Name, err)
	}
	item := Wrap(s.Name, blob)
	if s.URL != "" {
		item.Source = Bare(s.URL)
	}
	return item, nil
}

func (f *Files) describe(ctx context.Context, s *spec.File) (artifact.Blob, error) {
	if s.URL != "" {
		size, err := f.remoteSize(ctx, s.URL)
		return artifact.Blob{Digest: s.SHA256, Size: size}, err
	}
	blob, err := f.hashLocal(ctx, s.Path)
	if err == nil && s.SHA256 != "" && blob.Digest != s.SHA256 {
		err = fmt.Errorf("the file %s is %s, expected %s; correct sha256 or the file", s.Path, blob.Digest, s.SHA256)
	}
	return blob, err
}

// Bare is a URL without what may be a secret: user, query and fragment.
func Bare(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// Wrap is the artifact that a file travels in.
func Wrap(name string, blob artifact.Blob) *lock.Item {
	raw := Manifest(name, blob)
	root := describe(artifact.MediaTypeOCIManifest, raw)
	root.ArtifactType = ArtifactType
	return &lock.Item{
		Name: lock.FilePrefix + name, Kind: lock.KindFile, Repository: lock.FilePrefix + name, Root: root,
		Blobs: []artifact.Descriptor{describe(emptyType, empty), {Blob: blob, MediaType: layerType}},
	}
}

// Manifest is the manifest of that artifact, to the byte.
func Manifest(name string, blob artifact.Blob) []byte {
	type descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      artifact.Digest   `json:"digest"`
		Size        int64             `json:"size"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	config := describe(emptyType, empty)
	raw, err := json.Marshal(struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		ArtifactType  string       `json:"artifactType"`
		Config        descriptor   `json:"config"`
		Layers        []descriptor `json:"layers"`
	}{
		2, artifact.MediaTypeOCIManifest, ArtifactType, descriptor{emptyType, config.Digest, config.Size, nil},
		[]descriptor{{layerType, blob.Digest, blob.Size, map[string]string{titleKey: path.Base(name)}}},
	})
	if err != nil {
		panic(err) // texts and numbers can be encoded
	}
	return raw
}

func describe(mediaType string, raw []byte) artifact.Descriptor {
	blob := artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256(raw)), Size: int64(len(raw))}
	return artifact.Descriptor{Blob: blob, MediaType: mediaType}
}

// Metadata are the bytes of an item's blob that no server holds: the manifest
// and the empty config. false for the file itself.
func Metadata(item *lock.Item, b artifact.Blob) ([]byte, bool) {
	for _, d := range item.Blobs {
		switch {
		case d.MediaType != layerType:
		case b == item.Root.Blob:
			return Manifest(item.Name[len(lock.FilePrefix):], d.Blob), true
		}
	}
	return empty, b == describe(emptyType, empty).Blob
}

// Source opens the content of one file, and the metadata around it.
func (f *Files) Source(s *spec.File, item *lock.Item) artifact.Source { return &source{f, s, item} }

type source struct {
	files *Files
	spec  *spec.File
	item  *lock.Item
}

// Open implements [artifact.Source].
func (s *source) Open(ctx context.Context, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	if raw, ok := Metadata(s.item, b); ok {
		return section(raw, offset)
	}
	if s.spec.URL != "" {
		return s.files.openRemote(ctx, s.item.Name, s.spec.URL, b, offset)
	}
	return s.files.openLocal(s.spec.Path, b, offset)
}
