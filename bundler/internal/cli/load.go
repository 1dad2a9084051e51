package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/assemble"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/trust"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
)

// loading are the flags of a load.
type loading struct {
	far
	lines
	placing
	history
	slip
	to string
}

func loadCommand() *cobra.Command {
	l := &loading{}
	command := &cobra.Command{
		Use:   "load DIR --trust POLICY --to TARGET",
		Short: "Prove a bundle and bring it to where it is used",
		Long: `Verify every byte of a bundle, judge each item again by this side's own policy
from the evidence that was carried, and bring it to a target:

  registry://HOST[/PREFIX]         a registry, all signatures included
  dir://PATH                       an OCI image layout
  containerd://DIR?registry=NAME   archives for ctr, or the images of k3s and RKE2

Only what the target lacks is written. An item that is refused or cannot be
written fails the run and not the rest; the same command goes on from there.

What was loaded is remembered in the state file. A bundle that is older, comes
out of order, or was loaded before is refused. The state moves on when every
item was loaded; a load that failed may be repeated, one that did not only with
--again. An older bundle needs the countersignature of an officer whom the policy
names under rollbackSigners, and --accept-rollback.

Exit code 3: refused by trust or policy. Exit code 4: damaged media.`,
		Example: `  datamesh-bundler load /media/transfer --trust policy.yaml --to registry://registry.enclave
  datamesh-bundler load /media/transfer --trust policy.yaml --to registry://registry.enclave/mirror --ca-file enclave-ca.pem \
      --receipt ops.receipt --receipt-key highside.key --site enclave-7 --qr
  datamesh-bundler load /media/transfer --trust policy.yaml --to dir:///srv/images
  datamesh-bundler load /media/transfer --trust policy.yaml --to 'containerd:///var/lib/rancher/k3s/agent/images?registry=registry.enclave'`,
		Args: cobra.ExactArgs(1),
		RunE: action(func(c *cobra.Command, args []string) error { return l.run(c, args[0]) }),
	}
	l.far.add(command)
	l.lines.add(command)
	l.placing.add(command.Flags())
	l.history.add(command.Flags())
	l.slip.add(command.Flags())
	command.Flags().StringVar(&l.to, "to", "", "the `TARGET`: registry://HOST[/PREFIX], dir://PATH or containerd://DIR?registry=NAME")
	return command
}

func (l *loading) run(c *cobra.Command, dir string) error {
	to, err := parseTarget(l.to)
	if err != nil {
		return commandline.Misuse(c, fmt.Errorf("--to %.200q: %w", l.to, err))
	}
	if err := l.checkReceipt(); err != nil {
		return commandline.Misuse(c, err)
	}
	signer, err := l.openKey()
	if err != nil {
		return err
	}
	o, err := l.open(c, dir)
	if err != nil {
		return err
	}
	run := &loadRun{loading: l, opened: o, to: to, signer: signer}
	return errors.Join(run.all(c), o.Close())
}

// loadRun is one load of a bundle that was verified.
type loadRun struct {
	*loading
	*opened
	to     target
	signer signing.Signer // of the receipt, nil for none
	places map[string]string
}

// all loads while no other load of this side may: what is held decides what is
// admitted.
func (r *loadRun) all(c *cobra.Command) error {
	if err := r.trusted.needsPolicy(); err != nil {
		return err
	}
	rules, err := r.rules(r.to.prefix())
	if err != nil {
		return err
	}
	if r.places, err = rules.Place(r.Lock.Items); err != nil {
		return err
	}
	path, err := r.stateFile()
	if err != nil {
		return err
	}
	r.report.note("what was loaded before is in " + path)
	return envelope.UpdateState(c.Context(), path, func(state *envelope.State) error {
		next, err := r.admit(state, r.opened)
		if err != nil {
			return err
		}
		if err := r.load(c); err != nil {
			return err
		}
		state.Streams[r.Envelope.Stream] = next
		return nil
	})
}

// load brings what this side's policy lets pass, and writes the receipt whatever
// came of it.
func (r *loadRun) load(c *cobra.Command) error {
	refused, err := r.trusted.judgeAll(c.Context(), r.Lock, r.Bundle)
	if err != nil {
		return err
	}
	to, err := r.to.open(r.Bundle, r.Lock.Items, r.places, &r.lines)
	if err != nil {
		return err
	}
	outcomes, err := r.bring(c.Context(), to, refused)
	if err = errors.Join(err, to.close()); err != nil {
		return err
	}
	if err := r.receive(c, r, outcomes, to.holder != nil); err != nil {
		return err
	}
	r.finished(c, outcomes)
	return failures(outcomes)
}

// bring loads what is not refused.
func (r *loadRun) bring(ctx context.Context, to *opener, refused map[string]error) ([]load.Outcome, error) {
	items := slices.DeleteFunc(slices.Clone(r.Lock.Items), func(i lock.Item) bool { return refused[i.Name] != nil })
	if err := r.held(ctx, to.holder, items); err != nil {
		return nil, err
	}
	var outcomes []load.Outcome
	for i := range r.Lock.Items {
		name := r.Lock.Items[i].Name
		if err := refused[name]; err != nil {
			outcomes = append(outcomes, load.Outcome{Item: name, Place: r.places[name], Err: err})
			r.report.loaded(outcomes[len(outcomes)-1])
		}
	}
	return append(outcomes, load.All(ctx, items, r.places, to, load.Options{Done: r.report.loaded})...), ctx.Err()
}

// held refuses an increment whose base the target does not hold, before anything
// is written: half of it would be of no use.
func (r *loadRun) held(ctx context.Context, holder load.Holder, items []lock.Item) error {
	if len(r.LeftOut) == 0 {
		return nil
	}
	if holder == nil {
		return errors.New("this bundle builds on blobs that were loaded before, and archives for containerd hold none to build on: ask for a full bundle, packed without --receipt")
	}
	missing, err := r.missing(ctx, holder, items)
	if err != nil || len(missing) == 0 {
		return err
	}
	const shown = 20
	if len(missing) > shown {
		missing = append(missing[:shown], fmt.Sprintf("and %d more", len(missing)-shown))
	}
	return fmt.Errorf("this bundle builds on blobs that the target does not hold; nothing was written\n  %s\nload the bundles before it into this target, or ask for one that is packed without --receipt",
		strings.Join(missing, "\n  "))
}

// missing lists the blobs that were left out and that no repository of these
// items has.
func (r *loadRun) missing(ctx context.Context, holder load.Holder, items []lock.Item) ([]string, error) {
	var missing []string
	asked := map[artifact.Digest]bool{}
	for i := range items {
		for _, d := range items[i].Blobs {
			if asked[d.Digest] || !r.LeftOut.Contains(d.Digest) {
				continue
			}
			asked[d.Digest] = true
			there, err := r.anywhere(ctx, holder, d, r.places[items[i].Name])
			if err != nil {
				return nil, err
			}
			if !there {
				missing = append(missing, fmt.Sprintf("%s of %s", d.Digest, items[i].Name))
			}
		}
	}
	return missing, nil
}

// anywhere asks the item's own place first, and then those of the others, from
// which a registry mounts it.
func (r *loadRun) anywhere(ctx context.Context, holder load.Holder, d artifact.Descriptor, own string) (bool, error) {
	places := []string{own}
	for i := range r.Lock.Items {
		place := r.places[r.Lock.Items[i].Name]
		if !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	for _, place := range places {
		if there, err := holder.Holds(ctx, place, d.Blob); err != nil || there {
			return there, err
		}
	}
	return false, nil
}

func (r *loadRun) finished(c *cobra.Command, outcomes []load.Outcome) {
	n := count(outcomes)
	if r.report.json {
		r.report.event(map[string]any{"phase": "done", "name": r.Envelope.Name, "stream": r.Envelope.Stream, "sequence": r.Envelope.Sequence,
			"loaded": n.loaded, "present": n.present, "skipped": n.skipped, "failed": n.failed, "repaired": r.rebuilt})
		return
	}
	r.report.mu.Lock()
	r.report.end()
	r.report.mu.Unlock()
	say(c.OutOrStdout(), "bundle %s, number %d of stream %s, %s: %d items loaded, %d there already, %d of no use here, %d failed",
		r.Envelope.Name, r.Envelope.Sequence, r.Envelope.Stream, r.Envelope.Marking, n.loaded, n.present, n.skipped, n.failed)
}

// counts are the items by how they ended.
type counts struct{ loaded, present, skipped, failed int }

func count(outcomes []load.Outcome) (n counts) {
	for _, o := range outcomes {
		switch {
		case o.Err != nil:
			n.failed++
		case o.Skipped != "":
			n.skipped++
		case o.Moved.Blobs == 0:
			n.present++
		default:
			n.loaded++
		}
	}
	return n
}

// failures are the errors of items as one, by which a refused item is told from
// one that could not be written.
func failures(outcomes []load.Outcome) error {
	var errs assemble.Failures
	for _, o := range load.Failed(outcomes) {
		if refusal := (*trust.Refusal)(nil); errors.As(o.Err, &refusal) {
			errs = append(errs, o.Err) // names the item
			continue
		}
		errs = append(errs, fmt.Errorf("%s: %w", o.Item, o.Err))
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}
