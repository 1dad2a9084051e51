package noninterference_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/auditapi"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/authzen"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/extauthz"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/metrics"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/opa"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/registryapi"
)

// departure is the stage in which a partner leaves, and comes back at its end.
const departure = 1

// TestNoninterference lives through the script and what is hidden beside it.
func TestNoninterference(t *testing.T) {
	t.Parallel()
	callers := lowCallers()
	p := newPair(t, callers)
	p.put(t, shown()...)
	p.put(t, p.served()...)
	p.put(t, released()...)
	for i, stage := range stages {
		p.haunted.conceal(func() { stage(t, p.haunted) })
		p.work(t, i)
		if i == departure {
			p.departs(t, true)
			p.enact(t, withoutPartner())
			p.departs(t, false)
		}
		for j, c := range callers {
			p.haunted.conceal(func() { remembers(t, p.haunted) })
			// Each caller asks for another part in each stage, and each part
			// is asked for in every stage.
			if p.asks(t, c.Subject, i+j); t.Failed() {
				return
			}
		}
		p.engines(t, "gateway")
		p.envoys(t, "gateway")
		p.throughServices(t)
		for _, who := range []string{"nobody", "forger"} {
			p.elsewhere(t, who)
			p.vocabularies(t, who)
			p.data(t, who)
			p.log(t, who)
		}
		p.log(t, "auditor")
		if i == departure {
			p.enact(t, string(marking.Default().Canonical()))
			p.departs(t, true)
		}
	}
	t.Logf("%d calls, by status: %v; %d entries read, %d checks let through", p.calls, p.statuses, p.read, p.checked)
	for status, least := range map[int]int{200: 500, 201: 5, 204: 5, 304: 20, 403: 200, 404: 500, 412: 20, 422: 50} {
		if p.statuses[status] < least {
			t.Errorf("got %d answers with status %d, want at least %d: the calls have lost their point", p.statuses[status], status, least)
		}
	}
	if p.read < 100 || p.checked < 10 {
		t.Errorf("got %d entries of the log and %d checks let through: the calls have lost their point", p.read, p.checked)
	}
	if missed := p.uncovered(routes(t)); len(missed) > 0 {
		t.Errorf("nothing calls %q: add a call of it to this test", missed)
	}
}

// asks makes one part of the calls, or two.
func (p *pair) asks(t *testing.T, who string, turn int) {
	t.Helper()
	parts := []func(){
		func() { p.reads(t, who); p.vocabularies(t, who); p.data(t, who) },
		func() { p.attempts(t, who) },
		func() { p.registry(t, who, who == "bravo.steward") },
		func() { p.decisions(t, who); p.elsewhere(t, who); p.engines(t, who); p.envoys(t, who); p.log(t, who) },
	}
	parts[turn%len(parts)]()
	if who == "reader" || who == "bravo.steward" {
		parts[(turn+2)%len(parts)]()
	}
}

// work is what the low callers themselves do to the catalogue meanwhile.
func (p *pair) work(t *testing.T, stage int) {
	t.Helper()
	do := func(who, method, path, body string, header ...string) answer {
		c := call{who: who, method: method, path: path, body: body}
		if len(header) == 2 {
			c.header = map[string]string{header[0]: header[1]}
		}
		return p.ask(t, c)
	}
	for _, object := range []catalog.Object{
		schema(fmt.Sprintf("bravo/s%d", stage), quietOther), sla(fmt.Sprintf("bravo/l%d", stage)), policy(fmt.Sprintf("bravo/c%d", stage)),
		product(fmt.Sprintf("bravo/p%d", stage), "SECRET//REL TO USA, GBR", "bravo", "alpha/tracks"),
	} {
		path, body := pathOf(object.Ref().Kind, object.Ref().ID), encoded(t, object)
		do("bravo.steward", http.MethodPut, path, body, "If-None-Match", "*")
		tag := do("bravo.steward", http.MethodGet, path, "").Header.Get("Etag")
		do("bravo.steward", http.MethodPut, path, body, "If-None-Match", "*")
		do("bravo.steward", http.MethodPut, path, body, "If-Match", tag)
		if stage%2 == 0 {
			do("bravo.steward", http.MethodDelete, path, "", "If-Match", tag)
		}
	}
	p.registering(t, stage)
	changed := domain("bravo", "", "bravo.spare")
	changed.Description = fmt.Sprintf("Changed %d times.", stage+1)
	do("bravo.owner", http.MethodPut, "/api/v1/domains/bravo", encoded(t, changed))
	do("board", http.MethodPut, fmt.Sprintf("/api/v1/reference-schemas/r%d", stage), encoded(t, object(catalog.KindReferenceSchema, fmt.Sprintf("r%d", stage))))
	do("board", http.MethodPut, "/api/v1/reference-schemas/point", encoded(t, &catalog.ReferenceSchema{Name: "point", Type: catalog.SchemaAvro,
		Definition: strings.Replace(pointText, `]`, fmt.Sprintf(`,{"name":"f%d","type":"int"}]`, stage), 1)}))
	fused := product("bravo/fused", "SECRET//REL TO USA, GBR", "bravo", "alpha/open", "alpha/tracks")
	fused.Title = fmt.Sprintf("Fused %d", stage)
	p.put(t, fused)
}

// registering has a steward register, remove and register again the very
// schemas that hidden subjects have. An id that came back would tell.
func (p *pair) registering(t *testing.T, stage int) {
	t.Helper()
	ask := func(method, path, body string) answer {
		return p.ask(t, call{who: "bravo.steward", method: method, path: "/schema-registry/" + path, body: body, basic: true})
	}
	subject := fmt.Sprintf("bravo.q%d", stage)
	for range 3 {
		var done struct {
			ID int `json:"id"`
		}
		got := ask(http.MethodPost, "subjects/"+subject+"/versions", registering(quietOther, ""))
		if err := json.Unmarshal([]byte(got.Body), &done); err != nil || got.Status != http.StatusOK {
			t.Fatalf("register: %d %s", got.Status, got.Body)
		}
		ask(http.MethodGet, fmt.Sprintf("schemas/ids/%d/subjects", done.ID), "")
		ask(http.MethodGet, fmt.Sprintf("schemas/ids/%d", done.ID), "")
		ask(http.MethodPost, "subjects/bravo.twin/versions", registering(quietText, ""))
		for _, path := range []string{"subjects/" + subject, "subjects/" + subject + "?permanent=true", "subjects/bravo.twin", "subjects/bravo.twin?permanent=true"} {
			ask(http.MethodDelete, path, "")
		}
		ask(http.MethodGet, fmt.Sprintf("schemas/ids/%d", done.ID), "")
		p.put(t, schema("bravo/kept", trackText)) // time goes on
	}
	ask(http.MethodPut, "mode/"+subject+"?force=true", `{"mode":"IMPORT"}`)
	p.haunted.mu.Lock()
	hidden := slices.Clone(p.haunted.ids)
	p.haunted.mu.Unlock()
	for i, id := range append(hidden, 77) {
		text := strings.Replace(quietText, "Quiet", fmt.Sprintf("Copy%d", i), 1)
		ask(http.MethodPost, "subjects/"+subject+"/versions", fmt.Sprintf(`{"schema":%q,"id":%d,"version":%d}`, text, id, 5+i))
	}
	ask(http.MethodPut, "mode/"+subject, `{"mode":"READWRITE"}`)
	ask(http.MethodPut, "config/"+subject, `{"compatibility":"FULL"}`)
	ask(http.MethodGet, "config/"+subject, "")
}

// routes are those of every door.
func routes(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../../docs/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var described struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(text, &described); err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(registryapi.Routes(), authzen.Routes(), auditapi.Routes(), opa.Routes(), extauthz.Routes(), gateway.Routes(), metrics.Routes(), []string{"GET /healthz", "GET /readyz"})
	for path, operations := range described.Paths {
		for method := range operations {
			if method != "parameters" {
				all = append(all, strings.ToUpper(method)+" "+path)
			}
		}
	}
	if len(all) < 80 {
		t.Fatalf("got %d routes, want those of every door", len(all))
	}
	return all
}
