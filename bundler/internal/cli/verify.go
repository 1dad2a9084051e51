package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/assemble"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundle"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
)

// far is what the commands of the far side share.
type far struct {
	trust, repairTo string
	report          reporting
}

func (f *far) add(c *cobra.Command) {
	c.Flags().StringVar(&f.trust, "trust", "", "whom this side trusts: `TRUST`, a policy.yaml, a directory with one, or the public key of the packer")
	c.Flags().StringVar(&f.repairTo, "repair-to", "", "`DIR` for files that are rebuilt from parity; without it that of the bundle")
	f.report.add(c)
}

// errNoTrust is the error of a far side that trusts nobody.
var errNoTrust = errors.New("--trust is missing: nothing here says whom to believe, and a bundle cannot")

// opened is a bundle whose every byte is as it was signed.
type opened struct {
	*bundle.Bundle
	trusted *trusted
	rebuilt []string
}

// open verifies the bundle in a directory and everything in it: signature and
// threshold, expiry and age, each volume, the marking against the ceiling.
func (f *far) open(c *cobra.Command, dir string) (*opened, error) {
	if f.trust == "" {
		return nil, commandline.Misuse(c, errNoTrust)
	}
	t, err := openTrust(f.trust)
	if err != nil {
		return nil, err
	}
	b, err := bundle.Open(dir, t.signers)
	if err != nil {
		return nil, err
	}
	o := &opened{Bundle: b, trusted: t}
	if err := f.check(c, o); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return o, nil
}

func (f *far) check(c *cobra.Command, o *opened) error {
	if err := o.Current(time.Now(), o.trusted.maximumAge()); err != nil {
		return err
	}
	if err := o.admitted(); err != nil {
		return err
	}
	to := f.repairTo
	if to == "" {
		to = o.Dir
	}
	var bytes int64
	for _, file := range o.Envelope.All() {
		bytes += file.Size
	}
	_, rebuilt, err := o.Check(c.Context(), to, f.report.verifying(bytes))
	o.rebuilt = rebuilt
	return err
}

// admitted holds the bundle against this side's ceiling and limits, and each
// item's marking against the bundle's.
func (o *opened) admitted() error {
	if o.trusted.policy == nil {
		return nil // a key says nothing of markings; load asks for a policy
	}
	return assemble.Admit(o.trusted.policy, o.Lock)
}

func verifyCommand() *cobra.Command {
	f := &far{}
	command := &cobra.Command{
		Use:   "verify DIR --trust TRUST",
		Short: "Prove every byte of a bundle, offline",
		Long: `Check the signature of the envelope, then the size and hash of every file that
it names, and then that the volumes hold what the lock says and nothing else.
Nothing of a volume is read before the signature is good, and no archive is ever
parsed.

What is damaged is named: the volume, and the items in it. It is rebuilt when
there are enough parity files, and that is said.

Exit code 3: not signed by whom this side trusts, expired, or above the ceiling.
Exit code 4: the media are damaged or incomplete.`,
		Example: `  datamesh-bundler verify /media/transfer --trust policy.yaml
  datamesh-bundler verify /media/dvd --trust packer.pub --repair-to /var/tmp/repaired`,
		Args: cobra.ExactArgs(1),
		RunE: action(func(c *cobra.Command, args []string) error {
			o, err := f.open(c, args[0])
			if err != nil {
				return err
			}
			return errors.Join(f.verified(c, o), o.Close())
		}),
	}
	f.add(command)
	return command
}

func (f *far) verified(c *cobra.Command, o *opened) error {
	digest, err := o.Envelope.Digest()
	if err != nil {
		return err
	}
	if f.report.json {
		f.report.event(map[string]any{"phase": "done", "bundle": digest, "name": o.Envelope.Name, "stream": o.Envelope.Stream,
			"sequence": o.Envelope.Sequence, "marking": o.Envelope.Marking, "items": len(o.Lock.Items), "repaired": o.rebuilt})
		return nil
	}
	if len(o.rebuilt) > 0 {
		say(c.OutOrStdout(), "repaired from parity: %s", strings.Join(o.rebuilt, ", "))
	}
	say(c.OutOrStdout(), "verified: bundle %s, number %d of stream %s, %s, %d items\n%s",
		o.Envelope.Name, o.Envelope.Sequence, o.Envelope.Stream, o.Envelope.Marking, len(o.Lock.Items), digest)
	return nil
}
