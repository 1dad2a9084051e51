package differential_test

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// request is one question, whatever the door.
type request struct {
	subject catalog.Caller // whose token and claims these are
	token   string
	product string
	action  string
	purpose string
}

func (r request) String() string {
	a := r.subject.Attributes
	return fmt.Sprintf("%s (%s %v %v %s %s) %s %q for %q", r.subject.Subject, a.Clearance, a.CountryOfAffiliation, a.FineAccessControls,
		a.DutyOrganization, a.EmploymentType, r.action, r.product, r.purpose)
}

// door is one way to ask the platform.
type door interface {
	// speaks reports whether the door has words for the request: a query engine
	// knows no action but read.
	speaks(request) bool
	// permits answers each request in its place. An error is no verdict.
	permits(context.Context, []request) ([]bool, error)
}

// named is a door by its name.
type named struct {
	name string
	door
}

// single is a door that takes one request at a time. Several are asked at once.
type single func(context.Context, request) (bool, error)

func (s single) speaks(request) bool { return true }

func (s single) permits(ctx context.Context, requests []request) ([]bool, error) {
	verdicts := make([]bool, len(requests))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i, r := range requests {
		group.Go(func() (err error) {
			if verdicts[i], err = s(ctx, r); err != nil {
				err = fmt.Errorf("%v: %w", r, err)
			}
			return err
		})
	}
	return verdicts, group.Wait()
}

// reading is a door that knows no action but read.
type reading struct{ door }

func (reading) speaks(r request) bool { return r.action == "read" }

// difference is a request on which a door does not agree with the first one.
type difference struct {
	door    string
	request request
	verdict bool
}

// compare asks every door everything that it has words for. It returns the
// verdicts of the first door, and where others differ.
func compare(ctx context.Context, doors []named, requests []request) ([]bool, []difference, error) {
	want, err := doors[0].permits(ctx, requests)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", doors[0].name, err)
	}
	var found []difference
	for _, d := range doors[1:] {
		var asked []request
		var expected []bool
		for i, r := range requests {
			if d.speaks(r) {
				asked, expected = append(asked, r), append(expected, want[i])
			}
		}
		got, err := d.permits(ctx, asked)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", d.name, err)
		}
		for i := range asked {
			if got[i] != expected[i] {
				found = append(found, difference{d.name, asked[i], got[i]})
			}
		}
	}
	return want, found, nil
}

// table prints differences, as many as somebody would read.
func table(found []difference, first string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "door\trequest\tits verdict\tthat of %s\n", first)
	for _, d := range found[:min(len(found), 40)] {
		_, _ = fmt.Fprintf(w, "%s\t%v\t%v\t%v\n", d.door, d.request, d.verdict, !d.verdict)
	}
	_ = w.Flush() // into memory
	return b.String()
}
