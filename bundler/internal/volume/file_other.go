//go:build !unix

package volume

import "os"

const (
	noFollow = 0
	nonblock = 0
)

// sameFile reports whether the open file is what stands at the path, which is
// not so when that is a link.
func sameFile(path string, open os.FileInfo) bool {
	info, err := os.Lstat(path)
	return err == nil && os.SameFile(info, open)
}
