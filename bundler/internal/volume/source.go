package volume

import (
	"context"
	"fmt"
	"io"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// WrongBytes is the error of a source whose bytes are not the blob.
type WrongBytes struct {
	Blob   artifact.Blob
	Items  []string // that the blob belongs to
	Reason string
}

// Error names the blob, its items and what the source did.
func (e *WrongBytes) Error() string {
	return fmt.Sprintf("blob %s of %s: %s; nothing of it is kept, resolve the lock again if the source has changed", e.Blob.Digest, nameList(e.Items), e.Reason)
}

// span is a run of a blob in a file.
type span struct {
	volume int
	offset int64 // in the volume
	length int64
}

// spans are the runs of the blob's bytes [from, from+length).
func spans(extents []archive.Extent, from, length int64) []span {
	var list []span
	for _, e := range extents {
		start, end := max(from, e.BlobOffset), min(from+length, e.BlobOffset+e.Length)
		if start < end {
			list = append(list, span{e.Volume, e.Offset + start - e.BlobOffset, end - start})
		}
	}
	return list
}

// longer reads past the last byte of a blob: a source that has more is not the
// blob. Whatever else goes wrong there does not matter, all bytes are here.
func longer(body io.Reader) bool {
	var one [1]byte
	n, err := 0, error(nil)
	for tries := 0; n == 0 && err == nil && tries < 100; tries++ {
		n, err = body.Read(one[:])
	}
	return n > 0
}

// contextReader stops at the end of its context, between two reads.
type contextReader struct {
	ctx  context.Context
	body io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.body.Read(p)
}

func nameList(items []string) string {
	switch len(items) {
	case 0:
		return "the bundle"
	case 1, 2, 3:
		text := items[0]
		for _, i := range items[1:] {
			text += ", " + i
		}
		return text
	}
	return fmt.Sprintf("%s, %s and %d more", items[0], items[1], len(items)-2)
}
