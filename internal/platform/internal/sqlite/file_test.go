package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlstore"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var sigint = catalog.Ref{Kind: catalog.KindDomain, ID: "sigint"}

func putDomain(t testing.TB, s store.Store) {
	t.Helper()
	err := s.Update(context.Background(), func(w store.Writer) error {
		return w.Put(context.Background(), store.Record{Ref: sigint, Revision: "r1", Body: []byte(`{}`)})
	})
	if err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func wantDomain(t testing.TB, s store.Store) {
	t.Helper()
	err := s.View(context.Background(), func(r store.Reader) error {
		_, err := r.Get(context.Background(), sigint)
		return err
	})
	if err != nil {
		t.Errorf("Get: %v", err)
	}
}

func TestOnlyTheOwnerMayReadTheFiles(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	putDomain(t, open(t, path))
	for file, want := range map[string]fs.FileMode{
		"": 0o600, "-wal": 0o600, "-shm": 0o600, ".lock": 0o600,
		"/..": fs.ModeDir | 0o700,
	} {
		info, err := os.Stat(path + file)
		if file == "/.." {
			info, err = os.Stat(filepath.Dir(path))
		}
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%s%s: got mode %v, want %v", filepath.Base(path), file, info.Mode(), want)
		}
	}
}

func TestAWiderModeIsTakenBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "datamesh.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("got mode %v, want 0600", info.Mode())
	}
}

func TestASecondOwnerIsRefused(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	first := open(t, path)
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrLocked) {
		t.Fatalf("second Open: got %v, want ErrLocked", err)
	}
	putDomain(t, first) // and the first goes on
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	wantDomain(t, open(t, path))
}

func TestAFailedOpenGivesTheLockBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "datamesh.db")
	if err := os.WriteFile(path, []byte("no database, and longer than the sixteen bytes of a header"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); !errors.Is(err, ErrForeign) {
		t.Fatalf("Open: got %v, want ErrForeign", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestALinkOutOfTheDataDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	target := filepath.Join(dir, "elsewhere")
	if err := os.WriteFile(target, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "datamesh.db")
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path); err == nil {
		t.Error("Open: got no error, want one")
	}
	if _, err := OpenForReading(t.Context(), path); err == nil {
		t.Error("OpenForReading: got no error, want one")
	}
	info, err := os.Stat(target)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o644 || info.Size() != 0 {
		t.Errorf("the target has mode %v and %d bytes now, want it untouched", info.Mode(), info.Size())
	}
}

func TestADirectoryIsNoDatabase(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.Context(), t.TempDir()); err == nil {
		t.Error("Open: got no error, want one")
	}
}

func TestPathsAreTakenLiterally(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a b", "a?mode=memory", "a#b", "a%20b", "a&_pragma=foreign_keys(0)", "höhe", "file:x", "a'b"} {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		s := open(t, path)
		putDomain(t, s)
		if err := s.Close(); err != nil {
			t.Errorf("%q: Close: %v", name, err)
		}
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != 2 || files[0].Name() != name || files[1].Name() != name+".lock" {
			t.Errorf("%q: got files %v, want the database and its lock", name, files)
		}
		wantDomain(t, open(t, path))
	}
}

func TestAStoppedDatabaseIsOneFile(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	putDomain(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s after Close: got %v, want that it does not exist", suffix, err)
		}
	}
}

func TestReadingBesideTheServer(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	server := open(t, path)
	reader, err := OpenForReading(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	putDomain(t, server)
	wantDomain(t, reader)
	err = reader.Update(t.Context(), func(store.Writer) error { t.Error("the function ran"); return nil })
	if !errors.Is(err, sqlstore.ErrReadOnly) {
		t.Errorf("Update: got %v, want ErrReadOnly", err)
	}
	if err := reader.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	putDomain(t, server)
}

func TestReadingWithoutAServer(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := open(t, path)
	putDomain(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := OpenForReading(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	wantDomain(t, reader)
	if err := reader.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestReadingMakesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := OpenForReading(t.Context(), filepath.Join(dir, "sub", "datamesh.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenForReading: got %v, want fs.ErrNotExist", err)
	}
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenForReading(t.Context(), empty); !errors.Is(err, ErrOlder) {
		t.Errorf("OpenForReading of an empty file: got %v, want ErrOlder", err)
	}
	if info, err := os.Stat(empty); err != nil || info.Size() != 0 {
		t.Errorf("the empty file: got %v, %v, want it untouched", info, err)
	}
}
