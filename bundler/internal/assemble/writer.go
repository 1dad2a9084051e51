package assemble

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/durable"
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
	_, err := w.stream(name, func(to io.Writer) error {
		_, err := to.Write(content)
		return err
	})
	return err
}

// stream is write for what need not be in memory. It returns what was written.
func (w *writer) stream(name string, write func(io.Writer) error) (artifact.Blob, error) {
	temporary := "." + name + ".new"
	blob, err := w.fill(temporary, write)
	if err == nil {
		err = w.root.Rename(temporary, name)
	}
	if err == nil {
		err = durable.SyncRoot(w.root)
	}
	if err != nil {
		return artifact.Blob{}, fmt.Errorf("writing %s: %w", filepath.Join(w.root.Name(), name), err)
	}
	return blob, nil
}

// fill makes the file with mode 0644 whatever the umask: a bundle is to be read.
func (w *writer) fill(name string, write func(io.Writer) error) (artifact.Blob, error) {
	if err := w.root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return artifact.Blob{}, err
	}
	file, err := w.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return artifact.Blob{}, err
	}
	sum := &meter{hash: sha256.New()}
	buffered := bufio.NewWriterSize(io.MultiWriter(file, sum), 64<<10)
	err = errors.Join(write(buffered), buffered.Flush(), file.Chmod(0o644), file.Sync(), file.Close())
	return artifact.Blob{Digest: artifact.DigestOf([32]byte(sum.hash.Sum(nil))), Size: sum.n}, err
}

// meter hashes and counts.
type meter struct {
	hash hash.Hash
	n    int64
}

func (m *meter) Write(p []byte) (int, error) {
	m.n += int64(len(p))
	return m.hash.Write(p)
}
