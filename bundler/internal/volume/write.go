package volume

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
)

// WriteOptions are how volumes are written. None of them changes a byte of a
// volume.
type WriteOptions struct {
	// Parallel is how many large blobs are fetched at once, 4 when 0. Of blobs
	// below a mebibyte up to four times as many are, since they wait more than
	// they move.
	Parallel int
	// Parity is how many parity files are computed, 0 to [MaxParity].
	Parity int
	// Progress is told every event; nil for nobody. It is called from several
	// goroutines at once and must not block.
	Progress func(Event)

	open func(path string) (diskFile, error) // faults in tests
	free func(dir string) int64
	step int64 // bytes of a blob between two records of the journal
}

func (o WriteOptions) withDefaults() WriteOptions {
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.Progress == nil {
		o.Progress = func(Event) {}
	}
	if o.open == nil {
		o.open = openForWriting
	}
	if o.free == nil {
		o.free = freeSpace
	}
	if o.step == 0 {
		o.step = journalStep
	}
	return o
}

func openForWriting(path string) (diskFile, error) {
	return os.OpenFile(path, os.O_RDWR|noFollow|nonblock, 0) //nolint:gosec // G304: inside the directory that this package made
}

// Written are the finished files, as the envelope names them.
type Written struct {
	Volumes []envelope.File
	Parity  []envelope.File
}

// Write fills the volumes of a layout from a source and computes parity. The
// files appear in dir under the bundle's name when all of them are whole,
// verified and flushed to the disk; before that they are in [PartialDir], where
// the same call continues after a failure or a kill.
//
// Every blob is compared with its digest; bytes that differ end the run with a
// *[WrongBytes]. Too little space ends it before anything is fetched, with
// [ErrSpace]. Finished volumes of another bundle are never touched.
func Write(ctx context.Context, dir, name string, l *archive.Layout, src artifact.Source, o WriteOptions) (_ *Written, err error) {
	if err := errors.Join(envelope.CheckName(name), CheckParity(len(l.Volumes), o.Parity)); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	p, err := openPartial(dir, name, l)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if p.discarded {
		o.Progress(Event{Kind: Discard})
	}
	if err := p.prepare(int64(o.Parity)*l.MaxVolume(), o.free); err != nil {
		return nil, err
	}
	return p.write(ctx, src, o)
}

func (p *partial) write(ctx context.Context, src artifact.Source, o WriteOptions) (*Written, error) {
	volumes, err := newWriter(p, src, o).run(ctx)
	if err != nil {
		return nil, err
	}
	parity, err := writeParity(ctx, p.path, p.name, volumes, o)
	if err != nil {
		return nil, err
	}
	if err := p.finish(append(append([]envelope.File{}, volumes...), parity...)); err != nil {
		return nil, err
	}
	return &Written{volumes, parity}, nil
}

type buffer [bufferSize]byte

// writer is one run of Write.
type writer struct {
	*partial
	o       WriteOptions
	src     artifact.Source
	targets []*target
	buffers sync.Pool
	// startHash runs the hasher of a target that was opened. It outlives the
	// filler that opened it.
	startHash func(*target)
	// tokens are as many as cores: whoever hashes holds one.
	tokens chan struct{}
}

func newWriter(p *partial, src artifact.Source, o WriteOptions) *writer {
	w := &writer{partial: p, o: o, src: src, tokens: make(chan struct{}, runtime.GOMAXPROCS(0))}
	w.buffers.New = func() any { return new(buffer) }
	w.targets = make([]*target, len(p.layout.Volumes))
	for i := range w.targets {
		w.targets[i] = newTarget(p, i)
	}
	return w
}

// weights: a large blob weighs 4, a small one 1.
const (
	weightLarge = 4
	smallBlob   = 1 << 20
)

func weight(b artifact.Blob) int64 {
	if b.Size <= smallBlob {
		return 1
	}
	return weightLarge
}

// run fills the volumes in the order of their blobs, so that hashing stays
// close behind writing.
func (w *writer) run(ctx context.Context) ([]envelope.File, error) {
	group, ctx := errgroup.WithContext(ctx)
	w.startHash = func(t *target) { group.Go(func() error { return w.hash(ctx, t) }) }
	group.Go(func() error { return w.fillAll(ctx) })
	if err := group.Wait(); err != nil {
		w.closeAll()
		return nil, err
	}
	files := make([]envelope.File, len(w.targets))
	for i, t := range w.targets {
		files[i] = t.result
	}
	return files, nil
}

func (w *writer) hash(ctx context.Context, t *target) error {
	if err := t.hash(ctx, w.tokens, &w.buffers); err != nil {
		return err
	}
	w.o.Progress(Event{Kind: Hashed, File: t.name, Bytes: t.layout.Size})
	return nil
}

func (w *writer) fillAll(ctx context.Context) error {
	lanes := semaphore.NewWeighted(int64(w.o.Parallel) * weightLarge)
	fillers, filling := errgroup.WithContext(ctx)
	for _, b := range w.layout.Blobs() {
		if err := lanes.Acquire(filling, weight(b)); err != nil {
			break // a filler failed, and says why, or the run was cancelled
		}
		fillers.Go(func() error {
			defer lanes.Release(weight(b))
			return w.fill(filling, b)
		})
	}
	if err := fillers.Wait(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.openRest()
}

// openRest starts the hashers of volumes in which no byte of a blob lies.
func (w *writer) openRest() error {
	for i := range w.targets {
		if _, err := w.target(i); err != nil {
			return err
		}
	}
	return nil
}

// target is the open volume with this index; its hasher runs.
func (w *writer) target(i int) (*target, error) {
	t := w.targets[i]
	t.open.Do(func() {
		if t.file, t.openError = w.o.open(t.path); t.openError != nil {
			t.openError = fmt.Errorf("open volume: %w", t.openError)
			return
		}
		if t.openError = t.writeLiterals(); t.openError != nil {
			return
		}
		w.startHash(t)
	})
	return t, t.openError
}

// closeAll closes what a failed run left open. Closing twice is harmless.
func (w *writer) closeAll() {
	for _, t := range w.targets {
		if t.file != nil {
			_ = t.file.Close()
		}
	}
}
