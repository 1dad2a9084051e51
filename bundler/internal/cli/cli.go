// Package cli is the command line of the bundler: one file a verb, or two that
// belong together.
//
// The near side has lock, plan, collect, pack and create; the far side has
// verify, load and serve. What both need is in a file of its own: trust.go (whom
// a side trusts), target.go (where a load goes), history.go (what was loaded before),
// slip.go (the receipt), progress.go.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/assemble"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/trust"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/volume"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
)

// The exit codes beside those of package commandline.
const (
	exitRefused = 3 // by trust or policy
	exitDamaged = 4 // the media, not the signer
)

const rootHelp = `Mirrors signed container images, OCI artifacts and files into one bundle that
crosses an air gap, and proves, loads and serves it on the far side without a
network.

Near side                              Far side
  create   lock, fetch and write         verify   prove every byte
  lock, plan, collect, pack: one by one  load     bring it into a registry, …
  import   from another tool             serve    pull straight from the bundle

Three files, three owners: bundle.yaml (the author: what), bundle.lock (this
tool: digests and evidence), policy.yaml (the security officer: what is allowed).

Exit codes: 0 done, 1 error, 2 a command line that is not understood, 3 refused
by trust or policy, 4 damaged media.`

// Run executes one command line and returns its exit code. SIGINT and SIGTERM
// end it in an orderly way; what it had is continued by the same command.
func Run(version string, args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	root := rootCommand(version)
	root.SetContext(ctx)
	return commandline.Run(root, args, in, out, errOut)
}

func rootCommand(version string) *cobra.Command {
	root := &cobra.Command{
		Use:     "datamesh-bundler",
		Short:   "One signed, verifiable bundle across an air gap",
		Long:    rootHelp,
		Version: version,
	}
	root.AddCommand(
		createCommand(version), lockCommand(), planCommand(), collectCommand(), packCommand(version),
		verifyCommand(), loadCommand(), serveCommand(), inspectCommand(),
		keygenCommand(), countersignCommand(), importCommand(),
	)
	return root
}

// action makes a RunE that tells refusals and damage by their exit codes.
func action(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		err := classified(run(c, args))
		if err != nil && c.Context().Err() != nil {
			return fmt.Errorf("ended by a signal; the same command goes on from here: %w", err)
		}
		return err
	}
}

// classified gives an error its exit code. A run that met both is refused: the
// media can be carried again, trust cannot.
func classified(err error) error {
	var exit commandline.Exit
	if err == nil || errors.As(err, &exit) {
		return err
	}
	if isRefusal(err) {
		return commandline.Exit{Code: exitRefused, Cause: err}
	}
	if damage := (*volume.Damage)(nil); errors.As(err, &damage) {
		return commandline.Exit{Code: exitDamaged, Cause: err}
	}
	return err
}

func isRefusal(err error) bool {
	var (
		byEnvelope *envelope.Refusal
		byTrust    *trust.Refusal
		byAssembly *assemble.Refused
		byMarking  *spec.MarkingError
	)
	return errors.As(err, &byEnvelope) || errors.As(err, &byTrust) || errors.As(err, &byAssembly) || errors.As(err, &byMarking)
}

// flags are where a group of flags is added.
type flags interface {
	BoolVar(p *bool, name string, value bool, usage string)
	StringVar(p *string, name, value, usage string)
	StringSliceVar(p *[]string, name string, value []string, usage string)
}

// say prints a line for people.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, format+"\n", args...) // nowhere left to complain
}
