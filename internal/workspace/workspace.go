// Package workspace runs the real Terraform (or OpenTofu) on a configuration
// with a provider binary of our own, as a user would: a directory with files,
// the command line, its output and its exit code. Nothing is downloaded and
// nothing outside the directory is touched: the command-line configuration
// names the binary by dev_overrides, so no `init` is needed.
package workspace

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Options say what to run.
type Options struct {
	// Terraform is the path of the command; "" for TF_ACC_TERRAFORM_PATH,
	// else terraform or tofu on PATH.
	Terraform string
	// Provider is the path of the binary terraform-provider-datamesh.
	Provider string
	// Env is added to the environment, "NAME=value" each.
	Env []string
}

// Workspace is one working directory. Its methods are not safe for concurrent
// use; several workspaces are.
type Workspace struct {
	// Dir holds the configuration and the state.
	Dir string

	terraform string
	env       []string
}

// Result is one finished command.
type Result struct {
	Stdout, Stderr string
	Code           int           // exit code
	CPU            time.Duration // of the command and all its children, provider included
	Wall           time.Duration
}

// New makes a workspace in dir, which must exist and be empty.
func New(dir string, o Options) (*Workspace, error) {
	terraform, err := find(o.Terraform)
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, ".provider"), 0o700); err != nil {
		return nil, fmt.Errorf("preparing the workspace: %w", err)
	}
	rc := filepath.Join(dir, ".provider", "cli.tfrc")
	if err := overrides(rc, o.Provider); err != nil {
		return nil, err
	}
	env := append(os.Environ(), "TF_CLI_CONFIG_FILE="+rc, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_INPUT=0",
		"TF_LOG=", "TF_LOG_PROVIDER=", "TF_LOG_CORE=")
	return &Workspace{Dir: dir, terraform: terraform, env: append(env, o.Env...)}, nil
}

func find(path string) (string, error) {
	if path == "" {
		path = os.Getenv("TF_ACC_TERRAFORM_PATH")
	}
	if path != "" {
		return exec.LookPath(path)
	}
	for _, name := range []string{"terraform", "tofu"} {
		if found, err := exec.LookPath(name); err == nil {
			return found, nil
		}
	}
	return "", errors.New("no terraform or tofu on PATH: set TF_ACC_TERRAFORM_PATH to one, or run make terraform")
}

// overrides writes the command-line configuration. Both registries are named,
// because Terraform and OpenTofu expand meshwright/datamesh differently.
func overrides(rc, binary string) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return fmt.Errorf("the provider's path: %w", err)
	}
	if filepath.Base(binary) != "terraform-provider-datamesh" {
		return fmt.Errorf("the provider is %s: dev_overrides looks for a file named terraform-provider-datamesh", binary)
	}
	dir := filepath.Dir(binary)
	text := fmt.Sprintf(`provider_installation {
  dev_overrides {
    "registry.terraform.io/meshwright/datamesh" = %[1]q
    "registry.opentofu.org/meshwright/datamesh" = %[1]q
  }
  direct {}
}
`, dir)
	return os.WriteFile(rc, []byte(text), 0o600)
}

// Write puts a file into the workspace. The name may contain folders.
func (w *Workspace) Write(name, content string) error {
	path := filepath.Join(w.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o600) //nolint:gosec // the caller names files of its own workspace
}

// Copy puts all files below a folder into the workspace.
func (w *Workspace) Copy(from string) error {
	return fs.WalkDir(os.DirFS(from), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(from, path)) //nolint:gosec // the caller names the folder to copy
		if err != nil {
			return err
		}
		return w.Write(path, string(content))
	})
}

// Run executes one command, such as Run(ctx, "plan", "-detailed-exitcode"). A
// non-zero exit code is not an error; a command that could not run or was
// killed is.
func (w *Workspace) Run(ctx context.Context, args ...string) (Result, error) {
	cmd := exec.CommandContext(ctx, w.terraform, args...) //nolint:gosec // running the named Terraform is the purpose
	cmd.Dir, cmd.Env = w.Dir, w.env
	cmd.WaitDelay = 10 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	result := Result{Stdout: stdout.String(), Stderr: stderr.String(), Wall: time.Since(start)}
	if cmd.ProcessState != nil {
		result.Code = cmd.ProcessState.ExitCode()
		// The provider is a child that Terraform waits for, so the kernel
		// counts it here.
		result.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	exit := (*exec.ExitError)(nil)
	if err != nil && (!errors.As(err, &exit) || result.Code < 0) {
		return result, fmt.Errorf("terraform %s: %w", strings.Join(args, " "), err)
	}
	return result, nil
}

// Must runs a command and makes an exit code other than 0 an error that
// carries the output.
func (w *Workspace) Must(ctx context.Context, args ...string) (Result, error) {
	result, err := w.Run(ctx, args...)
	if err == nil && result.Code != 0 {
		err = fmt.Errorf("terraform %s ended with code %d:\n%s%s", strings.Join(args, " "), result.Code, result.Stdout, result.Stderr)
	}
	return result, err
}
