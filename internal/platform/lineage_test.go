package platform

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

var banners = []string{
	"", "UNCLASSIFIED", "CONFIDENTIAL//REL TO USA, FVEY", "SECRET", "SECRET//NOFORN", "SECRET//REL TO USA, AUS, GBR",
	"SECRET//REL TO USA, JPN", "TOP SECRET//SI//NOFORN", "TOP SECRET//TK//RELIDO", "SECRET//RELIDO", "SECRET//FGI DEU//REL TO USA, DEU",
}

// closure is the roll-up of the declared markings of a product and all its
// ancestors, worked out the plain way.
func closure(t *testing.T, all map[string]*catalog.Product, id string) string {
	t.Helper()
	var markings []marking.Marking
	met := map[string]bool{}
	var walk func(string)
	walk = func(id string) {
		if met[id] {
			return
		}
		met[id] = true
		if text := all[id].Marking; text != "" {
			m, err := marking.Default().Parse(text)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			markings = append(markings, m)
		}
		for _, input := range all[id].Inputs {
			walk(input)
		}
	}
	walk(id)
	if len(markings) == 0 {
		return ""
	}
	return marking.Default().Rollup(markings...).Banner()
}

// TestEffectiveMarkingIsTheRollupOfAllAncestors changes random products of a
// random lineage and compares every effective marking with the plain way.
func TestEffectiveMarkingIsTheRollupOfAllAncestors(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			service := newPlatform(t, openStore(t)).As(admin)
			mustPut(t, service, domain("alpha"))
			all := map[string]*catalog.Product{}
			const products = 14
			for step := range 60 {
				n := random.IntN(products)
				if step < products {
					n = step
				}
				p := product(fmt.Sprintf("alpha/p%d", n), banners[random.IntN(len(banners))])
				for input := range n { // only lower numbers, so no loop
					if random.IntN(4) == 0 {
						p.Inputs = append(p.Inputs, fmt.Sprintf("alpha/p%d", input))
					}
				}
				if _, err := service.Put(context.Background(), p, catalog.WriteOptions{}); errors.Is(err, catalog.ErrInvalid) {
					p.Marking = "" // under-marked; draft products need none
					mustPut(t, service, p)
				}
				all[p.Ref().ID] = p
				for id := range all {
					entry, err := service.Get(context.Background(), catalog.Ref{Kind: catalog.KindProduct, ID: id})
					if err != nil {
						t.Fatal(err)
					}
					if got, want := entry.Object.(*catalog.Product).EffectiveMarking, closure(t, all, id); got != want {
						t.Fatalf("step %d, %s: got effective marking %q, want %q", step, id, got, want)
					}
				}
			}
		})
	}
}

// TestAncestorsFirst compares with the definition on random graphs: each is
// emitted once, after its inputs save those in its own loop.
func TestAncestorsFirst(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		graph := map[string][]string{}
		for n := range 12 {
			id := fmt.Sprint(n)
			graph[id] = nil
			for range random.IntN(3) {
				graph[id] = append(graph[id], fmt.Sprint(random.IntN(12)))
			}
		}
		reaches := func(from, to string) bool {
			met, queue := map[string]bool{}, slices.Clone(graph[from])
			for len(queue) > 0 {
				id := queue[0]
				queue = queue[1:]
				if !met[id] {
					met[id] = true
					queue = append(queue, graph[id]...)
				}
			}
			return met[to]
		}
		component := map[string]int{}
		rounds := 0
		err := ancestorsFirst("0", func(id string) ([]string, error) { return graph[id], nil }, func(string) bool { return false }, func(ids []string) error {
			rounds++
			for _, id := range ids {
				if component[id] != 0 {
					t.Fatalf("%v: got %s twice", graph, id)
				}
				component[id] = rounds
			}
			for _, id := range ids {
				for _, input := range graph[id] {
					if component[input] == 0 {
						t.Fatalf("%v: got %s before its input %s", graph, id, input)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for id := range graph {
			if want := id == "0" || reaches("0", id); (component[id] != 0) != want {
				t.Errorf("%v: got %s emitted %v, want %v", graph, id, component[id] != 0, want)
			}
			for other := range graph {
				if component[id] == 0 || component[other] == 0 || id == other {
					continue
				}
				if want := reaches(id, other) && reaches(other, id); (component[id] == component[other]) != want {
					t.Errorf("%v: got %s and %s in one loop %v, want %v", graph, id, other, !want, want)
				}
			}
		}
	}
}

// TestLineageBomb: a chain as long as the limit costs memory, not the stack;
// a longer one is refused.
func TestLineageBomb(t *testing.T) {
	t.Parallel()
	chain := func(length int) error {
		next := func(id string) ([]string, error) {
			var n int
			if _, err := fmt.Sscan(id, &n); err != nil {
				return nil, err
			}
			if n == length-1 {
				return nil, nil
			}
			return []string{fmt.Sprint(n + 1)}, nil
		}
		return ancestorsFirst("0", next, func(string) bool { return false }, func([]string) error { return nil })
	}
	if err := chain(maxLineage); err != nil {
		t.Errorf("got %v at the limit, want it walked", err)
	}
	if err := chain(maxLineage + 1); !errors.Is(err, errLineageSize) {
		t.Errorf("got %v above the limit, want it refused", err)
	}
}

func TestOverlayDependants(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	mustPut(t, newPlatform(t, s).As(admin), domain("alpha"), product("alpha/in", ""), product("alpha/a", "", "alpha/in"), product("alpha/b", "", "alpha/in"), product("alpha/c", "", "alpha/in"))
	p := newPlatform(t, s)
	session := p.As(admin).(*session)
	err := session.view(ctx, func(j *judge) error {
		j.after.put(product("alpha/a", "SECRET"))             // no longer
		j.after.put(product("alpha/d", "SECRET", "alpha/in")) // new
		j.after.put(product("alpha/c", "SECRET", "alpha/in")) // still
		j.after.remove(catalog.Ref{Kind: catalog.KindProduct, ID: "alpha/b"})
		got, err := j.after.dependants(catalog.Ref{Kind: catalog.KindProduct, ID: "alpha/in"})
		if diff := cmp.Diff([]string{"alpha/c", "alpha/d"}, productIDs(got)); diff != "" {
			t.Errorf("dependants (-want +got):\n%s", diff)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
