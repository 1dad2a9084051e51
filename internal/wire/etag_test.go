package wire

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConditionalHeaders(t *testing.T) {
	t.Parallel()
	long := `"` + strings.Repeat("r", maxRevision) + `"`
	for _, c := range []struct {
		header string
		want   []string // nil when it is malformed
	}{
		{`"r1"`, []string{"r1"}},
		{` "r1" `, []string{"r1"}},
		{`*`, []string{"*"}},
		{`"r1", "r2"`, []string{"r1", "r2"}},
		{`"r1","r2"`, []string{"r1", "r2"}},
		{`"r1" ,, "r2",`, []string{"r1", "r2"}},
		{`"a,b"`, []string{"a,b"}},
		{`W/"r1"`, []string{`W/"r1"`}}, // matches nothing: a change compares strongly
		{`"*"`, []string{`"*"`}},       // not the star that means any
		{long, []string{long[1 : len(long)-1]}},
		{``, nil},
		{`r1`, nil},
		{`"r1`, nil},
		{`r1"`, nil},
		{`""`, nil},
		{`"r 1"`, nil},
		{"\"r\x7f\"", nil},
		{`w/"r1"`, nil},
		{`*, "r1"`, nil},
		{`"r1", *`, nil},
		{`"r1" "r2"`, nil},
		{`"` + long, nil},
		{`,`, nil},
		{`"r` + long[1:], nil},
		{strings.Repeat(`"r",`, maxTags+1), nil},
	} {
		got, err := parseTags(http.Header{"If-Match": {c.header}}, "If-Match")
		if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (c.want != nil) {
			t.Errorf("%.40s: %v (-want +got):\n%s", c.header, err, diff)
		}
		if err != nil && statusIn(t, err) != http.StatusBadRequest {
			t.Errorf("%.40s: got %d, want 400", c.header, statusIn(t, err))
		}
	}
}

func TestConditionsOfEachOperation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, match, none string
		want                Request
		status              int
	}{
		{"GET", "", `"r1", W/"r2"`, Request{NoneMatch: []string{"r1", `W/"r2"`}}, 0},
		{"GET", `"r1"`, "", Request{Match: []string{"r1"}}, 0},
		{"PUT", `"r1"`, "", Request{Write: options("r1", false)}, 0},
		{"PUT", `*`, `*`, Request{Write: options("*", true)}, 0},
		{"PUT", `"r1", "r2"`, "", Request{Write: options("r1", false), Match: []string{"r1", "r2"}}, 0},
		{"PUT", "", `"r1"`, Request{}, 400},
		{"DELETE", `"r1"`, "", Request{Write: options("r1", false)}, 0},
		{"DELETE", `bad`, "", Request{}, 400},
		{"GET", "", "bad", Request{}, 400},
	} {
		r := httptest.NewRequest(c.method, "/api/v1/domains/a", nil)
		for name, value := range map[string]string{"If-Match": c.match, "If-None-Match": c.none} {
			if value != "" {
				r.Header.Set(name, value)
			}
		}
		got, err := Parse(r)
		if c.status != 0 {
			if err == nil || statusIn(t, err) != c.status {
				t.Errorf("%s %s %s: got %v, want %d", c.method, c.match, c.none, err, c.status)
			}
			continue
		}
		got.Op, got.Ref = "", c.want.Ref
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%s %s %s: %v (-want +got):\n%s", c.method, c.match, c.none, err, diff)
		}
	}
}

// TestStarAsRevision: a revision that reads * must not become the condition
// that any revision will do.
func TestStarAsRevision(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodDelete, "/api/v1/domains/a", nil)
	r.Header.Set("If-Match", `"*"`)
	got, err := Parse(r)
	if err != nil || got.Write.IfMatch == "*" {
		t.Errorf("got the condition %q, %v, want one that nothing meets", got.Write.IfMatch, err)
	}
}

func TestTagsOfAnswers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ tag, want string }{
		{`"r1"`, "r1"}, {`W/"r1"`, "r1"}, {`r1`, ""}, {`"r1" `, ""}, {`"r1","r2"`, ""}, {``, ""}, {`""`, ""},
	} {
		if got, err := ParseETag(c.tag); got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: got %q, %v, want %q", c.tag, got, err, c.want)
		}
	}
	for _, revision := range []string{"", "a b", `a"`, "a\n", "ä", strings.Repeat("r", maxRevision+1)} {
		if tag, err := FormatETag(revision); err == nil {
			t.Errorf("%q: got %s, want an error", revision, tag)
		}
	}
}
