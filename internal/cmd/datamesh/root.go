package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// exitUsage is the exit code of a command line that is not understood.
const exitUsage = 2

const rootHelp = `The self-serve platform of the data mesh, and the tools of those who review it.

Exit codes: 0 done, 1 error, 2 a command line that is not understood. Verbs
that answer a question have further ones, see their help.`

// rootCommand is the whole command line. Every verb has a file of its own.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "datamesh",
		Short:         "The self-serve platform of the data mesh, and the tools of those who review it",
		Long:          rootHelp,
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(markingCommand(), serverCommand(), tokenCommand(), auditCommand(), schemaCommand())
	return root
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

// misuse is the error of a command line that is not understood.
func misuse(command *cobra.Command, cause error) error {
	return exitError{code: exitUsage, cause: fmt.Errorf("%w\nTry '%s --help'", cause, command.CommandPath())}
}
