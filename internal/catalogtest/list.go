package catalogtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var listScenes = []scene{
	{"pages in the order of ids", pages},
	{"pages while others insert", pagesUnderInserts},
	{"search", search},
	{"queries that make no sense", badQueries},
	{"cursors of other queries", foreignCursors},
}

func pages(t *testing.T, m *mesh) {
	m.fill(t, domain("bravo"), domain("alpha"))
	want := []string{}
	for _, n := range []int{4, 2, 5, 1, 3} {
		m.put(t, schema(fmt.Sprintf("alpha/s%d", n)))
		want = append(want, fmt.Sprintf("alpha/s%d", n))
	}
	slices.Sort(want)
	m.put(t, schema("bravo/s1"))
	for limit := range 7 {
		got := ids(t, m.admin, catalog.Query{Kind: catalog.KindSchema, Domain: "alpha", Limit: limit})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
	}
	page, err := m.admin.List(context.Background(), catalog.Query{Kind: catalog.KindSchema, Domain: "alpha", Limit: 5})
	if err != nil || len(page.Entries) != 5 || page.Next != "" {
		t.Errorf("got %d entries, next %q, %v; want 5 on the last page", len(page.Entries), page.Next, err)
	}
	if diff := cmp.Diff(m.entry(t, schemaRef("alpha/s1")), page.Entries[0]); diff != "" {
		t.Errorf("List and Get differ (-get +list):\n%s", diff)
	}
	if got := ids(t, m.admin, catalog.Query{Kind: catalog.KindSchema, Domain: "charlie"}); len(got) != 0 {
		t.Errorf("got %v in an unknown domain, want nothing", got)
	}
}

// pagesUnderInserts: what was there before the first page comes exactly once,
// whatever is inserted meanwhile.
func pagesUnderInserts(t *testing.T, m *mesh) {
	ctx := context.Background()
	m.fill(t, domain("alpha"))
	var before []string
	for n := range 12 {
		before = append(before, m.put(t, schema(fmt.Sprintf("alpha/m%02d", n))).Object.Ref().ID)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := range 12 {
			for _, at := range []string{"a", "m0", "z"} {
				if _, err := m.admin.Put(ctx, schema(fmt.Sprintf("alpha/%s%dx", at, n)), catalog.WriteOptions{}); err != nil {
					t.Errorf("insert: %v", err)
				}
			}
		}
	})
	got := ids(t, m.admin, catalog.Query{Kind: catalog.KindSchema, Limit: 2})
	wg.Wait()
	if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
		t.Errorf("got %v, want each id once and in order", got)
	}
	for _, id := range before {
		if !slices.Contains(got, id) {
			t.Errorf("got %v, want %s among them", got, id)
		}
	}
}

func search(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"))
	tracks, ships := product("alpha/tracks", "SECRET"), product("bravo/ships", "SECRET")
	tracks.Title, tracks.Description = "Air Tracks", "Per minute, 100% of the_area."
	ships.Title, ships.Description, ships.Status = "Ship tracks", "Of the harbour.", catalog.StatusProposed
	m.fill(t, tracks, ships)
	for name, c := range map[string]struct {
		query catalog.Query
		want  []string
	}{
		"nothing asked":            {catalog.Query{}, []string{"alpha/tracks", "bravo/ships"}},
		"in any case":              {catalog.Query{Text: "TRACKS"}, []string{"alpha/tracks", "bravo/ships"}},
		"all words":                {catalog.Query{Text: "tracks harbour"}, []string{"bravo/ships"}},
		"in several fields":        {catalog.Query{Text: "bravo ship OF"}, []string{"bravo/ships"}},
		"part of a word":           {catalog.Query{Text: "harb"}, []string{"bravo/ships"}},
		"no such word":             {catalog.Query{Text: "tracks missing"}, []string{}},
		"percent is no wildcard":   {catalog.Query{Text: "100%"}, []string{"alpha/tracks"}},
		"a percent alone":          {catalog.Query{Text: "%"}, []string{"alpha/tracks"}},
		"underscore no wildcard":   {catalog.Query{Text: "e_a"}, []string{"alpha/tracks"}},
		"quotes are harmless":      {catalog.Query{Text: `' OR 1=1 -- "`}, []string{}},
		"of a domain":              {catalog.Query{Text: "tracks", Domain: "alpha"}, []string{"alpha/tracks"}},
		"of a status":              {catalog.Query{Status: catalog.StatusProposed}, []string{"bravo/ships"}},
		"of a status nobody is in": {catalog.Query{Status: catalog.StatusRetired}, []string{}},
	} {
		c.query.Kind = catalog.KindProduct
		if diff := cmp.Diff(c.want, ids(t, m.admin, c.query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := ids(t, m.admin, catalog.Query{Kind: catalog.KindDomain, Text: "domain ALPHA"}); !slices.Equal(got, []string{"alpha"}) {
		t.Errorf("got %v by display name, want [alpha]", got)
	}
}

func badQueries(t *testing.T, m *mesh) {
	for name, c := range map[string]struct {
		query       catalog.Query
		field, rule string
	}{
		"negative limit":    {catalog.Query{Kind: catalog.KindProduct, Limit: -1}, "/limit", catalog.RuleLimit},
		"limit too high":    {catalog.Query{Kind: catalog.KindProduct, Limit: catalog.MaxLimit + 1}, "/limit", catalog.RuleLimit},
		"unknown status":    {catalog.Query{Kind: catalog.KindProduct, Status: "alive"}, "/status", catalog.RuleUnknownValue},
		"status of schemas": {catalog.Query{Kind: catalog.KindSchema, Status: catalog.StatusActive}, "/status", catalog.RuleUnknownValue},
		"no domain's name":  {catalog.Query{Kind: catalog.KindSchema, Domain: "Alpha"}, "/domain", catalog.RuleFormat},
		"not a cursor":      {catalog.Query{Kind: catalog.KindSchema, Cursor: "%%%"}, "/cursor", catalog.RuleFormat},
	} {
		t.Log(name)
		_, err := m.admin.List(context.Background(), c.query)
		wantProblem(t, err, catalog.CodeInvalid, c.field, c.rule)
	}
}

func foreignCursors(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), schema("alpha/a"), schema("alpha/b"), sla("alpha/a"), sla("alpha/b"))
	page, err := m.admin.List(context.Background(), catalog.Query{Kind: catalog.KindSchema, Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatalf("got next %q, %v; want a cursor", page.Next, err)
	}
	for _, q := range []catalog.Query{
		{Kind: catalog.KindSLA}, {Kind: catalog.KindSchema, Domain: "alpha"}, {Kind: catalog.KindSchema, Text: "a"},
	} {
		q.Cursor = page.Next
		_, err := m.admin.List(context.Background(), q)
		wantProblem(t, err, catalog.CodeInvalid, "/cursor", catalog.RuleFormat)
	}
	got := ids(t, m.admin, catalog.Query{Kind: catalog.KindSchema, Limit: 100, Cursor: page.Next})
	if !slices.Equal(got, []string{"alpha/b"}) {
		t.Errorf("got %v with another page size, want [alpha/b]", got)
	}
}
