// Package load brings the items of a verified bundle to where they are used on
// the far side: one target is a registry, one an OCI image layout, one the image
// directory of containerd or k3s. This package is what the targets share.
//
// One item that cannot be loaded fails the run and not the rest, and a second
// run moves only what is missing: targets look first.
package load

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// Target takes items. Safe for concurrent use.
type Target interface {
	// Load brings one item, all its evidence included, to its place: the path
	// of a repository. It is complete when Load returns nil.
	Load(ctx context.Context, item *lock.Item, place string) (Moved, error)
}

// Holder is a target that says what it holds, so that an increment can build on
// it.
type Holder interface {
	// Holds asks for a config or layer at a place.
	Holds(ctx context.Context, place string, blob artifact.Blob) (bool, error)
}

// Moved is what a load wrote, which is nothing where all was there.
type Moved struct {
	Blobs int
	Bytes int64
}

// Outcome is how one item ended.
type Outcome struct {
	Item  string
	Place string
	Moved Moved
	// Skipped says why the target has no use for the item, "" when it has.
	Skipped string
	Err     error
}

// Skip is the error of an item that a target has no use for, such as a file
// where only images are run. It fails nothing.
type Skip struct{ Reason string }

// Error is the reason.
func (s *Skip) Error() string { return s.Reason }

// Options are how items are loaded.
type Options struct {
	// Parallel is how many items are loaded at once, 4 when 0.
	Parallel int
	// Done, if set, is called after each item, from several goroutines.
	Done func(Outcome)
}

// All loads items into the target and returns an outcome for each, in their
// order. It ends early only when the context does.
func All(ctx context.Context, items []lock.Item, places map[string]string, target Target, o Options) []Outcome {
	if o.Parallel == 0 {
		o.Parallel = 4
	}
	outcomes := make([]Outcome, len(items))
	var group errgroup.Group // without a context: one failure stops nobody
	group.SetLimit(o.Parallel)
	for i := range items {
		group.Go(func() error {
			outcomes[i] = one(ctx, &items[i], places[items[i].Name], target)
			if o.Done != nil {
				o.Done(outcomes[i])
			}
			return nil
		})
	}
	_ = group.Wait() // no function returns an error
	return outcomes
}

func one(ctx context.Context, item *lock.Item, place string, target Target) Outcome {
	out := Outcome{Item: item.Name, Place: place}
	if err := ctx.Err(); err != nil {
		out.Err = fmt.Errorf("not loaded: %w", err)
		return out
	}
	out.Moved, out.Err = target.Load(ctx, item, place)
	if skip := (*Skip)(nil); errors.As(out.Err, &skip) {
		out.Skipped, out.Err = skip.Reason, nil
	}
	return out
}

// Failed lists the outcomes with an error.
func Failed(outcomes []Outcome) []Outcome {
	return slices.DeleteFunc(slices.Clone(outcomes), func(o Outcome) bool { return o.Err == nil })
}
