package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/commandline/commandlinetest"
)

// TestExitCodes tells a command line that is not understood (2) from one that
// failed (1).
func TestExitCodes(t *testing.T) {
	t.Parallel()
	absent := filepath.Join(t.TempDir(), "absent")
	for _, c := range []struct {
		line   string
		want   int
		stderr string
	}{
		{"", 0, ""},
		{"--help", 0, ""},
		{"--version", 0, ""},
		{"server --help", 0, ""},
		{"token --help", 0, ""},
		{"audit", 0, ""},
		{"audit export --help", 0, ""},
		{"help server", 0, ""},
		{"unheard-of", 2, `unknown command "unheard-of"`},
		{"--unheard-of", 2, "unknown flag"},
		{"server", 2, "choose a mode"},
		{"server --dev --config x", 2, "choose a mode"},
		{"server --config x --listen 127.0.0.1:0", 2, "--listen goes with --dev"},
		{"server --config x --data y", 2, "--data goes with --dev"},
		{"server --config x --gateway-source file:///y", 2, "--gateway-source goes with --dev"},
		{"server --config " + absent, 1, "configuration"},
		{"server --dev --port 1", 2, "unknown flag: --port"},
		{"server --dev extra", 2, "unknown command"},
		{"server --dev --log-format xml", 2, "text or json"},
		{"server --dev --listen 0.0.0.0:0", 1, "loopback"},
		{"server --dev --gateway-source s3://tracks", 2, "is no source"},
		{"server --dev --gateway-source http://192.0.2.1:80/", 1, "calls no other"},
		{"marking unheard-of", 2, "unknown command"},
		{"audit unheard-of", 2, "unknown command"},
		{"audit export", 2, "one of them"},
		{"audit export --dir x --endpoint http://127.0.0.1:1", 2, "one of them"},
		{"audit export --dir x --data y", 2, "none of the others"},
		{"audit export --data x --after first", 2, "invalid argument"},
		{"audit export --data x --after -1", 2, "below zero"},
		{"audit export --data " + absent, 1, "not a data directory"},
		{"token", 2, "--data and --subject"},
		{"token --data x --subject a --ttl soon", 2, "invalid argument"},
		{"token --data x --subject a --country Narnia", 2, "--country"},
		{"token --data " + absent + " --subject a", 1, "not the data directory"},
	} {
		var out, errOut bytes.Buffer
		got := run(strings.Fields(c.line), strings.NewReader(""), &out, &errOut)
		if got != c.want || !strings.Contains(errOut.String(), c.stderr) {
			t.Errorf("datamesh %s: got exit %d, %q, want %d, %q", c.line, got, errOut.String(), c.want, c.stderr)
		}
		if c.want == 2 && !strings.Contains(errOut.String(), "--help'") {
			t.Errorf("datamesh %s: %q does not lead to the help", c.line, errOut.String())
		}
		if c.want != 0 && out.Len() > 0 {
			t.Errorf("datamesh %s: failed and wrote %q to standard output", c.line, out.String())
		}
	}
}

func TestEveryVerbHasAnExample(t *testing.T) {
	t.Parallel()
	commandlinetest.Help(t, rootCommand())
}
