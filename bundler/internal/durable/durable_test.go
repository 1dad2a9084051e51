package durable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestSync: what a flush does shows after a power cut only; that it was asked for
// what is not there does so at once.
func TestSync(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dir")
	if err := SyncDir(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is not there: got %v, want %v", err, os.ErrNotExist)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(SyncDir(path), SyncRoot(root), root.Close()); err != nil {
		t.Error(err)
	}
	if err := SyncRoot(root); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a root that is closed: got %v, want %v", err, os.ErrClosed)
	}
}
