package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
)

// exitTampered is the exit code of a log that is not what was signed.
const exitTampered = 3

const auditVerifyHelp = `Check the whole audit log against its signed checkpoint: that the entries, in
their order, are those that were signed; that each is in canonical form; that
the hashes that are served are theirs.

That alone proves little against whoever has the machine: they can change an
entry, hash everything again and sign it again. Keep checkpoints elsewhere, and
give one or more with --checkpoint: the log must still begin with what each of
them fixed. Keep the public key elsewhere too, and give it with --key; without
it the key is the one that comes with the log.

With --endpoint the log is read over HTTP, with the token of an administrator
from --token-file, or from DATAMESH_TOKEN. What is read is recorded in the log.
With --dir it is read from a data directory; a server may run on it meanwhile.

Exit code 0 and "verified" when all of it holds. Exit code 3 when the log was
tampered with or is damaged: entries changed, removed, put in or out of order,
another checkpoint of the same size, another key. Exit code 1 when it cannot be
checked, because something cannot be read.`

const auditVerifyExample = `  datamesh audit verify --endpoint "$DATAMESH_ENDPOINT"

  # Keep a checkpoint and the key on another machine, and hold the log to them later
  curl -sSf -H "Authorization: Bearer $DATAMESH_TOKEN" "$DATAMESH_ENDPOINT/audit/checkpoint" > kept.checkpoint
  curl -sSf -H "Authorization: Bearer $DATAMESH_TOKEN" "$DATAMESH_ENDPOINT/audit/key" > kept.key
  datamesh audit verify --endpoint "$DATAMESH_ENDPOINT" --checkpoint kept.checkpoint --key kept.key

  # Without the server
  datamesh audit verify --dir ./mesh --checkpoint kept.checkpoint --key kept.key`

// auditVerify is the command line of audit verify.
type auditVerify struct {
	remote      remoteLog
	dir, key    string
	checkpoints []string
}

func auditVerifyCommand() *cobra.Command {
	v := &auditVerify{}
	command := &cobra.Command{
		Use:     "verify --endpoint URL | --dir DIR",
		Short:   "Check the audit log against its checkpoints",
		Long:    auditVerifyHelp,
		Example: auditVerifyExample,
		Args:    cobra.NoArgs,
	}
	flags := command.Flags()
	flags.StringVar(&v.remote.endpoint, "endpoint", "", "`URL` of the platform")
	flags.StringVar(&v.remote.options.TokenFile, "token-file", "", "`file` that holds the token (default: DATAMESH_TOKEN)")
	flags.StringVar(&v.remote.options.CAFile, "ca-file", "", "`file` with the certificate authorities to trust, in PEM")
	flags.StringVar(&v.dir, "dir", "", "data `directory` of the server")
	flags.StringArrayVar(&v.checkpoints, "checkpoint", nil, "`file` with an earlier checkpoint; may be repeated")
	flags.StringVar(&v.key, "key", "", "`file` with the public key of the log")
	command.RunE = func(c *cobra.Command, _ []string) error {
		if (v.remote.endpoint == "") == (v.dir == "") {
			return commandline.Misuse(c, errors.New("say where the log is: --endpoint URL or --dir DIR, one of them"))
		}
		err := v.run(c)
		if errors.Is(err, audit.ErrTampered) {
			return commandline.Exit{Code: exitTampered, Cause: err}
		}
		return err
	}
	return command
}

// signedLog is a log with what it says of itself.
type signedLog interface {
	audit.Source
	Checkpoint(context.Context) ([]byte, error)
	Key(context.Context) (string, error)
	Close() error
}

func (v *auditVerify) open(ctx context.Context) (signedLog, error) {
	if v.dir != "" {
		return platformd.OpenAuditLog(ctx, v.dir)
	}
	return v.remote.open()
}

func (v *auditVerify) run(c *cobra.Command) (err error) {
	ctx := c.Context()
	log, err := v.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	key, err := v.publicKey(ctx, log)
	if err != nil {
		return err
	}
	signed, err := log.Checkpoint(ctx)
	if err != nil {
		return err
	}
	now, err := key.Open(signed)
	if err != nil {
		return err
	}
	earlier, err := v.earlier(key)
	if err != nil {
		return err
	}
	if err := audit.Verify(ctx, log, now, earlier...); err != nil {
		return err
	}
	return v.print(c, now, earlier)
}

// publicKey prefers the key that somebody kept.
func (v *auditVerify) publicKey(ctx context.Context, log signedLog) (audit.PublicKey, error) {
	if v.key == "" {
		text, err := log.Key(ctx)
		if err != nil {
			return audit.PublicKey{}, err
		}
		return audit.ParsePublicKey(text)
	}
	text, err := readKept(v.key)
	if err != nil {
		return audit.PublicKey{}, fmt.Errorf("--key: %w", err)
	}
	key, err := audit.ParsePublicKey(string(text))
	if err != nil {
		return audit.PublicKey{}, fmt.Errorf("--key %s: %w", v.key, err)
	}
	return key, nil
}

func (v *auditVerify) earlier(key audit.PublicKey) ([]audit.Checkpoint, error) {
	var all []audit.Checkpoint
	for _, name := range v.checkpoints {
		signed, err := readKept(name)
		if err != nil {
			return nil, fmt.Errorf("--checkpoint: %w", err)
		}
		c, err := key.Open(signed)
		if err != nil {
			return nil, fmt.Errorf("--checkpoint %s: %w", name, err)
		}
		all = append(all, c)
	}
	return all, nil
}

// readKept reads a file of at most the size of a checkpoint.
func readKept(name string) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // the auditor names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(file, audit.MaxCheckpoint+1))
	if err == nil && len(text) > audit.MaxCheckpoint {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, audit.MaxCheckpoint)
	}
	return text, err
}

func (v *auditVerify) print(c *cobra.Command, now audit.Checkpoint, earlier []audit.Checkpoint) error {
	if v.key == "" {
		_, _ = fmt.Fprintln(c.ErrOrStderr(), "The key came with the log. Keep it elsewhere, and give it with --key.") // a hint
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "verified %d entries of %s\nroot %s\n", now.Size, now.Origin, base64.StdEncoding.EncodeToString(now.Root[:]))
	for i, e := range earlier {
		_, more := fmt.Fprintf(c.OutOrStdout(), "begins with the %d entries of %s\n", e.Size, v.checkpoints[i])
		err = errors.Join(err, more)
	}
	return err
}
