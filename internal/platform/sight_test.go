package platform

import (
	"context"
	"errors"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

func reader(country, organization string) catalog.Caller {
	return catalog.Caller{Subject: "reader", Attributes: marking.Subject{
		Clearance: "S", CountryOfAffiliation: []string{country}, DutyOrganization: organization, EmploymentType: "gov",
	}}
}

// TestStoredUnderAnotherVocabulary writes products past the rules, as one
// finds them after the vocabulary was replaced: what it does not know is shown
// to nobody, and an exclusion holds whatever the marking says.
func TestStoredUnderAnotherVocabulary(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	mustPut(t, newPlatform(t, s).As(admin), domain("alpha"),
		&catalog.CaveatPolicy{Domain: "alpha", Name: "no-nzl", ReleasableTo: []string{"USA", "FVEY"}, Excluded: []string{"NZL"}})
	known, unknown, open := product("alpha/known", "SECRET//REL TO USA, NZL"), product("alpha/unknown", "SECRET//FUTURE//NOFORN"), product("alpha/open", "UNCLASSIFIED")
	known.CaveatPolicy = "alpha/no-nzl"
	err := s.Update(ctx, func(w store.Writer) error {
		for _, p := range []*catalog.Product{known, unknown, open} {
			p.EffectiveMarking = p.Marking
			r, err := record(p, "r")
			if err != nil {
				return err
			}
			if err := w.Put(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	p := newPlatform(t, s)
	for _, c := range []struct {
		country, id string
		sees        bool
	}{
		{"USA", "alpha/known", true}, {"NZL", "alpha/known", false}, {"USA", "alpha/unknown", false}, {"NZL", "alpha/open", true},
	} {
		_, err := p.As(reader(c.country, c.country+".MOD")).Get(ctx, catalog.Ref{Kind: catalog.KindProduct, ID: c.id})
		if (err == nil) != c.sees || !c.sees && !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("%s gets %s: got %v, want seen %v", c.country, c.id, err, c.sees)
		}
	}
	if _, err := p.As(catalog.Caller{Subject: "alpha.owner"}).Get(ctx, catalog.Ref{Kind: catalog.KindProduct, ID: "alpha/unknown"}); err != nil {
		t.Errorf("its owner: got %v, want it seen", err)
	}
}

// TestDerivedShowsNoMoreThanItsInputs: the originator's list for an input
// holds for what is made from it, whatever list the derived product has.
func TestDerivedShowsNoMoreThanItsInputs(t *testing.T) {
	t.Parallel()
	ctx, p := context.Background(), newPlatform(t, openStore(t))
	list := func(domain string, organizations ...string) *catalog.CaveatPolicy {
		return &catalog.CaveatPolicy{Domain: domain, Name: "oc", ReleasableTo: []string{"USA"}, DisseminationList: organizations}
	}
	in, out := product("alpha/in", "SECRET//ORCON/NOFORN"), product("bravo/out", "SECRET//ORCON/NOFORN", "alpha/in")
	in.CaveatPolicy, out.CaveatPolicy = "alpha/oc", "bravo/oc"
	mustPut(t, p.As(admin), domain("alpha"), domain("bravo"), list("alpha", "USA.DIA"), list("bravo", "USA.DIA", "USA.NGA"), in, out)
	for _, c := range []struct {
		organization, id string
		sees             bool
	}{
		{"USA.DIA", "alpha/in", true}, {"USA.DIA", "bravo/out", true}, {"USA.NGA", "alpha/in", false}, {"USA.NGA", "bravo/out", false},
	} {
		_, err := p.As(reader("USA", c.organization)).Get(ctx, catalog.Ref{Kind: catalog.KindProduct, ID: c.id})
		if (err == nil) != c.sees || !c.sees && !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("%s gets %s: got %v, want seen %v", c.organization, c.id, err, c.sees)
		}
	}
}

// TestProposalBomb: a proposal above the limit is refused before any of it is
// read.
func TestProposalBomb(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, openStore(t))
	object := domain("alpha")
	for name, proposal := range map[string]catalog.Proposal{
		"puts":    {Puts: make([]catalog.Object, catalog.MaxProposal+1)},
		"deletes": {Deletes: make([]catalog.Ref, catalog.MaxProposal), Puts: []catalog.Object{object}},
		"asked":   {Puts: []catalog.Object{object}, Only: make([]catalog.Ref, catalog.MaxProposal+1)},
	} {
		if _, err := p.As(admin).Validate(context.Background(), proposal); !errors.Is(err, catalog.ErrTooLarge) {
			t.Errorf("%s: got %v, want it too large", name, err)
		}
	}
	for name, proposal := range map[string]catalog.Proposal{
		"nothing to put":      {Puts: []catalog.Object{nil}},
		"nothing in it":       {Puts: []catalog.Object{(*catalog.Product)(nil)}},
		"a delete of nothing": {Deletes: []catalog.Ref{{}}},
		"an unknown kind":     {Only: []catalog.Ref{{Kind: "secrets", ID: "alpha"}}},
	} {
		if _, err := p.As(admin).Validate(context.Background(), proposal); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("%s: got %v, want it invalid", name, err)
		}
	}
	if _, err := p.As(admin).Put(context.Background(), (*catalog.Schema)(nil), catalog.WriteOptions{}); !errors.Is(err, catalog.ErrInvalid) {
		t.Errorf("put of nothing: got %v, want it invalid", err)
	}
}

// TestOpaqueTetragraphBesideAnExclusion: nobody can show that the excluded
// nation is not behind a code whose members are unknown.
func TestOpaqueTetragraphBesideAnExclusion(t *testing.T) {
	t.Parallel()
	b := &bounds{policy: &catalog.CaveatPolicy{Domain: "alpha", Name: "c"}, releasable: []string{"GBR", "QQQQ", "USA"}, excluded: []string{"NZL"}}
	shutOut, outside := b.beyond([]string{"GBR", "NZL", "QQQQ", "RRRR", "FRA"}, b.releasable)
	if got, want := list(shutOut)+" / "+list(outside), "NZL, QQQQ, RRRR / FRA"; got != want {
		t.Errorf("got %s shut out and outside, want %s", got, want)
	}
	b.excluded = nil
	shutOut, outside = b.beyond([]string{"GBR", "QQQQ", "RRRR"}, b.releasable)
	if got, want := list(shutOut)+" / "+list(outside), "nobody / RRRR"; got != want {
		t.Errorf("without an exclusion: got %s, want %s", got, want)
	}
}

// TestIllFormedNamesDoNotReachTheStore: there is no store behind this state,
// so a name that got through would end the test.
func TestIllFormedNamesDoNotReachTheStore(t *testing.T) {
	t.Parallel()
	s := newStored(context.Background(), nil)
	for _, id := range []string{"", "alpha", "a/b/c", "alpha/../p", "alpha/p\x00", "alpha/%2e", "alpha/P"} {
		ref := catalog.Ref{Kind: catalog.KindProduct, ID: id}
		if got, err := s.get(ref); got != nil || err != nil {
			t.Errorf("get %q: got %v, %v; want nothing", id, got, err)
		}
		if got, err := s.dependants(ref); got != nil || err != nil {
			t.Errorf("dependants of %q: got %v, %v; want nothing", id, got, err)
		}
	}
}

// TestBrokenBeforeIsNotHeldAgainstAChange: a product that a new vocabulary
// left outside its policy must not stop those above it from being repaired.
func TestBrokenBeforeIsNotHeldAgainstAChange(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	service := newPlatform(t, s).As(admin)
	policy := &catalog.CaveatPolicy{Domain: "alpha", Name: "c", ReleasableTo: []string{"USA", "GBR"}}
	mustPut(t, service, domain("alpha"), policy, product("alpha/in", "CONFIDENTIAL//REL TO USA, FVEY"))
	out := product("alpha/out", "SECRET//REL TO USA, AUS", "alpha/in")
	out.CaveatPolicy, out.EffectiveMarking = "alpha/c", out.Marking
	err := s.Update(ctx, func(w store.Writer) error {
		r, err := record(out, "r")
		if err != nil {
			return err
		}
		return w.Put(ctx, r)
	})
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, service, product("alpha/in", "SECRET//REL TO USA, FVEY"))
	wider := policy.Clone()
	if w, ok := wider.(*catalog.CaveatPolicy); ok {
		w.ReleasableTo, w.Excluded = []string{"USA", "GBR"}, []string{"AUS"}
	}
	if _, err := service.Put(ctx, wider, catalog.WriteOptions{}); !errors.Is(err, catalog.ErrInvalid) {
		t.Errorf("got %v, want what breaks it anew refused", err)
	}
}
