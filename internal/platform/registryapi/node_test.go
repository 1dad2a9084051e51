package registryapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/registryapi"
)

// unreachable is what npm says when no registry of packages answers, or one that
// has too much to do.
var unreachable = regexp.MustCompile(`ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET|ERR_SOCKET_TIMEOUT|network timeout|code E(429|5[0-9][0-9])`)

// TestNode runs a client in JavaScript against a real platform: it registers,
// encodes and decodes AVRO, JSON and PROTOBUF. It is left out where there is no
// Node.js or its packages cannot be had.
func TestNode(t *testing.T) {
	t.Parallel()
	dir := installNode(t)
	p := platformtest.Start(t)
	command := exec.CommandContext(t.Context(), "node", "client.js")
	command.Dir = dir
	command.Env = append(os.Environ(), "REGISTRY="+p.Endpoint+registryapi.Prefix,
		"REGISTRY_USER=dev-administrator", "REGISTRY_PASSWORD="+p.Token, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	var failure bytes.Buffer
	command.Stderr = &failure
	output, err := command.Output()
	if err != nil {
		t.Fatalf("client.js: %v\n%s\nrequests: %q", err, failure.String(), p.Requests())
	}
	good := func(decoded any) any {
		return map[string]any{"magic": 0.0, "idInBytes": true, "latest": true, "version": true, "found": true, "decoded": decoded}
	}
	want := map[string]any{
		"avro":          good(map[string]any{"id": "A-1"}),
		"avroReference": good(map[string]any{"order": map[string]any{"id": "A-1"}}),
		"json":          good(map[string]any{"id": "J-1"}),
		"protobuf":      good(map[string]any{"id": "P-1"}),
		"incompatible":  true,
		"unknown":       true,
	}
	var got map[string]any
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatalf("client.js printed %s: %v", output, err)
	}
	for name, sentence := range map[string]string{
		"incompatible": "Schema being registered is incompatible with an earlier schema", "unknown": "Schema not found",
	} {
		got[name] = strings.Contains(fmt.Sprint(got[name]), sentence)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// installNode is a folder with the client and the packages that its lock names.
func installNode(t *testing.T) string {
	t.Helper()
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the client in JavaScript is not tried: %s is not on PATH", tool)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "client.js"} {
		content, err := os.ReadFile(filepath.Join("testdata", "node", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1")
	command.Dir = dir
	if output, err := command.CombinedOutput(); err != nil {
		if unreachable.Match(output) {
			t.Skipf("the client in JavaScript is not tried: its packages cannot be fetched: %s", output)
		}
		t.Fatalf("npm ci: %v\n%s", err, output)
	}
	return dir
}

// TestLockNamesNoHost: whoever installs takes the packages from a registry of
// their own, held to the digests of the lock.
func TestLockNamesNoHost(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile(filepath.Join("testdata", "node", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct {
			Resolved, Integrity string
		}
	}
	if err := json.Unmarshal(content, &lock); err != nil {
		t.Fatal(err)
	}
	if len(lock.Packages) < 10 {
		t.Fatalf("read %d packages", len(lock.Packages))
	}
	for name, pkg := range lock.Packages {
		if strings.HasPrefix(pkg.Resolved, "http") || name != "" && !strings.HasPrefix(pkg.Integrity, "sha512-") {
			t.Errorf("%s: resolved from %q with the digest %q", name, pkg.Resolved, pkg.Integrity)
		}
	}
}
