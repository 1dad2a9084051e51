package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var derivationScenes = []scene{
	{"what forces each token of a marking", derived},
	{"a derivation names no hidden input", derivedFromHidden},
	{"a hidden product has no derivation", derivationOfHidden},
}

// explained is a derivation on one line.
func explained(d catalog.Derivation) string {
	var list []string
	for _, o := range d.Tokens {
		from := strings.Join(o.Inputs, ",")
		if o.Declared {
			from = "declared " + from
		}
		if o.OtherInputs {
			from += " and others"
		}
		list = append(list, fmt.Sprintf("%s %s %s", o.Token, o.Rule, strings.TrimSpace(from)))
	}
	return strings.Join(list, "; ")
}

func derived(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"), product("alpha/sci", "TOP SECRET//SI//NOFORN"), product("alpha/oc", "SECRET//ORCON/NOFORN"),
		product("alpha/blank", ""), product("alpha/jpn", "SECRET//REL TO USA, JPN"), product("alpha/relido", "CONFIDENTIAL//RELIDO"),
		product("bravo/fused", "", "alpha/sci", "alpha/oc", "alpha/blank"), product("bravo/stated", "TOP SECRET//SI//NOFORN", "alpha/sci"),
		product("bravo/none", "", "alpha/jpn", "alpha/relido"))
	for id, want := range map[string]string{
		"alpha/jpn":    "S highest declared; REL union declared; USA JPN intersection declared",
		"alpha/blank":  "",
		"bravo/fused":  "TS highest alpha/sci; SI union alpha/sci; OC union alpha/oc; NF union alpha/oc,alpha/sci",
		"bravo/stated": "TS highest declared alpha/sci; SI union declared alpha/sci; NF union declared alpha/sci",
		"bravo/none":   "S highest alpha/jpn; NF combination alpha/jpn,alpha/relido",
	} {
		d, err := m.admin.Derivation(context.Background(), id)
		if diff := cmp.Diff(want, explained(d)); diff != "" || err != nil {
			t.Errorf("%s (-want +got):\n%s%v", id, diff, err)
		}
		got := as[*catalog.Product](t, m.entry(t, productRef(id)).Object)
		if d.Product != id || d.DeclaredMarking != got.Marking || d.InheritedMarking != got.InheritedMarking || d.EffectiveMarking != got.EffectiveMarking || d.VocabularyVersion == "" {
			t.Errorf("%s: got %+v, want the markings of %+v", id, d, got)
		}
	}
}

// derivedFromHidden: the input rose above the owner of what is made from it,
// who still sees that own product.
func derivedFromHidden(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), domain("bravo"), product("alpha/in", "SECRET//NOFORN"), product("alpha/open", "SECRET//NOFORN"),
		product("bravo/out", "SECRET//NOFORN", "alpha/in", "alpha/open"), product("alpha/in", "TOP SECRET//SI//NOFORN"))
	d, err := m.As(person("bravo.owner", "S", "USA")).Derivation(context.Background(), "bravo/out")
	if want := "TS highest and others; SI union and others; NF union declared alpha/open and others"; err != nil || explained(d) != want {
		t.Errorf("got %q, %v; want %q", explained(d), err, want)
	}
}

func derivationOfHidden(t *testing.T, m *mesh) {
	m.fill(t, domain("alpha"), product("alpha/secret", "TOP SECRET//SI//NOFORN"))
	low := m.As(person("uk", "S", "GBR"))
	_, hidden := low.Derivation(context.Background(), "alpha/secret")
	_, absent := low.Derivation(context.Background(), "alpha/absent")
	for _, err := range []error{hidden, absent} {
		if !errors.Is(err, catalog.ErrNotFound) {
			t.Fatalf("got %v, want %v", err, catalog.ErrNotFound)
		}
	}
	if got := strings.ReplaceAll(hidden.Error(), "alpha/secret", "alpha/absent"); got != absent.Error() {
		t.Errorf("hidden: %q, absent: %q", got, absent.Error())
	}
	for _, id := range []string{"", "alpha", "alpha/a/b", "alpha/../b"} {
		if _, err := low.Derivation(context.Background(), id); err == nil {
			t.Errorf("of %q: got a derivation", id)
		}
	}
}
