package main

import (
	"bytes"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestExportOverHTTP gives the lines that the directory has, up to the checkpoint.
func TestExportOverHTTP(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	denials(t, p, 300)
	p.Restart() // everything is signed
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, []byte(p.Token))
	export := func(want int, args ...string) string {
		t.Helper()
		var out, errOut bytes.Buffer
		if code := run(append([]string{"audit", "export"}, args...), strings.NewReader(""), &out, &errOut); code != want {
			t.Errorf("%v: got exit %d, want %d: %s", args, code, want, errOut.String())
		}
		return out.String()
	}
	remote := []string{"--endpoint", p.Endpoint, "--token-file", token}
	lines := strings.SplitAfter(export(0, "--data", p.DataDir()), "\n")[:300] // what is read is recorded, so there will be more
	for _, after := range []int{0, 1, 255, 256, 299} {
		got, want := export(0, append(remote, "--after", strconv.Itoa(after))...), strings.Join(lines[after:], "")
		if !strings.HasPrefix(got, want) {
			t.Errorf("after %d: got %d bytes, want the %d of the directory first", after, len(got), len(want))
		}
	}
	if got := export(0, append(remote, "--after", "1000000")...); got != "" {
		t.Errorf("behind the end: got %q", got)
	}
	writeFile(t, token, []byte(p.TokenFor(catalog.Caller{Subject: "a.low"})))
	if got := export(1, remote...); got != "" {
		t.Errorf("without the right: got %q", got)
	}
}
