// Package pagetest runs the shell lines of a page of the documentation, so that
// a page cannot say what is not so.
package pagetest

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

var (
	shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")
	wantStatus = regexp.MustCompile(`# (\d{3})\b`)
	gotStatus  = regexp.MustCompile(`(?m)^status (\d{3})$`)
)

// Page is a page whose first block starts a server and whose others call it
// with curl, each line with the status that it expects behind it.
type Page struct {
	File   string // relative to the test's folder
	Blocks int    // at least so many
	// Before stands in for the first block: shell lines that set what the
	// others use.
	Before string
	Env    []string // variables, beside those of the test
	// Endpoint is put in the place of Stands, "" for http://127.0.0.1:8080.
	Endpoint, Stands string
}

// Run runs the lines of the page in bash, with their temporary files below the
// test's own directory, and compares each status. It skips where a tool that
// the lines need is not there.
func (p Page) Run(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"bash", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the page's lines need %s, which is not on PATH", tool)
		}
	}
	script := p.script(t)
	command := exec.CommandContext(t.Context(), "bash", "-c", script) //nolint:gosec // lines of our own page
	command.Env = append(append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1"), p.Env...)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("the page's lines: %v\n%s", err, output)
	}
	if diff := gocmp.Diff(statuses(wantStatus, script), statuses(gotStatus, string(output))); diff != "" {
		t.Errorf("statuses (-page +server):\n%s\n%s", diff, output)
	}
}

// script is the page's lines, with a curl that prints the status at its end.
func (p Page) script(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.FromSlash(p.File))
	if err != nil {
		t.Fatal(err)
	}
	blocks := shellBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < p.Blocks || !strings.Contains(blocks[0][1], "datamesh server") {
		t.Fatalf("got %d blocks, want one that starts a server and then the examples, %d at least", len(blocks), p.Blocks)
	}
	script := p.Before + `
curl() { case " $* " in *" -w "*) command curl "$@";; *) command curl "$@" -w '\nstatus %{http_code}\n';; esac; }
`
	for _, block := range blocks[1:] {
		script += block[1] + "\n"
	}
	script = strings.ReplaceAll(script, cmp.Or(p.Stands, "http://127.0.0.1:8080"), p.Endpoint)
	return strings.ReplaceAll(script, "/tmp/", filepath.ToSlash(t.TempDir())+"/")
}

func statuses(pattern *regexp.Regexp, text string) (list []string) {
	for _, found := range pattern.FindAllStringSubmatch(text, -1) {
		list = append(list, found[1])
	}
	return list
}
