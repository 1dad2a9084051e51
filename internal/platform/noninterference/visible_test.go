package noninterference_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestWhatRemainsVisible holds the rows of docs/visibility.md that are about
// answers to their bound: one bit, whatever is hidden and however much.
func TestWhatRemainsVisible(t *testing.T) {
	t.Parallel()
	p := newPair(t, lowCallers())
	p.put(t, shown()...)
	few, many := p.plain, p.haunted
	few.conceal(func() {
		mustPut(t, few, domain("hidden", top), product("hidden/one", top, "bravo"))
	})
	many.conceal(func() {
		mustPut(t, many, domain("aaa", top), domain("zzz", top))
		for i := range 120 {
			mustPut(t, many, product(fmt.Sprintf("%s/p-%d", []string{"aaa", "zzz", "alpha"}[i%3], i), top, "bravo", "bravo/fused"))
		}
		register(t, many, "aaa.uses", usesTrack, `{"name":"Track","subject":"bravo.track","version":1}`)
		register(t, many, "zzz.uses", usesTrack, `{"name":"Track","subject":"bravo.track","version":1}`)
	})
	few.conceal(func() {
		mustPut(t, few, product("hidden/two", top, "bravo", "bravo/fused"))
		register(t, few, "hidden.uses", usesTrack, `{"name":"Track","subject":"bravo.track","version":1}`)
	})
	for _, c := range []call{
		{method: http.MethodDelete, path: "/api/v1/domains/bravo/schemas/track"},
		{method: http.MethodDelete, path: "/api/v1/domains/bravo/slas/gold"},
		{method: http.MethodDelete, path: "/api/v1/domains/bravo/caveat-policies/fvey"},
		{method: http.MethodDelete, path: "/api/v1/domains/bravo/products/fused"},
		{method: http.MethodDelete, path: "/api/v1/domains/bravo/products/fused?dry_run=true"},
		{method: http.MethodDelete, path: "/schema-registry/subjects/bravo.track"},
		{method: http.MethodDelete, path: "/schema-registry/subjects/bravo.track/versions/1"},
		{method: http.MethodPost, path: "/api/v1/validate", body: `{"deletes":[{"kind":"products","id":"bravo/fused"}]}`},
		{method: http.MethodPost, path: "/schema-registry/subjects/bravo.track/versions", body: registering(`{"type":"record","name":"Track","fields":[{"name":"id","type":"int"}]}`, "")},
	} {
		c.who = "bravo.steward"
		if got := p.ask(t, c); got.Status < 300 && c.method == http.MethodDelete {
			t.Errorf("%v: got %d, want a refusal", c, got.Status)
		}
	}
}

// TestRaisedInOneTransaction: an owner raises the marking of his domain, and
// with the answer everything in it is gone for the others, in every door.
func TestRaisedInOneTransaction(t *testing.T) {
	t.Parallel()
	p := newPair(t, append(lowCallers(), person("bravo.cleared", "TS", "USA")))
	p.put(t, shown()...)
	w := p.haunted
	d := domain("bravo", "", "bravo.cleared")
	mustPut(t, w, d)
	asked := []call{
		{who: "reader", method: http.MethodGet, path: "/api/v1/domains/bravo"},
		{who: "reader", method: http.MethodGet, path: "/api/v1/domains/bravo/products/fused"},
		{who: "reader", method: http.MethodGet, path: "/api/v1/domains/bravo/schemas/track/versions"},
		{who: "reader", method: http.MethodGet, path: "/schema-registry/subjects/bravo.track/versions/1"},
		{who: "bravo.steward", method: http.MethodGet, path: "/api/v1/domains/bravo/products/fused"},
	}
	statuses := func() (all []int) {
		for _, c := range asked {
			all = append(all, w.send(t, p.client, 1, c).Status)
		}
		return all
	}
	if diff := cmp.Diff([]int{200, 200, 200, 200, 200}, statuses()); diff != "" {
		t.Fatalf("before (-want +got):\n%s", diff)
	}
	d.Marking = "TOP SECRET//NOFORN"
	got := w.send(t, p.client, 2, call{who: "bravo.cleared", method: http.MethodPut, path: "/api/v1/domains/bravo", body: encoded(t, d)})
	if got.Status != http.StatusOK {
		t.Fatalf("the raise: got %d %s", got.Status, got.Body)
	}
	if diff := cmp.Diff([]int{404, 404, 404, 404, 404}, statuses()); diff != "" {
		t.Errorf("after (-want +got):\n%s", diff)
	}
	if _, err := w.Service(person("bravo.cleared", "TS", "USA")).Get(context.Background(), catalog.Ref{Kind: catalog.KindProduct, ID: "bravo/fused"}); err != nil {
		t.Errorf("an owner who is let in: %v", err)
	}
}
