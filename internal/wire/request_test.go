package wire

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

var endpoint = &url.URL{Scheme: "https", Host: "mesh.example"}

func ref(kind catalog.Kind, id string) catalog.Ref { return catalog.Ref{Kind: kind, ID: id} }

// TestBuiltRequests states the exact requests that a client sends.
func TestBuiltRequests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		request Request
		want    string // method, path and query, conditions
	}{
		{Request{Op: OpGet, Ref: ref(catalog.KindDomain, "sigint")}, "GET /api/v1/domains/sigint"},
		{Request{Op: OpGet, Ref: ref(catalog.KindCaveatPolicy, "sigint/five-eyes")}, "GET /api/v1/domains/sigint/caveat-policies/five-eyes"},
		{Request{Op: OpVersions, Ref: ref(catalog.KindSchema, "sigint/track")}, "GET /api/v1/domains/sigint/schemas/track/versions"},
		{Request{Op: OpReport, Ref: ref(catalog.KindSchema, "sigint/track")}, "GET /api/v1/domains/sigint/schemas/track/report"},
		{Request{Op: OpDerivation, Ref: ref(catalog.KindProduct, "sigint/tracks")}, "GET /api/v1/domains/sigint/products/tracks/derivation"},
		{Request{Op: OpGet, Ref: ref(catalog.KindReferenceSchema, "track")}, "GET /api/v1/reference-schemas/track"},
		{Request{Op: OpPut, Ref: ref(catalog.KindReferenceSchema, "track"), Write: catalog.WriteOptions{IfNoneMatch: true}},
			"PUT /api/v1/reference-schemas/track If-None-Match=*"},
		{Request{Op: OpDelete, Ref: ref(catalog.KindReferenceSchema, "track"), Write: catalog.WriteOptions{IfMatch: "r1"}},
			`DELETE /api/v1/reference-schemas/track If-Match="r1"`},
		{Request{Op: OpList, Query: catalog.Query{Kind: catalog.KindReferenceSchema, Text: "x"}}, "GET /api/v1/reference-schemas?q=x"},
		{Request{Op: OpPut, Ref: ref(catalog.KindSLA, "a/b"), Write: catalog.WriteOptions{IfMatch: "r1", DryRun: true}},
			`PUT /api/v1/domains/a/slas/b?dry_run=true If-Match="r1"`},
		{Request{Op: OpPut, Ref: ref(catalog.KindDomain, "a"), Write: catalog.WriteOptions{IfMatch: "*", IfNoneMatch: true}},
			`PUT /api/v1/domains/a If-Match=* If-None-Match=*`},
		{Request{Op: OpDelete, Ref: ref(catalog.KindProduct, "a/b"), Write: catalog.WriteOptions{IfMatch: "r1"}},
			`DELETE /api/v1/domains/a/products/b If-Match="r1"`},
		{Request{Op: OpList, Query: catalog.Query{Kind: catalog.KindProduct}}, "GET /api/v1/products"},
		{Request{Op: OpList, Query: catalog.Query{Kind: catalog.KindProduct, Domain: "a", Text: "x y&z", Status: "active", Limit: 5, Cursor: "c+/="}},
			"GET /api/v1/products?cursor=c%2B%2F%3D&domain=a&limit=5&q=x+y%26z&status=active"},
		{Request{Op: OpValidate}, "POST /api/v1/validate"},
		{Request{Op: OpOpenAPI}, "GET /api/v1/openapi.json"},
		{Request{Op: OpVocabulary}, "GET /api/v1/vocabulary"},
		{Request{Op: OpPutVocabulary, Write: catalog.WriteOptions{IfMatch: "r1", DryRun: true}}, `PUT /api/v1/vocabulary?dry_run=true If-Match="r1"`},
		{Request{Op: OpVocabularies}, "GET /api/v1/vocabularies"},
		{Request{Op: OpOldVocabulary, Version: "2026-01.1"}, "GET /api/v1/vocabularies/2026-01.1"},
		{Request{Op: OpDerivation, Ref: ref(catalog.KindProduct, "sigint/tracks"), Version: "2026-01.1"},
			"GET /api/v1/domains/sigint/products/tracks/derivation?vocabulary=2026-01.1"},
	} {
		r, err := c.request.New(t.Context(), endpoint, nil)
		if err != nil {
			t.Errorf("%+v: %v", c.request, err)
			continue
		}
		got := r.Method + " " + r.URL.RequestURI()
		for _, name := range []string{"If-Match", "If-None-Match"} {
			if value := r.Header.Get(name); value != "" {
				got += " " + name + "=" + value
			}
		}
		if got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestEndpointPathComesFirst(t *testing.T) {
	t.Parallel()
	under := &url.URL{Scheme: "https", Host: "proxy.example", Path: "/mesh"}
	r, err := Request{Op: OpGet, Ref: ref(catalog.KindDomain, "a")}.New(t.Context(), under, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.URL.String(), "https://proxy.example/mesh/api/v1/domains/a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestEveryRouteIsParsedBack builds a path for each row of the table by hand
// and asks the parser for the row's operation.
func TestEveryRouteIsParsedBack(t *testing.T) {
	t.Parallel()
	for _, route := range Routes() {
		path := strings.NewReplacer("{domain}", "dom-1", "{name}", "nam-2", "{version}", "v.3").Replace(Prefix + route.Pattern)
		got, err := Parse(httptest.NewRequest(route.Method, path, nil))
		if err != nil {
			t.Errorf("%s %s: %v", route.Method, path, err)
			continue
		}
		if version := strings.Contains(route.Pattern, "{version}"); version != (got.Version == "v.3") {
			t.Errorf("%s: got the version %q", path, got.Version)
		}
		if got.Op != route.Op || got.kind() != route.Kind {
			t.Errorf("%s %s: got %s of %q, want %s of %q", route.Method, path, got.Op, got.kind(), route.Op, route.Kind)
		}
		var want []string
		for place, name := range map[string]string{"{domain}": "dom-1", "{name}": "nam-2"} {
			if strings.Contains(route.Pattern, place) {
				want = append(want, name)
			}
		}
		slices.Sort(want)
		if id := got.Ref.ID + got.Query.Domain; id != strings.Join(want, "/") {
			t.Errorf("%s: got the id %q, want it of %v", path, id, want)
		}
	}
}

func options(match string, none bool) catalog.WriteOptions {
	return catalog.WriteOptions{IfMatch: match, IfNoneMatch: none}
}

func statusIn(t *testing.T, err error) int {
	t.Helper()
	return ProblemOf(err, "/", "").Status
}

// TestHostileAddresses: none of these may reach an object, and none may be
// taken for another address by cleaning it.
func TestHostileAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path string
		code catalog.Code
	}{
		{"/api/v1/domains/a%2Fb", catalog.CodeNotFound},                  // an encoded slash
		{"/api/v1/domains/a/schemas/b%2Fversions", catalog.CodeNotFound}, // …that would make another operation
		{"/api/v1/domains/%2e%2e", catalog.CodeNotFound},
		{"/api/v1/domains/..", catalog.CodeNotFound},
		{"/api/v1/domains/../schemas", catalog.CodeNotFound},
		{"/api/v1/domains/.", catalog.CodeNotFound},
		{"/api/v1/domains/a%00", catalog.CodeNotFound},
		{"/api/v1/domains/a%0d%0a", catalog.CodeNotFound},
		{"/api/v1/domains/SIGINT", catalog.CodeNotFound},
		{"/api/v1/domains/%73igint", catalog.CodeNotFound}, // sigint by another name
		{"/api/v1/domains/s%C4%B1gint", catalog.CodeNotFound},
		{"/api/v1/domains/a;b", catalog.CodeNotFound},
		{"/api/v1/domains/a/", catalog.CodeInvalid},
		{"/api/v1/domains/", catalog.CodeNotFound},
		{"/api/v1/domains//schemas/b", catalog.CodeNotFound},
		{"/api/v1//domains/a", catalog.CodeInvalid},
		{"//api/v1/domains/a", catalog.CodeInvalid},
		{"/API/v1/domains/a", catalog.CodeInvalid},
		{"/api/v1/Domains/a", catalog.CodeInvalid},
		{"/api/v2/domains/a", catalog.CodeInvalid},
		{"/api/v1/domains/a/schemas/b/c", catalog.CodeInvalid},
		{"/api/v1/domains/a/domains/b", catalog.CodeInvalid},
		{"/api/v1/domains/" + strings.Repeat("a", catalog.MaxName+1), catalog.CodeNotFound},
		{"/api/v1/products/a", catalog.CodeInvalid},
		{"/api/v1/reference-schemas/a%2Fb", catalog.CodeNotFound},
		{"/api/v1/reference-schemas/..", catalog.CodeNotFound},
		{"/api/v1/reference-schemas/Track", catalog.CodeNotFound},
		{"/api/v1/reference-schemas/a/versions", catalog.CodeInvalid},
		{"/api/v1/domains/a/reference-schemas/b", catalog.CodeInvalid}, // no domain owns one
		{"/api/v1/domains/a/reference-schemas", catalog.CodeInvalid},
		{"/api/v1/domains/a/schemas/b%2Freport", catalog.CodeNotFound},
		{"/api/v1/domains/a/products/b/report", catalog.CodeInvalid},
		{"/api/v1/domains/a/schemas/b/derivation", catalog.CodeInvalid},
		{"/api/v1/domains/a/products/b%2Fderivation", catalog.CodeNotFound},
		{"/api/v1/domains/a/schemas/B/report", catalog.CodeNotFound},
		{"/api/v1/" + strings.Repeat("a/", 5000), catalog.CodeInvalid},
	} {
		u, err := url.ParseRequestURI(c.path)
		if err != nil {
			t.Errorf("%s: net/http would not let it in: %v", c.path, err)
			continue
		}
		_, err = Parse(&http.Request{Method: http.MethodGet, URL: u})
		problem := ProblemOf(err, "", "")
		if err == nil || problem.Status != http.StatusNotFound || problem.Code != c.code {
			t.Errorf("%s: got %d %s (%v), want 404 %s", c.path, problem.Status, problem.Code, err, c.code)
		}
	}
}

// TestHostileReferences: a builder refuses what would become the address of
// something else.
func TestHostileReferences(t *testing.T) {
	t.Parallel()
	for _, r := range []Request{
		{Op: OpGet, Ref: ref(catalog.KindSchema, "a/b/versions")},
		{Op: OpGet, Ref: ref(catalog.KindDomain, "a/schemas/b")},
		{Op: OpDelete, Ref: ref(catalog.KindProduct, "a")},
		{Op: OpDelete, Ref: ref(catalog.KindProduct, "a/b?dry_run=false")},
		{Op: OpGet, Ref: ref(catalog.KindDomain, "..")},
		{Op: OpGet, Ref: ref(catalog.KindDomain, "")},
		{Op: OpGet, Ref: ref(catalog.KindSchema, "a/")},
		{Op: OpVersions, Ref: ref(catalog.KindSchema, "a/b\r\nX: y")},
		{Op: OpReport, Ref: ref(catalog.KindSchema, "a/b/report")},
		{Op: OpGet, Ref: ref(catalog.KindReferenceSchema, "a/b")},
		{Op: OpDelete, Ref: ref(catalog.KindReferenceSchema, "../domains/a")},
	} {
		_, err := r.New(t.Context(), endpoint, nil)
		if problem := ProblemOf(err, "", ""); err == nil || problem.Code != catalog.CodeNotFound {
			t.Errorf("%s %q: got %v, want not_found", r.Op, r.Ref.ID, err)
		}
	}
	for _, r := range []Request{
		{Op: OpGet, Ref: ref("widgets", "a/b")},
		{Op: OpVersions, Ref: ref(catalog.KindProduct, "a/b")},
		{Op: OpReport, Ref: ref(catalog.KindReferenceSchema, "a")},
		{Op: OpDerivation, Ref: ref(catalog.KindSchema, "a/b")},
		{Op: OpList, Query: catalog.Query{Kind: "widgets"}},
		{Op: "drop"},
		{Op: OpList, Query: catalog.Query{Kind: catalog.KindSchema, Text: "a\x00"}},
		{Op: OpList, Query: catalog.Query{Kind: catalog.KindSchema, Text: "\xff"}},
		{Op: OpList, Query: catalog.Query{Kind: catalog.KindSchema, Cursor: strings.Repeat("c", maxQuery)}},
	} {
		_, err := r.New(t.Context(), endpoint, nil)
		if problem := ProblemOf(err, "", ""); err == nil || problem.Code != catalog.CodeInvalid {
			t.Errorf("%+v: got %v, want invalid", r, err)
		}
	}
}

func TestQueries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		target      string
		field, rule string // "" when the query is good
	}{
		{"/api/v1/products?limit=1", "", ""},
		{"/api/v1/products?q=&status=&cursor=&domain=", "", ""},
		{"/api/v1/products?limit=500", "", ""},
		{"/api/v1/products?limit=0", "/limit", catalog.RuleLimit},
		{"/api/v1/products?limit=501", "/limit", catalog.RuleLimit},
		{"/api/v1/products?limit=-1", "/limit", catalog.RuleLimit},
		{"/api/v1/products?limit=1e2", "/limit", catalog.RuleLimit},
		{"/api/v1/products?limit=", "/limit", catalog.RuleLimit},
		{"/api/v1/products?limit=99999999999999999999", "/limit", catalog.RuleLimit},
		{"/api/v1/products?limit=1&limit=2", "/limit", catalog.RuleFormat},
		{"/api/v1/products?Limit=1", "/Limit", catalog.RuleUnknownField},
		{"/api/v1/products?dry_run=true", "/dry_run", catalog.RuleUnknownField},
		{"/api/v1/domains/a/products?domain=b", "/domain", catalog.RuleUnknownField},
		{"/api/v1/products?q=%00", "/q", catalog.RuleFormat},
		{"/api/v1/products?q=%ff", "/q", catalog.RuleFormat},
		{"/api/v1/domains/a?expand=all", "/expand", catalog.RuleUnknownField},
		{"/api/v1/openapi.json?x=1", "/x", catalog.RuleUnknownField},
	} {
		_, err := Parse(httptest.NewRequest(http.MethodGet, c.target, nil))
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", c.target, err)
			}
			continue
		}
		problem := ProblemOf(err, "", "")
		if err == nil || problem.Status != http.StatusBadRequest || len(problem.Errors) != 1 ||
			problem.Errors[0].Field != c.field || problem.Errors[0].Rule != c.rule {
			t.Errorf("%s: got %d %+v, want 400 with %s at %s", c.target, problem.Status, problem.Errors, c.rule, c.field)
		}
	}
	for _, target := range []string{"/api/v1/products?q=%zz", "/api/v1/products?q=a;b=c", "/api/v1/products?q=" + strings.Repeat("a", maxQuery)} {
		if _, err := Parse(httptest.NewRequest(http.MethodGet, target, nil)); err == nil || statusIn(t, err) != http.StatusBadRequest {
			t.Errorf("%.40s: got %v, want 400", target, err)
		}
	}
}

func TestDryRunIsTrueOrFalse(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{"true": 0, "false": 0, "": 400, "1": 400, "True": 400, "yes": 400} {
		got, err := Parse(httptest.NewRequest(http.MethodPut, "/api/v1/domains/a?dry_run="+value, nil))
		if want == 0 && (err != nil || got.Write.DryRun != (value == "true")) {
			t.Errorf("%q: got %v, %v", value, got.Write.DryRun, err)
		}
		if want != 0 && (err == nil || statusIn(t, err) != want) {
			t.Errorf("%q: got %v, want %d", value, err, want)
		}
	}
}

func TestMethodsOfAPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string][]string{
		"/api/v1/domains/a":                       {"DELETE", "GET", "HEAD", "PUT"},
		"/api/v1/products":                        {"GET", "HEAD"},
		"/api/v1/validate":                        {"POST"},
		"/api/v1/domains/a/schemas/b/versions":    {"GET", "HEAD"},
		"/api/v1/domains/a/schemas/b/report":      {"GET", "HEAD"},
		"/api/v1/domains/a/products/b/derivation": {"GET", "HEAD"},
		"/api/v1/reference-schemas/a":             {"DELETE", "GET", "HEAD", "PUT"},
		"/api/v1/reference-schemas":               {"GET", "HEAD"},
		"/api/v1/domains/a/caveat-policies/b":     {"DELETE", "GET", "HEAD", "PUT"},
		"/api/v1/domains/NOT-A-NAME/schemas/b/c":  nil,
	} {
		_, err := Parse(httptest.NewRequest(http.MethodPatch, path, nil))
		refusal, ok := err.(*Refusal) //nolint:errorlint // Parse returns it unwrapped
		if !ok {
			t.Fatalf("%s: got %v, want a refusal", path, err)
		}
		if diff := cmp.Diff(want, refusal.Allow); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
		if want != nil && refusal.Status != http.StatusMethodNotAllowed {
			t.Errorf("%s: got %d, want 405", path, refusal.Status)
		}
	}
}

func TestHeadIsGet(t *testing.T) {
	t.Parallel()
	got, err := Parse(httptest.NewRequest(http.MethodHead, "/api/v1/domains/a", nil))
	if err != nil || got.Op != OpGet {
		t.Errorf("got %s, %v, want get", got.Op, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, target := range []string{
		"/api/v1/domains/a", "/api/v1/domains/a%2Fb", "/api/v1/domains/../schemas", "/api/v1/products?limit=5&q=x",
		"/api/v1/domains/a/schemas/b/versions", "/api/v1/domains/a/schemas/b/report", "/api/v1/reference-schemas/a", "/api/v1/reference-schemas?domain=a",
		"/api/v1/validate?dry_run=true", "/api/v1/domains/a?dry_run=true",
	} {
		f.Add("GET", target, `"r1"`, "*")
		f.Add("PUT", target, `W/"r1", "r2"`, "")
	}
	f.Fuzz(func(t *testing.T, method, target, match, none string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		in := &http.Request{Method: method, URL: u, Header: http.Header{"If-Match": {match}, "If-None-Match": {none}}}
		request, err := Parse(in)
		if err != nil {
			if status := ProblemOf(err, "", "").Status; status < 400 || status > 499 {
				t.Fatalf("%s %q: got status %d: %v", method, target, status, err)
			}
			return
		}
		if strings.Contains(u.EscapedPath(), "%") {
			t.Fatalf("%q was let in with an escape in its path", target)
		}
		request.Match, request.NoneMatch = nil, nil
		if strings.Contains(request.Write.IfMatch, `"`) {
			return // a tag that matches nothing, and is never sent
		}
		if _, err := request.New(t.Context(), endpoint, nil); err != nil {
			t.Fatalf("%s %q: parsed as %+v, which cannot be built: %v", method, target, request, err)
		}
	})
}
