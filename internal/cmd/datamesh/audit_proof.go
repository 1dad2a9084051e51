package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
)

const auditProofHelp = `Write the audit entries of a request, with the proof of each that it is in the
log, to a directory: HASH.json is the entry in its canonical form, and
HASH.tlog-proof the proof (C2SP tlog-proof) with the log's signed checkpoint and
the cosignatures on it. Both together can be checked by anybody who has the
public keys, without the platform:

  datamesh audit verify --proof HASH.tlog-proof --entry HASH.json --key KEY

The token must be that of an administrator or an auditor, who gets the entries
that they are cleared for. What is read is recorded in the log. A proof tells the
entry's number, and with it how many entries are between two.`

const auditProofExample = `  datamesh audit proof --endpoint "$DATAMESH_ENDPOINT" --out ./evidence 7QHOIOSDZFNPFPPK2TMR7KWN7Q`

func auditProofCommand() *cobra.Command {
	remote, out := &remoteLog{}, ""
	command := &cobra.Command{
		Use:     "proof --endpoint URL --out DIR REQUEST_ID",
		Short:   "Write audit entries with the proof that they are in the log",
		Long:    auditProofHelp,
		Example: auditProofExample,
		Args:    cobra.ExactArgs(1),
	}
	remote.add(command.Flags())
	command.Flags().StringVar(&out, "out", "", "`directory` to write to, which exists")
	command.RunE = func(c *cobra.Command, args []string) error {
		if remote.endpoint == "" || out == "" {
			return commandline.Misuse(c, errors.New("say where the log is and where to write: --endpoint URL --out DIR"))
		}
		return proveRequest(c, remote, args[0], out)
	}
	return command
}

// maxEntriesPage is far above a page of entries at their longest, in bytes.
const maxEntriesPage = audit.MaxLimit * (audit.MaxEntry + 1<<10)

// provenEntry is one entry as the platform lists it.
type provenEntry struct {
	Hash  string          `json:"hash"`
	Entry json.RawMessage `json:"entry"`
}

func proveRequest(c *cobra.Command, remote *remoteLog, id, out string) (err error) {
	log, err := remote.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	found := 0
	for cursor, first := "", true; cursor != "" || first; first = false {
		var entries []provenEntry
		if entries, cursor, err = remote.entries(c.Context(), url.Values{"request_id": {id}, "cursor": {cursor}}); err != nil {
			return err
		}
		for _, e := range entries {
			if err := prove(c, remote, e, out); err != nil {
				return err
			}
			found++
		}
	}
	if found == 0 {
		return fmt.Errorf("the log has no entry of the request %s that this token may read", id)
	}
	return nil
}

// entries reads one page.
func (l *remoteLog) entries(ctx context.Context, query url.Values) ([]provenEntry, string, error) {
	if query.Get("cursor") == "" {
		query.Del("cursor")
	}
	raw, err := l.get(ctx, "entries?"+query.Encode(), maxEntriesPage)
	if err != nil {
		return nil, "", err
	}
	var page struct {
		Entries []provenEntry `json:"entries"`
		Next    string        `json:"next"`
	}
	if err := json.Unmarshal(raw, &page); err != nil {
		return nil, "", fmt.Errorf("read the entries: %w", err)
	}
	return page.Entries, page.Next, nil
}

// prove fetches the proof of an entry and writes both. What the server says is
// the entry's hash names no file before it is found to be that.
func prove(c *cobra.Command, remote *remoteLog, e provenEntry, out string) error {
	leaf := audit.LeafHash(e.Entry)
	if e.Hash != hex.EncodeToString(leaf[:]) {
		return fmt.Errorf("%w: the server gives the hash %.80q to another entry", audit.ErrTampered, e.Hash)
	}
	text, err := remote.proof(c.Context(), e.Hash)
	if err != nil {
		return err
	}
	if _, err := audit.ParseProof(text); err != nil {
		return err
	}
	name := filepath.Join(out, e.Hash)
	if err := errors.Join(os.WriteFile(name+".json", e.Entry, 0o600), os.WriteFile(name+".tlog-proof", text, 0o600)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), name+".tlog-proof")
	return err
}

// proofWait is how long to wait for the checkpoint that covers a new entry: a
// second, and longer where witnesses cosign it.
const proofWait = 30 * time.Second

// proof reads a proof, once there is a checkpoint for it.
func (l *remoteLog) proof(ctx context.Context, hash string) ([]byte, error) {
	for deadline := time.Now().Add(proofWait); ; {
		text, err := l.get(ctx, "proof/"+hash, audit.MaxProof)
		status := statusError(0)
		if !errors.As(err, &status) || int(status) != http.StatusServiceUnavailable || time.Now().After(deadline) {
			return text, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
}
