//go:build linux || darwin || freebsd

package cas

import "syscall"

// freeSpace is how many bytes an unprivileged process may still write below the
// directory; -1 when that cannot be known.
func freeSpace(dir string) int64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil || s.Bsize <= 0 {
		return -1
	}
	const most = 1 << 62
	blocks, size := uint64(s.Bavail), uint64(s.Bsize) //nolint:unconvert,nolintlint // signed on some systems
	if blocks > most/size {
		return most
	}
	return int64(blocks * size) //nolint:gosec // bounded above
}
