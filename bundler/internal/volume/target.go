package volume

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
)

// diskFile is an open volume. Tests put faults behind it.
type diskFile interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Close() error
}

// writebackStep is how many bytes are hashed between two requests to the kernel
// to write dirty pages.
const writebackStep = 8 << 20

// target is one volume while it is filled: opened by the first blob that needs
// it, hashed behind the writers, flushed and closed when it is whole.
type target struct {
	name, path string
	layout     *archive.Volume
	tracker    *tracker
	open       sync.Once
	openError  error
	file       diskFile
	result     envelope.File
}

func newTarget(p *partial, i int) *target {
	v := &p.layout.Volumes[i]
	return &target{
		name: envelope.VolumeName(p.name, i+1), path: p.volume(i),
		layout: v, tracker: newTracker(v),
	}
}

// writeLiterals writes all headers and padding, also those that an earlier run
// wrote: what it left is not believed.
func (t *target) writeLiterals() error {
	for _, s := range t.layout.Segments {
		if s.Literal == nil {
			continue
		}
		if _, err := t.file.WriteAt(s.Literal, s.Offset); err != nil {
			return writeError(t.path, err)
		}
	}
	return nil
}

// hash reads the volume behind its writers and closes it. Each time there is
// something to read it takes a token, so that writers and hashers together keep
// as many cores busy as there are, and no hasher falls far behind.
func (t *target) hash(ctx context.Context, tokens chan struct{}, buffers *sync.Pool) error {
	stop := t.tracker.closeOn(ctx)
	defer stop()
	sum := sha256.New()
	for position := int64(0); position < t.layout.Size; {
		if err := t.tracker.await(position); err != nil {
			return err
		}
		tokens <- struct{}{}
		n, err := t.hashAvailable(sum, position, buffers)
		<-tokens
		if err != nil {
			return err
		}
		position += n
	}
	t.result = envelope.File{Name: t.name, Blob: artifact.Blob{Digest: artifact.DigestOf([32]byte(sum.Sum(nil))), Size: t.layout.Size}}
	return t.flush()
}

// hashAvailable hashes until nothing more is available, and returns how much.
func (t *target) hashAvailable(sum hash.Hash, position int64, buffers *sync.Pool) (int64, error) {
	buffer := buffers.Get().(*buffer) //nolint:forcetypeassert // the pool holds nothing else
	defer buffers.Put(buffer)
	start, flushed := position, position
	for {
		end, err := t.tracker.available()
		if err != nil || end == position {
			return position - start, err
		}
		piece := buffer[:min(end-position, bufferSize)]
		if _, err := t.file.ReadAt(piece, position); err != nil {
			return 0, fmt.Errorf("read back %s: %w", t.path, err)
		}
		sum.Write(piece)
		position += int64(len(piece))
		if position-flushed >= writebackStep {
			t.writeback(flushed, position)
			flushed = position
		}
	}
}

func (t *target) writeback(from, to int64) {
	if file, ok := t.file.(*os.File); ok {
		startWriteback(file, from, to-from)
	}
}

// flush makes the volume durable. When that fails, the file is removed: the
// kernel may have dropped the pages that it could not write, and reading them
// back would not show it.
func (t *target) flush() error {
	if err := t.file.Sync(); err != nil {
		return errors.Join(writeError(t.path, err), t.file.Close(), os.Remove(t.path))
	}
	if err := t.file.Close(); err != nil {
		return writeError(t.path, err)
	}
	return nil
}
