package client

import (
	"context"
	"fmt"
	"iter"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// maxEmptyPages is how many pages without an object may follow each other.
const maxEmptyPages = 100

// All iterates over the objects of every page of a query, of any service. It
// ends with an error when a page fails, or when a service that gives the same
// objects again, or empty pages without end, would keep it busy for ever.
func All(ctx context.Context, reader catalog.Reader, query catalog.Query) iter.Seq2[catalog.Entry, error] {
	return func(yield func(catalog.Entry, error) bool) {
		last, empty := "", 0
		for {
			page, err := reader.List(ctx, query)
			if err != nil {
				yield(catalog.Entry{}, err)
				return
			}
			for _, entry := range page.Entries {
				id := entry.Object.Ref().ID
				if id <= last {
					yield(catalog.Entry{}, loop(query.Kind, "repeats objects"))
					return
				}
				if last = id; !yield(entry, nil) {
					return
				}
			}
			if empty++; len(page.Entries) > 0 {
				empty = 0
			}
			if page.Next == "" {
				return
			}
			if empty > maxEmptyPages {
				yield(catalog.Entry{}, loop(query.Kind, "goes on without objects"))
				return
			}
			query.Cursor = page.Next
		}
	}
}

func loop(kind catalog.Kind, what string) error {
	return &catalog.Error{Code: catalog.CodeInternal, Message: fmt.Sprintf("The platform's list of %s %s.", kind, what)}
}
