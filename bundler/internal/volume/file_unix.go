//go:build unix

package volume

import (
	"errors"
	"os"
	"syscall"
)

// noFollow refuses a symbolic link in the last part of a path, nonblock keeps
// the open of a FIFO or device from waiting.
const (
	noFollow = syscall.O_NOFOLLOW
	nonblock = syscall.O_NONBLOCK
)

// sameFile is for systems without noFollow.
func sameFile(string, os.FileInfo) bool { return true }

// syncDir makes renames in the directory survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // G304: the directory that the caller named
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
