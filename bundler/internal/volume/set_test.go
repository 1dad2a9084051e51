package volume

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
)

// small is a bundle of several small volumes and two parity files.
func small(t testing.TB) *bundle {
	t.Helper()
	b := writeBundle(t, 70_000, 2, []int64{150_000, 20_000}, []int64{60_000, 3_000, 9})
	if len(b.env.Volumes) < 3 {
		t.Fatalf("%d volumes, want at least 3", len(b.env.Volumes))
	}
	return b
}

// files are the names and bytes of all files of the bundle.
func (b *bundle) files(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, f := range b.env.All() {
		text, err := os.ReadFile(filepath.Join(b.dir, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = text
	}
	return files
}

// problem wants verification to find exactly one problem, of this kind.
func (b *bundle) problem(t testing.TB, file string, kind ProblemKind) Problem {
	t.Helper()
	set := b.open(t)
	report, err := set.Verify(t.Context(), nil)
	var damage *Damage
	if !errors.As(err, &damage) || len(report.Problems) != 1 {
		t.Fatalf("verify: %v, problems %v, want one", err, report.Problems)
	}
	p := report.Problems[0]
	if p.Kind != kind || p.File != file || !strings.Contains(err.Error(), p.Detail) {
		t.Fatalf("problem %s, want %s of %s", p, kind, file)
	}
	return p
}

func TestBlobInAMissingVolumeIsAnErrorAndOthersAreNot(t *testing.T) {
	t.Parallel()
	b := small(t)
	if err := os.Remove(filepath.Join(b.dir, b.env.Volumes[1].Name)); err != nil {
		t.Fatal(err)
	}
	set := b.open(t)
	for _, blob := range b.layout.Blobs() {
		touches := false
		for _, e := range b.layout.Extents(blob.Digest) {
			touches = touches || e.Volume == 1
		}
		_, err := set.Open(t.Context(), blob, 0)
		var damage *Damage
		if errors.As(err, &damage) != touches || !touches && err != nil {
			t.Errorf("blob %s, in the missing volume: %v: %v", blob.Digest, touches, err)
		}
	}
}

func TestBlobsThatAreNotThere(t *testing.T) {
	t.Parallel()
	b := small(t)
	set := b.open(t)
	blob := b.layout.Blobs()[0]
	for name, open := range map[string]func() error{
		"unknown": func() error {
			_, err := set.Open(t.Context(), artifact.Blob{Digest: lockDigest, Size: 1}, 0)
			return err
		},
		"other size": func() error {
			_, err := set.Open(t.Context(), artifact.Blob{Digest: blob.Digest, Size: blob.Size + 1}, 0)
			return err
		},
		"behind end":   func() error { _, err := set.Open(t.Context(), blob, blob.Size+1); return err },
		"before start": func() error { _, err := set.Open(t.Context(), blob, -1); return err },
	} {
		if err := open(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	r, err := set.Blob(blob)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("read before the start")
	}
	if n, err := r.ReadAt(make([]byte, 10), blob.Size-3); n != 3 || err == nil {
		t.Errorf("read over the end: %d bytes, %v", n, err)
	}
}

func TestLockIsReadOnlyAsItWasSigned(t *testing.T) {
	t.Parallel()
	b := small(t)
	f := envelope.File{Name: b.env.LockName(), Blob: b.env.Lock}
	if text, err := ReadFile(b.dir, "ops", f, 1<<20); err != nil || !bytes.Equal(text, lockText) {
		t.Fatalf("lock %q, %v", text, err)
	}
	if _, err := ReadFile(b.dir, "ops", f, 3); err == nil {
		t.Error("a lock above the limit was read")
	}
	for _, text := range []string{"", "{\"the\": \"Lock\"}\n", string(lockText) + " "} {
		b.put(t, f.Name, []byte(text))
		if _, err := ReadFile(b.dir, "ops", f, 1<<20); !errors.As(err, new(*Damage)) {
			t.Errorf("lock %q: %v, want damage", text, err)
		}
	}
}

func TestFindTheOneBundle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Find(dir); err == nil {
		t.Error("found a bundle in an empty directory")
	}
	for i, name := range []string{"ops", "other"} {
		if err := os.WriteFile(filepath.Join(dir, name+envelope.Suffix), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Find(dir)
		if (i == 0) != (err == nil && got == "ops") {
			t.Errorf("%d bundles: found %q, %v", i+1, got, err)
		}
	}
	if _, err := Find(filepath.Join(dir, "none")); err == nil {
		t.Error("found a bundle in no directory")
	}
}

// TestEndlessEnvelopePipe: an envelope that is a FIFO, a device or too large is
// refused without being read.
func TestEndlessEnvelopePipe(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(path string) error{
		"FIFO":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"device": func(path string) error { return os.Symlink("/dev/zero", path) },
		"oversized": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, envelope.MaxBytes+1))
		},
		"missing": func(string) error { return nil },
	} {
		dir := t.TempDir()
		if err := plant(filepath.Join(dir, "ops"+envelope.Suffix)); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadEnvelope(dir, "ops"); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

func TestNamesThatArePathsAreRefused(t *testing.T) {
	t.Parallel()
	b := small(t)
	for _, name := range []string{"", "../ops", "/etc/ops", "ops.0001", "Ops", strings.Repeat("a", 64)} {
		if _, err := Write(t.Context(), t.TempDir(), name, b.layout, b.source, WriteOptions{}); err == nil {
			t.Errorf("wrote bundle %q", name)
		}
		if _, err := ReadEnvelope(b.dir, name); err == nil || !strings.Contains(err.Error(), "is no name") {
			t.Errorf("read envelope of %q: %v", name, err)
		}
	}
}
