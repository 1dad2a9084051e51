package catalogtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var sightScenes = []scene{
	{"who sees which product", whoSees},
	{"hidden products leave no trace in lists", hiddenInLists},
	{"hidden products cannot be named", hiddenAsInput},
	{"hidden dependants are not named", hiddenDependants},
	{"a proposal is no looking glass", lookingGlass},
	{"raised above its own owner", raisedAboveOwner},
	{"hidden ancestors are not named", hiddenAncestors},
	{"hidden successors are not named", hiddenSuccessor},
}

// hiddenSuccessor compares a product whose successor is hidden with one that
// has none, in all that a low caller is shown of both.
func hiddenSuccessor(t *testing.T, m *mesh) {
	ctx := context.Background()
	plain, followed := product("alpha/a", "UNCLASSIFIED"), product("alpha/b", "UNCLASSIFIED")
	followed.Successor = "bravo/hidden"
	m.fill(t, domain("alpha"), domain("bravo"), product("bravo/hidden", "TOP SECRET//SI//NOFORN"), product("bravo/open", "UNCLASSIFIED"), plain, followed)
	shown := func(s catalog.Service, id string) []string {
		entry, err := s.Get(ctx, productRef(id))
		if err != nil {
			t.Fatal(err)
		}
		successors := []string{as[*catalog.Product](t, entry.Object).Successor}
		page, err := s.List(ctx, catalog.Query{Kind: catalog.KindProduct, Domain: "alpha"})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			if e.Object.Ref().ID == id {
				successors = append(successors, as[*catalog.Product](t, e.Object).Successor)
			}
		}
		if found := verdict(t, s, catalog.Proposal{Only: []catalog.Ref{productRef(id)}})[productRef(id)]; found.Object != nil {
			successors = append(successors, as[*catalog.Product](t, found.Object).Successor)
		}
		return successors
	}
	low := m.As(person("low", "S", "USA"))
	if got, none := shown(low, "alpha/b"), shown(low, "alpha/a"); !slices.Equal(got, none) || len(got) != 3 {
		t.Errorf("a stranger is shown %q, want %q", got, none)
	}
	named := []string{"bravo/hidden", "bravo/hidden", "bravo/hidden"}
	for who, s := range map[string]catalog.Service{"administrator": m.admin, "team": m.As(engineer("alpha")), "cleared": m.As(person("us", "TS", "USA", "SI"))} {
		if got := shown(s, "alpha/b"); !slices.Equal(got, named) {
			t.Errorf("%s is shown %q, want it named", who, got)
		}
	}
	writer := m.As(owner("alpha"))
	told := func(id string) string {
		next := product("alpha/a", "UNCLASSIFIED")
		next.Successor = id
		_, err := writer.Put(ctx, next, catalog.WriteOptions{})
		return strings.ReplaceAll(refusal(t, err, catalog.CodeInvalid).Error(), id, "ID")
	}
	if hidden, absent := told("bravo/hidden"), told("bravo/absent"); hidden != absent {
		t.Errorf("a hidden successor is refused with %q, an absent one with %q", hidden, absent)
	}
	followed.Title = "Changed by the team, which knew the name."
	if _, err := writer.Put(ctx, followed, catalog.WriteOptions{}); err != nil {
		t.Errorf("the team keeps the successor that is named already: %v", err)
	}
}

func whoSees(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"),
		policy("alpha/no-nzl", []string{"USA", "AUS", "CAN", "GBR"}, []string{"NZL"}),
		product("alpha/blank", ""),
		product("alpha/noforn", "SECRET//NOFORN"),
		product("alpha/fvey", "SECRET//REL TO USA, FVEY"),
		product("alpha/open", "UNCLASSIFIED"),
		product("alpha/sci", "TOP SECRET//SI//NOFORN"),
		under("alpha/no-nzl", "alpha/four", "SECRET//REL TO USA, AUS, CAN, GBR"),
		product("bravo/derived", "SECRET//REL TO USA, AUS, CAN, GBR", "alpha/four"),
	)
	all := []string{"alpha/blank", "alpha/four", "alpha/fvey", "alpha/noforn", "alpha/open", "alpha/sci"}
	for who, c := range map[string]struct {
		caller catalog.Caller
		want   []string
	}{
		"administrator":  {administrator(), append(slices.Clone(all), "bravo/derived")},
		"team":           {engineer("alpha"), append(slices.Clone(all), "bravo/derived")},
		"team, no claim": {catalog.Caller{Subject: "alpha.engineer"}, all},
		"american":       {person("us", "S", "USA"), []string{"alpha/four", "alpha/fvey", "alpha/noforn", "alpha/open", "bravo/derived"}},
		"read in":        {person("us", "TS", "USA", "SI"), []string{"alpha/four", "alpha/fvey", "alpha/noforn", "alpha/open", "alpha/sci", "bravo/derived"}},
		"briton":         {person("uk", "S", "GBR"), []string{"alpha/four", "alpha/fvey", "alpha/open", "bravo/derived"}},
		"new zealander":  {person("nz", "S", "NZL"), []string{"alpha/fvey", "alpha/open"}},
		"not cleared":    {person("us", "U", "USA"), []string{"alpha/open"}},
	} {
		service := m.As(c.caller)
		if diff := cmp.Diff(c.want, ids(t, service, catalog.Query{Kind: catalog.KindProduct})); diff != "" {
			t.Errorf("%s lists (-want +got):\n%s", who, diff)
		}
		for _, id := range append(slices.Clone(all), "bravo/derived") {
			_, err := service.Get(context.Background(), productRef(id))
			if want := slices.Contains(c.want, id); (err == nil) != want || !want && !errors.Is(err, catalog.ErrNotFound) {
				t.Errorf("%s gets %s: got %v, want found %v", who, id, err, want)
			}
		}
	}
}

func hiddenInLists(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	for _, id := range []string{"a", "c", "e", "g"} {
		m.put(t, product("alpha/"+id, "TOP SECRET//SI//NOFORN"))
	}
	service := m.As(person("low", "S", "USA"))
	page, err := service.List(context.Background(), catalog.Query{Kind: catalog.KindProduct, Limit: 2})
	if err != nil || len(page.Entries) != 0 || page.Next != "" {
		t.Errorf("got %d entries, next %q, %v; want an empty last page", len(page.Entries), page.Next, err)
	}
	m.fill(t, product("alpha/b", "SECRET//NOFORN"), product("alpha/d", "SECRET//NOFORN"))
	page, err = service.List(context.Background(), catalog.Query{Kind: catalog.KindProduct, Limit: 2})
	if err != nil || len(page.Entries) != 2 || page.Next != "" {
		t.Errorf("got %d entries, next %q, %v; want a full last page", len(page.Entries), page.Next, err)
	}
	m.put(t, product("alpha/f", "SECRET//NOFORN"))
	page, err = service.List(context.Background(), catalog.Query{Kind: catalog.KindProduct, Limit: 2})
	if err != nil || len(page.Entries) != 2 || page.Next == "" {
		t.Errorf("got %d entries, next %q, %v; want a full page and a next one", len(page.Entries), page.Next, err)
	}
	if got := ids(t, service, catalog.Query{Kind: catalog.KindProduct, Text: "alpha"}); len(got) != 3 {
		t.Errorf("got %v, want three", got)
	}
}

// hiddenAsInput compares all that a caller is told of a hidden product with
// what it is told of one that does not exist.
func hiddenAsInput(t *testing.T, m *mesh) {
	ctx := context.Background()
	m.fill(t, domain("alpha"), domain("bravo"), product("alpha/hidden", "TOP SECRET//SI//NOFORN"))
	service := m.As(owner("bravo"))
	told := func(id string) string {
		var b strings.Builder
		say := func(err error) {
			var refusal *catalog.Error
			if !errors.As(err, &refusal) {
				t.Errorf("%s: got %v, want a refusal", id, err)
				return
			}
			b.WriteString(string(refusal.Code) + strings.ReplaceAll(refusal.Error(), id, "ID") + "\n")
		}
		_, err := service.Get(ctx, productRef(id))
		say(err)
		say(service.Delete(ctx, productRef(id), catalog.WriteOptions{}))
		say(service.Delete(ctx, productRef(id), catalog.WriteOptions{IfMatch: "x"}))
		_, err = service.Put(ctx, product(id, "SECRET"), catalog.WriteOptions{IfNoneMatch: true})
		say(err)
		_, err = service.Put(ctx, product("bravo/p", "SECRET", id), catalog.WriteOptions{})
		say(err)
		raw := product("bravo/p", "SECRET", "alpha/nothing")
		raw.Pipeline = &catalog.Pipeline{Source: id}
		_, err = service.Put(ctx, raw, catalog.WriteOptions{})
		say(err)
		finding := verdict(t, service, catalog.Proposal{Deletes: []catalog.Ref{productRef(id)}})[productRef(id)]
		say(&catalog.Error{Problems: finding.Problems})
		finding = verdict(t, service, catalog.Proposal{Only: []catalog.Ref{productRef(id)}})[productRef(id)]
		if finding.Object != nil || len(finding.Problems) > 0 {
			t.Errorf("%s: got finding %+v, want nothing", id, finding)
		}
		return b.String()
	}
	hidden, absent := told("alpha/hidden"), told("alpha/absent")
	if diff := cmp.Diff(absent, hidden); diff != "" {
		t.Errorf("a hidden product differs from none (-none +hidden):\n%s", diff)
	}
}

func hiddenDependants(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"), product("alpha/p", "SECRET//NOFORN"),
		product("bravo/hidden", "TOP SECRET//SI//NOFORN", "alpha/p"), product("bravo/shown", "SECRET//NOFORN", "alpha/p"))
	err := m.As(owner("alpha")).Delete(context.Background(), productRef("alpha/p"), catalog.WriteOptions{})
	wantProblem(t, err, catalog.CodeConflict, "", catalog.RuleInUse)
	if text := err.Error(); strings.Contains(text, "hidden") || !strings.Contains(text, "bravo/shown") || !strings.Contains(strings.ToLower(text), "other objects") {
		t.Errorf("got %q, want bravo/shown named, the other not", text)
	}
	err = m.admin.Delete(context.Background(), productRef("alpha/p"), catalog.WriteOptions{})
	if text := err.Error(); !strings.Contains(text, "bravo/hidden") {
		t.Errorf("got %q, want bravo/hidden named to the administrator", text)
	}
}

// lookingGlass: changes that the caller may not make do not show it what they
// would uncover.
func lookingGlass(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"), product("alpha/hidden", "TOP SECRET//SI//NOFORN"))
	service := m.As(owner("bravo"))
	findings := verdict(t, service, catalog.Proposal{
		Puts: []catalog.Object{product("alpha/hidden", "UNCLASSIFIED"), product("bravo/p", "SECRET", "alpha/hidden")},
		Only: []catalog.Ref{productRef("alpha/hidden"), productRef("bravo/p")},
	})
	finding := findings[productRef("alpha/hidden")]
	wantIn(t, finding.Problems, "", catalog.RuleForbidden)
	wantIn(t, findings[productRef("bravo/p")].Problems, "/inputs/0", catalog.RuleReference)
	if got := as[*catalog.Product](t, findings[productRef("bravo/p")].Object); strings.Contains(got.InheritedMarking, "TOP") {
		t.Errorf("got inherited marking %q of a hidden input", got.InheritedMarking)
	}
}

// raisedAboveOwner: an input that rises does not lock the owner of what is
// derived from it out of his own product, nor show him more than it did.
func raisedAboveOwner(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"), product("alpha/in", "SECRET"), product("bravo/out", "SECRET", "alpha/in"))
	m.put(t, product("alpha/in", "TOP SECRET//SI//NOFORN"))
	service := m.As(owner("bravo"))
	if _, err := service.Get(context.Background(), productRef("alpha/in")); !errors.Is(err, catalog.ErrNotFound) {
		t.Errorf("got %v, want the raised input hidden", err)
	}
	changed := product("bravo/out", "TOP SECRET//SI//NOFORN", "alpha/in")
	if _, err := service.Put(context.Background(), changed, catalog.WriteOptions{}); err != nil {
		t.Errorf("got %v, want the input kept", err)
	}
	_, err := service.Put(context.Background(), product("bravo/other", "TOP SECRET//SI//NOFORN", "alpha/in"), catalog.WriteOptions{})
	wantProblem(t, err, catalog.CodeInvalid, "/inputs/0", catalog.RuleReference)
}

// hiddenAncestors: a policy holds although the caller may not know which
// ancestor carries it.
func hiddenAncestors(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"), policy("alpha/c", []string{"USA", "FVEY"}, []string{"NZL"}),
		under("alpha/c", "alpha/hidden", ""), product("bravo/middle", "", "alpha/hidden"))
	_, err := m.As(owner("bravo")).Put(context.Background(), product("bravo/p", "SECRET//REL TO USA, FVEY", "bravo/middle"), catalog.WriteOptions{})
	wantProblem(t, err, catalog.CodeInvalid, "/marking", catalog.RulePolicyExcluded)
	if strings.Contains(err.Error(), "hidden") {
		t.Errorf("got %q, want no hidden product named", err)
	}
	_, err = m.admin.Put(context.Background(), product("bravo/p", "SECRET//REL TO USA, FVEY", "bravo/middle"), catalog.WriteOptions{})
	if problem := wantProblem(t, err, catalog.CodeInvalid, "/marking", catalog.RulePolicyExcluded); !strings.Contains(problem.Detail, "alpha/hidden") {
		t.Errorf("got %q, want the ancestor named to the administrator", problem.Detail)
	}
}
