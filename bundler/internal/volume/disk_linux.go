package volume

import (
	"errors"
	"os"
	"syscall"
)

// allocate reserves the blocks of a file, so that the run cannot fail for space
// half way. Where the file system cannot, the file only gets its length.
func allocate(file *os.File, size int64) error {
	if size == 0 {
		return nil
	}
	err := syscall.Fallocate(int(file.Fd()), 0, 0, size)
	if errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.ENOSYS) {
		return nil
	}
	return err
}

// freeSpace is how many bytes an unprivileged process may still write below
// the directory; -1 when that cannot be known.
func freeSpace(dir string) int64 {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil || s.Bsize <= 0 {
		return -1
	}
	const most = 1 << 62
	blocks := s.Bavail
	if blocks > most/uint64(s.Bsize) {
		return most
	}
	return int64(blocks) * s.Bsize //nolint:gosec // G115: bounded above
}

// allocated is how many bytes of disk a file takes.
func allocated(info os.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return 0
}

// startWriteback asks the kernel to write a range of dirty pages now, so that
// the flush at the end finds little left to do.
func startWriteback(file *os.File, offset, length int64) {
	const write = 2 // SYNC_FILE_RANGE_WRITE
	_ = syscall.SyncFileRange(int(file.Fd()), offset, length, write)
}

const noSpace = syscall.ENOSPC
