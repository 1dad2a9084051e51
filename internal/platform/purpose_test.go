package platform

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// purposeful is a mesh in which alpha/limited serves two purposes, bravo/derived
// is made from it without a policy of its own, and bravo/wide under one that
// names another purpose as well.
func purposeful(t *testing.T, s store.Store) *Platform {
	t.Helper()
	p := mesh(t, s)
	policy := func(domain string, purposes ...string) *catalog.CaveatPolicy {
		return &catalog.CaveatPolicy{Domain: domain, Name: "uses", ReleasableTo: []string{"USA", "FVEY"}, Purposes: purposes}
	}
	limited, derived := product("alpha/limited", "SECRET//REL TO USA, FVEY"), product("bravo/derived", "", "alpha/limited")
	wide := product("bravo/wide", "", "bravo/derived")
	limited.CaveatPolicy, wide.CaveatPolicy = "alpha/uses", "bravo/uses"
	mustPut(t, p.As(admin), domain("bravo"), policy("alpha", "targeting", "force-protection"), policy("bravo", "targeting", "training"), limited, derived, wide)
	return p
}

func given(c catalog.Caller, purposes ...string) catalog.Caller {
	c.Purposes = purposes
	return c
}

func stating(e catalog.Evaluation, purpose string, properties ...any) catalog.Evaluation {
	e.Purpose = purpose
	if properties != nil {
		e.Subject.Properties["purposes"] = properties
	}
	return e
}

// TestPurposesOfData: the stated purpose must be on the policy's list, given by
// the issuer, and hold for all that a product is made from.
func TestPurposesOfData(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := purposeful(t, s)
	brit := given(analyst("brit", "S", "GBR"), "force-protection", "targeting", "training")
	ann := func(id string) catalog.Evaluation { return claiming(read("ann", id), "S", "USA") }
	for _, c := range []struct {
		caller catalog.Caller
		asked  catalog.Evaluation
		want   string
	}{
		{brit, stating(read("brit", "alpha/limited"), "targeting"), ""},
		{brit, stating(read("brit", "alpha/limited"), ""), "purpose"},
		{brit, stating(read("brit", "alpha/limited"), "training"), "purpose"},
		{brit, stating(read("brit", "bravo/derived"), "force-protection"), ""},
		{brit, stating(read("brit", "bravo/derived"), "training"), "purpose"},
		{brit, stating(read("brit", "bravo/wide"), "targeting"), ""},
		{brit, stating(read("brit", "bravo/wide"), "training"), "purpose"},         // not for its input
		{brit, stating(read("brit", "bravo/wide"), "force-protection"), "purpose"}, // not for itself
		{brit, stating(read("brit", "alpha/low"), "anything"), ""},                 // no limit
		{given(brit, "training"), stating(read("brit", "alpha/limited"), "targeting"), "purpose"},
		{given(brit), stating(read("brit", "alpha/limited"), "targeting"), "purpose"},
		{given(gateway, "targeting"), stating(ann("alpha/limited"), "targeting", "targeting"), ""},
		{given(gateway, "targeting"), stating(ann("alpha/limited"), "targeting", "training"), "purpose"},
		{given(gateway, "targeting"), stating(ann("alpha/limited"), "targeting"), "purpose"},
		{given(gateway, "training"), stating(ann("alpha/limited"), "targeting", "targeting"), "purpose"}, // no further than itself
		{given(gateway, "targeting"), stating(ann("alpha/limited"), "targeting", "targeting", 7), "missing_claim"},
		{admin, stating(read("root", "alpha/limited"), ""), ""},
	} {
		d := evaluate(t, p, c.caller, c.asked)
		entry := lastEntry(t, s)
		if d.Permit != (c.want == "") || strings.Join(entry.ReasonCodes, ",") != c.want || entry.Purpose != c.asked.Purpose {
			t.Errorf("%s with %q asks for %+v for %q: got %+v, entry %+v; want %q", c.caller.Subject, c.caller.Purposes, c.asked, c.asked.Purpose, d, entry, c.want)
		}
	}
}

// TestAttackPurposesInTheBody: who is no enforcement point gives itself none.
func TestAttackPurposesInTheBody(t *testing.T) {
	t.Parallel()
	p := purposeful(t, openStore(t))
	for _, properties := range []map[string]any{{"purposes": []any{"targeting"}}, {"purpose": "targeting"}} {
		e := stating(read("brit", "alpha/limited"), "targeting")
		e.Subject.Properties = properties
		if d := evaluate(t, p, analyst("brit", "S", "GBR"), e); d.Permit {
			t.Errorf("%v in the body let its author in", properties)
		}
	}
}

// TestAttackPurposesInAnotherType: what is no list of texts is no claim, and
// nobody is let in with half of it.
func TestAttackPurposesInAnotherType(t *testing.T) {
	t.Parallel()
	p := purposeful(t, openStore(t))
	for _, bad := range []any{"targeting", nil, map[string]any{"targeting": true}, []any{[]any{"targeting"}}, []any{"targeting", nil}} {
		e := stating(claiming(read("ann", "alpha/limited"), "S", "USA"), "targeting")
		e.Subject.Properties["purposes"] = bad
		if d := evaluate(t, p, given(gateway, "targeting"), e); d.Permit {
			t.Errorf("purposes %v were believed", bad)
		}
	}
}

// TestPurposesTellApartInOneBatch: answers of one transaction are remembered,
// each for its own purpose and for whom it was given.
func TestPurposesTellApartInOneBatch(t *testing.T) {
	t.Parallel()
	p := purposeful(t, openStore(t))
	ann := func(purpose string, properties ...any) catalog.Evaluation {
		return stating(claiming(read("ann", "alpha/limited"), "S", "USA"), purpose, properties...)
	}
	answers, err := p.Decisions(given(gateway, "targeting", "force-protection")).EvaluateMany(context.Background(), []catalog.Evaluation{
		ann("targeting", "targeting"), ann("force-protection", "targeting"), ann("targeting", "force-protection"), ann("force-protection", "force-protection"),
	}, catalog.ExecuteAll)
	var permits []bool
	for _, a := range answers {
		permits = append(permits, a.Permit)
	}
	if want := []bool{true, false, false, true}; err != nil || !slices.Equal(permits, want) {
		t.Errorf("got %v, %v; want %v", permits, err, want)
	}
}

// TestSearchForAPurpose finds what would be permitted for it.
func TestSearchForAPurpose(t *testing.T) {
	t.Parallel()
	ctx, s := context.Background(), openStore(t)
	d := purposeful(t, s).Decisions(given(analyst("brit", "S", "GBR"), "targeting", "force-protection"))
	for purpose, want := range map[string]string{
		"targeting":        "alpha/limited alpha/low alpha/open bravo/derived bravo/wide",
		"force-protection": "alpha/limited alpha/low alpha/open bravo/derived",
		"":                 "alpha/low alpha/open",
	} {
		found, err := d.SearchResources(ctx, catalog.Search{Evaluation: stating(read("brit", ""), purpose)})
		var ids []string
		for _, e := range found.Items {
			ids = append(ids, e.ID)
		}
		if got := strings.Join(ids, " "); got != want || err != nil {
			t.Errorf("for %q: got %s, %v; want %s", purpose, got, err, want)
		}
		if entry := lastEntry(t, s); entry.Event != "query" || entry.Purpose != purpose {
			t.Errorf("for %q: recorded %+v", purpose, entry)
		}
	}
	actions, err := d.SearchActions(ctx, catalog.Search{Evaluation: stating(read("brit", "alpha/limited"), "targeting")})
	if err != nil || len(actions.Items) != 3 {
		t.Errorf("actions: got %v, %v; want all three", actions, err)
	}
	first, err := d.SearchResources(ctx, catalog.Search{Evaluation: stating(read("brit", ""), "targeting"), Limit: 1})
	if err != nil || first.Next == "" {
		t.Fatalf("first page: got %+v, %v", first, err)
	}
	if _, err := d.SearchResources(ctx, catalog.Search{Evaluation: stating(read("brit", ""), "training"), Limit: 1, Cursor: first.Next}); err == nil {
		t.Error("a cursor went on with another purpose")
	}
}

// TestPurposesHideNothing: who may not have the data for any purpose sees that
// there is a product all the same.
func TestPurposesHideNothing(t *testing.T) {
	t.Parallel()
	p := purposeful(t, openStore(t))
	for _, id := range []string{"alpha/limited", "bravo/derived", "bravo/wide"} {
		if _, err := p.As(analyst("brit", "S", "GBR")).Get(context.Background(), catalog.Ref{Kind: catalog.KindProduct, ID: id}); err != nil {
			t.Errorf("%s: got %v, want it seen", id, err)
		}
	}
}

// TestPurposesAreRecordedAsClaims: the digest of the claims tells decisions
// apart that were made on other purposes.
func TestPurposesAreRecordedAsClaims(t *testing.T) {
	t.Parallel()
	s := openStore(t)
	p := purposeful(t, s)
	digests := map[string]bool{}
	for _, c := range []catalog.Caller{given(analyst("brit", "S", "GBR")), given(analyst("brit", "S", "GBR"), "targeting"), given(analyst("brit", "S", "GBR"), "training")} {
		evaluate(t, p, c, stating(read("brit", "alpha/limited"), "targeting"))
		digests[lastEntry(t, s).SubjectAttributes] = true
	}
	if len(digests) != 3 {
		t.Errorf("got %d digests of three callers", len(digests))
	}
}
