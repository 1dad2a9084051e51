package main

import (
	"bufio"
	"errors"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
)

func auditCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "audit",
		Short: "Read and check the audit log",
	}
	command.AddCommand(auditExportCommand(), auditVerifyCommand(), auditProofCommand())
	return command
}

const auditExportHelp = `Write the audit log of a data directory to standard output as JSON Lines,
oldest entry first. Each line is one entry in its canonical form (RFC 8785), as
it was recorded. Entries are numbered from 1 without gaps, so the n-th line is
entry number AFTER + n.

A server may run on the data directory meanwhile.`

const auditExportExample = `  datamesh audit export --data ./mesh > audit.jsonl

  # What came since
  datamesh audit export --data ./mesh --after $(wc -l < audit.jsonl) >> audit.jsonl

  # Who was refused what
  datamesh audit export --data ./mesh | jq -c 'select(.decision == "deny") | [.time, .consumer.sub, .action, .object]'`

func auditExportCommand() *cobra.Command {
	var dir string
	var after int64
	command := &cobra.Command{
		Use:     "export --data DIR [--after N]",
		Short:   "Write the audit log as JSON Lines",
		Long:    auditExportHelp,
		Example: auditExportExample,
		Args:    cobra.NoArgs,
	}
	command.Flags().StringVar(&dir, "data", "", "data `directory` of the server")
	command.Flags().Int64Var(&after, "after", 0, "leave out the entries up to this `number`")
	command.RunE = func(c *cobra.Command, _ []string) error {
		if dir == "" {
			return commandline.Misuse(c, errors.New("--data is missing: name the data directory of the server"))
		}
		if after < 0 {
			return commandline.Misuse(c, errors.New("--after is below zero: entries are numbered from 1"))
		}
		out := bufio.NewWriter(c.OutOrStdout())
		return errors.Join(platformd.ExportAudit(c.Context(), dir, after, out), out.Flush())
	}
	return command
}
