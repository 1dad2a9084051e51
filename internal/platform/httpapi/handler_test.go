package httpapi

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// scripted is a service whose answers a test writes. What it leaves out
// panics, which the server answers with 500.
type scripted struct {
	catalog.Service
	get    func(catalog.Ref) (catalog.Entry, error)
	put    func(catalog.Object, catalog.WriteOptions) (catalog.Entry, error)
	remove func(catalog.Ref, catalog.WriteOptions) error
	list   func(catalog.Query) (catalog.Page, error)
	report func(id string) (catalog.SchemaReport, error)
	derive func(id string) (catalog.Derivation, error)
}

func (s scripted) Derivation(_ context.Context, id string) (catalog.Derivation, error) {
	return s.derive(id)
}

func (s scripted) SchemaReport(_ context.Context, id string) (catalog.SchemaReport, error) {
	return s.report(id)
}

func (s scripted) Get(_ context.Context, ref catalog.Ref) (catalog.Entry, error) { return s.get(ref) }

func (s scripted) Put(_ context.Context, o catalog.Object, w catalog.WriteOptions) (catalog.Entry, error) {
	return s.put(o, w)
}

func (s scripted) Delete(_ context.Context, ref catalog.Ref, w catalog.WriteOptions) error {
	return s.remove(ref, w)
}

func (s scripted) List(_ context.Context, q catalog.Query) (catalog.Page, error) { return s.list(q) }

// mesh is a service that holds one SLA, a/b at revision r1, and judges
// conditions as the platform does.
func mesh() scripted {
	held := catalog.Entry{Object: &catalog.SLA{ID: "a/b", Domain: "a", Name: "b", Description: "<held>"}, Revision: "r1"}
	failed := &catalog.Error{Code: catalog.CodePreconditionFailed, Message: "Another revision."}
	absent := &catalog.Error{Code: catalog.CodeNotFound, Message: "There is no such SLA."}
	judge := func(ref catalog.Ref, w catalog.WriteOptions) error {
		exists := ref == held.Object.Ref()
		if exists && w.IfNoneMatch || w.IfMatch != "" && (!exists || w.IfMatch != "*" && w.IfMatch != held.Revision) {
			return failed
		}
		return nil
	}
	return scripted{
		get: func(ref catalog.Ref) (catalog.Entry, error) {
			if ref != held.Object.Ref() {
				return catalog.Entry{}, absent
			}
			return held, nil
		},
		put: func(o catalog.Object, w catalog.WriteOptions) (catalog.Entry, error) {
			return catalog.Entry{Object: o, Revision: "r2"}, judge(o.Ref(), w)
		},
		remove: func(ref catalog.Ref, w catalog.WriteOptions) error {
			if ref != held.Object.Ref() {
				return absent
			}
			return judge(ref, w)
		},
		list: func(catalog.Query) (catalog.Page, error) {
			return catalog.Page{Entries: []catalog.Entry{held}, Next: "n"}, nil
		},
		derive: func(id string) (catalog.Derivation, error) {
			if id != "a/p" {
				return catalog.Derivation{}, absent
			}
			return catalog.Derivation{Product: id, EffectiveMarking: "SECRET", VocabularyVersion: "1", Tokens: []catalog.TokenOrigin{
				{Attribute: "classification", Token: "S", Rule: "highest", Declared: true}}}, nil
		},
		report: func(id string) (catalog.SchemaReport, error) {
			if id != "a/s" {
				return catalog.SchemaReport{}, absent
			}
			return catalog.SchemaReport{Schema: id, Version: 2, Fields: 1, Unmarked: []catalog.FieldGap{{Path: "<x>", Reason: "say it"}}}, nil
		},
	}
}

// serving is a handler over the service whose callers show the token "good".
func serving(service catalog.Service, change ...func(*Options)) http.Handler {
	o := Options{
		Services: func(catalog.Caller) catalog.Service { return service },
		Authenticate: func(r *http.Request) (catalog.Caller, error) {
			if r.Header.Get("Authorization") != "Bearer good" {
				return catalog.Caller{}, errors.New("the signature of eyJhbGciOi is wrong")
			}
			return catalog.Caller{Subject: "a.stone"}, nil
		},
	}
	for _, f := range change {
		f(&o)
	}
	return New(o)
}

// do sends one request with the token and a request id. Headers are given as
// "Name: value" lines.
func do(h http.Handler, method, target, body string, headers ...string) reply {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer good")
	r.Header.Set("X-Request-ID", "test-1")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
		if value == "" {
			r.Header.Del(name)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

const (
	held  = `{"id":"a/b","domain":"a","name":"b","description":"<held>"}`
	slas  = "/api/v1/domains/a/slas/"
	start = `{"type":"/problems/`
)

// TestAnswers states whole answers: status, entity tag and body.
func TestAnswers(t *testing.T) {
	t.Parallel()
	h := serving(mesh())
	for name, c := range map[string]struct {
		method, target, body string
		headers              []string
		status               int
		etag, want           string
	}{
		"get":            {"GET", slas + "b", "", nil, 200, `"r1"`, held},
		"head":           {"HEAD", slas + "b", "", nil, 200, `"r1"`, ""},
		"known":          {"GET", slas + "b", "", []string{`If-None-Match: "r0", "r1"`}, 304, `"r1"`, ""},
		"known, any":     {"GET", slas + "b", "", []string{`If-None-Match: *`}, 304, `"r1"`, ""},
		"not known":      {"GET", slas + "b", "", []string{`If-None-Match: "r0"`}, 200, `"r1"`, held},
		"get if":         {"GET", slas + "b", "", []string{`If-Match: "r1"`}, 200, `"r1"`, held},
		"list":           {"GET", "/api/v1/domains/a/slas", "", nil, 200, "", `{"items":[` + held + `],"revisions":{"a/b":"r1"},"next_cursor":"n"}`},
		"replace":        {"PUT", slas + "b", `{"description":"x"}`, nil, 200, `"r2"`, `{"id":"","domain":"a","name":"b","description":"x"}`},
		"replace if":     {"PUT", slas + "b", `{}`, []string{`If-Match: "r1"`}, 200, `"r2"`, `{"id":"","domain":"a","name":"b"}`},
		"replace if any": {"PUT", slas + "b", `{}`, []string{`If-Match: *`}, 200, `"r2"`, `{"id":"","domain":"a","name":"b"}`},
		"one of several": {"PUT", slas + "b", `{}`, []string{`If-Match: "r0", "r1"`}, 200, `"r2"`, `{"id":"","domain":"a","name":"b"}`},
		"create":         {"PUT", slas + "c", `{}`, nil, 201, `"r2"`, `{"id":"","domain":"a","name":"c"}`},
		"create only":    {"PUT", slas + "c", `{}`, []string{`If-None-Match: *`}, 201, `"r2"`, `{"id":"","domain":"a","name":"c"}`},
		"dry run":        {"PUT", slas + "c?dry_run=true", `{}`, nil, 200, "", `{"id":"","domain":"a","name":"c"}`},
		"delete":         {"DELETE", slas + "b", "", []string{`If-Match: "r1"`}, 204, "", ""},
		"delete any of":  {"DELETE", slas + "b", "", []string{`If-Match: "r0", "r1"`}, 204, "", ""},
		"charset":        {"PUT", slas + "b", `{}`, []string{"Content-Type: application/json; charset=UTF-8"}, 200, `"r2"`, `{"id":"","domain":"a","name":"b"}`},
		"report": {"GET", "/api/v1/domains/a/schemas/s/report", "", nil, 200, "",
			`{"schema":"a/s","version":2,"fields":1,"undescribed":[],"without_unit":[],"unmarked":[{"path":"<x>","reason":"say it"}],"nonconforming":[]}`},
		"derivation": {"GET", "/api/v1/domains/a/products/p/derivation", "", nil, 200, "",
			`{"product":"a/p","effective_marking":"SECRET","vocabulary_version":"1","tokens":[{"attribute":"classification","token":"S","rule":"highest","declared":true,"inputs":[],"other_inputs":false}]}`},
		"the board's": {"PUT", "/api/v1/reference-schemas/track", `{"type":"JSON","definition":"{}"}`, nil, 201, `"r2"`,
			`{"id":"","name":"track","type":"JSON","definition":"{}"}`},
		"absent": {"GET", slas + "c", "", nil, 404, "",
			start + `not-found","title":"No such object","status":404,"detail":"There is no such SLA.","instance":"/api/v1/domains/a/slas/c","code":"not_found","request_id":"test-1"}`},
		"delete absent": {"DELETE", slas + "c", "", nil, 404, "",
			start + `not-found","title":"No such object","status":404,"detail":"There is no such SLA.","instance":"/api/v1/domains/a/slas/c","code":"not_found","request_id":"test-1"}`},
		"unknown path": {"GET", "/api/v1/widgets", "", nil, 404, "",
			start + `invalid","title":"No such path","status":404,"detail":"No such path. The paths are listed in /api/v1/openapi.json.","instance":"/api/v1/widgets","code":"invalid","request_id":"test-1"}`},
		"changed meanwhile": {"PUT", slas + "b", `{}`, []string{`If-Match: "r0"`}, 412, "",
			start + `precondition-failed","title":"The object is not at the expected revision","status":412,"detail":"Another revision.","instance":"/api/v1/domains/a/slas/b","code":"precondition_failed","request_id":"test-1"}`},
		"unknown field": {"PUT", slas + "b", `{"freshness":{"age":"1h"}}`, nil, 422, "",
			start + `invalid","title":"The request breaks rules of the catalogue","status":422,"detail":"The body is not a valid SLA.","instance":"/api/v1/domains/a/slas/b","code":"invalid","request_id":"test-1",` +
				`"errors":[{"field":"/freshness/age","rule":"unknown_field","detail":"There is no such field.","fix":"Remove it. The fields are max_age, anchor, target_percent, window."}]}`},
		"no JSON": {"PUT", slas + "b", `{`, nil, 400, "",
			start + `invalid","title":"The request is malformed","status":400,"detail":"The body is not JSON: unexpected end of JSON input, at byte 1.","instance":"/api/v1/domains/a/slas/b","code":"invalid","request_id":"test-1"}`},
		"bad limit": {"GET", "/api/v1/slas?limit=x", "", nil, 400, "",
			start + `invalid","title":"The request is malformed","status":400,"detail":"The query is not valid.","instance":"/api/v1/slas","code":"invalid","request_id":"test-1",` +
				`"errors":[{"field":"/limit","rule":"limit","detail":"The limit is not a whole number within its bounds.","fix":"Write a number from 1 to 500."}]}`},
		"healthy": {"GET", "/healthz", "", []string{"Authorization: "}, 200, "", `{"status":"ok"}`},
		"ready":   {"GET", "/readyz", "", []string{"Authorization: "}, 200, "", `{"status":"ok"}`},
	} {
		r := do(h, c.method, c.target, c.body, c.headers...)
		if got := r.body; r.status != c.status || r.header.Get("ETag") != c.etag || got != c.want {
			t.Errorf("%s: got %d %s\n%s\nwant %d %s\n%s", name, r.status, r.header.Get("ETag"), got, c.status, c.etag, c.want)
		}
		kind := "application/json"
		if c.status >= 400 {
			kind = "application/problem+json"
		}
		if got := r.header.Get("Content-Type"); c.want != "" && got != kind {
			t.Errorf("%s: got the type %q, want %q", name, got, kind)
		}
		for header, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Request-ID": "test-1"} {
			if got := r.header.Get(header); got != want {
				t.Errorf("%s: got %s %q, want %q", name, header, got, want)
			}
		}
	}
}

// TestStatuses is the rest of the statuses, by status alone.
func TestStatuses(t *testing.T) {
	t.Parallel()
	h := serving(mesh())
	big := `{"description":"` + strings.Repeat("x", 2<<20) + `"}`
	for name, c := range map[string]struct {
		method, target, body string
		headers              []string
		status               int
	}{
		"create what exists":        {"PUT", slas + "b", `{}`, []string{`If-None-Match: *`}, 412},
		"no such revision":          {"PUT", slas + "b", `{}`, []string{`If-Match: "x", "y"`}, 412},
		"weak tag":                  {"PUT", slas + "b", `{}`, []string{`If-Match: W/"r1"`}, 412},
		"star as a tag":             {"DELETE", slas + "b", "", []string{`If-Match: "*"`}, 412},
		"star, but absent":          {"PUT", slas + "c", `{}`, []string{`If-Match: *`}, 412},
		"several, but absent":       {"PUT", slas + "c", `{}`, []string{`If-Match: "x", "y"`}, 412},
		"get if changed":            {"GET", slas + "b", "", []string{`If-Match: "r0"`}, 412},
		"no tag":                    {"PUT", slas + "b", `{}`, []string{`If-Match: r1`}, 400},
		"tag that must not be":      {"PUT", slas + "b", `{}`, []string{`If-None-Match: "r1"`}, 400},
		"dry run of sorts":          {"PUT", slas + "b?dry_run=yes", `{}`, nil, 400},
		"create a look-alike":       {"PUT", "/api/v1/domains/s%D1%96gint", `{}`, nil, 422},
		"create an encoded path":    {"PUT", "/api/v1/domains/a/slas/b%2Fc", `{}`, nil, 422},
		"create a control code":     {"PUT", "/api/v1/domains/a/slas/b%0A", `{}`, nil, 422},
		"encoded slash":             {"GET", "/api/v1/domains/a%2Fslas%2Fb", "", nil, 404},
		"dot segments":              {"GET", "/api/v1/domains/x/../a/slas/b", "", nil, 404},
		"double slash":              {"GET", "/api/v1/domains/a//slas/b", "", nil, 404},
		"outside the API":           {"GET", "/", "", nil, 404},
		"derivation of nothing":     {"GET", "/api/v1/domains/a/products/q/derivation", "", nil, 404},
		"derivation of no product":  {"GET", "/api/v1/domains/a/schemas/s/derivation", "", nil, 404},
		"derivation is not written": {"PUT", "/api/v1/domains/a/products/p/derivation", `{}`, nil, 405},
		"report on nothing":         {"GET", "/api/v1/domains/a/schemas/t/report", "", nil, 404},
		"report on no schema":       {"GET", "/api/v1/domains/a/slas/b/report", "", nil, 404},
		"report is not written":     {"PUT", "/api/v1/domains/a/schemas/s/report", `{}`, nil, 405},
		"a query on a report":       {"GET", "/api/v1/domains/a/schemas/s/report?q=x", "", nil, 400},
		"a domain's reference":      {"PUT", "/api/v1/domains/a/reference-schemas/b", `{}`, nil, 404},
		"reference look-alike":      {"PUT", "/api/v1/reference-schemas/tr%D0%B0ck", `{}`, nil, 422},
		"reference in a domain":     {"PUT", "/api/v1/reference-schemas/track", `{"domain":"a"}`, nil, 422},
		"method":                    {"PATCH", slas + "b", `{}`, nil, 405},
		"method of a list":          {"POST", "/api/v1/slas", `{}`, nil, 405},
		"method of a probe":         {"POST", "/healthz", `{}`, nil, 405},
		"only HTML":                 {"GET", slas + "b", "", []string{"Accept: text/html"}, 406},
		"anything but JSON":         {"GET", slas + "b", "", []string{"Accept: application/json;q=0, text/html"}, 406},
		"anything":                  {"GET", slas + "b", "", []string{"Accept: text/html, */*;q=0.1"}, 200},
		"too large":                 {"PUT", slas + "b", big, nil, 413},
		"form":                      {"PUT", slas + "b", `{}`, []string{"Content-Type: application/x-www-form-urlencoded"}, 415},
		"no type":                   {"PUT", slas + "b", `{}`, []string{"Content-Type: "}, 415},
		"another charset":           {"PUT", slas + "b", `{}`, []string{"Content-Type: application/json; charset=utf-16"}, 415},
		"compressed":                {"PUT", slas + "b", `{}`, []string{"Content-Encoding: gzip"}, 415},
		"compressed twice":          {"PUT", slas + "b", `{}`, []string{"Content-Encoding: identity, gzip"}, 415},
		"a service that panics":     {"POST", "/api/v1/validate", `{}`, nil, 500},
		"the description":           {"GET", "/api/v1/openapi.json", "", nil, 200},
		"no token":                  {"GET", slas + "b", "", []string{"Authorization: "}, 401},
		"no token, unknown path":    {"GET", "/api/v1/widgets", "", []string{"Authorization: "}, 401},
		"no token, description":     {"GET", "/api/v1/openapi.json", "", []string{"Authorization: "}, 401},
		"a wrong token":             {"PUT", slas + "b", big, []string{"Authorization: Bearer bad"}, 401},
	} {
		r := do(h, c.method, c.target, c.body, c.headers...)
		body := r.body
		if r.status != c.status {
			t.Errorf("%s: got %d %.200s, want %d", name, r.status, body, c.status)
		}
		if c.status >= 400 && r.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: got the type %q, want a problem document", name, r.header.Get("Content-Type"))
		}
		if strings.Contains(body, "eyJ") {
			t.Errorf("%s: the answer says why the token failed: %s", name, body)
		}
	}
}

// TestHeadersOfRefusals: the headers that a status obliges to.
func TestHeadersOfRefusals(t *testing.T) {
	t.Parallel()
	h := serving(mesh(), func(o *Options) {
		o.Ready = func(context.Context) error { return errors.New("database /srv/secret is gone") }
	})
	for _, c := range []struct {
		response     reply
		header, want string
	}{
		{do(h, "PATCH", slas+"b", ""), "Allow", "DELETE, GET, HEAD, PUT"},
		{do(h, "GET", slas+"b", "", "Authorization: "), "WWW-Authenticate", `Bearer realm="datamesh"`},
		{do(h, "GET", slas+"b", "", "Authorization: Bearer bad"), "WWW-Authenticate", `Bearer realm="datamesh", error="invalid_token"`},
		{do(h, "PUT", slas+"b", "{}", "Content-Encoding: gzip"), "Accept-Encoding", "identity"},
		{do(h, "GET", "/readyz", ""), "Retry-After", "1"},
		{do(h, "PUT", slas+"c", "{}"), "Location", slas + "c"},
		{do(h, "HEAD", slas+"b", ""), "Content-Length", "59"},
	} {
		if got := c.response.header.Get(c.header); got != c.want {
			t.Errorf("%d: got %s %q, want %q", c.response.status, c.header, got, c.want)
		}
		if body := c.response.body; strings.Contains(body, "secret") {
			t.Errorf("got %s, want no cause", body)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	h := serving(mesh())
	for id, kept := range map[string]bool{
		"7f3a-B.c_9": true, strings.Repeat("a", 128): true,
		"": false, strings.Repeat("a", 129): false, "a b": false, "a\x1b[2J": false, "<script>": false, "ä": false,
	} {
		got := do(h, "GET", "/healthz", "", "X-Request-ID: "+id).header.Get("X-Request-ID")
		if (got == id) != kept || got == "" {
			t.Errorf("%q: got %q, want it kept: %v", id, got, kept)
		}
	}
}

// TestRequestIDReachesTheService: it ties the audit entry to the request.
func TestRequestIDReachesTheService(t *testing.T) {
	t.Parallel()
	var got catalog.Caller
	h := serving(mesh(), func(o *Options) {
		o.Services = func(c catalog.Caller) catalog.Service { got = c; return mesh() }
	})
	do(h, "GET", slas+"b", "")
	if got.RequestID != "test-1" || got.Subject != "a.stone" {
		t.Errorf("got %+v, want a.stone with the request id test-1", got)
	}
}

// TestLogTellsNoSecrets: neither the token nor the query nor a broken service's
// panic reaches a caller, and the log has the path and no header.
func TestLogTellsNoSecrets(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := serving(mesh(), func(o *Options) { o.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	do(h, "GET", "/api/v1/slas?q=secret-word", "")
	do(h, "GET", "/api/v1/slas", "", "Authorization: Bearer secret-token")
	if text := log.String(); strings.Contains(text, "secret") || !strings.Contains(text, `"path":"/api/v1/slas"`) || !strings.Contains(text, `"subject":"a.stone"`) {
		t.Errorf("got the log %s", text)
	}
	log.Reset()
	if r := do(h, "POST", "/api/v1/validate", "{}"); r.status != http.StatusInternalServerError || !strings.Contains(log.String(), "panic") {
		t.Errorf("got %d and the log %s, want the panic in it", r.status, log.String())
	}
}
