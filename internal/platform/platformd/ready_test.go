package platformd

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var someReady = Ready{Endpoint: "http://127.0.0.1:1", Token: "t", PID: 7}

func TestReadyFileIsWholeAndPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "ready.json")
	if err := writeReady(path, someReady); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode: got %v, want 0600: the file holds a token", got)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"endpoint": "http://127.0.0.1:1", "token": "t", "pid": 7.0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("got %d files, want the ready file alone", len(entries))
	}
}

func TestClearReady(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		content string
		removed bool
		refusal string
	}{
		"left by a killed server": {`{"endpoint":"http://127.0.0.1:1","token":"t","pid":7}`, true, ""},
		"empty":                   {"", false, ""},
		"somebody's notes":        {"do not lose this", false, "not a ready file"},
		"other JSON":              {`{"token":"t"}`, false, "not a ready file"},
		"a field too many":        {`{"endpoint":"e","token":"t","pid":7,"key":"k"}`, false, "not a ready file"},
		"no endpoint":             {`{"endpoint":"","token":"t","pid":7}`, false, "not a ready file"},
		"larger than any":         {`{"endpoint":"http://127.0.0.1:1","token":"t","pid":7}` + strings.Repeat(" ", maxReady), false, "not a ready file"},
		"large":                   {strings.Repeat(" ", maxReady+1), false, "not a ready file"},
	} {
		path := filepath.Join(t.TempDir(), "ready.json")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		err := clearReady(path)
		if c.refusal == "" && err != nil || c.refusal != "" && (err == nil || !strings.Contains(err.Error(), c.refusal)) {
			t.Errorf("%s: got %v, want %q", name, err, c.refusal)
		}
		_, err = os.Stat(path)
		if removed := errors.Is(err, fs.ErrNotExist); removed != c.removed {
			t.Errorf("%s: removed: got %v, want %v", name, removed, c.removed)
		}
	}
}

func TestClearReadyReportsItsDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := clearReady(filepath.Join(dir, "absent", "ready.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: got %v, want %v", err, fs.ErrNotExist)
	}
	if err := clearReady(dir); err == nil {
		t.Error("a directory in its place: got no error")
	}
}

func TestRemoveReadyLeavesOthers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ready.json")
	other := someReady
	other.PID++
	if err := writeReady(path, other); err != nil {
		t.Fatal(err)
	}
	if err := removeReady(path, someReady); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file of another server: %v", err)
	}
	if err := removeReady(path, other); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("our own file: got %v, want %v", err, fs.ErrNotExist)
	}
	if err := removeReady(path, other); err != nil {
		t.Errorf("no file: %v", err)
	}
}
