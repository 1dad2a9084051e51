package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
)

// exitTampered is the exit code of a log that is not what was signed.
const exitTampered = 3

const auditVerifyHelp = `Check the whole audit log against its signed checkpoint: that the entries, in
their order, are those that were signed; that each is in canonical form; that
the hashes that are served are theirs. Of entries in a data directory that no
checkpoint covers yet, as when a server was killed, it is said how many there
are, and that they fit the database is all that is checked.

That alone proves little against whoever has the machine: they can change an
entry, hash everything again and sign it again. Keep checkpoints elsewhere, and
give one or more with --checkpoint: the log must still begin with what each of
them fixed. Keep the public key elsewhere too, and give it with --key; without
it the key is the one that comes with the log.

With --witness-key the checkpoint must also be cosigned, by all of the witnesses
or by as many as --witnesses says: machines of others that sign for no second
history.

With --endpoint the log is read over HTTP, with the token of an administrator
from --token-file, or from DATAMESH_TOKEN. What is read is recorded in the log.
With --dir it is read from a data directory, on which a server may run
meanwhile, or from a copy of the log that was downloaded from its bucket.

With --proof and --entry one entry is checked without the log: see datamesh
audit proof.

Exit code 0 and "verified" when all of it holds. Exit code 3 when the log was
tampered with or is damaged: entries changed, removed, put in or out of order,
another checkpoint of the same size, another key; or that too few witnesses have
cosigned it. Exit code 1 when it cannot be
checked, because something cannot be read.`

const auditVerifyExample = `  datamesh audit verify --endpoint "$DATAMESH_ENDPOINT"

  # Keep a checkpoint and the key on another machine, and hold the log to them later
  curl -sSf -H "Authorization: Bearer $DATAMESH_TOKEN" "$DATAMESH_ENDPOINT/audit/checkpoint" > kept.checkpoint
  curl -sSf -H "Authorization: Bearer $DATAMESH_TOKEN" "$DATAMESH_ENDPOINT/audit/key" > kept.key
  datamesh audit verify --endpoint "$DATAMESH_ENDPOINT" --checkpoint kept.checkpoint --key kept.key

  # Without the server
  datamesh audit verify --dir ./mesh --checkpoint kept.checkpoint --key kept.key

  # A copy that was downloaded from the bucket, cosigned by two of three witnesses
  datamesh audit verify --dir ./copy --key kept.key --witnesses 2 --witness-key a.key --witness-key b.key --witness-key c.key

  # One entry, without the log
  datamesh audit verify --proof e.tlog-proof --entry e.json --key kept.key`

// auditVerify is the command line of audit verify.
type auditVerify struct {
	remote      remoteLog
	dir, key    string
	proof       string
	entry       string
	witnesses   witnessFlags
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
	v.remote.add(flags)
	flags.StringVar(&v.dir, "dir", "", "data `directory` of the server, or one with a copy of the log")
	flags.StringVar(&v.proof, "proof", "", "`file` with the proof of one entry, to be checked alone")
	flags.StringVar(&v.entry, "entry", "", "`file` with the entry of --proof, as it was recorded")
	v.witnesses.add(flags)
	flags.StringArrayVar(&v.checkpoints, "checkpoint", nil, "`file` with an earlier checkpoint; may be repeated")
	flags.StringVar(&v.key, "key", "", "`file` with the public key of the log")
	command.RunE = func(c *cobra.Command, _ []string) error {
		if err := v.check(); err != nil {
			return commandline.Misuse(c, err)
		}
		err := v.run(c)
		if errors.Is(err, audit.ErrTampered) || errors.Is(err, audit.ErrNotCosigned) {
			return commandline.Exit{Code: exitTampered, Cause: err}
		}
		return err
	}
	return command
}

// check says what makes no sense on the command line.
func (v *auditVerify) check() error {
	given := 0
	for _, from := range []string{v.remote.endpoint, v.dir, v.proof} {
		if from != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return errors.New("say where the log is: --endpoint URL or --dir DIR, one of them, or --proof FILE")
	case (v.proof == "") != (v.entry == ""):
		return errors.New("a proof is about an entry: give both --proof and --entry")
	case v.proof != "" && v.key == "":
		return errors.New("a proof does not hold the key of the log: give the one that you kept with --key")
	case v.proof != "" && len(v.checkpoints) > 0:
		return errors.New("--checkpoint is for a whole log: a proof has its own")
	}
	return nil
}

// signedLog is a log with what it says of itself.
type signedLog interface {
	audit.Source
	Checkpoint(context.Context) ([]byte, error)
	Key(context.Context) (string, error)
	Close() error
}

func (v *auditVerify) open(ctx context.Context) (signedLog, error) {
	switch {
	case v.dir == "":
		return v.remote.open()
	case isCopy(v.dir):
		return openCopiedLog(v.dir)
	}
	return platformd.OpenAuditLog(ctx, v.dir)
}

// checkpoint is the newest that enough witnesses have cosigned, or the newest
// of all when none are asked for.
func (v *auditVerify) checkpoint(ctx context.Context, log signedLog) ([]byte, audit.Witnesses, error) {
	policy, err := v.witnesses.policy()
	if err != nil {
		return nil, policy, err
	}
	read := log.Checkpoint
	if local, ok := log.(*platformd.AuditLog); ok && policy.Quorum > 0 {
		read = local.Cosigned
	}
	signed, err := read(ctx)
	if err != nil {
		return nil, policy, err
	}
	_, err = policy.Satisfied(signed)
	return signed, policy, err
}

func (v *auditVerify) run(c *cobra.Command) (err error) {
	if v.proof != "" {
		return v.runProof(c)
	}
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
	signed, policy, err := v.checkpoint(ctx, log)
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
	whole, err := wholeOf(ctx, log, now)
	if err != nil {
		return err
	}
	if err := audit.Verify(ctx, log, whole, append(earlier, now)...); err != nil {
		return err
	}
	return errors.Join(v.print(c, now, earlier), printUnsigned(c, whole.Size-now.Size), printCosigned(c, signed, policy))
}

// wholeOf is the log up to its last entry, where that can be known: of a log that
// is served or was copied there is what its checkpoint covers.
func wholeOf(ctx context.Context, log signedLog, now audit.Checkpoint) (audit.Checkpoint, error) {
	if local, ok := log.(*platformd.AuditLog); ok {
		return local.Whole(ctx, now.Origin)
	}
	return now, nil
}

// printUnsigned tells of entries behind the checkpoint. A server that was killed
// leaves the last second's; who takes them for verified is easily deceived.
func printUnsigned(c *cobra.Command, n int64) error {
	if n == 0 {
		return nil
	}
	_, err := fmt.Fprintf(c.OutOrStdout(), "followed by %d entries that no checkpoint covers yet: they fit the database, and nobody has signed them\n", n)
	return err
}

// runProof checks one entry without the log.
func (v *auditVerify) runProof(c *cobra.Command) error {
	key, err := v.publicKey(c.Context(), nil)
	if err != nil {
		return err
	}
	policy, err := v.witnesses.policy()
	if err != nil {
		return err
	}
	text, err := readUpTo(v.proof, audit.MaxProof)
	if err != nil {
		return fmt.Errorf("--proof: %w", err)
	}
	proof, err := audit.ParseProof(text)
	if err != nil {
		return fmt.Errorf("--proof %s: %w", v.proof, err)
	}
	entry, err := readUpTo(v.entry, audit.MaxEntry+1)
	if err != nil {
		return fmt.Errorf("--entry: %w", err)
	}
	entry = bytes.TrimSuffix(entry, []byte("\n")) // an editor's; a canonical entry has none
	now, _, err := proof.Verify(entry, key, policy)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.OutOrStdout(), "verified entry %d of %d of %s\n", proof.Index+1, now.Size, now.Origin)
	return errors.Join(err, printCosigned(c, proof.Checkpoint, policy))
}

// printCosigned says who cosigned and when.
func printCosigned(c *cobra.Command, signed []byte, policy audit.Witnesses) error {
	found, err := policy.Satisfied(signed)
	for _, one := range found {
		_, more := fmt.Fprintf(c.OutOrStdout(), "cosigned by %s at %s\n", one.Witness, one.Time.Format(time.RFC3339))
		err = errors.Join(err, more)
	}
	return err
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
func readKept(name string) ([]byte, error) { return readUpTo(name, audit.MaxCheckpoint) }

func readUpTo(name string, limit int) ([]byte, error) {
	file, err := os.Open(name) //nolint:gosec // the auditor names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(file, int64(limit)+1))
	if err == nil && len(text) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, limit)
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
