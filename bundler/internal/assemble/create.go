package assemble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cas"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// Create resolves, judges and writes a bundle in one pass. With a lock it writes
// that one; nil resolves, or continues the lock of a run that did not end.
//
// A run that was killed is continued by the same call: metadata and the lock lie
// in DIR/.NAME.work, blobs in the folder of package volume. Both are gone when
// the bundle is there.
func Create(ctx context.Context, o Options, l *lock.Lock, p PackOptions) (b *Bundle, err error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if o.Spec == nil {
		return nil, errors.New("assemble: spec and policy are required")
	}
	w, err := openWork(p.Dir, o.Spec.Name)
	if err != nil {
		return nil, err
	}
	err = with(o, w.store, func(r *run) error {
		b, err = r.create(ctx, w, l, p)
		return err
	})
	if err != nil {
		return nil, errors.Join(err, w.store.Close())
	}
	return b, w.remove()
}

func (r *run) create(ctx context.Context, w *work, l *lock.Lock, p PackOptions) (*Bundle, error) {
	l, fresh, err := r.lockFor(ctx, w, l, p.Fresh)
	if err != nil {
		return nil, err
	}
	if !fresh {
		if err := r.judge(ctx, l, r.content); err != nil {
			return nil, err
		}
	}
	from, err := r.origins(l)
	if err != nil {
		return nil, err
	}
	return r.pack(ctx, l, nearest{w.store, from}, r.content, p)
}

// lockFor is the lock to write, and whether it was judged just now.
func (r *run) lockFor(ctx context.Context, w *work, given *lock.Lock, anew bool) (*lock.Lock, bool, error) {
	if given != nil {
		return given, false, nil
	}
	if !anew {
		if l := w.lock(r.Spec.Digest); l != nil {
			r.Progress(Event{Phase: Resolving, Kind: Resuming, Count: len(l.Items), Bytes: l.Size()})
			return l, false, nil
		}
	}
	l, err := r.resolve(ctx)
	if err != nil {
		return nil, false, err
	}
	return l, true, w.keep(l)
}

// work is what a run of Create leaves when it does not end.
type work struct {
	dir   string
	store *cas.Store
}

func openWork(dir, name string) (*work, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a bundle is to be carried, not hidden
		return nil, fmt.Errorf("folder of bundle %s: %w", name, err)
	}
	path := filepath.Join(dir, "."+name+".work")
	store, err := cas.Open(path, cas.Options{})
	if err != nil {
		return nil, err
	}
	return &work{path, store}, nil
}

func (w *work) lockFile() string { return filepath.Join(w.dir, "bundle.lock") }

// lock is the lock of the run that did not end, nil when there is none of this
// spec. It is only a proposal: every item of it is judged again.
func (w *work) lock(spec artifact.Digest) *lock.Lock {
	file, err := os.Open(w.lockFile())
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(file, lock.MaxBytes+1))
	if err != nil {
		return nil
	}
	l, err := lock.Decode(text)
	if err != nil || l.Spec != spec {
		return nil
	}
	return l
}

func (w *work) keep(l *lock.Lock) error {
	text, err := lock.Encode(l)
	if err != nil {
		return err
	}
	to, err := newWriter(w.dir, l.Name)
	if err != nil {
		return err
	}
	return errors.Join(to.write("bundle.lock", text), to.close())
}

func (w *work) remove() error {
	if err := w.store.Close(); err != nil {
		return err
	}
	if err := os.RemoveAll(w.dir); err != nil {
		return fmt.Errorf("removing what is not needed any more: %w", err)
	}
	return nil
}
