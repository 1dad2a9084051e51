package connect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/client"
	"github.com/meshwright/terraform-provider-datamesh/provider/diags"
)

// change is a reviewed change of an object that exists.
type change[O catalog.Object] struct {
	desired  O      // none for a removal
	prior    O      // what the plan was made against, in normal form
	revision string // its revision; "" when it is not known
}

func gone(err error) bool { return errors.Is(err, catalog.ErrNotFound) }

// create makes the object only if there is none of that id. A request that was
// repeated after its answer got lost finds its own work: that is success.
func (r *managed[O]) create(ctx context.Context, desired O, at diags.Locator) (catalog.Entry, diag.Diagnostics) {
	ref := desired.Ref()
	r.mesh.cache.forget(ref)
	ctx, attempts := client.CountAttempts(ctx)
	entry, err := r.mesh.Service.Put(ctx, desired, catalog.WriteOptions{IfNoneMatch: true})
	if !errors.Is(err, catalog.ErrPreconditionFailed) {
		return entry, diags.FromError("Cannot create "+ref.String(), err, at)
	}
	if attempts.Count() > 1 {
		if entry, ok := r.alreadyDone(ctx, desired); ok {
			return entry, nil
		}
	}
	return catalog.Entry{}, diag.Diagnostics{diag.NewErrorDiagnostic(fmt.Sprintf("%s already exists", title(ref)),
		fmt.Sprintf("It was not created by this configuration. To manage it here, import it:\n\n"+
			"  import {\n    to = datamesh_%s.NAME\n    id = %q\n  }\n\nOtherwise choose another name.", r.Name, ref.ID))}
}

// alreadyDone reports whether the platform holds exactly what is desired.
func (r *managed[O]) alreadyDone(ctx context.Context, desired O) (catalog.Entry, bool) {
	entry, err := r.mesh.Service.Get(ctx, desired.Ref())
	if err != nil {
		return catalog.Entry{}, false
	}
	current, d := r.managedPart(ctx, entry.Object)
	return entry, !d.HasError() && same(current, desired)
}

// update writes the desired object over the revision that was reviewed.
func (r *managed[O]) update(ctx context.Context, c change[O], at diags.Locator) (catalog.Entry, diag.Diagnostics) {
	ref := c.desired.Ref()
	r.mesh.cache.forget(ref)
	summary := "Cannot update " + ref.String()
	entry, err := r.mesh.Service.Put(ctx, c.desired, catalog.WriteOptions{IfMatch: match(c.revision)})
	if !errors.Is(err, catalog.ErrPreconditionFailed) {
		return entry, diags.FromError(summary, err, at)
	}
	held, current, d := r.reread(ctx, ref, summary)
	switch {
	case d.HasError():
		return catalog.Entry{}, d
	case same(current, c.desired): // a lost answer of our own, or somebody made the same change
		return held, nil
	case !same(current, c.prior):
		return catalog.Entry{}, changedSince(summary, c.prior, current, at)
	}
	// What changed is nothing that was reviewed: computed fields, say.
	entry, err = r.mesh.Service.Put(ctx, c.desired, catalog.WriteOptions{IfMatch: held.Revision})
	return entry, diags.FromError(summary, err, at)
}

// remove deletes the object at the revision that was reviewed.
func (r *managed[O]) remove(ctx context.Context, c change[O], at diags.Locator) diag.Diagnostics {
	ref := c.prior.Ref()
	r.mesh.cache.forget(ref)
	summary := "Cannot delete " + ref.String()
	err := r.deleteAt(ctx, ref, match(c.revision))
	if !errors.Is(err, catalog.ErrPreconditionFailed) {
		return diags.FromError(summary, err, at)
	}
	held, err := r.mesh.Service.Get(ctx, ref)
	if gone(err) {
		return nil
	}
	if err != nil {
		return diags.FromError(summary, err, at)
	}
	current, d := r.managedPart(ctx, held.Object)
	if d.HasError() {
		return d
	}
	if !same(current, c.prior) {
		return changedSince(summary, c.prior, current, at)
	}
	return diags.FromError(summary, r.deleteAt(ctx, ref, held.Revision), at)
}

// Waits for the last reference to go: 100 ms to 3.2 s, 6.3 s in all.
const (
	firstUnusedWait = 100 * time.Millisecond
	lastUnusedWait  = 3200 * time.Millisecond
)

// deleteAt deletes an object at a revision; one that is gone is as it should
// be. Terraform deletes objects that refer to each other by literal ids at the
// same time, so a refusal for being in use is tried again for a while.
func (r *managed[O]) deleteAt(ctx context.Context, ref catalog.Ref, revision string) error {
	for wait := firstUnusedWait; ; wait *= 2 {
		err := r.mesh.Service.Delete(ctx, ref, catalog.WriteOptions{IfMatch: revision})
		if gone(err) {
			return nil
		}
		if wait > lastUnusedWait || !inUse(err) {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// inUse reports whether dependants are all that stands in the way.
func inUse(err error) bool {
	var refusal *catalog.Error
	return errors.As(err, &refusal) && refusal.Code == catalog.CodeConflict && len(refusal.Problems) > 0 &&
		!slices.ContainsFunc(refusal.Problems, func(p catalog.Problem) bool { return p.Rule != catalog.RuleInUse })
}

// reread reads the object past the cache.
func (r *managed[O]) reread(ctx context.Context, ref catalog.Ref, summary string) (catalog.Entry, O, diag.Diagnostics) {
	var none O
	entry, err := r.mesh.Service.Get(ctx, ref)
	if gone(err) {
		return catalog.Entry{}, none, diag.Diagnostics{diag.NewErrorDiagnostic(summary,
			"It was deleted after the plan was made. Plan again: Terraform will propose to create it.")}
	}
	if err != nil {
		return catalog.Entry{}, none, diags.FromError(summary, err, diags.Whole)
	}
	current, d := r.managedPart(ctx, entry.Object)
	return entry, current, d
}

// match is the condition for a revision. Without one, which only state from
// outside this provider lacks, the object must at least exist.
func match(revision string) string {
	if revision == "" {
		return "*"
	}
	return revision
}

func title(ref catalog.Ref) string {
	text := ref.String()
	if first := text[0]; first >= 'a' && first <= 'z' {
		return string(first-'a'+'A') + text[1:]
	}
	return text
}
