package noninterference_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// loweredObjects are what was hidden in one world and is not there in the other,
// as it is when it is shown in both.
func loweredObjects(text string) (objects []catalog.Object) {
	restrict, promise := policy("hidden/fvey"), sla("hidden/gold")
	restrict.Description, promise.Description = text, text
	ghost := product("alpha/ghost", "SECRET//REL TO USA, GBR", "alpha", "alpha/tracks")
	bare := &catalog.Product{Domain: "hidden", Name: "bare", Title: "Bare", Version: "1.0.0", Marking: "SECRET//REL TO USA, GBR", Inputs: []string{"alpha/ghost"}}
	ghost.Description, bare.Description = text, text
	return []catalog.Object{domain("hidden", ""), restrict, promise, ghost, bare}
}

// TestMadeLowAgain: what is lowered looks to the others like what is new, in every
// door but the audit log, and there nothing tells what was done to it, or refused,
// while it was hidden.
func TestMadeLowAgain(t *testing.T) {
	t.Parallel()
	p := newPair(t, lowCallers())
	p.put(t, shown()...)
	p.haunted.conceal(func() {
		hidden := loweredObjects("Hidden.")
		hidden[0] = domain("hidden", top)
		if ghost, ok := hidden[3].(*catalog.Product); ok {
			ghost.Marking = top
		}
		if bare, ok := hidden[4].(*catalog.Product); ok {
			bare.Marking = top
		}
		mustPut(t, p.haunted, hidden...)
	})
	ask := func() {
		for _, who := range []string{"reader", "bravo.steward"} {
			p.attempts(t, who)
			p.decisions(t, who)
			p.reads(t, who)
		}
		p.data(t, "reader")
	}
	ask()
	p.calls++
	for _, w := range []*world{p.plain, p.haunted} {
		w.begin(p.calls)
		w.unite(true)
		mustPut(t, w, loweredObjects("Shown.")...)
		w.unite(false)
	}
	since := p.haunted.now()
	if got := p.ask(t, call{who: "reader", method: http.MethodGet, path: "/api/v1/domains/hidden/products/bare"}); got.Status != http.StatusOK {
		t.Fatalf("what was lowered: got %d %s", got.Status, got.Body)
	}
	ask()
	p.pastOf(t, since)
	p.versionsOf(t)
}

// versionsOf: a schema is shown with the versions that it had while it was hidden,
// as docs/visibility.md says.
func (p *pair) versionsOf(t *testing.T) {
	t.Helper()
	w := p.haunted
	mustPut(t, w, domain("deep", top), schema("deep/track", trackText))
	register(t, w, "deep.track", strings.Replace(trackText, `}]`, `},{"name":"more","type":"int","default":0}]`, 1), "")
	versions := call{who: "reader", method: http.MethodGet, path: "/schema-registry/subjects/deep.track/versions"}
	if got := w.send(t, p.client, p.calls, versions); got.Status != http.StatusNotFound {
		t.Fatalf("hidden: got %d %s", got.Status, got.Body)
	}
	mustPut(t, w, domain("deep", ""))
	if got := w.send(t, p.client, p.calls, versions); got.Body != "[1,2]" {
		t.Errorf("lowered: got %d %s", got.Status, got.Body)
	}
}

// pastOf compares what a low auditor reads of what is older than the change that
// lowered, and of what was refused since.
func (p *pair) pastOf(t *testing.T, since time.Time) {
	t.Helper()
	p.calls++
	told := func(w *world) (refused, earlier []audit.Entry) {
		for _, object := range loweredObjects("") {
			query := url.Values{"limit": {"200"}, "object": {string(object.Ref().Kind) + "/" + object.Ref().ID}}
			_, read, entries := w.page(t, p, call{who: "auditor", method: http.MethodGet, path: "/audit/entries?" + query.Encode()})
			if read.Next != "" {
				t.Fatalf("there are more entries on %s", object.Ref())
			}
			for _, e := range entries {
				at, err := time.Parse(time.RFC3339Nano, e.Time)
				switch {
				case err != nil:
					t.Fatal(err)
				case e.Decision == audit.Deny:
					refused = append(refused, e)
				case at.Before(since), e.Before != "" && object.Ref().Kind == catalog.KindProduct: // digests of what was hidden
					earlier = append(earlier, e)
				}
			}
		}
		return refused, earlier
	}
	want, _ := told(p.plain)
	got, earlier := told(p.haunted)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 20 {
		t.Errorf("of %d refusals (-created +lowered):\n%s", len(want), diff)
	}
	if len(earlier) > 0 {
		t.Errorf("a low auditor is let in to %d entries on what was hidden: %+v", len(earlier), earlier[0])
	}
	if !slices.ContainsFunc(got, func(e audit.Entry) bool { return strings.HasPrefix(e.Object, "domains/") }) {
		t.Error("no refusal is about the domain")
	}
}
