// Package layout loads items into an OCI image layout in a directory (image-spec
// v1.1, image-layout.md), which other tools read: "skopeo copy oci:DIR:NAME",
// "oras cp --from-oci-layout". The blobs are a store of package cas, so what was
// loaded before is not written again, and a load that was killed goes on.
//
// index.json names each manifest that has a tag as PLACE:TAG, and referrers by
// digest alone. Entries of earlier loads stay, save those of the same name.
package layout

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cas"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

const (
	refName    = "org.opencontainers.image.ref.name"
	marker     = `{"imageLayoutVersion":"1.0.0"}`
	maxIndex   = 64 << 20 // bytes of index.json
	indexName  = "index.json"
	layoutName = "oci-layout"
)

// Directory is an image layout. It implements [load.Target].
type Directory struct {
	root   *os.Root
	store  *cas.Store
	source artifact.Source

	mu    sync.Mutex
	index index
}

var (
	_ load.Target = (*Directory)(nil)
	_ load.Holder = (*Directory)(nil)
)

type index struct {
	SchemaVersion int     `json:"schemaVersion"`
	MediaType     string  `json:"mediaType"`
	Manifests     []entry `json:"manifests"`
}

type entry struct {
	MediaType    string            `json:"mediaType"`
	Digest       artifact.Digest   `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// Open takes a directory that is empty, an image layout, or not there yet.
func Open(path string, source artifact.Source) (*Directory, error) {
	if err := checkFree(path); err != nil {
		return nil, err
	}
	store, err := cas.Open(path, cas.Options{})
	if err != nil {
		return nil, fmt.Errorf("image layout: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("image layout: %w", err), store.Close())
	}
	d := &Directory{root: root, store: store, source: source}
	if err := d.read(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// checkFree refuses a directory that holds something else: a mistyped path must
// not fill a home directory with blobs.
func checkFree(path string) error {
	entries, err := os.ReadDir(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("image layout: %w", err)
	}
	for _, e := range entries {
		if e.Name() == layoutName || e.Name() == "blobs" || e.Name() == "partial" {
			return nil
		}
	}
	return fmt.Errorf("%s is not empty and no image layout: name another directory", path)
}

// Close lets other processes in.
func (d *Directory) Close() error { return errors.Join(d.store.Close(), d.root.Close()) }

func (d *Directory) read() error {
	d.index = index{SchemaVersion: 2, MediaType: artifact.MediaTypeOCIIndex, Manifests: []entry{}}
	file, err := d.root.Open(indexName)
	if errors.Is(err, os.ErrNotExist) {
		return d.replace(layoutName, []byte(marker))
	}
	if err != nil {
		return fmt.Errorf("image layout: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(file, maxIndex+1))
	if err != nil {
		return fmt.Errorf("image layout: %w", err)
	}
	if len(text) > maxIndex {
		return fmt.Errorf("%s is longer than %d bytes", indexName, maxIndex)
	}
	if err := json.Unmarshal(text, &d.index); err != nil {
		return fmt.Errorf("%s is no image index: %w", indexName, err)
	}
	return nil
}

// Load implements [load.Target].
func (d *Directory) Load(ctx context.Context, item *lock.Item, place string) (load.Moved, error) {
	var moved load.Moved
	for _, b := range blobsOf(item) {
		there, err := d.store.Has(ctx, b)
		if err != nil {
			return moved, fmt.Errorf("blob %s: %w", b.Digest, err)
		}
		if there {
			continue
		}
		if err := d.store.Fetch(ctx, b, d.source, nil); err != nil {
			return moved, fmt.Errorf("blob %s: %w", b.Digest, err)
		}
		moved.Blobs++
		moved.Bytes += b.Size
	}
	return moved, d.add(entriesOf(item, place))
}

// Holds implements [load.Holder]: all places share the blobs.
func (d *Directory) Holds(ctx context.Context, _ string, blob artifact.Blob) (bool, error) {
	return d.store.Has(ctx, blob)
}

// blobsOf lists everything of an item, each once, manifests last: a manifest
// that is there has all that it names.
func blobsOf(item *lock.Item) []artifact.Blob {
	descriptors := slices.Clone(item.Blobs)
	for _, e := range item.Evidence {
		descriptors = append(append(descriptors, e.Blobs...), e.Manifest)
	}
	descriptors = append(append(descriptors, item.Manifests...), item.Root)
	var blobs []artifact.Blob
	met := map[artifact.Digest]bool{}
	for _, one := range descriptors {
		if !met[one.Digest] {
			met[one.Digest] = true
			blobs = append(blobs, one.Blob)
		}
	}
	return blobs
}

func entriesOf(item *lock.Item, place string) []entry {
	name := ""
	if item.Tag != "" {
		name = place + ":" + item.Tag
	}
	entries := []entry{entryOf(item.Root, name)}
	for _, e := range item.Evidence {
		name := ""
		if e.Tag != "" {
			name = place + ":" + e.Tag
		}
		entries = append(entries, entryOf(e.Manifest, name))
	}
	return entries
}

func entryOf(d artifact.Descriptor, name string) entry {
	e := entry{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, ArtifactType: d.ArtifactType}
	if name != "" {
		e.Annotations = map[string]string{refName: name}
	}
	return e
}

// add names manifests in the index, the blobs of which are all there.
func (d *Directory) add(entries []entry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	changed := false
	for _, e := range entries {
		changed = d.index.put(e) || changed
	}
	if !changed {
		return nil
	}
	text, err := json.Marshal(d.index)
	if err != nil {
		return fmt.Errorf("%s: %w", indexName, err)
	}
	return d.replace(indexName, text)
}

// put adds an entry in the place of one of the same name, or of the same digest
// without a name; false when it is there already.
func (x *index) put(e entry) bool {
	name := e.Annotations[refName]
	at := slices.IndexFunc(x.Manifests, func(o entry) bool {
		return o.Annotations[refName] == name && (name != "" || o.Digest == e.Digest)
	})
	switch {
	case at < 0:
		x.Manifests = append(x.Manifests, e)
	case x.Manifests[at].Digest == e.Digest:
		return false
	default:
		x.Manifests[at] = e
	}
	slices.SortFunc(x.Manifests, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.Annotations[refName], b.Annotations[refName]), cmp.Compare(a.Digest, b.Digest))
	})
	return true
}

// replace writes a file whole or not at all.
func (d *Directory) replace(name string, text []byte) error {
	temporary := filepath.Base(name) + ".part"
	file, err := d.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("image layout: %w", err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("image layout: %w", err)
	}
	if err := d.root.Rename(temporary, name); err != nil {
		return fmt.Errorf("image layout: %w", err)
	}
	return nil
}
