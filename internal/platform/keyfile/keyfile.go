// Package keyfile keeps a secret in a file of a data directory: whole or not
// there at all, readable by its owner only.
package keyfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"syscall"
)

// maxFile is far above the few hundred bytes of a key, in bytes.
const maxFile = 64 << 10

// Read reads a small regular file that only its owner may read. It is an error
// when others may, and fs.ErrNotExist when there is none.
func Read(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) //nolint:gosec // in the data directory; a pipe's opening would wait
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	// Windows has no such bits: Go makes them up.
	if mode := info.Mode(); !mode.IsRegular() || runtime.GOOS != "windows" && mode.Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is %v, but whoever reads it can be anybody: make it a plain file with mode 0600, or delete it", path, mode)
	}
	raw, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if len(raw) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes: it is not a key", path, maxFile)
	}
	return raw, err
}

// Create writes a file beside its place and links it there, so that the file is
// never seen half-written and one that somebody else was quicker to create
// stays: read it afterwards.
func Create(path string, raw []byte) error {
	return write(path, raw, func(temporary string) error {
		if err := os.Link(temporary, path); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	})
}

// Replace writes a file beside its place and renames it there: whoever reads it
// sees the old or the new one. What it replaces may be lost with the power, but
// not half of it.
func Replace(path string, raw []byte) error {
	return write(path, raw, func(temporary string) error { return os.Rename(temporary, path) })
}

func write(path string, raw []byte, place func(temporary string) error) error {
	temporary := path + "." + rand.Text()
	defer func() { _ = os.Remove(temporary) }() // gone already, or left over by a failure that is reported

	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in the data directory
	if err != nil {
		return err
	}
	_, err = file.Write(raw)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return place(temporary)
}
