package devissuer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestOpenKeepsTheKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir)
	token, err := first.Mint(Claims{Subject: "a"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Load(dir)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	if _, err := again.Verify(token); err != nil {
		t.Errorf("a token minted before the restart: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode of the key file: got %v, want 0600", got)
	}
	if names := list(t, dir); len(names) != 1 {
		t.Errorf("files: got %v, want the key alone", names)
	}
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestOpenAtOnceGivesOneKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	names := make([]string, 16)
	var wg sync.WaitGroup
	for i := range names {
		wg.Go(func() {
			issuer, err := Open(dir)
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			names[i] = issuer.Name()
		})
	}
	wg.Wait()
	for _, name := range names {
		if name != names[0] {
			t.Fatalf("got several keys: %v", names)
		}
	}
}

func TestNothingIsCreatedElsewhere(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "absent")
	for name, f := range map[string]func(string) (*Issuer, error){"Open": Open, "Load": Load} {
		if _, err := f(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want %v", name, err, fs.ErrNotExist)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory was created: %v", err)
	}
	empty := t.TempDir()
	if _, err := Load(empty); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load of an empty directory: got %v, want %v", err, fs.ErrNotExist)
	}
	if names := list(t, empty); len(names) != 0 {
		t.Errorf("Load created %v", names)
	}
}

func TestLoadRefusesBadKeyFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open(t, dir)
	good, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	stranger := open(t, other)
	secret := `"oct","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw"`
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"readable by the group": {string(good), 0o640, "0600"},
		"readable by everybody": {string(good), 0o604, "0600"},
		"empty":                 {"", 0o600, "not a JSON Web Key"},
		"cut in the middle":     {string(good[:len(good)/2]), 0o600, "not a JSON Web Key"},
		"a symmetric key":       {`{"kty":` + secret + `,"alg":"HS256","kid":"x"}`, 0o600, "not a private key"},
		"a key id not its own":  {strings.Replace(string(good), open(t, dir).key.KeyID, stranger.key.KeyID, 1), 0o600, "thumbprint"},
		"no key id":             {strings.Replace(string(good), `"kid"`, `"was"`, 1), 0o600, "thumbprint"},
		"1 MiB":                 {strings.Repeat(" ", 1<<20), 0o600, "larger"},
	} {
		where := t.TempDir()
		path := filepath.Join(where, FileName)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(where)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%s: the error shows the key: %v", name, err)
		}
	}
}

func TestLoadRefusesADirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, FileName), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "plain file") {
		t.Errorf("got %v, want a refusal of the directory", err)
	}
}
