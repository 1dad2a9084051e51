package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"
)

// TestMain lets the demo start this program in its other roles.
func TestMain(m *testing.M) {
	if role(os.Args[1:]) {
		return
	}
	os.Exit(m.Run())
}

// build makes the real binaries.
func build(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	for name, from := range map[string]string{"terraform-provider-datamesh": ".", "datamesh": "./internal/cmd/datamesh", "datamesh-bundler": "./bundler"} {
		command := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, name), from)
		command.Dir = filepath.Join("..", "..")
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("go build %s: %v\n%s", from, err, output)
		}
	}
	return bin
}

// TestDemo runs the demo as it is, and then on a configuration that does not
// do what the demo says.
func TestDemo(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds three binaries and runs Terraform about twenty times")
	}
	bin := build(t)
	example := filepath.Join("..", "..", "examples", "coalition")
	t.Run("behaves", func(t *testing.T) {
		var out bytes.Buffer
		o := options{bin: bin, example: example, report: filepath.Join(t.TempDir(), "report")}
		if err := show(o, &out); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		if got := strings.Count(out.String(), "\nok "); got != len(steps) {
			t.Errorf("got %d lines of steps, want %d:\n%s", got, len(steps), out.String())
		}
		for _, name := range []string{"catalogue.json", "audit.jsonl", "server.log", "pipelines.review.txt", "03-plan-1-terraform-plan.txt"} {
			if info, err := os.Stat(filepath.Join(o.report, name)); err != nil || info.Size() == 0 {
				t.Errorf("report %s: %v", name, err)
			}
		}
	})
	t.Run("ends where something does not", func(t *testing.T) {
		var out bytes.Buffer
		o := options{bin: bin, example: altered(t, example), report: filepath.Join(t.TempDir(), "report")}
		err := show(o, &out)
		if err == nil || !strings.Contains(err.Error(), "step 03-plan") || !strings.Contains(err.Error(), "SECRET//NOFORN") {
			t.Errorf("got %v, want it to end at step 03-plan and say what it saw", err)
		}
		if diff := cmp.Diff([]string{"ok    1", "ok    2", "FAIL  3"}, verdicts(out.String())); diff != "" {
			t.Errorf("steps (-want +got):\n%s\n%s", diff, out.String())
		}
	})
	ending, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	left, err := awaitEnd(ending, bin)
	if err != nil || len(left) > 0 {
		t.Errorf("left running: %q, %v", left, err)
	}
}

// stepLine is how a step begins its line: verdict, number, how many there are.
var stepLine = regexp.MustCompile(`(?m)^((?:ok|FAIL) +[0-9]+)/[0-9]+ `)

// verdicts are the steps that a demo reported, in order.
func verdicts(output string) []string {
	var found []string
	for _, match := range stepLine.FindAllStringSubmatch(output, -1) {
		found = append(found, match[1])
	}
	return found
}

// altered is the example with a fused picture that is kept from everybody.
func altered(t *testing.T, example string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(example)); err != nil {
		t.Fatal(err)
	}
	override := "resource \"datamesh_data_product\" \"picture\" {\n  marking = \"SECRET//NOFORN\"\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "altered_override.tf"), []byte(override), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestReportOfAnotherDemoIsReplacedAndNothingElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"03-plan-1-terraform-plan.txt", "audit.jsonl", "thesis.txt", "04-notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := clearReport(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if diff := cmp.Diff([]string{"04-notes.txt", "thesis.txt"}, got); diff != "" {
		t.Errorf("what stays (-want +got):\n%s", diff)
	}
}

// writeProgram writes a file that can be run at once. A process that another
// test starts meanwhile would have it open for writing for a moment, and the
// kernel runs no such file: none is started until it is closed.
func writeProgram(t *testing.T, file string, content []byte) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(file, content, 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestNothingIsLeft proves that the last step can fail.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Skip("needs sleep(1)")
	}
	raw, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "sleep")
	writeProgram(t, program, raw)
	command := exec.CommandContext(t.Context(), program, "60")
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if left, err := awaitEnd(ended, dir); err != nil || len(left) != 1 {
		t.Errorf("while it runs: got %q, %v, want one", left, err)
	}
	go func() { _ = command.Wait() }() // it was killed
	_ = command.Process.Kill()         // awaitEnd tells
	if left, err := awaitEnd(t.Context(), dir); err != nil || len(left) != 0 {
		t.Errorf("after its end: got %q, %v, want none", left, err)
	}
}

func TestServerThatDoesNotServe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "datamesh")
	writeProgram(t, program, []byte("#!/bin/sh\necho no luck today >&2\nexit 1\n"))
	_, err := startServer(t.Context(), program, dir, filepath.Join(dir, "ready.json"), filepath.Join(dir, "log"))
	if err == nil || !strings.Contains(err.Error(), "no luck today") {
		t.Errorf("got %v, want what the server said", err)
	}
}

func TestInterruptedDemoEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"datamesh", "datamesh-bundler", "terraform-provider-datamesh"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	d, err := open(options{bin: dir})
	if err != nil {
		t.Fatal(err)
	}
	var interrupted atomic.Bool
	var out bytes.Buffer
	err = d.run(t.Context(), &out, []step{
		{"first", func(context.Context, *demo) (shown, error) {
			interrupted.Store(true) // the signal comes while a command runs
			return shown{line: "done"}, nil
		}},
		{"second", func(context.Context, *demo) (shown, error) {
			t.Error("the demo went on")
			return shown{}, nil
		}},
	}, &interrupted)
	if err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("got %v, want it to say that it was interrupted", err)
	}
	if err := d.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary directory: got %v, want %v", err, fs.ErrNotExist)
	}
}

func TestDriftNamesAttributes(t *testing.T) {
	t.Parallel()
	change := func(before, after any) *tfjson.ResourceChange {
		return &tfjson.ResourceChange{Address: "r.a", Change: &tfjson.Change{Before: before, After: after}}
	}
	plan := &tfjson.Plan{ResourceDrift: []*tfjson.ResourceChange{
		change(map[string]any{"same": "x", "other": "y", "gone": "z"}, map[string]any{"same": "x", "other": "n", "new": "m"}),
		change(map[string]any{"id": "x"}, nil),
	}}
	want := []string{"r.a gone", "r.a id", "r.a new", "r.a other"}
	if diff := cmp.Diff(want, drift(plan)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRefusalsAreMatchedExactly(t *testing.T) {
	t.Parallel()
	const output = `{"type":"version"}
{"type":"diagnostic","diagnostic":{"severity":"warning","address":"r.a","detail":"(rule x)"}}
{"type":"diagnostic","diagnostic":{"severity":"error","address":"r.a","detail":"Too low.\n\n(rule x)","snippet":{"code":"  marking = 1"}}}
`
	found, err := errorsOf(output)
	if err != nil || len(found) != 1 {
		t.Fatalf("got %+v, %v, want one error", found, err)
	}
	for _, c := range []struct {
		refusal refusal
		want    bool
	}{
		{refusal{address: "r.a", attribute: "marking", rule: "x"}, true},
		{refusal{address: "r.b", attribute: "marking", rule: "x"}, false},
		{refusal{address: "r.a", attribute: "mark", rule: "x"}, false},
		{refusal{address: "r.a", attribute: "marking", rule: "y"}, false},
	} {
		if got := c.refusal.matches(found[0]); got != c.want {
			t.Errorf("%+v: got %v, want %v", c.refusal, got, c.want)
		}
	}
	if _, err := errorsOf("Error: not JSON\n"); err == nil {
		t.Error("text that is not JSON: got no error")
	}
}
