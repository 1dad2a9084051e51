package catalogtest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var lineageScenes = []scene{
	{"inherited and effective markings", inherited},
	{"raising an input raises everything downstream", raising},
	{"declared below what is inherited", underMarked},
	{"the marking that a refusal proposes is accepted", proposedMarking},
	{"a product is not made from itself", lineageCycles},
	{"a long chain", longChain},
}

func inherited(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), product("alpha/blank", ""), product("alpha/fvey", "SECRET//REL TO USA, FVEY"),
		product("alpha/four", "CONFIDENTIAL//REL TO USA, AUS, CAN, GBR"))
	for _, c := range []struct {
		id, banner           string
		inputs               []string
		inherited, effective string
	}{
		{"alpha/a", "", nil, "", ""},
		{"alpha/b", "", []string{"alpha/blank"}, "", ""},
		{"alpha/c", "SECRET", []string{"alpha/blank"}, "", "SECRET"},
		{"alpha/d", "", []string{"alpha/fvey"}, "SECRET//REL TO USA, FVEY", "SECRET//REL TO USA, FVEY"},
		{"alpha/e", "", []string{"alpha/fvey", "alpha/four"}, "SECRET//REL TO USA, AUS, CAN, GBR", "SECRET//REL TO USA, AUS, CAN, GBR"},
		{"alpha/f", "", []string{"alpha/e", "alpha/blank"}, "SECRET//REL TO USA, AUS, CAN, GBR", "SECRET//REL TO USA, AUS, CAN, GBR"},
		{"alpha/g", "TOP SECRET//SI//NOFORN", []string{"alpha/f"}, "SECRET//REL TO USA, AUS, CAN, GBR", "TOP SECRET//SI//NOFORN"},
	} {
		got := as[*catalog.Product](t, m.put(t, product(c.id, c.banner, c.inputs...)).Object)
		if got.InheritedMarking != c.inherited || got.EffectiveMarking != c.effective {
			t.Errorf("%s: got inherited %q and effective %q, want %q and %q", c.id, got.InheritedMarking, got.EffectiveMarking, c.inherited, c.effective)
		}
	}
}

// raising goes through a diamond: alpha/in ← left, right ← out; beside is not
// touched.
func raising(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), product("alpha/in", "CONFIDENTIAL//NOFORN"), product("alpha/beside", "CONFIDENTIAL//NOFORN"),
		product("alpha/left", "CONFIDENTIAL//NOFORN", "alpha/in"), product("alpha/right", "CONFIDENTIAL//NOFORN", "alpha/in"),
		product("alpha/out", "CONFIDENTIAL//NOFORN", "alpha/left", "alpha/right", "alpha/beside"))
	before := map[string]catalog.Entry{}
	all := []string{"alpha/in", "alpha/left", "alpha/right", "alpha/out", "alpha/beside"}
	for _, id := range all {
		before[id] = m.entry(t, productRef(id))
	}
	check := func(banner string) {
		t.Helper()
		for _, id := range all {
			want, got := banner, m.entry(t, productRef(id))
			if id == "alpha/beside" {
				want = "CONFIDENTIAL//NOFORN"
			}
			if p := as[*catalog.Product](t, got.Object); p.EffectiveMarking != want {
				t.Errorf("%s: got effective marking %q, want %q", id, p.EffectiveMarking, want)
			}
			if changed := got.Revision != before[id].Revision; changed == (id == "alpha/beside") {
				t.Errorf("%s: got revision changed %v", id, changed)
			}
			before[id] = got
			if id == "alpha/beside" {
				continue
			}
			if p := as[*catalog.Product](t, got.Object); id != "alpha/in" && p.InheritedMarking != want {
				t.Errorf("%s: got inherited marking %q, want %q", id, p.InheritedMarking, want)
			}
		}
	}
	m.put(t, product("alpha/in", "SECRET//SI//NOFORN"))
	check("SECRET//SI//NOFORN")
	m.put(t, product("alpha/in", "CONFIDENTIAL//NOFORN"))
	check("CONFIDENTIAL//NOFORN")
	// A change that carries no marking leaves what is downstream alone.
	titled := product("alpha/in", "CONFIDENTIAL//NOFORN")
	titled.Title = "Another title"
	m.put(t, titled)
	if got := m.entry(t, productRef("alpha/out")); got.Revision != before["alpha/out"].Revision {
		t.Errorf("got another revision downstream of a changed title, want the same")
	}
}

func underMarked(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), product("alpha/secret", "SECRET//NOFORN"), product("alpha/fvey", "SECRET//REL TO USA, FVEY"),
		product("alpha/jpn", "SECRET//REL TO USA, JPN"), product("alpha/si", "TOP SECRET//SI//NOFORN"), product("alpha/deep", "", "alpha/si"))
	for _, c := range []struct {
		banner string
		inputs []string
		names  string
	}{
		{"CONFIDENTIAL//NOFORN", []string{"alpha/secret"}, "alpha/secret"},
		{"SECRET//REL TO USA, FVEY", []string{"alpha/secret", "alpha/fvey"}, "alpha/secret"},
		{"SECRET//REL TO USA, FVEY", []string{"alpha/fvey", "alpha/jpn"}, "NOFORN"},
		{"SECRET", []string{"alpha/fvey"}, "alpha/fvey"},
		{"TOP SECRET//NOFORN", []string{"alpha/deep"}, "SI"},
	} {
		p := m.refused(t, product("alpha/p", c.banner, c.inputs...), "/marking", catalog.RuleUnderMarked)
		if !strings.Contains(p.Detail, c.names) || p.Fix == "" {
			t.Errorf("%s from %v: got %q, fix %q; want %q named and a way out", c.banner, c.inputs, p.Detail, p.Fix, c.names)
		}
	}
	// The input rises: nobody is at fault. Whoever writes the product again is.
	m.fill(t, product("alpha/p", "SECRET//NOFORN", "alpha/secret"), product("alpha/secret", "TOP SECRET//NOFORN"))
	again := product("alpha/p", "SECRET//NOFORN", "alpha/secret")
	again.Title = "Another title"
	m.refused(t, again, "/marking", catalog.RuleUnderMarked)
}

func proposedMarking(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), product("alpha/a", "SECRET//REL TO USA, AUS, GBR"), product("alpha/b", "CONFIDENTIAL//REL TO USA, FVEY"),
		product("alpha/c", "TOP SECRET//TK//RELIDO"), product("alpha/d", "SECRET//FGI DEU//REL TO USA, DEU"), product("alpha/e", "SECRET"))
	inputs := []string{"alpha/a", "alpha/b", "alpha/c", "alpha/d", "alpha/e"}
	for set := 1; set < 1<<len(inputs); set++ {
		var some []string
		for i, id := range inputs {
			if set&(1<<i) != 0 {
				some = append(some, id)
			}
		}
		p := product("alpha/p", "UNCLASSIFIED", some...)
		fix := m.refused(t, p, "/marking", catalog.RuleUnderMarked).Fix
		_, rest, _ := strings.Cut(fix, `"`)
		p.Marking, _, _ = strings.Cut(rest, `"`)
		if got := as[*catalog.Product](t, m.put(t, p).Object); got.EffectiveMarking != p.Marking {
			t.Errorf("%v: got effective marking %q, want the declared %q", some, got.EffectiveMarking, p.Marking)
		}
	}
}

func lineageCycles(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"))
	m.refused(t, product("alpha/a", "SECRET", "alpha/a"), "/inputs/0", catalog.RuleLineageCycle)
	m.fill(t, product("alpha/a", "SECRET"), product("alpha/b", "SECRET", "alpha/a"), product("alpha/c", "SECRET", "alpha/b"), product("alpha/x", "SECRET"))
	m.refused(t, product("alpha/a", "SECRET", "alpha/a"), "/inputs/0", catalog.RuleLineageCycle)
	p := m.refused(t, product("alpha/a", "SECRET", "alpha/x", "alpha/c"), "/inputs/0", catalog.RuleLineageCycle)
	if !strings.Contains(p.Detail, "alpha/c") {
		t.Errorf("got %q, want alpha/c named", p.Detail)
	}
	findings := verdict(t, m.admin, catalog.Proposal{Puts: []catalog.Object{product("alpha/k", "SECRET", "alpha/l"), product("alpha/l", "SECRET", "alpha/m"), product("alpha/m", "SECRET", "alpha/k", "alpha/x"), product("alpha/n", "SECRET", "alpha/k")}})
	for _, id := range []string{"alpha/k", "alpha/l", "alpha/m"} {
		wantIn(t, findings[productRef(id)].Problems, "/inputs/0", catalog.RuleLineageCycle)
	}
	wantNone(t, findings[productRef("alpha/n")].Problems)
}

func longChain(t *testing.T, m *mesh) {
	const length = 60
	m.fill(t, domain("alpha"), product("alpha/p0", "CONFIDENTIAL//NOFORN"))
	for n := 1; n < length; n++ {
		m.put(t, product(fmt.Sprintf("alpha/p%d", n), "", fmt.Sprintf("alpha/p%d", n-1)))
	}
	m.put(t, product("alpha/p0", "SECRET//NOFORN"))
	last := fmt.Sprintf("alpha/p%d", length-1)
	if got := m.product(t, last).EffectiveMarking; got != "SECRET//NOFORN" {
		t.Errorf("got %q at the end of the chain, want %q", got, "SECRET//NOFORN")
	}
	m.refused(t, product("alpha/p0", "SECRET//NOFORN", last), "/inputs/0", catalog.RuleLineageCycle)
}
