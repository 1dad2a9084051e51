package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
)

// block is a fenced block of the guide: commands, or a file whose name is in
// its first line.
var block = regexp.MustCompile("(?ms)^```(sh|yaml)\n(.*?)^```$")

// TestGuideForTheTransferOfficer does what the guide says, line by line, with
// real registries under the names in it and volumes that blobs are cut at.
func TestGuideForTheTransferOfficer(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../docs/bundler/README.md")
	if err != nil {
		t.Fatal(err)
	}
	near, far, dir := newNearSide(t), bundlertest.Start(t), t.TempDir()
	guide := strings.NewReplacer("registry.example", near.registry.Host, "registry.enclave", far.Host, "4.3GiB", "128KiB").Replace(string(text))
	write(t, dir, "vendor.pub", near.public)
	write(t, dir, "run.sh", []byte("#!/bin/sh\n"))
	if err := os.Mkdir(filepath.Join(dir, "enclave"), 0o700); err != nil {
		t.Fatal(err)
	}
	script := "set -eux\n"
	for _, found := range block.FindAllStringSubmatch(guide, -1) {
		name, _, _ := strings.Cut(strings.TrimPrefix(found[2], "# "), "\n")
		if found[1] == "yaml" {
			write(t, dir, name, []byte(found[2]))
			continue
		}
		script += found[2]
	}
	command := exec.CommandContext(t.Context(), "sh", "-c", script)
	command.Dir = dir
	command.Env = append(os.Environ(), "DOCKER_CONFIG="+dir)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, image := range []string{"team/app:1.0", "team/app:1.1", "team/tool:2.0"} {
		want, err := pull(near.registry.Host + "/" + image)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pull(far.Host + "/mirror/" + image); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", image, got, err, want)
		}
	}
	if parts, _ := filepath.Glob(filepath.Join(dir, "layout/blobs/sha256/*.part-*")); len(parts) > 0 {
		t.Errorf("parts are left: %v", parts)
	}
}
