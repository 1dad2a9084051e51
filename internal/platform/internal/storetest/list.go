package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var listCases = map[string]func(*testing.T, store.Store){
	"by kind, domain and status": func(t *testing.T, s store.Store) {
		putProducts(t, s, map[string]string{"a/one": "", "a/two": "", "b/one": "", "ab/x": ""})
		active := record(product("a/two"))
		active.Status = "active"
		put(t, s, active, record(sla("a/one")))
		wantList(t, s, store.Query{Limit: 9}, "a/one", "a/two", "ab/x", "b/one")
		wantList(t, s, store.Query{Domain: "a", Limit: 9}, "a/one", "a/two")
		wantList(t, s, store.Query{Status: "active", Limit: 9}, "a/two")
		wantList(t, s, store.Query{Domain: "b", Status: "active", Limit: 9})
		wantList(t, s, store.Query{Kind: catalog.KindSLA, Limit: 9}, "a/one")
		wantList(t, s, store.Query{Kind: catalog.KindSchema, Limit: 9})
	},
	"the order is that of bytes": func(t *testing.T, s store.Store) {
		want := []string{"B/b", "a", "a-b/c", "a/", "a/B", "a/a", "a/a-b", "a/a0", "a/ab", "a0/x", "é/x", "ﬁ/x", "😀/x"}
		if !slices.IsSorted(want) {
			t.Fatal("the expectation is not in the order of bytes")
		}
		texts := map[string]string{}
		for _, id := range want {
			texts[id] = ""
		}
		putProducts(t, s, texts)
		wantList(t, s, store.Query{Limit: 99}, want...)
	},
	"paging meets every object once": func(t *testing.T, s store.Store) {
		texts := map[string]string{}
		for i := range 25 {
			texts[fmt.Sprintf("a/p%d", i)] = ""
		}
		putProducts(t, s, texts)
		for _, limit := range []int{1, 7, 25, 26} {
			if got := pages(t, s, limit); !slices.IsSorted(got) || len(slices.Compact(got)) != 25 {
				t.Errorf("pages of %d: got %v, want the 25 ids in order", limit, got)
			}
		}
	},
	"a page starts after an id that is gone": func(t *testing.T, s store.Store) {
		putProducts(t, s, map[string]string{"a/1": "", "a/3": ""})
		wantList(t, s, store.Query{After: "a/2", Limit: 9}, "a/3")
		wantList(t, s, store.Query{After: "a/3", Limit: 9})
		wantList(t, s, store.Query{Domain: "a", After: "a/1", Limit: 9}, "a/3")
	},
	"words are taken literally and all must occur": func(t *testing.T, s store.Store) {
		putProducts(t, s, map[string]string{
			"a/percent": "50% of it", "a/under": "snake_case", "a/plain": "50 of it, snakeXcase",
			"a/back": `c:\tracks`, "a/unicode": "łódź über 東京 ½", "a/quote": `it's "quoted"`,
		})
		for query, want := range map[string][]string{
			"%": {"a/percent"}, "50%": {"a/percent"}, "_": {"a/under"}, "snake_case": {"a/under"},
			`\`: {"a/back"}, `\t`: {"a/back"}, `%_%`: nil, "%%": nil, "[a-z]": nil, "*": nil,
			"łódź": {"a/unicode"}, "東": {"a/unicode"}, "über ½": {"a/unicode"}, "lodz": nil,
			"'": {"a/quote"}, `"quoted"`: {"a/quote"}, "' OR 1=1 --": nil,
			"50 of": {"a/percent", "a/plain"}, "it 50": {"a/percent", "a/plain"}, "50 case": {"a/plain"},
		} {
			words := store.Query{Words: strings.Fields(query), Limit: 99}
			wantList(t, s, words, slices.Sorted(slices.Values(want))...)
		}
	},
	"a word with a space matches the space": func(t *testing.T, s store.Store) {
		putProducts(t, s, map[string]string{"a/1": "ship tracks", "a/2": "tracks of a ship"})
		wantList(t, s, store.Query{Words: []string{"ship tracks"}, Limit: 9}, "a/1")
	},
	"records of a list are whole": func(t *testing.T, s store.Store) {
		put(t, s, record(domain("a")), record(sla("a/s"), domain("a")), record(domain("z")),
			record(product("a/p"), domain("a"), sla("a/s")), record(product("a/q"), domain("z")), record(product("a/r")))
		view(t, s, func(r store.Reader) error {
			got, err := r.List(t.Context(), store.Query{Kind: catalog.KindProduct, Limit: 9})
			diff(t, "List", got, []store.Record{record(product("a/p")), record(product("a/q")), record(product("a/r"))})
			return err
		})
	},
	"a list without a limit is refused": func(t *testing.T, s store.Store) {
		for _, limit := range []int{0, -1} {
			err := s.View(t.Context(), func(r store.Reader) error {
				_, err := r.List(t.Context(), store.Query{Kind: catalog.KindDomain, Limit: limit})
				return err
			})
			if err == nil {
				t.Errorf("List with limit %d: got no error, want one", limit)
			}
		}
	},
}

// putProducts puts products of these ids with these texts.
func putProducts(t *testing.T, s store.Store, texts map[string]string) {
	t.Helper()
	var all []store.Record
	for id, text := range texts {
		r := record(product(id))
		r.Text = text
		all = append(all, r)
	}
	put(t, s, all...)
}

// wantList lists; products when the query names no kind.
func wantList(t *testing.T, s store.Store, q store.Query, want ...string) {
	t.Helper()
	if q.Kind == "" {
		q.Kind = catalog.KindProduct
	}
	view(t, s, func(r store.Reader) error {
		got, err := r.List(t.Context(), q)
		if err != nil {
			return err
		}
		if !slices.Equal(ids(got), want) {
			t.Errorf("List(%+v): got %q, want %q", q, ids(got), want)
		}
		return nil
	})
}

func pages(t *testing.T, s store.Store, limit int) []string {
	t.Helper()
	var all []string
	for after := ""; ; after = all[len(all)-1] {
		var page []store.Record
		view(t, s, func(r store.Reader) (err error) {
			page, err = r.List(t.Context(), store.Query{Kind: catalog.KindProduct, After: after, Limit: limit})
			return err
		})
		if len(page) > limit || len(all) > 1000 {
			t.Fatalf("a page of %d has %d records, after %d", limit, len(page), len(all))
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, ids(page)...)
	}
}
