package platform

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestStreamsFollowDecisions makes random changes to a random lineage beside
// the streams of several people. After each, who reads on is let in, who was cut
// off is not, and records are judged as for somebody who opens now.
func TestStreamsFollowDecisions(t *testing.T) {
	t.Parallel()
	const seed = 5
	rnd := rand.New(rand.NewPCG(seed, seed))
	s := openStore(t)
	p := dataMesh(t, s)
	service := p.As(admin)
	mustPut(t, service, policy("d", "GBR.MOD"))
	callers := []catalog.Caller{analyst("brit", "S", "GBR"), analyst("ann", "S", "USA"), analyst("low", "U", "GBR"), analyst("oz", "TS", "AUS"), admin}
	products := []string{"alpha/p0", "alpha/p1", "alpha/p2", "alpha/p3", "alpha/p4", "alpha/p5"}
	open := map[[2]string]catalog.Grant{}
	accepted, cutOff := 0, 0
	for step := range 60 {
		p.streams.walk = rnd.IntN(8) // shorter than some changes reach
		if randomChange(rnd, service, products) == nil {
			accepted++
		}
		for _, c := range callers {
			for _, id := range products {
				key := [2]string{c.Subject, id}
				fresh, err := p.Data(c).Open(t.Context(), feed(id))
				if g := open[key]; g != nil {
					if ended(g) == (err == nil) {
						t.Fatalf("seed %d, step %d: %s reads %s: cut off %v, and opens it now: %v", seed, step, c.Subject, id, ended(g), err)
					}
					if ended(g) {
						cutOff++
					}
					for _, mark := range []string{"(U)", "(S//OC/REL TO USA, FVEY)", "(S//NF)", "(S//REL TO USA, AUS)"} {
						if err == nil && g.Admits(mark) != fresh.Admits(mark) || err != nil && g.Admits(mark) {
							t.Fatalf("seed %d, step %d: %s reads %s: record %s: admitted %v", seed, step, c.Subject, id, mark, g.Admits(mark))
						}
					}
				}
				switch g := open[key]; {
				case err != nil:
					delete(open, key)
				case g == nil:
					open[key] = fresh
				default: // the older one reads on
					_ = fresh.Close(catalog.Delivery{Outcome: catalog.OutcomeComplete})
				}
			}
		}
	}
	if accepted < 20 || cutOff < 10 || p.streams.count != len(open) {
		t.Errorf("%d changes, %d cut off, %d of %d grants run: the test shows little", accepted, cutOff, p.streams.count, len(open))
	}
}

// randomChange is one that the platform may refuse.
func randomChange(rnd *rand.Rand, s catalog.Service, products []string) error {
	pick := func(from ...string) string { return from[rnd.IntN(len(from))] }
	if rnd.IntN(10) == 0 {
		d := domain("alpha")
		d.Description = pick("One.", "Two.")
		_, err := s.Put(context.Background(), d, catalog.WriteOptions{})
		return err
	}
	if rnd.IntN(5) == 0 {
		_, err := s.Put(context.Background(), policy(pick("c", "d"), pick("GBR.MOD", "AUS.MOD", "USA.MOD")), catalog.WriteOptions{})
		return err
	}
	n := rnd.IntN(len(products))
	ref := catalog.Ref{Kind: catalog.KindProduct, ID: products[n]}
	if rnd.IntN(10) == 0 {
		return s.Delete(context.Background(), ref, catalog.WriteOptions{})
	}
	next := served(products[n], pick("UNCLASSIFIED", "SECRET//REL TO USA, FVEY", "SECRET//ORCON/REL TO USA, FVEY", "SECRET//REL TO USA, GBR", "SECRET//NOFORN"))
	next.CaveatPolicy = pick("", "alpha/c", "alpha/d")
	next.Status = catalog.Status(pick("active", "active", "active", "active", "deprecated", "draft"))
	if n > 0 && rnd.IntN(2) == 0 {
		next.Inputs = []string{products[rnd.IntN(n)]}
	}
	_, err := s.Put(context.Background(), next, catalog.WriteOptions{})
	return err
}
