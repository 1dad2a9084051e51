package logbench

import (
	"os"
	"syscall"
)

// sync makes what was written durable, without the times of the file.
func sync(f *os.File) error { return syscall.Fdatasync(int(f.Fd())) }
