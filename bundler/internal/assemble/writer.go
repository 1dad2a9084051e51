package assemble

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writer puts small files into the folder of a bundle. Their names follow from
// that of the bundle, never from content.
type writer struct{ root *os.Root }

func newWriter(dir, name string) (*writer, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a bundle is to be carried, not hidden
		return nil, fmt.Errorf("folder of bundle %s: %w", name, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("folder of bundle %s: %w", name, err)
	}
	return &writer{root}, nil
}

func (w *writer) close() error { return w.root.Close() }

// write replaces the file as a whole or not at all.
func (w *writer) write(name string, content []byte) error {
	temporary := "." + name + ".new"
	if err := w.fill(temporary, content); err != nil {
		return fmt.Errorf("%s: %w", filepath.Join(w.root.Name(), name), err)
	}
	if err := w.root.Rename(temporary, name); err != nil {
		return err
	}
	return syncFolder(w.root)
}

func (w *writer) fill(name string, content []byte) error {
	if err := w.root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	file, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Chmod(0o644), file.Sync(), file.Close())
}
