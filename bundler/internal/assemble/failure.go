package assemble

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Refused is an item that the policy or the author's own words do not let pass.
type Refused struct {
	Item   string
	Reason string
	Next   string // what to do
}

// Error is the item, the reason and the next step.
func (r *Refused) Error() string { return r.Item + ": " + r.Reason + "; " + r.Next }

// Failures are the errors of several items, in the order of the items.
type Failures []error

// maxShown is how many failures are listed.
const maxShown = 50

// Error lists the failures, a line each.
func (f Failures) Error() string {
	lines := make([]string, 0, maxShown+1)
	for i, err := range f {
		if i == maxShown {
			lines = append(lines, fmt.Sprintf("and %d more", len(f)-maxShown))
			break
		}
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives each failure to errors.As and errors.Is.
func (f Failures) Unwrap() []error { return f }

// each runs do for the numbers below n, limit at once. All of them run, whatever
// fails, unless the context ends.
func each(ctx context.Context, n, limit int, do func(i int) error) error {
	errs := make([]error, n)
	var group errgroup.Group
	group.SetLimit(limit)
	for i := range n {
		group.Go(func() error {
			if ctx.Err() == nil {
				errs[i] = do(i)
			}
			return nil
		})
	}
	_ = group.Wait() // no function returns an error
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	var failed Failures
	for _, err := range errs {
		if err != nil {
			failed = append(failed, err)
		}
	}
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return failed[0]
	}
	return failed
}
