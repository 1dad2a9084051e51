package noninterference_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
)

// upstream is where products have their data.
func upstream(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "absent") {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Etag", `"1"`)
		http.ServeContent(w, r, "x.json", time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), strings.NewReader(`{"id":"a"}`))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// served are products whose data the gateway can fetch: one that the callers may
// have and one that some of them see and may not.
func (p *pair) served() (objects []catalog.Object) {
	for _, one := range []*catalog.Product{product("alpha/tracks", "SECRET//REL TO USA, GBR", "alpha"), product("alpha/usa", "SECRET//NOFORN", "alpha")} {
		port := one.OutputPorts["feed"]
		port.URL = p.upstream + "/" + one.Name
		one.OutputPorts["feed"] = port
		objects = append(objects, one)
	}
	return objects
}

// data fetches from every product, and in ways that nothing is fetched.
func (p *pair) data(t *testing.T, who string) {
	t.Helper()
	for _, id := range products {
		for i, below := range []string{"/feed", "/feed/a.json", "/none", "/sql", "/feed/a%2Fb", "/feed?x=1", ""} {
			method := []string{http.MethodGet, http.MethodHead}[(p.calls+i)%2]
			p.fetch(t, call{who: who, method: method, path: "/data/" + id + below})
		}
		p.fetch(t, call{who: who, method: http.MethodPost, path: "/data/" + id + "/feed", body: "{}"})
		p.fetch(t, call{who: who, method: http.MethodGet, path: "/data/" + id + "/feed", header: map[string]string{gateway.PurposeHeader: "none"}})
	}
	for _, header := range []map[string]string{{"Range": "bytes=1-3"}, {"Range": "bytes=90-"}, {"Range": "x"}, {"If-None-Match": `"1"`}} {
		for _, id := range []string{"alpha/tracks", "alpha/ghost", "hidden/p", "hidden-none/p"} {
			p.fetch(t, call{who: who, method: http.MethodGet, path: "/data/" + id + "/feed/a.json", header: header})
		}
	}
	p.fetch(t, call{who: who, method: http.MethodGet, path: "/data/alpha/tracks/feed/absent"})
}

// fetch waits until the end of a delivery is recorded, so that the logs of both
// worlds have their entries in one order.
func (p *pair) fetch(t *testing.T, c call) {
	t.Helper()
	got := p.ask(t, c)
	switch {
	case got.Status == http.StatusNotFound && strings.HasSuffix(c.path, "absent"):
	case got.Status == http.StatusBadRequest, got.Status == http.StatusUnauthorized, got.Status == http.StatusForbidden,
		got.Status == http.StatusNotFound, got.Status == http.StatusMethodNotAllowed, got.Status == http.StatusConflict:
		return // nothing was opened
	}
	query := url.Values{"request_id": {"call-" + strconv.Itoa(p.calls)}, "event": {"query"}}
	for _, w := range []*world{p.plain, p.haunted} {
		for w.delivering(t, p, query) {
			if t.Context().Err() != nil {
				return
			}
		}
	}
}

// delivering reports whether something was opened whose end is not recorded.
func (w *world) delivering(t *testing.T, p *pair, query url.Values) bool {
	t.Helper()
	open := 0
	for _, e := range w.entries(t, p, query) {
		switch {
		case e.Delivery != nil:
			open--
		case e.Decision == audit.Permit:
			open++
		}
	}
	return open > 0
}

// vocabularies reads the vocabularies and tries to change the one in force.
func (p *pair) vocabularies(t *testing.T, who string) {
	t.Helper()
	for _, path := range []string{"vocabulary", "vocabularies", "vocabularies/" + marking.Default().Version(), "vocabularies/hidden", "vocabularies/1", "vocabulary?version=1"} {
		got := p.ask(t, call{who: who, method: http.MethodGet, path: "/api/v1/" + path})
		if tag := got.Header.Get("Etag"); tag != "" {
			p.ask(t, call{who: who, method: http.MethodGet, path: "/api/v1/" + path, header: map[string]string{"If-None-Match": tag}})
		}
	}
	for _, id := range []string{"alpha/tracks", "alpha/ghost", "hidden/p", "hidden-none/p"} {
		for _, version := range []string{marking.Default().Version(), "none"} {
			p.ask(t, call{who: who, method: http.MethodGet, path: pathOf(catalog.KindProduct, id) + "/derivation?vocabulary=" + version})
		}
	}
	next := strings.NewReplacer(`"`+marking.Default().Version()+`"`, `"2"`, `"AUS","CAN","GBR","NZL","USA"`, `"AUS","CAN","NZL","USA"`).Replace(string(marking.Default().Canonical()))
	for _, body := range []string{next, string(marking.Default().Canonical()), "{}"} {
		for _, header := range []map[string]string{nil, {"If-Match": "*"}, {"If-None-Match": "*"}} {
			p.ask(t, call{who: who, method: http.MethodPut, path: "/api/v1/vocabulary?dry_run=true", body: body, header: header})
			p.ask(t, call{who: who, method: http.MethodPut, path: "/api/v1/vocabulary", body: body, header: header})
		}
	}
}
