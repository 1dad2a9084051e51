package platform

import (
	"context"
	"fmt"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// weighed is a store that counts the records which lists read.
type weighed struct {
	store.Store
	read int
}

type weighedReader struct {
	store.Reader
	of *weighed
}

func (c *weighed) View(ctx context.Context, do func(store.Reader) error) error {
	return c.Store.View(ctx, func(r store.Reader) error { return do(weighedReader{r, c}) })
}

func (r weighedReader) List(ctx context.Context, q store.Query) ([]store.Record, error) {
	records, err := r.Reader.List(ctx, q)
	r.of.read += len(records)
	return records, err
}

// TestAttackTimeTellsHowMuchIsInAHiddenDomain: lists and searches stop at the
// first object in a domain that the caller does not know, so that however many
// there are take no more than one page of each domain.
func TestAttackTimeTellsHowMuchIsInAHiddenDomain(t *testing.T) {
	t.Parallel()
	const limit, many, hidden = 20, 200, 5
	s := &weighed{Store: openStore(t)}
	p := newPlatform(t, s)
	mustPut(t, p.As(admin), markedDomain("zulu", "UNCLASSIFIED", ""), product("zulu/p", "UNCLASSIFIED"))
	for d := range hidden {
		mustPut(t, p.As(admin), markedDomain(fmt.Sprintf("h%d", d), secretive, ""), product(fmt.Sprintf("h%d/p", d), secretive))
	}
	low := cleared("low", "S", "USA")
	asked := map[string]func() (int, error){
		"list": func() (int, error) {
			page, err := p.As(low).List(t.Context(), catalog.Query{Kind: catalog.KindProduct, Limit: limit})
			return len(page.Entries), err
		},
		"search": func() (int, error) {
			found, err := p.Decisions(low).SearchResources(t.Context(), catalog.Search{Evaluation: read(low.Subject, ""), Limit: limit})
			return len(found.Items), err
		},
		"search for somebody else": func() (int, error) {
			through := low
			through.Via = &catalog.Caller{Subject: "cleared", Attributes: cleared("cleared", "TS", "USA").Attributes}
			found, err := p.Decisions(through).SearchResources(t.Context(), catalog.Search{Evaluation: read(low.Subject, ""), Limit: limit})
			return len(found.Items), err
		},
	}
	count := func() map[string]int {
		all := map[string]int{}
		for name, ask := range asked {
			s.read = 0
			if found, err := ask(); err != nil || found != 1 {
				t.Fatalf("%s: got %d products, %v", name, found, err)
			}
			all[name] = s.read
		}
		return all
	}
	few := count()
	for i := range many * hidden {
		mustPut(t, p.As(admin), product(fmt.Sprintf("h%d/p%d", i%hidden, i), secretive))
	}
	for name, read := range count() {
		if read > few[name]+hidden*(limit+1) {
			t.Errorf("%s: got %d records read with %d products in each hidden domain, and %d with one", name, read, many, few[name])
		}
	}
}
