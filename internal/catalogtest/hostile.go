package catalogtest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var hostileScenes = []scene{
	{"hostile names", hostileNames},
	{"limits at the door", limits},
	{"hostile texts", hostileTexts},
}

var names = []string{
	"", "A", "a b", "-a", "a-", "a--b", "1a", "..", "a/..", "a/b", "../alpha", "a%2fb", "a\x00", "a\n", "a\u202e", "а", // Cyrillic
	"a\u200b", "a?x=1", "a#b", `a\b`, "a;b", "'or'1'='1", strings.Repeat("a", catalog.MaxName+1), strings.Repeat("a/", 1000), "\xff",
}

func hostileNames(t *testing.T, m *mesh) {
	ctx := context.Background()
	m.fill(t, domain("alpha"))
	for _, name := range names {
		d := domain("alpha")
		d.Name = name
		if _, err := m.admin.Put(ctx, d, catalog.WriteOptions{}); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("put domain %q: got %v, want it invalid", name, err)
		}
		s := schema("alpha/s")
		s.Name = name
		if _, err := m.admin.Put(ctx, s, catalog.WriteOptions{}); !errors.Is(err, catalog.ErrInvalid) {
			t.Errorf("put schema %q: got %v, want it invalid", name, err)
		}
		for _, ref := range []catalog.Ref{domainRef(name), schemaRef("alpha/" + name), schemaRef(name + "/s"), schemaRef(name)} {
			if _, err := m.admin.Get(ctx, ref); !errors.Is(err, catalog.ErrNotFound) && !errors.Is(err, catalog.ErrInvalid) {
				t.Errorf("get %s: got %v, want it not found or invalid", ref, err)
			}
			if err := m.admin.Delete(ctx, ref, catalog.WriteOptions{}); !errors.Is(err, catalog.ErrNotFound) && !errors.Is(err, catalog.ErrInvalid) {
				t.Errorf("delete %s: got %v, want it not found or invalid", ref, err)
			}
		}
	}
	if got := ids(t, m.admin, catalog.Query{Kind: catalog.KindDomain}); len(got) != 1 {
		t.Errorf("got domains %q, want alpha alone", got)
	}
}

func limits(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	d := domain("bravo")
	d.DisplayName = strings.Repeat("x", catalog.MaxLine+1)
	m.refused(t, d, "/display_name", catalog.RuleLimit)
	d.DisplayName = strings.Repeat("é", catalog.MaxLine)
	d.Description = strings.Repeat("x", catalog.MaxText+1)
	m.refused(t, d, "/description", catalog.RuleLimit)
	d.Description = ""
	for i := range catalog.MaxTeam {
		d.Team["m"+strings.Repeat("x", i%100)+string(rune('a'+i%26))+strings.Repeat("y", i/100)] = catalog.Member{Role: catalog.RoleEngineer}
	}
	m.refused(t, d, "/team", catalog.RuleLimit)

	p := product("alpha/p", "SECRET//"+strings.Repeat("X", catalog.MaxMarking))
	m.refused(t, p, "/marking", catalog.RuleLimit)
	p = product("alpha/p", "SECRET")
	for i := range catalog.MaxInputs + 1 {
		p.Inputs = append(p.Inputs, "alpha/i"+strings.Repeat("x", i%50)+string(rune('a'+i/50)))
	}
	m.refused(t, p, "/inputs", catalog.RuleLimit)
	p = product("alpha/p", "SECRET")
	p.DocumentationLinks = []string{"https://docs.example/" + strings.Repeat("x", catalog.MaxURL)}
	m.refused(t, p, "/documentation_links/0", catalog.RuleLimit)
}

func hostileTexts(t *testing.T, m *mesh) {
	for name, text := range map[string]string{
		"bidirectional override": "safe\u202etxt.exe", "isolate": "a\u2066b", "zero width space": "ad\u200bmin", "byte order mark": "\ufeffa",
		"nul": "a\x00b", "escape": "a\x1b[2Jb", "C1 control": "a\u009bb", "line separator": "a\u2028b", "tag": "a\U000e0041b", "word joiner": "a\u2060b",
	} {
		d := domain("alpha")
		d.Description = text
		t.Log(name)
		m.refused(t, d, "/description", catalog.RuleFormat)
		d.Description, d.Contact = "", text
		m.refused(t, d, "/contact", catalog.RuleFormat)
	}
	d := domain("alpha")
	d.Description = "Zeile eins.\n\tZeile zwei: čeština, 日本語, עברית."
	m.put(t, d)
}
