package main

import "github.com/spf13/cobra"

const rootHelp = `The self-serve platform of the data mesh, and the tools of those who review it.

Exit codes: 0 done, 1 error, 2 a command line that is not understood. Verbs
that answer a question have further ones, see their help.`

// rootCommand is the whole command line. Every verb has a file of its own.
func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:     "datamesh",
		Short:   "The self-serve platform of the data mesh, and the tools of those who review it",
		Long:    rootHelp,
		Version: version,
	}
	root.AddCommand(markingCommand(), serverCommand(), tokenCommand(), auditCommand(), schemaCommand(), vocabulariesCommand())
	return root
}
