package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
)

// copiedLog is a copy of an audit log in a directory, as it was downloaded from
// a bucket: tiles and checkpoints in files, and nothing of a server.
type copiedLog struct{ root *os.Root }

// copyFolder is what a copy has and a data directory has not.
const copyFolder = "checkpoints"

// isCopy reports whether a directory holds a copy.
func isCopy(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, copyFolder))
	return err == nil && info.IsDir()
}

func openCopiedLog(dir string) (signedLog, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return copiedLog{root}, nil
}

// Close implements [signedLog].
func (l copiedLog) Close() error { return l.root.Close() }

// Checkpoint is the newest of the copy: names have the order of sizes.
func (l copiedLog) Checkpoint(context.Context) ([]byte, error) {
	folder, err := l.root.Open(copyFolder)
	if err != nil {
		return nil, err
	}
	defer func() { _ = folder.Close() }() // only read
	names, err := folder.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	newest := ""
	for _, name := range names {
		newest = max(newest, name)
	}
	if newest == "" {
		return nil, errors.New("the copy has no checkpoint")
	}
	return l.read(filepath.Join(copyFolder, newest), audit.MaxCheckpoint)
}

// Key is not in a copy: whoever could change the copy could change it too.
func (l copiedLog) Key(context.Context) (string, error) {
	return "", errors.New("a copy does not hold the key of the log: give the one that you kept with --key")
}

// Bundle implements [audit.Source].
func (l copiedLog) Bundle(_ context.Context, t audit.Tile) ([]byte, error) {
	return l.part(t, audit.MaxBundle)
}

// Hashes implements [audit.Source].
func (l copiedLog) Hashes(_ context.Context, t audit.Tile) ([]byte, error) {
	return l.part(t, audit.TileWidth*len(audit.Hash{}))
}

func (l copiedLog) part(t audit.Tile, limit int) ([]byte, error) {
	raw, err := l.read(filepath.FromSlash(t.Path()), limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: the copy does not have %s, which a checkpoint in it covers", audit.ErrTampered, t.Path())
	}
	return raw, err
}

// read reads a plain file of at most so many bytes. Whoever made the copy may have
// put a pipe in its place, of which even the opening would wait for ever.
func (l copiedLog) read(name string, limit int) ([]byte, error) {
	file, err := l.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s is no plain file but %s", audit.ErrTampered, name, info.Mode())
	}
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err == nil && len(raw) > limit {
		return nil, fmt.Errorf("%w: %s is longer than %d bytes", audit.ErrTampered, name, limit)
	}
	return raw, err
}
