package assemble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cas"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/fetch/oci"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// origin is a place that has a blob.
type origin struct {
	repository *oci.Repository     // of images and artifacts
	descriptor artifact.Descriptor // what it is there
	file       artifact.Source     // of files
}

// origins opens the blobs of a lock where their items come from. Safe for
// concurrent use.
type origins map[artifact.Digest][]origin

// maxOrigins is how many repositories are tried for one blob: it is the same in
// all of them, and one may be gone.
const maxOrigins = 3

func (r *run) origins(l *lock.Lock) (origins, error) {
	o := make(origins, len(l.Blobs))
	for i := range l.Items {
		item := &l.Items[i]
		at, err := r.originOf(item)
		if err != nil {
			return nil, err
		}
		for d := range item.All() {
			if known := o[d.Digest]; len(known) < maxOrigins {
				at.descriptor = d
				o[d.Digest] = append(known, at)
			}
		}
	}
	return o, nil
}

func (r *run) originOf(item *lock.Item) (origin, error) {
	if item.Kind != lock.KindFile {
		repository, err := artifact.ParseRepository(item.Repository)
		if err != nil {
			return origin{}, fmt.Errorf("%s: %w", item.Name, err)
		}
		return origin{repository: r.registries.Repository(repository)}, nil
	}
	for i := range r.Spec.Files {
		if f := &r.Spec.Files[i]; lock.FilePrefix+f.Name == item.Name {
			return origin{file: r.files.Source(f, item)}, nil
		}
	}
	return origin{}, fmt.Errorf("%s: bundle.yaml does not say where it is; lock again", item.Name)
}

// content gives the metadata of an item from where the item comes from.
func (r *run) content(item *lock.Item) Content {
	at, err := r.originOf(item)
	switch {
	case err != nil:
		return failing{err}
	case at.file != nil:
		return ofFile{item}
	}
	return at.repository
}

type failing struct{ err error }

// Fetch implements [Content].
func (f failing) Fetch(context.Context, artifact.Descriptor) ([]byte, error) { return nil, f.err }

// Open implements [artifact.Source].
func (o origins) Open(ctx context.Context, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	failed := fmt.Errorf("%s is of no item", b.Digest)
	for i, at := range o[b.Digest] {
		body, err := at.open(ctx, b, offset)
		if err == nil {
			return body, nil
		}
		if i == 0 {
			failed = nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

func (at *origin) open(ctx context.Context, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	if at.file != nil {
		return at.file.Open(ctx, b, offset)
	}
	if !artifact.IsManifest(at.descriptor.MediaType) {
		return at.repository.Open(ctx, b, offset)
	}
	raw, err := at.repository.Fetch(ctx, at.descriptor)
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > int64(len(raw)) {
		return nil, fmt.Errorf("%s has no offset %d", b.Digest, offset)
	}
	return io.NopCloser(bytes.NewReader(raw[offset:])), nil
}

// nearest opens what the store has from there, and the rest where it comes from.
type nearest struct {
	store *cas.Store
	far   artifact.Source
}

// Open implements [artifact.Source].
func (n nearest) Open(ctx context.Context, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	ok, err := n.store.Has(ctx, b)
	if err != nil {
		return nil, err
	}
	if ok {
		return n.store.Open(ctx, b, offset)
	}
	return n.far.Open(ctx, b, offset)
}

// kept is the content that a store has, for judging without a network.
type kept struct{ store *cas.Store }

// Fetch implements [Content].
func (k kept) Fetch(ctx context.Context, d artifact.Descriptor) ([]byte, error) {
	if d.Size > artifact.MaxMetadata {
		return nil, fmt.Errorf("%s: %d bytes are too many for metadata", d.Digest, d.Size)
	}
	body, err := k.store.Open(ctx, d.Blob, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }() // only read
	return io.ReadAll(io.LimitReader(body, artifact.MaxMetadata))
}
