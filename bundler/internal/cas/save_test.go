package cas

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// saver keeps what it fetched in the store before it gives it on, as a registry
// does with manifests.
type saver struct {
	store   *Store
	content []byte
}

func (s *saver) Open(ctx context.Context, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	if err := s.store.Save(ctx, b, s.content); err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(s.content[offset:])), nil
}

// TestSourceThatSavesDoesNotWaitForItself would hang otherwise.
func TestSourceThatSavesDoesNotWaitForItself(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Options{})
	blob, raw := content(t, 1000)
	if err := s.Fetch(t.Context(), blob, &saver{s, raw}, nil); err != nil {
		t.Fatal(err)
	}
	stored(t, s, blob)
}
