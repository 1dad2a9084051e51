// Command datamesh is the self-serve platform of the data mesh and the tools
// of those who review and operate it, in one static binary.
//
// Exit codes: 0 done, 1 error, 2 a command line that is not understood; verbs
// that answer a question have further ones, see their help.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
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
	started := false
	prepare(root, func() { started = true })
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	command, err := root.ExecuteC()
	if err != nil && !started {
		err = misuse(command, err)
	}
	return report(err, errOut)
}

// report prints an error and returns the exit code that it stands for.
func report(err error, errOut io.Writer) int {
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		_, _ = fmt.Fprintln(errOut, "datamesh:", text) // nowhere left to complain
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
