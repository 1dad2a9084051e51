package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/auditcopy"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestNoPlainFileInPlaceOfThePartsOfALog: whoever hands over a copy or a data
// directory may put anything where a file must be. The check of it ends, with an
// error, reads little, and follows no link out of a copy.
func TestNoPlainFileInPlaceOfThePartsOfALog(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t, platformtest.Options{})
	denials(t, p, 3)
	k := keep(t, p)
	for kind, place := range map[string]func(path string) error{
		"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder": func(path string) error { return os.Mkdir(path, 0o700) },
		"socket": func(path string) error { return syscall.Mknod(path, syscall.S_IFSOCK|0o600, 0) },
		"link":   func(path string) error { return os.Symlink("/dev/zero", path) },
		"hole":   hole,
	} {
		entries, checkpoint := audit.Tile{Level: audit.EntryLevel, Width: 3}.Path(), auditcopy.CheckpointName(3)
		for _, name := range []string{checkpoint, entries, audit.Tile{Width: 3}.Path()} {
			dir := copied(t, p.DataDir(), k)
			wantVerified(t, "the copy as it was", 0, "verified 3 entries", "--dir", dir, "--key", k.key)
			replace(t, filepath.Join(dir, name), place)
			wantRefused(t, kind+" as "+name, "--dir", dir, "--key", k.key)
		}
		for _, name := range []string{platformd.CheckpointName, platformd.LogKeyName, platformd.DatabaseName} {
			dir := t.TempDir()
			for _, file := range []string{platformd.CheckpointName, platformd.LogKeyName, platformd.DatabaseName} {
				writeFile(t, filepath.Join(dir, file), readFile(t, filepath.Join(p.DataDir(), file)))
			}
			wantVerified(t, "the data directory as it was", 0, "verified 3 entries", "--dir", dir)
			replace(t, filepath.Join(dir, name), place)
			wantRefused(t, kind+" as "+name, "--dir", dir)
		}
	}
}

func wantRefused(t *testing.T, what string, args ...string) {
	t.Helper()
	if code, text := verify(t, args...); code != 1 && code != exitTampered || strings.Contains(text, "verified") {
		t.Errorf("%s: got exit %d, want 1 or 3:\n%s", what, code, text)
	}
}

func replace(t *testing.T, path string, place func(path string) error) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := place(path); err != nil {
		t.Fatal(err)
	}
}

// hole makes a file of a terabyte that takes no space.
func hole(path string) error {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, 1<<40)
}

// copied makes the copy of a log of one bundle in a folder, as a bucket has it.
func copied(t *testing.T, data string, k kept) string {
	t.Helper()
	log, err := platformd.OpenAuditLog(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	tile, entries := audit.Tile{Width: 3}, audit.Tile{Level: audit.EntryLevel, Width: 3}
	hashes, err := log.Hashes(t.Context(), tile)
	if err != nil {
		t.Fatal(err)
	}
	bundle, err := log.Bundle(t.Context(), entries)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, raw := range map[string][]byte{auditcopy.CheckpointName(3): readFile(t, k.checkpoint), tile.Path(): hashes, entries.Path(): bundle} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", name, err))
		}
		writeFile(t, filepath.Join(dir, name), raw)
	}
	return dir
}
