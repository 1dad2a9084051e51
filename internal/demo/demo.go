package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/workspace"
)

type options struct{ terraform, bin, example, report string }

// demo is what the steps share.
type demo struct {
	options
	dir       string // temporary: mirror, working directory, data; removed at the end
	step      string // name of the current step, for files in the report
	commands  int    // how many commands the current step has run
	server    *server
	workspace *workspace.Workspace
	registry  *registry // of the near side
	images    []image
}

func open(o options) (*demo, error) {
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return nil, err
	}
	o.bin = bin
	if o.report == "" {
		o.report = filepath.Join(bin, "demo-report")
	}
	for _, name := range []string{"datamesh", "datamesh-bundler", "terraform-provider-datamesh"} {
		if _, err := os.Stat(filepath.Join(bin, name)); err != nil {
			return nil, fmt.Errorf("run make build first: %w", err)
		}
	}
	if err := clearReport(o.report); err != nil {
		return nil, fmt.Errorf("report directory: %w", err)
	}
	dir, err := os.MkdirTemp("", "datamesh-demo-")
	if err != nil {
		return nil, err
	}
	// Running programs are found by their real path.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	return &demo{options: o, dir: dir}, nil
}

// clearReport makes the directory and removes what an earlier demo left in it,
// and nothing else: somebody may have named a directory of their own.
func clearReport(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	for _, pattern := range []string{"[0-9][0-9]-*-terraform-*.txt", "catalogue.json", "audit.jsonl", "pipelines.review.txt", "server.log"} {
		old, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, name := range old {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// close leaves nothing running and nothing but the report.
func (d *demo) close() error {
	var err error
	if d.server != nil {
		err = d.server.stop()
	}
	return errors.Join(err, d.closeRegistry(), os.RemoveAll(d.dir))
}

// keep writes a file of the report.
func (d *demo) keep(name string, content []byte) error {
	return os.WriteFile(filepath.Join(d.report, name), content, 0o600) //nolint:gosec // G703: the user names the directory, the steps the file
}

// openWorkspace copies the example into a directory of its own and lets
// Terraform find the provider in a mirror on disk, as an enclave would.
func (d *demo) openWorkspace() error {
	rc, err := d.mirror()
	if err != nil {
		return err
	}
	dir := filepath.Join(d.dir, "workspace")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	ready := d.server.ready
	d.workspace, err = workspace.New(dir, workspace.Options{
		Terraform: d.terraform,
		Provider:  filepath.Join(d.bin, "terraform-provider-datamesh"),
		Env: append(cleared(),
			"TF_CLI_CONFIG_FILE="+rc, // instead of the workspace's own, which needs no init
			"DATAMESH_ENDPOINT="+ready.Endpoint, "DATAMESH_TOKEN="+ready.Token,
		),
	})
	if err != nil {
		return err
	}
	return d.workspace.Copy(d.example)
}

// cleared empties the variables of the user's own environment that would make
// Terraform or the provider do something else.
func cleared() []string {
	var env []string
	for _, name := range []string{
		"TF_CLI_ARGS", "TF_CLI_ARGS_init", "TF_CLI_ARGS_plan", "TF_CLI_ARGS_apply", "TF_CLI_ARGS_destroy", "TF_CLI_ARGS_show",
		"TF_DATA_DIR", "TF_WORKSPACE", "TF_PLUGIN_CACHE_DIR", "TF_REATTACH_PROVIDERS", "TF_ENCRYPTION",
		"DATAMESH_CA_FILE", "DATAMESH_CLIENT_CERT_FILE", "DATAMESH_CLIENT_KEY_FILE",
	} {
		env = append(env, name+"=")
	}
	return env
}

// version is that of the provider in the mirror; init prints it.
const version = "0.0.1"

// mirror lays the provider out as a filesystem mirror, under the names that
// Terraform and OpenTofu expand meshwright/datamesh to, and writes the command
// line's configuration, which allows nothing else.
func (d *demo) mirror() (rc string, err error) {
	binary, err := os.ReadFile(filepath.Join(d.bin, "terraform-provider-datamesh"))
	if err != nil {
		return "", err
	}
	root := filepath.Join(d.dir, "mirror")
	for _, host := range []string{"registry.terraform.io", "registry.opentofu.org"} {
		dir := filepath.Join(root, host, "meshwright", "datamesh", version, runtime.GOOS+"_"+runtime.GOARCH)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, "terraform-provider-datamesh_v"+version), binary, 0o700); err != nil { //nolint:gosec // a program
			return "", err
		}
	}
	rc = filepath.Join(d.dir, "cli.tfrc")
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", root)
	return rc, os.WriteFile(rc, []byte(text), 0o600)
}

// tf runs one command, keeps what it printed and asks for one of the
// exit codes.
func (d *demo) tf(ctx context.Context, codes []int, args ...string) (workspace.Result, error) {
	result, err := d.workspace.Run(ctx, args...)
	if err != nil {
		return result, err
	}
	d.commands++
	name := fmt.Sprintf("%s-%d-terraform-%s.txt", d.step, d.commands, args[0])
	text := fmt.Sprintf("$ terraform %s\n%s%s(exit code %d)\n", strings.Join(args, " "), result.Stdout, result.Stderr, result.Code)
	if err := d.keep(name, []byte(text)); err != nil {
		return result, err
	}
	for _, code := range codes {
		if result.Code == code {
			return result, nil
		}
	}
	return result, fmt.Errorf("terraform %s ended with code %d, want %d:\n%s%s", args[0], result.Code, codes, result.Stdout, result.Stderr)
}
