package volume

import (
	"context"
	"fmt"
	"io"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

var _ artifact.Source = (*Set)(nil)

// Open returns the bytes of a blob from an offset on, straight from the
// volumes. They are not verified.
func (s *Set) Open(ctx context.Context, blob artifact.Blob, offset int64) (io.ReadCloser, error) {
	r, err := s.Blob(blob)
	if err != nil {
		return nil, err
	}
	if offset < 0 || offset > blob.Size {
		return nil, fmt.Errorf("blob %s has %d bytes and cannot be read from byte %d", blob.Digest, blob.Size, offset)
	}
	section := io.NewSectionReader(r, offset, blob.Size-offset)
	return io.NopCloser(contextReader{ctx, section}), nil
}

// Blob is a blob at any offset, straight from the volumes: for ranges, and for
// several readers at once. The bytes are not verified.
func (s *Set) Blob(blob artifact.Blob) (io.ReaderAt, error) {
	extents := s.layout.Extents(blob.Digest)
	if extents == nil {
		return nil, fmt.Errorf("blob %s is not in bundle %s", blob.Digest, s.env.Name)
	}
	last := extents[len(extents)-1]
	if size := last.BlobOffset + last.Length; size != blob.Size {
		return nil, fmt.Errorf("blob %s has %d bytes in bundle %s, not %d", blob.Digest, size, s.env.Name, blob.Size)
	}
	for _, e := range extents {
		if f := s.volumes[e.Volume]; f.file == nil {
			return nil, &Damage{Bundle: s.env.Name, Problems: []Problem{*f.problem}}
		}
	}
	return &blobReader{s, blob.Size, extents}, nil
}

type blobReader struct {
	set     *Set
	size    int64
	extents []archive.Extent
}

// ReadAt implements [io.ReaderAt].
func (b *blobReader) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, fmt.Errorf("negative offset %d", offset)
	}
	n := 0
	for _, s := range spans(b.extents, offset, int64(len(p))) {
		m, err := b.set.volumes[s.volume].file.ReadAt(p[n:n+int(s.length)], s.offset)
		n += m
		if int64(m) < s.length {
			return n, fmt.Errorf("read %s: %w", b.set.volumes[s.volume].path, err)
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
