package noninterference_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// The names that are asked for: some that everybody may know of, some that are
// hidden in one world and absent from the other, and some beside those that are
// in neither.
var (
	domains  = []string{"alpha", "bravo", "lab", "conf", "hidden", "hidden-sub", "alpha-quiet", "late", "zzz", "hidden-none"}
	products = []string{
		"alpha/tracks", "alpha/usa", "alpha/five", "alpha/eyes", "bravo/mixed", "bravo/fused", "conf/tracks", "alpha/ghost", "alpha/ghost-07", "alpha/ghost-99", "hidden/p", "hidden/q", "hidden/bare", "hidden/none",
		"hidden-sub/p", "lab/veiled", "lab/through", "lab/made", "late/p", "hidden-none/p",
	}
	parts    = []string{"alpha", "bravo", "conf", "hidden", "hidden-sub", "late", "hidden-none"}
	subjects = []string{
		"alpha.track", "bravo.track", "conf.track", "hidden.track", "hidden.quiet", "hidden.uses", "hidden.gone", "hidden.none", "late.track", "lab.uses",
		":.quiet:hidden.track", ":.lab:hidden.track", ":.lab:free", "free", ":.reference:point", ":.reference:none",
	}
)

// object is an object of a name that the platform would take, were it alone.
func object(kind catalog.Kind, id string) catalog.Object {
	ref := catalog.Ref{Kind: kind, ID: id}
	switch kind {
	case catalog.KindDomain:
		return domain(id, "")
	case catalog.KindReferenceSchema:
		return &catalog.ReferenceSchema{Name: id, Type: catalog.SchemaAvro, Definition: pointText}
	case catalog.KindSchema:
		return schema(id, trackText)
	case catalog.KindCaveatPolicy:
		return policy(id)
	case catalog.KindSLA:
		return sla(id)
	case catalog.KindProduct:
		return product(id, "SECRET//REL TO USA, GBR", ref.Domain())
	}
	return nil
}

func encoded(t *testing.T, value any) string {
	t.Helper()
	body, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func pathOf(kind catalog.Kind, id string) string {
	if of, name, ok := strings.Cut(id, "/"); ok {
		return "/api/v1/domains/" + of + "/" + string(kind) + "/" + name
	}
	return "/api/v1/" + string(kind) + "/" + id
}

// idsOf are names of a kind.
func idsOf(kind catalog.Kind) (all []string) {
	name := map[catalog.Kind]string{catalog.KindSchema: "/track", catalog.KindCaveatPolicy: "/fvey", catalog.KindSLA: "/gold"}[kind]
	switch kind {
	case catalog.KindDomain:
		return domains
	case catalog.KindProduct:
		return products
	case catalog.KindReferenceSchema:
		return []string{"point", "none"}
	}
	for _, part := range parts {
		all = append(all, part+name)
	}
	if kind == catalog.KindSchema {
		all = append(all, "lab/uses", "hidden/quiet", "late/quiet")
	}
	return all
}

// reads asks for everything that the catalogue's own API gives out.
func (p *pair) reads(t *testing.T, who string) {
	t.Helper()
	get := func(path string, header ...string) answer {
		c := call{who: who, method: http.MethodGet, path: path}
		if len(header) == 2 {
			c.header = map[string]string{header[0]: header[1]}
		}
		return p.ask(t, c)
	}
	for _, kind := range catalog.Kinds() {
		list := "/api/v1/" + string(kind)
		for _, query := range []string{"", "?q=hidden", "?q=product+ghost", "?q=track", "?domain=hidden", "?domain=alpha", "?domain=hidden-none", "?cursor=x", "?limit=9999", "?status=active", "?status=deprecated", "?q=alpha&limit=2"} {
			get(list + query)
		}
		for _, limit := range []string{"1", "3"} {
			p.pages(t, who, list, limit)
		}
		for _, id := range idsOf(kind) {
			got := get(pathOf(kind, id))
			if tag := got.Header.Get("Etag"); tag != "" {
				get(pathOf(kind, id), "If-None-Match", tag)
				get(pathOf(kind, id), "If-Match", tag)
			}
			get(pathOf(kind, id), "If-None-Match", "*")
			get(pathOf(kind, id), "If-Match", `"r00000000"`)
			p.ask(t, call{who: who, method: http.MethodHead, path: pathOf(kind, id)})
			p.ask(t, call{who: who, method: []string{http.MethodOptions, http.MethodPatch, http.MethodTrace}[p.calls%3], path: pathOf(kind, id)})
			switch kind {
			case catalog.KindSchema:
				get(pathOf(kind, id) + "/versions")
				get(pathOf(kind, id) + "/report")
			case catalog.KindProduct:
				get(pathOf(kind, id) + "/derivation")
			}
		}
	}
	for _, domain := range domains {
		for _, kind := range catalog.Kinds() {
			if kind.Owned() {
				p.pages(t, who, "/api/v1/domains/"+domain+"/"+string(kind), "2")
			}
		}
	}
}

// pages follows a list from page to page.
func (p *pair) pages(t *testing.T, who, list, limit string) {
	t.Helper()
	for next := ""; ; {
		got := p.ask(t, call{who: who, method: http.MethodGet, path: list + "?limit=" + limit + "&cursor=" + url.QueryEscape(next)})
		var page struct {
			Next string `json:"next_cursor"`
		}
		if got.Status != http.StatusOK || json.Unmarshal([]byte(got.Body), &page) != nil || page.Next == "" {
			return
		}
		next = page.Next
	}
}

// attempts tries to write what the caller may not, or may in words only.
func (p *pair) attempts(t *testing.T, who string) {
	t.Helper()
	for _, kind := range catalog.Kinds() {
		for i, id := range idsOf(kind) {
			body := encoded(t, object(kind, id))
			headers := []map[string]string{{"If-None-Match": "*"}, {"If-Match": "*"}, {"If-Match": `"r00000000", "r00000001"`}}
			p.ask(t, call{who: who, method: http.MethodPut, path: pathOf(kind, id) + "?dry_run=true", body: body})
			p.ask(t, call{who: who, method: http.MethodPut, path: pathOf(kind, id) + "?dry_run=true", header: headers[(p.calls+i)%len(headers)], body: body})
			p.ask(t, call{who: who, method: http.MethodDelete, path: pathOf(kind, id) + "?dry_run=true"})
			p.ask(t, call{who: who, method: http.MethodPost, path: pathOf(kind, id), body: body})
			if !strings.HasPrefix(id, "bravo") && kind != catalog.KindReferenceSchema { // these may write there
				p.ask(t, call{who: who, method: http.MethodPut, path: pathOf(kind, id), body: body})
				p.ask(t, call{who: who, method: http.MethodDelete, path: pathOf(kind, id)})
			}
		}
	}
	p.naming(t, who)
	p.proposals(t, who)
}

// naming has the steward of bravo name what is hidden in what is his own.
func (p *pair) naming(t *testing.T, who string) {
	t.Helper()
	try := func(object catalog.Object) {
		ref := object.Ref()
		p.ask(t, call{who: who, method: http.MethodPut, path: pathOf(ref.Kind, ref.ID) + "?dry_run=true", body: encoded(t, object)})
		p.ask(t, call{who: who, method: http.MethodPut, path: pathOf(ref.Kind, ref.ID) + "-try", body: strings.Replace(encoded(t, object), `"name":"`+ref.Name()+`"`, `"name":"`+ref.Name()+`-try"`, 1), header: map[string]string{"If-Match": `"none"`}})
		p.propose(t, who, []catalog.Object{object}, nil, nil)
	}
	for _, input := range products {
		try(product("bravo/made", "SECRET//REL TO USA, GBR", "bravo", input))
		raw := product("bravo/made", "SECRET//REL TO USA, GBR", "bravo")
		raw.Pipeline = &catalog.Pipeline{Source: input}
		try(raw)
	}
	for _, part := range parts {
		try(product("bravo/made", "SECRET//REL TO USA, NZL", part))
		for _, version := range []int{1, 2, 7} {
			s := schema("bravo/made", usesTrack)
			s.Dependencies = map[string]catalog.SchemaDependency{"Track": {Schema: part + "/track", Version: version}}
			try(s)
		}
	}
	below := domain("bravo", "")
	for _, parent := range domains {
		below.Parent = parent
		try(below)
	}
}

// proposals judges many things at once.
func (p *pair) proposals(t *testing.T, who string) {
	t.Helper()
	var puts []catalog.Object
	var deletes, only []catalog.Ref
	for _, kind := range catalog.Kinds() {
		for i, id := range idsOf(kind) {
			only = append(only, catalog.Ref{Kind: kind, ID: id})
			switch i % 3 {
			case 0:
				puts = append(puts, object(kind, id))
			case 1:
				deletes = append(deletes, catalog.Ref{Kind: kind, ID: id})
			}
		}
	}
	p.propose(t, who, puts, deletes, nil)
	p.propose(t, who, puts, nil, only)
	p.propose(t, who, nil, deletes, only)
	p.propose(t, who, nil, nil, only)
}

func (p *pair) propose(t *testing.T, who string, puts []catalog.Object, deletes, only []catalog.Ref) {
	t.Helper()
	type named struct {
		Kind catalog.Kind `json:"kind"`
		ID   string       `json:"id"`
	}
	type put struct {
		Kind   catalog.Kind   `json:"kind"`
		Object catalog.Object `json:"object"`
	}
	var body struct {
		Puts    []put   `json:"puts,omitempty"`
		Deletes []named `json:"deletes,omitempty"`
		Only    []named `json:"only,omitempty"`
	}
	for _, object := range puts {
		body.Puts = append(body.Puts, put{object.Ref().Kind, object})
	}
	for _, ref := range deletes {
		body.Deletes = append(body.Deletes, named(ref))
	}
	for _, ref := range only {
		body.Only = append(body.Only, named(ref))
	}
	p.ask(t, call{who: who, method: http.MethodPost, path: "/api/v1/validate", body: encoded(t, body)})
}

// registry asks for everything that the schema registry gives out.
func (p *pair) registry(t *testing.T, who string, basic bool) {
	t.Helper()
	ask := func(method, path, body string) answer {
		return p.ask(t, call{who: who, method: method, path: "/schema-registry/" + path, body: body, basic: basic})
	}
	for _, path := range []string{
		"", "contexts", "subjects", "subjects?deleted=true", "subjects?deletedOnly=true", "subjects?subjectPrefix=hidden", "subjects?subjectPrefix=:*:", "subjects?subjectPrefix=:.quiet:",
		"subjects?limit=2", "subjects?offset=2&limit=2", "schemas", "schemas?deleted=true", "schemas?latestOnly=true", "schemas?limit=2&offset=1", "schemas?subjectPrefix=:*:", "schemas/types",
		"schemas?latestOnly=true&offset=1&limit=3", "config", "mode", "v1/metadata/id", "v1/metadata/version", "contexts/.quiet/subjects", "contexts/.lab/schemas", "exporters",
	} {
		ask(http.MethodGet, path, "")
	}
	for _, subject := range subjects {
		name := url.PathEscape(subject)
		for _, path := range []string{
			"subjects/" + name + "/versions", "subjects/" + name + "/versions?deleted=true", "subjects/" + name + "/versions?deletedOnly=true",
			"subjects/" + name + "/versions?deletedAsNegative=true", "config/" + name, "config/" + name + "?defaultToGlobal=true", "mode/" + name, "mode/" + name + "?defaultToGlobal=true",
		} {
			ask(http.MethodGet, path, "")
		}
		texts := []string{trackText, quietText, `{"type":"record","name":"Track","fields":[{"name":"id","type":"int"}]}`}
		for i, version := range []string{"1", "2", "latest", "9"} {
			at := "subjects/" + name + "/versions/" + version
			ask(http.MethodGet, at, "")
			ask(http.MethodGet, at+"?deleted=true", "")
			ask(http.MethodGet, at+"/schema", "")
			ask(http.MethodGet, at+"/referencedby", "")
			ask([]string{http.MethodHead, http.MethodOptions, http.MethodPatch}[p.calls%3], at, "")
			ask(http.MethodPost, "compatibility/"+at+"?verbose=true", registering(texts[(p.calls+i)%len(texts)], ""))
		}
		for _, text := range []string{trackText, quietText, quietOther, pointText} {
			ask(http.MethodPost, "subjects/"+name, registering(text, ""))
			ask(http.MethodPost, "subjects/"+name+"?deleted=true&normalize=true", registering(text, ""))
			ask(http.MethodPost, "compatibility/subjects/"+name+"/versions?verbose=true", registering(text, ""))
		}
		for _, version := range []string{"1", "2", "-1"} {
			uses := registering(usesTrack, fmt.Sprintf(`{"name":"Track","subject":%q,"version":%s}`, subject, version))
			ask(http.MethodPost, "compatibility/subjects/bravo.made/versions?verbose=true", uses)
			ask(http.MethodPost, "subjects/bravo.made", uses)
		}
		if strings.HasPrefix(subject, "bravo") {
			continue // who may write it does so elsewhere
		}
		ask(http.MethodPost, "subjects/"+name+"/versions", registering(trackText, ""))
		ask(http.MethodDelete, "subjects/"+name, "")
		ask(http.MethodDelete, "subjects/"+name+"?permanent=true", "")
		ask(http.MethodDelete, "subjects/"+name+"/versions/1", "")
		ask(http.MethodPut, "config/"+name, `{"compatibility":"NONE"}`)
		ask(http.MethodPut, "mode/"+name+"?force=true", `{"mode":"IMPORT"}`)
		ask(http.MethodDelete, "config/"+name, "")
		ask(http.MethodDelete, "mode/"+name, "")
	}
	ask(http.MethodPut, "config", `{"compatibility":"NONE"}`)
	ask(http.MethodPut, "mode", `{"mode":"READONLY"}`)
	ask(http.MethodDelete, "config", "")
	ask(http.MethodDelete, "mode", "")
	ask(http.MethodDelete, "contexts/.quiet", "")
	p.identities(t, who, basic)
}

// identities asks for schemas by their own names: ids of what is hidden, of what
// is shown and of nothing, and GUIDs, which follow from a text that anybody may
// guess.
func (p *pair) identities(t *testing.T, who string, basic bool) {
	t.Helper()
	ids := []int{1, 424242}
	p.haunted.mu.Lock()
	ids = append(ids, p.haunted.ids...)
	p.haunted.mu.Unlock()
	slices.Sort(ids)
	ask := func(path string) answer {
		return p.ask(t, call{who: who, method: http.MethodGet, path: "/schema-registry/schemas/" + path, basic: basic})
	}
	guids := []string{"00000000-0000-8000-8000-000000000000", guidOf(t, p.haunted, trackText), guidOf(t, p.haunted, quietText)}
	var listed []struct {
		ID   int    `json:"id"`
		GUID string `json:"guid"`
	}
	if got := ask("?subjectPrefix=:*:"); got.Status == http.StatusOK {
		if err := json.Unmarshal([]byte(got.Body), &listed); err != nil {
			t.Fatal(err)
		}
	}
	for _, one := range listed {
		ids, guids = append(ids, one.ID), append(guids, one.GUID)
	}
	slices.Sort(guids)
	for _, id := range slices.Compact(ids) {
		for _, path := range []string{"", "/schema", "/subjects?deleted=true", "/versions?deleted=true", []string{"?subject=:.lab:", "?subject=hidden.track", "?fetchMaxId=true", "/subjects", "/versions"}[p.calls%5]} {
			ask(fmt.Sprintf("ids/%d%s", id, path))
		}
	}
	for _, guid := range slices.Compact(guids) {
		ask("guids/" + guid)
		ask("guids/" + guid + "/ids")
	}
}

// guidOf has the administrator look a text up, which is registered in one of
// the subjects that are hidden, or in one that everybody knows.
func guidOf(t *testing.T, w *world, text string) string {
	t.Helper()
	for _, subject := range []string{"alpha.track", "hidden.quiet", "aaa.quiet"} {
		var found struct {
			GUID string `json:"guid"`
		}
		got := w.send(t, http.DefaultClient, 0, call{who: administrator, method: http.MethodPost, path: "/schema-registry/subjects/" + subject, body: registering(text, "")})
		if got.Status == http.StatusOK && json.Unmarshal([]byte(got.Body), &found) == nil {
			return found.GUID
		}
	}
	return "00000000-0000-8000-8000-000000000001"
}

// elsewhere asks for the rest, and in ways that are none.
func (p *pair) elsewhere(t *testing.T, who string) {
	t.Helper()
	for _, path := range []string{
		"/healthz", "/readyz", "/metrics", "/", "/favicon.ico", "/api/v1/", "/api/v1/openapi.json", "/api/v2/domains", "/api/v1/domains/hidden/", "/api/v1/domains/hidden/unknown/x",
		"/api/v1/domains/hidden%2Fp", "/api/v1/domains/Hidden", "/.well-known/authzen-configuration", "/data/hidden/p/feed/", "/data/hidden-none/p/feed/", "/data/alpha/ghost/feed/",
		"/audit/", "/audit/tile/entries/000.p/1", "/audit/tile/entries/000", "/audit/tile/9/000", "/schema-registry", "/schema-registry/nothing",
	} {
		for _, method := range []string{http.MethodGet, []string{http.MethodHead, http.MethodOptions, http.MethodPost, http.MethodTrace}[p.calls%4]} {
			p.ask(t, call{who: who, method: method, path: path})
		}
	}
	p.ask(t, call{who: who, method: http.MethodGet, path: "/audit/checkpoint", statusOnly: "the log of each platform has its own key, and what is hidden makes entries: docs/visibility.md"})
	p.ask(t, call{who: who, method: http.MethodGet, path: "/audit/key", statusOnly: "the log of each platform has its own key"})
	p.ask(t, call{who: who, method: http.MethodGet, path: "/audit/tile/0/000.p/1", statusOnly: "every entry has a salt"})
	for _, path := range []string{"/api/v1/domains/hidden/products/p", "/api/v1/domains/hidden-none/products/p", "/schema-registry/subjects/hidden.track", "/access/v1/evaluation"} {
		p.ask(t, call{who: who, method: http.MethodPut, path: path, body: "x", header: map[string]string{"Content-Type": "text/csv"}})
		p.ask(t, call{who: who, method: http.MethodPost, path: path, body: `{"a":`, header: map[string]string{"Accept": "text/html"}})
		p.ask(t, call{who: who, method: http.MethodPut, path: path, body: strings.Repeat(" ", 2<<20+1), header: map[string]string{"Expect": "100-continue"}})
	}
}
