package cli

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// TestTheRealRegistryIsLoaded runs the scripts of testdata/real with the CNCF
// registry as a process of its own on the far side.
func TestTheRealRegistryIsLoaded(t *testing.T) {
	t.Parallel()
	program, err := filepath.Abs("../../../bin/tools/registry")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("there is no registry program here: build it with make test-tools")
	}
	near := newNearSide(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/real", RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			if err := near.prepare(t, e); err != nil {
				return err
			}
			app, _ := near.registry.Manifest(t, "team/app", "1.0")
			digest := artifact.DigestOf(sha256.Sum256(app))
			e.Setenv("APP", string(digest))
			e.Setenv("SIGNATURE", "sha256-"+digest.Hex()+".sig")
			e.Setenv("FAR", startProgram(t, program))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"expand": expand, "same-image": sameImage},
	})
}

const registryConfig = `
version: 0.1
log: {level: info, formatter: text}
storage: {filesystem: {rootdirectory: %q}}
http: {addr: "127.0.0.1:0", secret: of-a-test}
`

// startProgram starts an empty registry and returns its host:port, which it
// tells in its log.
func startProgram(t *testing.T, program string) string {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, registryConfig, t.TempDir()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", config)
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		_ = cmd.Wait()
	})
	return listening(t, log)
}

var listens = regexp.MustCompile(`listening on (127\.0\.0\.1:[0-9]+)`)

func listening(t *testing.T, log io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if match := listens.FindStringSubmatch(lines.Text()); match != nil {
			go func() { _, _ = io.Copy(io.Discard, log) }() // it would stand still behind a full pipe
			return match[1]
		}
	}
	t.Fatal("the registry ended without telling where it listens")
	return ""
}
