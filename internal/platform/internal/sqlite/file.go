package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

const (
	fileMode      = 0o600 // the catalogue is classified at the level of its highest entry
	directoryMode = 0o700
)

// file is a database file that this process owns.
type file struct {
	path string
	lock *flock.Flock
}

// claim makes the directory and the file, as far as they are missing, and takes
// the lock without waiting. The lock comes first: closing any descriptor of a
// database file drops SQLite's own locks on it throughout the process.
func claim(path string) (*file, error) {
	if err := os.MkdirAll(filepath.Dir(path), directoryMode); err != nil { //nolint:gosec // the operator names the data directory
		return nil, fmt.Errorf("make its directory: %w", err)
	}
	lock := flock.New(path+".lock", flock.SetPermissions(fileMode))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock it: %w", err)
	}
	if !held {
		return nil, ErrLocked
	}
	f := &file{path: path, lock: lock}
	if err := create(path); err != nil {
		return nil, errors.Join(err, f.release())
	}
	return f, nil
}

// release drops the lock. The lock file stays: removing it would let two
// processes lock two files of one name.
func (f *file) release() error { return f.lock.Close() }

// create makes the file when there is none, and takes from others what an
// older mode allowed them. SQLite gives its other files the same mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, fileMode) //nolint:gosec // the operator names the data directory
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := checkFile(path); err != nil {
		return err
	}
	return os.Chmod(path, fileMode) //nolint:gosec // the operator names the data directory
}

// checkFile refuses everything but a plain file. A link could lead the
// database, or the change of its mode, out of the data directory.
func checkFile(path string) error {
	info, err := os.Lstat(path) //nolint:gosec // the operator names the data directory
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("it is no plain file but %s", info.Mode())
	}
	return nil
}
