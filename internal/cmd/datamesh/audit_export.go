package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
)

const auditExportHelp = `Write the audit log to standard output as JSON Lines, oldest entry first. Each
line is one entry in its canonical form (RFC 8785), as it was recorded. Entries
are numbered from 1 without gaps, so the n-th line is entry number AFTER + n.

With --dir it is read from a data directory, on which a server may run meanwhile;
--data is the same. With --endpoint it is read over HTTP, with the token of an
administrator from --token-file, or from DATAMESH_TOKEN: up to the newest
checkpoint, which is a second old at most or waits for its witnesses. What is read
over HTTP is recorded in the log.

Nothing is checked but the form: see datamesh audit verify.`

const auditExportExample = `  datamesh audit export --dir ./mesh > audit.jsonl

  # What came since
  datamesh audit export --dir ./mesh --after $(wc -l < audit.jsonl) >> audit.jsonl

  # Who was refused what
  datamesh audit export --endpoint "$DATAMESH_ENDPOINT" |
    jq -c 'select(.decision == "deny") | [.time, .consumer.sub, .action, .object]'`

// auditExport is the command line of audit export.
type auditExport struct {
	remote remoteLog
	dir    string
	after  int64
}

func auditExportCommand() *cobra.Command {
	e := &auditExport{}
	command := &cobra.Command{
		Use:     "export --dir DIR | --endpoint URL",
		Short:   "Write the audit log as JSON Lines",
		Long:    auditExportHelp,
		Example: auditExportExample,
		Args:    cobra.NoArgs,
	}
	flags := command.Flags()
	e.remote.add(flags)
	flags.StringVar(&e.dir, "dir", "", "data `directory` of the server")
	flags.StringVar(&e.dir, "data", "", "the same `directory`")
	flags.Int64Var(&e.after, "after", 0, "leave out the entries up to this `number`")
	command.RunE = func(c *cobra.Command, _ []string) error {
		if err := e.check(); err != nil {
			return commandline.Misuse(c, err)
		}
		out := bufio.NewWriter(c.OutOrStdout())
		return errors.Join(e.run(c.Context(), out), out.Flush())
	}
	command.MarkFlagsMutuallyExclusive("dir", "data")
	return command
}

// check says what makes no sense on the command line.
func (e *auditExport) check() error {
	switch {
	case (e.dir == "") == (e.remote.endpoint == ""):
		return errors.New("say where the log is: --dir DIR or --endpoint URL, one of them")
	case e.after < 0:
		return errors.New("--after is below zero: entries are numbered from 1")
	}
	return nil
}

func (e *auditExport) run(ctx context.Context, out io.Writer) (err error) {
	if e.dir != "" {
		return platformd.ExportAudit(ctx, e.dir, e.after, out)
	}
	log, err := e.remote.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	now, err := newest(ctx, log)
	if err != nil {
		return err
	}
	for after := e.after; after < now.Size && err == nil; {
		after, err = exportBundle(ctx, log, now.Size, after, out)
	}
	return err
}

// newest is the newest checkpoint of a log, by its own key.
func newest(ctx context.Context, log signedLog) (audit.Checkpoint, error) {
	text, err := log.Key(ctx)
	if err != nil {
		return audit.Checkpoint{}, err
	}
	key, err := audit.ParsePublicKey(text)
	if err != nil {
		return audit.Checkpoint{}, err
	}
	signed, err := log.Checkpoint(ctx)
	if err != nil {
		return audit.Checkpoint{}, err
	}
	return key.Open(signed)
}

// exportBundle writes the entries behind number after, as far as they are in its
// bundle, and returns the number of the last. An entry that is not in canonical
// form might be two lines.
func exportBundle(ctx context.Context, log signedLog, size, after int64, out io.Writer) (int64, error) {
	index := after / audit.TileWidth
	begin, width := index*audit.TileWidth, int(min(audit.TileWidth, size-index*audit.TileWidth))
	bundle, err := log.Bundle(ctx, audit.Tile{Level: audit.EntryLevel, Index: index, Width: width})
	if err != nil {
		return after, err
	}
	entries, err := audit.ParseBundle(bundle, width)
	if err != nil {
		return after, err
	}
	for _, entry := range entries[after-begin:] {
		if _, err := audit.ParseEntry(entry); err != nil {
			return after, fmt.Errorf("entry number %d: %w", after+1, err)
		}
		if _, err := fmt.Fprintf(out, "%s\n", entry); err != nil {
			return after, fmt.Errorf("write entry %d: %w", after+1, err)
		}
		after++
	}
	return after, nil
}
