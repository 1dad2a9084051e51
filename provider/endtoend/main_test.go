// Package endtoend tests the provider as users meet it: the built binary under
// a real Terraform on whole configurations, against a real platform in the
// test process. What can be shown with less stands beside each object.
package endtoend

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
	"github.com/meshwright/terraform-provider-datamesh/internal/workspace"
)

// provider is the path of the binary, built once for all tests.
var provider string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "datamesh-endtoend-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover temporary folder fails no test
	provider = filepath.Join(dir, "terraform-provider-datamesh")
	build := exec.Command("go", "build", "-o", provider, "github.com/meshwright/terraform-provider-datamesh")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the provider:", err)
		return 1
	}
	return m.Run()
}

// terraform is a workspace that fails its test when a command does.
type terraform struct {
	*workspace.Workspace
	t testing.TB
}

func open(t testing.TB, p *platformtest.Platform, env ...string) terraform {
	t.Helper()
	w, err := workspace.New(t.TempDir(), workspace.Options{
		Provider: provider,
		Env:      append(env, "DATAMESH_ENDPOINT="+p.Endpoint, "DATAMESH_TOKEN="+p.Token),
	})
	if err != nil {
		t.Fatal(err)
	}
	return terraform{w, t}
}

func (w terraform) copy(from string) {
	w.t.Helper()
	if err := w.Copy(from); err != nil {
		w.t.Fatal(err)
	}
}

func (w terraform) write(name, content string) {
	w.t.Helper()
	if err := w.Write(name, content); err != nil {
		w.t.Fatal(err)
	}
}

// must runs a command that has to end with code 0.
func (w terraform) must(args ...string) workspace.Result {
	w.t.Helper()
	result, err := w.Must(w.t.Context(), args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return result
}

func (w terraform) apply() workspace.Result {
	w.t.Helper()
	return w.must("apply", "-auto-approve", "-no-color")
}

func (w terraform) destroy() {
	w.t.Helper()
	w.must("destroy", "-auto-approve", "-no-color")
}

// planIsEmpty fails the test unless a plan finds nothing to do.
func (w terraform) planIsEmpty() {
	w.t.Helper()
	w.must("plan", "-detailed-exitcode", "-no-color")
}

// output is one output value of the state.
func (w terraform) output(name string) any {
	w.t.Helper()
	var value any
	if err := json.Unmarshal([]byte(w.must("output", "-json", name).Stdout), &value); err != nil {
		w.t.Fatalf("output %s: %v", name, err)
	}
	return value
}
