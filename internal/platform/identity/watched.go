package identity

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
)

// maxFile is the most of a file that is read, in bytes: revocation lists of
// large authorities have tens of megabytes.
const maxFile = 64 << 20

// watched is something made of files, and made again when one of them changes.
type watched[T any] struct {
	load  func() (T, error)
	files []string
	value atomic.Pointer[T]

	mu      sync.Mutex // guards what follows
	seen    []os.FileInfo
	failure error
}

func watch[T any](load func() (T, error), files ...string) (*watched[T], error) {
	w := &watched[T]{load: load, files: files, seen: stat(files)}
	value, err := load()
	w.value.Store(&value)
	return w, err
}

func (w *watched[T]) get() T { return *w.value.Load() }

// poll loads anew when a file is another than the one that was last read,
// broken or not. The files are looked at before they are read, so a change in
// between is found by the next poll.
func (w *watched[T]) poll() (changed bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := stat(w.files)
	if slices.EqualFunc(now, w.seen, sameFile) {
		return false, nil
	}
	w.seen = now
	value, err := w.load()
	if w.failure = err; err != nil {
		return false, err
	}
	w.value.Store(&value)
	return true, nil
}

func (w *watched[T]) trouble() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failure
}

// stat looks at files; nil for one that is not there.
func stat(files []string) []os.FileInfo {
	found := make([]os.FileInfo, len(files))
	for i, file := range files {
		if info, err := os.Stat(file); err == nil {
			found[i] = info
		}
	}
	return found
}

func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// readFile reads a plain file of at most maxFile bytes: to open a pipe may take
// for ever, and nothing that changed would be read any more.
func readFile(path string) (text []byte, err error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if info, err := file.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no plain file", path)
	}
	text, err = io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return text, err
}
