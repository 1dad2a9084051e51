// Package commandline is what the command lines of all our programs have in
// common: exit codes, the way an error is told, and groups of verbs.
//
// Exit codes: 0 done, 1 error, [ExitUsage] a command line that is not
// understood; verbs that answer a question have further ones, by an [Exit].
package commandline

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// ExitUsage is the exit code of a command line that is not understood.
const ExitUsage = 2

// Exit ends a program with a code other than 1. Its cause, when there is one,
// is printed first.
type Exit struct {
	Code  int
	Cause error
}

// Error is the text of the cause, "" without one.
func (e Exit) Error() string {
	if e.Cause == nil {
		return ""
	}
	return e.Cause.Error()
}

// Unwrap is the cause.
func (e Exit) Unwrap() error { return e.Cause }

// Misuse is the error of a command line that is not understood.
func Misuse(command *cobra.Command, cause error) error {
	return Exit{Code: ExitUsage, Cause: fmt.Errorf("%w\nTry '%s --help'", cause, command.CommandPath())}
}

// Run executes one command line of a program and returns its exit code. Errors
// are told on errOut, after the name of the program.
func Run(root *cobra.Command, args []string, in io.Reader, out, errOut io.Writer) int {
	root.SilenceUsage, root.SilenceErrors = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	started := false
	prepare(root, func() { started = true })
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	command, err := root.ExecuteC()
	if err != nil && !started {
		err = Misuse(command, err)
	}
	return report(root.Name(), err, errOut)
}

// prepare makes every command below tell its own failures from command lines
// that it never got to see: started is called first by each that runs. A
// command that only groups others refuses a name that it does not know.
func prepare(command *cobra.Command, started func()) {
	for _, child := range command.Commands() {
		prepare(child, started)
	}
	if run := command.RunE; run != nil {
		command.RunE = func(c *cobra.Command, args []string) error {
			started()
			return run(c, args)
		}
		return
	}
	if command.HasSubCommands() {
		command.Args = cobra.ArbitraryArgs
		command.RunE = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %.40q for %q", args[0], c.CommandPath())
			}
			return c.Help()
		}
	}
}

// report prints an error and returns the exit code that it stands for.
func report(program string, err error, errOut io.Writer) int {
	if err == nil {
		return 0
	}
	if text := err.Error(); text != "" {
		_, _ = fmt.Fprintln(errOut, program+":", text) // nowhere left to complain
	}
	if exit := (Exit{}); errors.As(err, &exit) {
		return exit.Code
	}
	return 1
}
