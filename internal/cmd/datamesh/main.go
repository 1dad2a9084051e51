// Command datamesh is the self-serve platform of the data mesh and the tools
// of those who review and operate it, in one static binary.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the whole program: it executes one command line and returns its exit
// code.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.Execute()
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		fmt.Fprintln(errOut, "datamesh:", text)
	}
	if exit := (exitError{}); errors.As(err, &exit) {
		return exit.code
	}
	return 1
}

// exitError ends the program with a code other than 1. Its cause, when there
// is one, is printed first.
type exitError struct {
	code  int
	cause error
}

func (e exitError) Error() string {
	if e.cause == nil {
		return ""
	}
	return e.cause.Error()
}

func (e exitError) Unwrap() error { return e.cause }

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "datamesh",
		Short:         "The self-serve platform of the data mesh, and the tools of those who review it",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(markingCommand())
	return root
}
