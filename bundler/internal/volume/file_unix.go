//go:build unix

package volume

import (
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
