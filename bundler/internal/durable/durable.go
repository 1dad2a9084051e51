// Package durable makes names in a directory outlast a power cut: a file that was
// created or renamed is there afterwards only when its directory was flushed too.
package durable

import (
	"errors"
	"os"
)

// SyncDir flushes the directory at the path. On systems that cannot flush one it
// does nothing: renames are durable by themselves there, or cannot be made so.
func SyncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // G304: the directory of a file that the caller has written
	return synced(dir, err)
}

// SyncRoot is [SyncDir] for the directory that the root is, whatever stands at its
// path now.
func SyncRoot(root *os.Root) error {
	dir, err := root.Open(".")
	return synced(dir, err)
}

func synced(dir *os.File, err error) error {
	if err != nil {
		return err
	}
	return errors.Join(flush(dir), dir.Close())
}
