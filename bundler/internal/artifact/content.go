package artifact

import (
	"context"
	"io"
)

// Source opens blobs: a registry, a store, a set of volumes. Safe for
// concurrent use.
type Source interface {
	// Open returns the bytes of the blob from the offset to its end. They are
	// not verified: whoever reads them hashes them. An offset that the source
	// cannot start at is an error, never a shorter or longer answer.
	Open(ctx context.Context, blob Blob, offset int64) (io.ReadCloser, error)
}
