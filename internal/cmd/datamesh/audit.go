package main

import "github.com/spf13/cobra"

func auditCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "audit",
		Short: "Read and check the audit log",
	}
	command.AddCommand(auditExportCommand(), auditVerifyCommand(), auditProofCommand(), auditExplainCommand())
	return command
}
