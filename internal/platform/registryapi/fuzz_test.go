package registryapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// FuzzBody: a body is refused as a failure of the caller, or it is read, and
// then it asks for nothing out of bounds.
func FuzzBody(f *testing.F) {
	f.Add(sent)
	f.Add(`{"schema":"syntax = \"proto3\";","schemaType":"PROTOBUF","references":[{"name":"x.proto","subject":":.c:x","version":-1}],"id":1,"version":2}`)
	f.Add(`{"compatibility":"FULL","normalize":true,"alias":null}`)
	f.Add(`{"mode":"import"}`)
	f.Add(`{"schema":"x","metadata":{"tags":{}},"ruleSet":{"domainRules":[]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		object, err := parseObject(body)
		if err != nil {
			refused(t, err)
			return
		}
		subject := catalog.Subject{Context: "c", Name: "s"}
		if r, err := decodeSchema(object, subject); err != nil {
			refused(t, err)
		} else if r.Definition == "" || len(r.Definition) > catalog.MaxDefinition || !utf8.ValidString(r.Definition) ||
			r.ID < 0 || r.Version < 0 || len(r.References) > catalog.MaxReferences {
			t.Errorf("got %+v", r)
		} else {
			for _, reference := range r.References {
				again, err := parseSubject(subjectName(reference.Subject, subject.Context), subject.Context)
				if err != nil || again != reference.Subject || reference.Version < 0 {
					t.Errorf("the reference %+v comes back as %+v: %v", reference, again, err)
				}
			}
		}
		if _, err := decodeConfig(object); err != nil {
			refused(t, err)
		}
		if _, err := decodeMode(object); err != nil {
			refused(t, err)
		}
	})
}

// refused fails unless the error is the caller's own fault.
func refused(t *testing.T, err error) {
	t.Helper()
	if f := failureOf(err); f.status < 400 || f.status >= 500 || f.message == "" {
		t.Errorf("got %d %q", f.status, f.message)
	}
}

// FuzzPath: a path is refused, or what it names is written as the same path
// again.
func FuzzPath(f *testing.F) {
	for _, path := range []string{
		"/subjects/s/versions/1", "/contexts/.c/subjects/a%2Fb/versions/latest", "/subjects/:.c:s", "/config/%3A.c%3A", "/contexts/:.c:/schemas/ids/7",
		"/subjects/..%2F/versions", "//", "/contexts/../subjects", "/mode/:.:", "/schemas/guids/0a", "/subjects/%2541",
	} {
		f.Add(path, "subjectPrefix=:.c:s&deleted=true&limit=1")
	}
	f.Add("/subjects", "subjectPrefix=:*:&offset=1;limit=2")
	f.Fuzz(func(t *testing.T, path, query string) {
		u, err := url.ParseRequestURI(Prefix + path)
		if err != nil || strings.ContainsAny(path, "?#") {
			t.Skip("net/http refuses it or reads it otherwise")
		}
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
			c := &call{server: &server{}}
			if _, err := c.find(method, u.EscapedPath()); err != nil {
				refused(t, err)
				continue
			}
			sameSubject(t, c.subject)
		}
		fuzzQuery(t, query)
	})
}

func sameSubject(t *testing.T, s catalog.Subject) {
	t.Helper()
	if s.Name == "" {
		if again, err := parseContext(url.PathEscape(contextName(s.Context))); err != nil || again != s.Context {
			t.Errorf("the context %q comes back as %q: %v", s.Context, again, err)
		}
		return
	}
	c := &call{server: &server{}}
	again, err := c.pathSubject(url.PathEscape(s.String()))
	if err != nil || again != s || len(s.Name) > catalog.MaxSubject || strings.ContainsAny(s.Name, "\x00\n\x1b") {
		t.Errorf("the subject %+v comes back as %+v: %v", s, again, err)
	}
}

func fuzzQuery(t *testing.T, raw string) {
	t.Helper()
	values, err := parseQuery(http.MethodPost, raw)
	if err != nil {
		refused(t, err)
		return
	}
	c := &call{server: &server{}, values: values}
	q := c.query()
	q.plain()
	if p := q.page(); p.offset < 0 || p.limit < 0 {
		t.Errorf("got the page %+v", p)
	}
	if q.err != nil {
		refused(t, q.err)
	}
	if query, err := c.prefixed(anyContext); err != nil {
		refused(t, err)
	} else if len(query.Prefix) > catalog.MaxSubject {
		t.Errorf("got a prefix of %d bytes", len(query.Prefix))
	}
}
