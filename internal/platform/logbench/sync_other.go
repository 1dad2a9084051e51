//go:build !linux

package logbench

import "os"

// sync makes what was written durable.
func sync(f *os.File) error { return f.Sync() }
