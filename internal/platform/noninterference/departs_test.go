package noninterference_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// released are products that a partner has because of a tetragraph: one that is
// marked with it, and one whose effective marking changes with its members.
func released() []catalog.Object {
	return []catalog.Object{
		five("alpha/five", "SECRET//REL TO USA, FVEY"),
		&catalog.Product{Domain: "bravo", Name: "mixed", Title: "Mixed", Version: "1.0.0", Inputs: []string{"alpha/five", "alpha/tracks"}},
	}
}

// five is a product for all of FVEY, which the policies of this script are not.
func five(id, banner string) *catalog.Product {
	p := product(id, banner, "alpha")
	p.CaveatPolicy = ""
	return p
}

// releasedUnseen are such products that are hidden, some before those that are
// shown in the order in which an update goes through them, some after.
func releasedUnseen() (objects []catalog.Object) {
	for _, id := range []string{"aaa/five", "alpha/eyes", "hidden/five"} {
		banner := "SECRET//REL TO USA, FVEY"
		if id == "alpha/eyes" {
			banner = "TOP SECRET//SI//REL TO USA, FVEY"
		}
		mixed := &catalog.Product{Title: "Mixed", Version: "1.0.0", Inputs: []string{id, "alpha/five", "alpha/tracks"}}
		mixed.Domain, mixed.Name, _ = strings.Cut(id, "/")
		mixed.Name += "-mixed"
		objects = append(objects, five(id, banner), mixed)
	}
	return objects
}

// withoutPartner is the vocabulary in which GBR has left FVEY.
func withoutPartner() string {
	return strings.NewReplacer(`"`+marking.Default().Version()+`"`, `"without-partner"`, `"AUS","CAN","GBR","NZL","USA"`, `"AUS","CAN","NZL","USA"`).Replace(string(marking.Default().Canonical()))
}

// enact has the administrators of both worlds put a vocabulary in force. What is
// hidden is judged again with the rest, so that all revisions of the call are one.
func (p *pair) enact(t *testing.T, text string) {
	t.Helper()
	p.calls++
	for _, w := range []*world{p.plain, p.haunted} {
		tag := w.send(t, p.client, p.calls, call{who: administrator, method: http.MethodGet, path: "/api/v1/vocabulary"}).Header.Get("Etag")
		w.unite(true)
		got := w.send(t, p.client, p.calls, call{who: administrator, method: http.MethodPut, path: "/api/v1/vocabulary", body: text, header: map[string]string{"If-Match": tag}})
		w.unite(false)
		if got.Status != http.StatusOK || !strings.Contains(got.Body, "alpha/five") {
			t.Fatalf("the update: got %d %s", got.Status, got.Body)
		}
		if knows := strings.Contains(got.Body, "hidden/five"); knows != (w == p.haunted) {
			t.Fatalf("the update judges what is hidden: %v", knows)
		}
	}
}

// departs is what somebody who watches a partner leave, or come back, asks.
func (p *pair) departs(t *testing.T, has bool) {
	t.Helper()
	status := map[bool]int{true: http.StatusOK, false: http.StatusNotFound}[has]
	for _, id := range []string{"alpha/five", "bravo/mixed"} {
		if got := p.ask(t, call{who: "partner", method: http.MethodGet, path: pathOf(catalog.KindProduct, id)}); got.Status != status {
			t.Errorf("%s: the partner got %d, want %d", id, got.Status, status)
		}
	}
	for _, who := range []string{"partner", "reader", "bravo.steward"} {
		for _, kind := range []catalog.Kind{catalog.KindProduct, catalog.KindCaveatPolicy} {
			p.pages(t, who, "/api/v1/"+string(kind), "3")
			for _, id := range idsOf(kind) {
				p.ask(t, call{who: who, method: http.MethodGet, path: pathOf(kind, id)})
			}
		}
		for _, id := range products {
			for _, version := range []string{"", "?vocabulary=without-partner", "?vocabulary=" + marking.Default().Version()} {
				p.ask(t, call{who: who, method: http.MethodGet, path: pathOf(catalog.KindProduct, id) + "/derivation" + version})
			}
		}
		p.vocabularies(t, who)
	}
	for _, query := range []string{"event=catalogue&limit=200", "event=policy", "object=products/alpha/five", "object=products/alpha/eyes", "object=products/aaa/five", fmt.Sprintf("request_id=call-%d", p.calls)} {
		p.turns(t, "auditor", query)
	}
}
