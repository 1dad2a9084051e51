// Package cas keeps blobs in a directory, each under its digest. A run that was
// killed goes on with what it had, to the byte.
//
//	DIR/blobs/sha256/HEX   whole blobs
//	DIR/partial/HEX        blobs on their way
//	DIR/lock               held by the one process that uses the store
//
// # What is believed
//
// Nothing that lies on the disk: a blob is there when its bytes hash to its
// name, which is checked once in a run, at first use. A blob of the right size
// with other bytes is deleted and fetched again (cache poisoning). Bytes that
// were left half-way are hashed before more are added to them.
//
// Nothing in the store is followed: a link, a pipe or a folder in the place of a
// blob is an error.
package cas

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/gofrs/flock"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// Options are the limits of a store.
type Options struct {
	// Quota is the most bytes that whole blobs may take; 0 for what the disk
	// has.
	Quota int64
}

// Store is an open store. Safe for concurrent use.
type Store struct {
	dir     string
	options Options
	root    *os.Root
	blobs   *os.Root
	parts   *os.Root
	flock   *flock.Flock

	mu    sync.Mutex
	whole map[artifact.Digest]bool // hashed in this run
	busy  map[artifact.Digest]*turn
}

// Open opens the store in a directory and creates it where it is missing. A
// store that another process has open is an error.
func Open(dir string, o Options) (*Store, error) {
	s := &Store{dir: dir, options: o, whole: map[artifact.Digest]bool{}, busy: map[artifact.Digest]*turn{}}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("store %s: %w", dir, err)
	}
	s.flock = flock.New(filepath.Join(dir, "lock"), flock.SetPermissions(0o600))
	held, err := s.flock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", dir, err)
	}
	if !held {
		return nil, fmt.Errorf("store %s: another process uses it; wait for it or name another store", dir)
	}
	if err := s.openFolders(); err != nil {
		return nil, errors.Join(fmt.Errorf("store %s: %w", dir, err), s.Close())
	}
	return s, nil
}

func (s *Store) openFolders() error {
	var err error
	if s.root, err = os.OpenRoot(s.dir); err != nil {
		return err
	}
	for _, name := range []string{"blobs", "blobs/sha256", "partial"} {
		if err := makeFolder(s.root, name); err != nil {
			return err
		}
	}
	if s.blobs, err = s.root.OpenRoot("blobs/sha256"); err != nil {
		return err
	}
	s.parts, err = s.root.OpenRoot("partial")
	return err
}

func makeFolder(root *os.Root, name string) error {
	if err := root.Mkdir(name, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := root.Lstat(name)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder; remove it", name)
	}
	return err
}

// Close lets other processes in.
func (s *Store) Close() error {
	var errs []error
	for _, root := range []*os.Root{s.blobs, s.parts, s.root} {
		if root != nil {
			errs = append(errs, root.Close())
		}
	}
	return errors.Join(append(errs, s.flock.Unlock())...)
}

// Has reports whether the store has the blob, whole. Its bytes are hashed at the
// first question in a run; what is wrong is deleted.
func (s *Store) Has(ctx context.Context, b artifact.Blob) (bool, error) {
	if s.isWhole(b.Digest) {
		return true, nil
	}
	defer s.take(b.Digest)()
	return s.check(ctx, b)
}

func (s *Store) isWhole(d artifact.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.whole[d]
}

func (s *Store) nowWhole(d artifact.Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.whole[d] = true
}

// check is Has for whoever has the turn.
func (s *Store) check(ctx context.Context, b artifact.Blob) (bool, error) {
	if s.isWhole(b.Digest) {
		return true, nil
	}
	file, err := openRegular(s.blobs, b.Digest.Hex(), os.O_RDONLY)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("store %s: %s: %w", s.dir, b.Digest, err)
	}
	defer func() { _ = file.Close() }() // only read
	sum := newHash(ctx)
	if _, err := io.Copy(sum, io.LimitReader(file, b.Size+1)); err != nil {
		return false, fmt.Errorf("store %s: reading %s: %w", s.dir, b.Digest, err)
	}
	if !sum.is(b) {
		return false, s.blobs.Remove(b.Digest.Hex())
	}
	s.nowWhole(b.Digest)
	return true, nil
}

// Open opens a blob that the store has. As with every [artifact.Source], the
// reader hashes what it reads.
func (s *Store) Open(ctx context.Context, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	if ok, err := s.Has(ctx, b); err != nil || !ok {
		return nil, errors.Join(err, s.missing(b))
	}
	file, err := openRegular(s.blobs, b.Digest.Hex(), os.O_RDONLY)
	if err != nil {
		return nil, fmt.Errorf("store %s: %s: %w", s.dir, b.Digest, err)
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil || offset > b.Size {
		_ = file.Close() // only read
		return nil, fmt.Errorf("store %s: %s has %d bytes and no offset %d", s.dir, b.Digest, b.Size, offset)
	}
	return file, nil
}

func (s *Store) missing(b artifact.Blob) error {
	return fmt.Errorf("store %s: it does not have %s whole; collect it again", s.dir, b.Digest)
}

// Load returns the bytes of a blob of at most [artifact.MaxMetadata]; false when
// the store has none of that name and size. They are not hashed: the caller does
// it.
func (s *Store) Load(_ context.Context, b artifact.Blob) ([]byte, bool) {
	if b.Size > artifact.MaxMetadata {
		return nil, false
	}
	file, err := openRegular(s.blobs, b.Digest.Hex(), os.O_RDONLY)
	if err != nil {
		return nil, false
	}
	defer func() { _ = file.Close() }() // only read
	content, err := io.ReadAll(io.LimitReader(file, b.Size+1))
	return content, err == nil && int64(len(content)) == b.Size
}

// Save keeps bytes that are in memory. They are not flushed to the disk: one
// that forgets them forgets what can be fetched again, and what it garbles is
// found by its hash.
func (s *Store) Save(ctx context.Context, b artifact.Blob, content []byte) error {
	sum := newHash(ctx)
	if _, err := sum.Write(content); err != nil {
		return err
	}
	if !sum.is(b) {
		return fmt.Errorf("store %s: bytes given for %s are others", s.dir, b.Digest)
	}
	release, ok := s.tryTake(b.Digest)
	if !ok {
		return nil // whoever works on it makes it whole, and may be who waits for this
	}
	defer release()
	if s.isWhole(b.Digest) {
		return nil
	}
	return s.save(b, content)
}

func (s *Store) save(b artifact.Blob, content []byte) error {
	file, err := openPart(s.parts, b.Digest.Hex())
	if err != nil {
		return fmt.Errorf("store %s: %w", s.dir, err)
	}
	err = file.Truncate(0)
	if err == nil {
		_, err = file.WriteAt(content, 0)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("store %s: writing %s: %w", s.dir, b.Digest, err)
	}
	return s.publish(b)
}

// publish gives a whole part its name.
func (s *Store) publish(b artifact.Blob) error {
	if err := s.root.Rename("partial/"+b.Digest.Hex(), "blobs/sha256/"+b.Digest.Hex()); err != nil {
		return fmt.Errorf("store %s: %w", s.dir, err)
	}
	s.nowWhole(b.Digest)
	return nil
}
