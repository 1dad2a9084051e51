package workspace

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shell stands in for Terraform where only the running of it is tested.
func shell(t *testing.T) *Workspace {
	t.Helper()
	w, err := New(t.TempDir(), Options{Terraform: "/bin/sh", Provider: "bin/terraform-provider-datamesh", Env: []string{"GIVEN=yes"}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestRunTellsCodesFromFailures(t *testing.T) {
	t.Parallel()
	w := shell(t)
	got, err := w.Run(t.Context(), "-c", "echo $GIVEN; echo wrong >&2; exit 2")
	if err != nil || got.Code != 2 || got.Stdout != "yes\n" || got.Stderr != "wrong\n" {
		t.Errorf("got %+v, %v, want code 2 with both outputs and no error", got, err)
	}
	if _, err := w.Must(t.Context(), "-c", "echo why; exit 1"); err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("got %v, want an error with the output", err)
	}
	if _, err := w.Run(t.Context(), "-c", "kill -9 $$"); err == nil {
		t.Error("the command was killed: got no error")
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := shell(t).Run(ctx, "-c", "exec sleep 60"); err == nil {
		t.Error("got no error, want the command killed")
	}
}

func TestRunCountsTheTimeOfChildren(t *testing.T) {
	t.Parallel()
	got, err := shell(t).Run(t.Context(), "-c", `sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'`)
	if err != nil {
		t.Fatal(err)
	}
	if got.CPU < 20*time.Millisecond {
		t.Errorf("got %v of CPU, want that of the child in it", got.CPU)
	}
}

func TestCopyKeepsFolders(t *testing.T) {
	t.Parallel()
	from := t.TempDir()
	if err := os.MkdirAll(filepath.Join(from, "schemas"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(from, "schemas", "a.avsc"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := shell(t)
	if err := w.Copy(from); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(w.Dir, "schemas", "a.avsc")); err != nil || string(got) != "{}" {
		t.Errorf("got %q, %v, want {}", got, err)
	}
	if err := w.Copy(filepath.Join(from, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want it to say that there is no such folder", err)
	}
}

func TestNewRefusesWhatCannotRun(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"no such terraform":    {Terraform: "/nowhere/terraform", Provider: "terraform-provider-datamesh"},
		"provider by any name": {Terraform: "/bin/sh", Provider: "bin/provider"},
	} {
		if _, err := New(t.TempDir(), o); err == nil {
			t.Errorf("%s: got no error, want one", name)
		}
	}
	if _, err := New(filepath.Join(t.TempDir(), "missing"), Options{Terraform: "/bin/sh", Provider: "terraform-provider-datamesh"}); err == nil {
		t.Error("no such folder: got no error, want one")
	}
}
