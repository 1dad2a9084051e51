package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/assemble"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cas"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

func createCommand(version string) *cobra.Command {
	n, p := &near{}, &packing{}
	fresh := false
	command := &cobra.Command{
		Use:   "create -f bundle.yaml --out DIR --key KEY",
		Short: "Lock, fetch and write a bundle in one pass",
		Long: `Find out what bundle.yaml means now, check the evidence of every item by the
policy, and stream everything from its registry straight into the volumes.

Nothing of an item's layers is fetched before its evidence is good. Bytes cross
the network once and are written once. A run that was killed is continued by the
same command; with --fresh it starts anew.

When the lock exists it is written as it is, so that what was reviewed is what
crosses; without it, it is made and written beside bundle.yaml.`,
		Example: `  datamesh-bundler create -f bundle.yaml --out /media/transfer --key packer.key
  datamesh-bundler create --out out --key packer.key --volume-size 4.3GiB --parity 2
  datamesh-bundler create --out out --signer 'pkcs11-tool --sign --mechanism ECDSA-SHA256 --label packer' --public-key packer.pub`,
		Args: cobra.NoArgs,
		RunE: action(func(c *cobra.Command, _ []string) error {
			if err := p.check(c); err != nil {
				return err
			}
			return n.create(c, version, p, fresh)
		}),
	}
	n.add(command)
	p.add(command)
	command.Flags().BoolVar(&fresh, "fresh", false, "resolve anew, whatever lock or unfinished run is there")
	return command
}

func (n *near) create(c *cobra.Command, version string, p *packing, fresh bool) error {
	o, err := n.options()
	if err != nil {
		return err
	}
	pack, err := p.options(version, o, n.beside(policyName, n.policy))
	if err != nil {
		return err
	}
	pack.Fresh = fresh
	l, err := n.existingLock(o, fresh)
	if err != nil {
		return err
	}
	b, err := assemble.Create(c.Context(), o, l, pack)
	if err != nil {
		return err
	}
	if l == nil {
		if err := n.writeLock(b.Lock); err != nil {
			return err
		}
	}
	return n.written(c, b)
}

// existingLock is the lock beside bundle.yaml, nil when there is none or when a
// new one is asked for. One that was made from another bundle.yaml is an error:
// it would carry what nobody asks for any more.
func (n *near) existingLock(o assemble.Options, fresh bool) (*lock.Lock, error) {
	l, err := n.readLock()
	switch {
	case fresh || errors.Is(err, os.ErrNotExist):
		return nil, nil //nolint:nilnil // there is none
	case err != nil:
		return nil, err
	case l.Spec != o.Spec.Digest:
		return nil, errors.New("the lock was made from another " + filepath.Base(n.file) + ": make it again with datamesh-bundler lock, or use --fresh")
	}
	return l, nil
}

// written tells what was written.
func (n *near) written(c *cobra.Command, b *assemble.Bundle) error {
	digest, err := b.Envelope.Digest()
	if err != nil {
		return err
	}
	if n.report.json {
		n.report.event(map[string]any{"phase": "done", "bundle": digest, "dir": b.Dir, "name": b.Envelope.Name, "stream": b.Envelope.Stream,
			"sequence": b.Envelope.Sequence, "marking": b.Envelope.Marking, "volumes": len(b.Envelope.Volumes), "parity": len(b.Envelope.Parity), "bytes": b.Layout.Size()})
		return nil
	}
	say(c.OutOrStdout(), "%s: bundle %s, number %d of stream %s, %s\n%d items in %d volumes and %d parity files, %s\n%s",
		b.Dir, b.Envelope.Name, b.Envelope.Sequence, b.Envelope.Stream, b.Envelope.Marking,
		len(b.Lock.Items), len(b.Envelope.Volumes), len(b.Envelope.Parity), inUnits(b.Layout.Size()), digest)
	return nil
}

func lockCommand() *cobra.Command {
	n := &near{}
	command := &cobra.Command{
		Use:   "lock -f bundle.yaml",
		Short: "Find out what bundle.yaml means now, and write bundle.lock",
		Long: `Resolve tags and ranges to digests, collect the evidence of every item and
check it by the policy. Layers are not fetched.

The lock is canonical: the same answers give the same bytes. Commit it; what it
names is what crosses, until it is made again.`,
		Example: `  datamesh-bundler lock -f bundle.yaml
  datamesh-bundler lock && git diff bundle.lock`,
		Args: cobra.NoArgs,
		RunE: action(func(c *cobra.Command, _ []string) error {
			o, err := n.options()
			if err != nil {
				return err
			}
			l, err := assemble.Resolve(c.Context(), o, nil)
			if err != nil {
				return err
			}
			if err := n.writeLock(l); err != nil {
				return err
			}
			path := n.beside("bundle.lock", n.lockFile)
			if n.report.json {
				n.report.event(map[string]any{"phase": "done", "lock": path, "items": len(l.Items), "bytes": l.Size()})
				return nil
			}
			say(c.OutOrStdout(), "%s: %d items, %s", path, len(l.Items), inUnits(l.Size()))
			return nil
		}),
	}
	n.add(command)
	return command
}

// writeLock replaces the lock whole: a lock that was cut would be none.
func (n *near) writeLock(l *lock.Lock) error {
	text, err := lock.Encode(l)
	if err != nil {
		return err
	}
	return replaceFile(n.beside("bundle.lock", n.lockFile), text)
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Chmod(0o644) // a temporary file is for its owner alone
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return os.Rename(file.Name(), path)
}

func planCommand() *cobra.Command {
	n, p := &near{}, &packing{}
	command := &cobra.Command{
		Use:   "plan [--receipt RECEIPT]",
		Short: "Show what would be fetched and written, with sizes and reasons",
		Long: `Show for each item how large it is, what of it travels, who vouched for it and
what asked for it, and how many volumes it takes. Nothing is written.

The lock says what it is about; without one, bundle.yaml is resolved now. With a
receipt of the far side, only what is missing there travels.`,
		Example: `  datamesh-bundler plan
  datamesh-bundler plan --receipt enclave.receipt --volume-size 4.3GiB
  datamesh-bundler plan --json | jq .travels`,
		Args: cobra.NoArgs,
		RunE: action(func(c *cobra.Command, _ []string) error { return n.plan(c, p) }),
	}
	n.add(command)
	n.addStore(command)
	command.Flags().StringVar(&p.receipt, "receipt", "", "signed receipt of the far side, a `FILE`")
	p.volumes.add(command)
	return command
}

func (n *near) plan(c *cobra.Command, p *packing) error {
	o, err := n.options()
	if err != nil {
		return err
	}
	volumes := o.Spec.Volumes
	p.volumes.change(&volumes)
	l, err := n.existingLock(o, false)
	if err == nil && l == nil {
		l, err = assemble.Resolve(c.Context(), o, nil)
	}
	if err != nil {
		return err
	}
	base, err := readBase(p.receipt, n.beside(policyName, n.policy))
	if err != nil {
		return err
	}
	plan, err := n.priced(c.Context(), l, volumes, base)
	if err != nil {
		return err
	}
	if n.report.json {
		n.report.event(plan)
		return nil
	}
	return plan.Text(c.OutOrStdout())
}

func (n *near) priced(ctx context.Context, l *lock.Lock, volumes spec.Volumes, base *assemble.Base) (*assemble.Plan, error) {
	store, err := n.storeIfThere()
	if err != nil {
		return nil, err
	}
	plan, err := assemble.NewPlan(ctx, l, volumes, base.Digests(), store)
	if store != nil {
		err = errors.Join(err, store.Close())
	}
	return plan, err
}

// storeIfThere opens a store that exists: a plan writes nothing.
func (n *near) storeIfThere() (*cas.Store, error) {
	_, err := os.Stat(n.beside(".bundle-store", n.store))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, nil //nolint:nilnil // there is none
	case err != nil:
		return nil, fmt.Errorf("look for the store: %w", err)
	}
	return n.openStore()
}

func collectCommand() *cobra.Command {
	n, from := &near{}, ""
	command := &cobra.Command{
		Use:   "collect [--store DIR] [--receipt RECEIPT]",
		Short: "Fetch what the lock names into a store",
		Long: `Check the evidence of every item of the lock by the policy, and then fetch what
the store does not have. A blob that was cut is continued inside.

With a receipt of the far side, only what is missing there is fetched. Pack with
the same receipt.`,
		Example: `  datamesh-bundler collect
  datamesh-bundler collect --store /var/lib/bundles --parallel 8
  datamesh-bundler collect --receipt enclave.receipt`,
		Args: cobra.NoArgs,
		RunE: action(func(c *cobra.Command, _ []string) error {
			base, err := readBase(from, n.beside(policyName, n.policy))
			if err != nil {
				return err
			}
			return n.withStore(func(o assemble.Options, l *lock.Lock, store *cas.Store) error {
				return n.collect(c, o, l, store, base)
			})
		}),
	}
	n.add(command)
	n.addStore(command)
	command.Flags().StringVar(&from, "receipt", "", "signed receipt of the far side, a `FILE`: only what is missing there is fetched")
	return command
}

func (n *near) collect(c *cobra.Command, o assemble.Options, l *lock.Lock, store *cas.Store, base *assemble.Base) error {
	size, err := assemble.Collect(c.Context(), o, l, store, base.Digests())
	if err != nil {
		return err
	}
	if n.report.json {
		n.report.event(map[string]any{"phase": "done", "items": len(l.Items), "bytes": size})
		return nil
	}
	say(c.OutOrStdout(), "%d items, %s, are in the store", len(l.Items), inUnits(size))
	return nil
}

func packCommand(version string) *cobra.Command {
	n, p := &near{}, &packing{}
	command := &cobra.Command{
		Use:   "pack [--store DIR] --out DIR --key KEY",
		Short: "Write a bundle from a store, without a network",
		Long: `Write the volumes, the signed envelope and the review manifest from what collect
has fetched. The same lock gives the same bytes, whoever packs it.`,
		Example: `  datamesh-bundler pack --out /media/transfer --key packer.key --volume-size 4.3GiB --parity 2
  datamesh-bundler pack --out out --key packer.key --receipt enclave.receipt --previous last-month`,
		Args: cobra.NoArgs,
		RunE: action(func(c *cobra.Command, _ []string) error {
			if err := p.check(c); err != nil {
				return err
			}
			return n.withStore(func(o assemble.Options, l *lock.Lock, store *cas.Store) error {
				pack, err := p.options(version, o, n.beside(policyName, n.policy))
				if err != nil {
					return err
				}
				b, err := assemble.Pack(c.Context(), o, l, store, pack)
				if err != nil {
					return err
				}
				return n.written(c, b)
			})
		}),
	}
	n.add(command)
	n.addStore(command)
	p.add(command)
	return command
}

// withStore runs with the lock and the store.
func (n *near) withStore(run func(assemble.Options, *lock.Lock, *cas.Store) error) error {
	o, err := n.options()
	if err != nil {
		return err
	}
	l, err := n.readLock()
	if err != nil {
		return err
	}
	store, err := n.openStore()
	if err != nil {
		return err
	}
	return errors.Join(run(o, l, store), store.Close())
}
