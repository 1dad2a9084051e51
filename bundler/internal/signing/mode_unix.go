//go:build unix

package signing

import (
	"fmt"
	"os"
	"syscall"
)

// nonblock keeps an open of a FIFO from waiting for its other end.
const nonblock = syscall.O_NONBLOCK

func checkPrivate(info os.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("may be read or written by others (mode %04o): run chmod 600 on it, and replace the key if others use the machine", mode)
	}
	return nil
}
