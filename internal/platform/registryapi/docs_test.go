package registryapi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

var (
	shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")
	wantStatus = regexp.MustCompile(`# (\d{3})\b`)
	gotStatus  = regexp.MustCompile(`(?m)^status (\d{3})$`)
)

// TestRegistryPageIsTrue runs the lines of docs/registry.md and compares each
// status with the one that stands behind it. The first block, which starts a
// server, is replaced by a platform of the test's own.
func TestRegistryPageIsTrue(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the page's lines need %s, which is not on PATH", tool)
		}
	}
	page, err := os.ReadFile(filepath.FromSlash("../../../docs/registry.md"))
	if err != nil {
		t.Fatal(err)
	}
	p := platformtest.Start(t)
	blocks := shellBlock.FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 7 || !strings.Contains(blocks[0][1], "datamesh server") {
		t.Fatalf("got %d blocks, want one that starts a server and then the examples", len(blocks))
	}
	script := `auth=(-sS -H "Authorization: Bearer $TOKEN"); json=(-H 'Content-Type: application/vnd.schemaregistry.v1+json')
curl() { case " $* " in *" -w "*) command curl "$@";; *) command curl "$@" -w '\nstatus %{http_code}\n';; esac; }
`
	for _, block := range blocks[1:] {
		script += block[1] + "\n"
	}
	command := exec.CommandContext(t.Context(), "bash", "-c", script)
	command.Env = append(os.Environ(), "REGISTRY="+p.Endpoint+"/schema-registry", "API="+p.Endpoint+"/api/v1", "TOKEN="+p.Token,
		"NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("the page's lines: %v\n%s", err, output)
	}
	if diff := cmp.Diff(statuses(wantStatus, script), statuses(gotStatus, string(output))); diff != "" {
		t.Errorf("statuses (-page +platform):\n%s\n%s", diff, output)
	}
}

func statuses(pattern *regexp.Regexp, text string) (list []string) {
	for _, found := range pattern.FindAllStringSubmatch(text, -1) {
		list = append(list, found[1])
	}
	return list
}
