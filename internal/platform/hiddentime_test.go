package platform

import (
	"context"
	"errors"
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

func (r weighedReader) Registrations(ctx context.Context, q catalog.RegistryQuery) ([]catalog.Registration, error) {
	found, err := r.Reader.Registrations(ctx, q)
	r.of.read += len(found)
	return found, err
}

func (r weighedReader) RegistrationsAfter(ctx context.Context, after store.Place, q catalog.RegistryQuery) ([]catalog.Registration, error) {
	found, err := r.Reader.RegistrationsAfter(ctx, after, q)
	r.of.read += len(found)
	return found, err
}

// TestAttackTimeTellsHowManyVersionsAreHidden: lists of the registry pass behind
// a domain that the caller does not know, in each context that it has subjects in.
func TestAttackTimeTellsHowManyVersionsAreHidden(t *testing.T) {
	t.Parallel()
	const hidden, many = 3, 60
	s := &weighed{Store: openStore(t)}
	p := newPlatform(t, s)
	subject := func(context string, d, i int) catalog.Subject {
		return catalog.Subject{Context: context, Name: fmt.Sprintf("h%d.s%d", d, i)}
	}
	mustPut(t, p.As(admin), markedDomain("zulu", "UNCLASSIFIED", ""))
	id := mustRegister(t, p.Registry(admin), catalog.Subject{Name: "zulu.seen"}, trackFields(1)).Schema.ID
	mustRegister(t, p.Registry(admin), catalog.Subject{Context: "lab", Name: "zulu.seen"}, trackFields(1))
	for d := range hidden {
		mustPut(t, p.As(admin), markedDomain(fmt.Sprintf("h%d", d), secretive, ""))
		for _, context := range []string{"", "lab", "quiet"} {
			mustRegister(t, p.Registry(admin), subject(context, d, 0), trackFields(1))
		}
	}
	low := p.Registry(cleared("low", "S", "USA"))
	list := func(q catalog.RegistryQuery, want int) func() error {
		return func() error {
			found, err := low.Registrations(t.Context(), q)
			if err == nil && len(found) != want {
				err = fmt.Errorf("%d versions, want %d", len(found), want)
			}
			return err
		}
	}
	asked := map[string]func() error{
		"all":                  list(catalog.RegistryQuery{Context: "*", Deleted: true}, 2),
		"a part":               list(catalog.RegistryQuery{Context: "*", Offset: 1, Limit: 1}, 1),
		"the latest":           list(catalog.RegistryQuery{Context: "*", LatestOnly: true, WithoutText: true}, 2),
		"a prefix":             list(catalog.RegistryQuery{Prefix: "h"}, 0),
		"a hidden context":     list(catalog.RegistryQuery{Context: "quiet"}, 0),
		"a hidden subject":     list(catalog.RegistryQuery{Subject: subject("", 0, 0), Deleted: true}, 0),
		"versions of a schema": list(catalog.RegistryQuery{ID: id}, 1),
		"a schema":             func() error { _, err := low.SchemaByID(t.Context(), catalog.Subject{}, id); return err },
		"contexts":             func() error { _, err := low.Contexts(t.Context()); return err },
	}
	count := func() map[string]int {
		all := map[string]int{}
		for name, ask := range asked {
			p.memory.forget()
			s.read = 0
			if err := ask(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			all[name] = s.read
		}
		return all
	}
	few := count()
	for i := range many * hidden {
		for _, context := range []string{"", "lab", "quiet"} {
			mustRegister(t, p.Registry(admin), subject(context, i%hidden, i), trackFields(1))
		}
	}
	for name, read := range count() {
		if read > few[name]+hidden*3*firstPart {
			t.Errorf("%s: got %d versions read with %d subjects of each hidden domain, and %d with one", name, read, many, few[name])
		}
	}
	if few["a hidden subject"] != 0 {
		t.Errorf("a hidden subject: got %d versions read, and none of one that is not there", few["a hidden subject"])
	}
}

// TestAttackTimeTellsThatASchemaIsTaken: a text that a hidden subject has is looked
// up with the reads of one that nobody has. By its GUID it takes one more, of the
// domain that hides it.
func TestAttackTimeTellsThatASchemaIsTaken(t *testing.T) {
	t.Parallel()
	const plenty = 1 << 30
	s := &faulty{Store: openStore(t)}
	s.left = plenty
	p := newPlatform(t, s)
	mustPut(t, p.As(admin), markedDomain("zulu", "UNCLASSIFIED", ""), markedDomain("h", secretive, ""))
	mustRegister(t, p.Registry(admin), catalog.Subject{Name: "zulu.seen"}, trackFields(1))
	mustRegister(t, p.Registry(admin), catalog.Subject{Name: "h.s"}, trackFields(2))
	guids := map[int]string{}
	for n := range 2 {
		probe := mustRegister(t, p.Registry(admin), catalog.Subject{Context: "probe", Name: "probe"}, trackFields(2+n))
		guids[2+n] = probe.Schema.GUID
		mustRemove(t, p.Registry(admin), probe.Subject)
	}
	low := p.Registry(cleared("low", "S", "USA"))
	reads := func(ask func() error) int {
		s.left = plenty
		if err := ask(); !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("got %v, want it not found", err)
		}
		return plenty - s.left
	}
	byText := func(n int) int {
		return reads(func() error {
			_, err := low.Find(t.Context(), catalog.Subject{Name: "zulu.seen"}, trackFields(n), true)
			return err
		})
	}
	byGUID := func(n int) int {
		return reads(func() error { _, _, err := low.SchemaByGUID(t.Context(), guids[n]); return err })
	}
	if taken, free := byText(2), byText(3); taken != free {
		t.Errorf("by its text: got %d reads of what is hidden, and %d of what is not there", taken, free)
	}
	if taken, free := byGUID(2), byGUID(3); taken > free+1 {
		t.Errorf("by its GUID: got %d reads of what is hidden, and %d of what is not there", taken, free)
	}
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
