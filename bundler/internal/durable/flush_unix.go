//go:build unix

package durable

import "os"

func flush(dir *os.File) error { return dir.Sync() }
