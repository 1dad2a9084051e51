package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundle"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

func inspectCommand() *cobra.Command {
	trust, asJSON := "", false
	command := &cobra.Command{
		Use:   "inspect DIR [--trust TRUST]",
		Short: "Show what a bundle says that it holds",
		Long: `Show the envelope and the items of a bundle. The volumes are not read.

Without --trust nothing is checked, and what is shown is what whoever wrote the
bundle wants to be seen; it says so. Prove a bundle with verify.`,
		Example: `  datamesh-bundler inspect /media/transfer
  datamesh-bundler inspect /media/transfer --trust policy.yaml --json | jq -r '.lock.items[].name'`,
		Args: cobra.ExactArgs(1),
		RunE: action(func(c *cobra.Command, args []string) error {
			s, err := show(args[0], trust)
			if err != nil {
				return err
			}
			return s.print(c, asJSON)
		}),
	}
	command.Flags().StringVar(&trust, "trust", "", "check the signature: `TRUST`, a policy.yaml, a directory with one, or the public key of the packer")
	command.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return command
}

// shown is what inspect shows.
type shown struct {
	Trusted  bool               `json:"trusted"` // the signature was checked
	Bundle   string             `json:"bundle"`  // digest of the envelope's payload
	Envelope *envelope.Envelope `json:"envelope"`
	KeyIDs   []string           `json:"keyids,omitempty"` // that claim to have signed
	Lock     *lock.Lock         `json:"lock"`
}

func show(dir, trust string) (*shown, error) {
	if trust == "" {
		claim, err := bundle.Read(dir)
		if err != nil {
			return nil, err
		}
		digest, err := claim.Envelope.Digest()
		return &shown{Bundle: string(digest), Envelope: claim.Envelope, KeyIDs: claim.KeyIDs, Lock: claim.Lock}, err
	}
	t, err := openTrust(trust)
	if err != nil {
		return nil, err
	}
	b, err := bundle.Open(dir, t.signers)
	if err != nil {
		return nil, err
	}
	digest, err := b.Envelope.Digest()
	if err != nil {
		return nil, err
	}
	return &shown{Trusted: true, Bundle: string(digest), Envelope: b.Envelope, Lock: b.Lock}, b.Close()
}

func (s *shown) print(c *cobra.Command, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(c.OutOrStdout())
		encoder.SetIndent("", "  ")
		return encoder.Encode(s)
	}
	out := c.OutOrStdout()
	if !s.Trusted {
		say(out, "NOT VERIFIED: this is what the bundle claims. Prove it with datamesh-bundler verify.\n")
	}
	s.head(func(format string, args ...any) { say(out, format, args...) })
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	say(table, "\nITEM\tKIND\tMARKING\tSIZE\tVOUCHED FOR BY")
	for i := range s.Lock.Items {
		item := &s.Lock.Items[i]
		say(table, "%s\t%s\t%s\t%s\t%s", harmless(item.Name), harmless(string(item.Kind)), harmless(item.Marking), inUnits(sizeOf(item)), harmless(vouched(item.Verdict)))
	}
	return table.Flush()
}

func (s *shown) head(line func(format string, args ...any)) {
	e := s.Envelope
	line("bundle    %s, number %d of stream %s", e.Name, e.Sequence, e.Stream)
	line("marking   %s", harmless(e.Marking))
	line("digest    %s", s.Bundle)
	line("created   %s, expires %s", e.Created.Format(time.RFC3339), orNever(e.Expires))
	line("volumes   %d of at most %s, %d parity files", len(e.Volumes), sizeOrOne(e.VolumeSize), len(e.Parity))
	if e.Base != nil {
		line("builds on the receipt with root %s", e.Base.Receipt)
	}
	if len(s.KeyIDs) > 0 {
		line("claims to be signed by %s", harmless(strings.Join(s.KeyIDs, ", ")))
	}
}

// harmless keeps text that nobody vouches for from moving the cursor, changing
// colours or turning the direction of writing.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

func orNever(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339)
}

func sizeOrOne(size int64) string {
	if size == 0 {
		return "any size"
	}
	return inUnits(size)
}

// sizeOf is the size of an item, each blob counted once.
func sizeOf(item *lock.Item) int64 {
	var sum int64
	met := map[string]bool{}
	for d := range item.All() {
		if !met[string(d.Digest)] {
			met[string(d.Digest)] = true
			sum += d.Size
		}
	}
	return sum
}

func vouched(v lock.Verdict) string {
	switch {
	case v.Unsigned != "":
		return "nobody; the policy lets it through"
	case v.Trusted == "":
		return "nobody"
	case len(v.Signers) == 0:
		return v.Trusted
	}
	return fmt.Sprintf("%s (%s)", v.Trusted, strings.Join(v.Signers, ", "))
}
