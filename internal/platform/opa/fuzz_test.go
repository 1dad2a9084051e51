package opa

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

const readsTracks = `{"input":{"context":{"identity":{"user":"ann","groups":[]}},"action":{"operation":"SelectFromColumns",` +
	`"resource":{"table":{"catalogName":"hive","schemaName":"sigint","tableName":"tracks","columns":["id"]}}}}}`

// FuzzDecode: whatever is posted is refused as the engine's fault, or it is
// read, and then everything in it is within its bounds.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		readsTracks, `{}`, `{"input":null}`, `{"input":{"context":{"identity":{"user":"a","clearance":{"x":1e400},"extraCredentials":{"datamesh_token":null}}},"action":{"operation":"X"}}}`,
		`{"input":{"context":{"identity":{"user":"a"},"properties":{"purpose":"targeting"}},"action":{"operation":"FilterTables","filterResources":[{"table":{"catalogName":"c","schemaName":"s","tableName":"t"}},{},7]}}}`,
		`{"input":{"context":{"identity":{"user":"a"}},"action":{"operation":"GetColumnMask","filterResources":[{"column":{"catalogName":"c","schemaName":"s","tableName":"t","columnName":"x","columnType":"varchar"}}]}}}`,
		`{"input":{"context":{"identity":{"user":"a"}},"action":{"operation":"ExecuteFunction","resource":{"function":{"functionName":"lower"},"user":{"user":"b"},"catalog":{"name":""},"schema":{"catalogName":"c","schemaName":"s"}}}}}`,
		"{\"input\":\"\xff\"}",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		in, err := decode(body)
		if err != nil {
			faulted(t, err)
			return
		}
		if in.user == "" || in.operation == "" || len(in.user) > maxName || len(in.token) > maxToken || len(in.batched) > maxResources || in.token != "" && !in.hasToken {
			t.Errorf("got %+v", in)
		}
		for _, r := range in.batched {
			if len(r.columns) > maxResources || (r.table.catalog == "") != (r.table.object == "") || r.column != "" && r.table.isZero() {
				t.Errorf("got %+v", r)
			}
		}
	})
}

// faulted fails unless the error is a refusal with a status below 500.
func faulted(t *testing.T, err error) {
	t.Helper()
	refused := (*wire.Refusal)(nil)
	if a := refusal(httptest.NewRequest(http.MethodPost, Prefix, nil), err); !errors.As(err, &refused) || a.Status < 400 || a.Status >= 500 {
		t.Errorf("got %v", err)
	}
}

// failing answers nothing, as a platform whose log is full.
type failing struct {
	catalog.Decisions
	catalog.PortionDecisions
	catalog.Service
	err error
}

func (f failing) EvaluateMany(_ context.Context, asked []catalog.Evaluation, _ catalog.Semantic) ([]catalog.Decision, error) {
	return make([]catalog.Decision, len(asked)), f.err
}
func (f failing) Evaluate(context.Context, catalog.Evaluation) (catalog.Decision, error) {
	return catalog.Decision{}, f.err
}
func (f failing) EvaluatePortions(context.Context, catalog.Evaluation, []string) (catalog.Decision, []bool, error) {
	return catalog.Decision{}, nil, f.err
}
func (f failing) EvaluateOperation(context.Context, catalog.Evaluation) (catalog.Decision, error) {
	return catalog.Decision{}, f.err
}
func (f failing) Get(context.Context, catalog.Ref) (catalog.Entry, error) {
	return catalog.Entry{}, &catalog.Error{Code: catalog.CodeNotFound}
}

func serving(err error) http.Handler {
	f := failing{err: err}
	return New(Options{
		Decisions:  func(catalog.Caller) catalog.Decisions { return f },
		Portions:   func(catalog.Caller) catalog.PortionDecisions { return f },
		Catalogue:  func(catalog.Caller) catalog.Service { return f },
		Trusted:    func(catalog.Caller) bool { return true },
		Bearer:     func(string) (catalog.Caller, error) { return catalog.Caller{}, errors.New("no") },
		Vocabulary: marking.Default,
		Authenticate: func(r *http.Request) (catalog.Caller, error) {
			if r.Header.Get("Authorization") != "Bearer good" {
				return catalog.Caller{}, errors.New("the signature of eyJhbGciOi is wrong")
			}
			return catalog.Caller{Subject: "trino"}, nil
		},
	})
}

// ask posts a body; headers come in pairs and go over those that are usual.
func ask(h http.Handler, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer good")
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestHostileRequests: each is refused with the status, in OPA's form.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	h := serving(nil)
	table := `{"table":{"catalogName":"c","schemaName":"s","tableName":"t"}}`
	batch := func(n int) string {
		return `{"input":{"context":{"identity":{"user":"a"}},"action":{"operation":"FilterTables","filterResources":[` + strings.Repeat(table+",", n-1) + table + `]}}}`
	}
	for _, c := range []struct {
		name, path, body string
		status           int
	}{
		{"oversized batch", "batch", batch(maxResources + 1), 400},
		{"too many columns", "batch", strings.Replace(readsTracks, `"id"`, strings.Repeat(`"id",`, maxResources)+`"id"`, 1), 400},
		{"long body", "allow", `{"x":"` + strings.Repeat("x", bodyLimit) + `"}`, 413},
		{"deep", "allow", `{"input":` + strings.Repeat(`[`, 10_000), 400},
		{"many values", "allow", `{"input":{"x":[` + strings.Repeat("0,", 100_000) + `0]}}`, 400},
		{"duplicate user", "allow", strings.Replace(readsTracks, `"user":"ann"`, `"user":"ann","user":"root"`, 1), 400},
		{"escaped duplicate", "allow", strings.Replace(readsTracks, `"user":"ann"`, `"user":"ann","\u0075ser":"root"`, 1), 400},
		{"two values", "allow", readsTracks + readsTracks, 400},
		{"no object", "allow", `[` + readsTracks + `]`, 400},
		{"no input", "allow", `{}`, 400},
		{"no user", "allow", strings.Replace(readsTracks, `"ann"`, `""`, 1), 400},
		{"user in another case", "allow", strings.Replace(readsTracks, `"user"`, `"User"`, 1), 400},
		{"a long user", "allow", strings.Replace(readsTracks, `ann`, strings.Repeat("a", maxName+1), 1), 400},
		{"a table without a name", "allow", strings.Replace(readsTracks, `,"tableName":"tracks"`, ``, 1), 400},
		{"columns that are numbers", "allow", strings.Replace(readsTracks, `["id"]`, `[1]`, 1), 400},
		{"a token that is a list", "allow", strings.Replace(readsTracks, `"groups"`, `"extraCredentials":{"datamesh_token":["x"]},"groups"`, 1), 400},
		{"masks under another name", "batchColumnMasks", readsTracks, 400},
		{"no such policy", "deny", readsTracks, 404},
		{"no policy", "", readsTracks, 404},
		{"dot segment", "../trino/allow", readsTracks, 404},
		{"upper case", "Allow", readsTracks, 404},
	} {
		w := ask(h, Prefix+c.path, c.body)
		if w.Code != c.status || !strings.HasPrefix(w.Body.String(), `{"code":"invalid_parameter","message":"`) {
			t.Errorf("%s: got %d %.200s, want %d", c.name, w.Code, w.Body, c.status)
		}
	}
	for name, want := range map[string]int{"Authorization": 401, "Content-Type": 415, "Content-Encoding": 415, "Accept": 406} {
		if w := ask(h, Prefix+"allow", readsTracks, name, "text/x"); w.Code != want {
			t.Errorf("%s: got %d, want %d", name, w.Code, want)
		}
	}
	if w := ask(h, Prefix+"batch", batch(maxResources)); w.Code != http.StatusOK || w.Body.String() != `{"result":[]}` {
		t.Errorf("a full batch: got %d %.200s", w.Code, w.Body)
	}
}

// TestNothingIsLetThroughWithoutDecisions: when the platform cannot decide, the
// engine is told so and nothing else.
func TestNothingIsLetThroughWithoutDecisions(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errors.New("/secret/path is full"), &catalog.Error{Code: catalog.CodeUnavailable, Message: "Later."}} {
		h := serving(err)
		for path, operation := range map[string]string{"allow": "SelectFromColumns", "rowFilters": "GetRowFilters", "columnMask": "GetColumnMask", "batch": "FilterTables"} {
			body := strings.Replace(readsTracks, "SelectFromColumns", operation, 1)
			if path == "batch" {
				body = strings.Replace(strings.Replace(body, `"resource":{`, `"filterResources":[{`, 1), `}}}}}`, `}}]}}}`, 1)
			}
			if w := ask(h, Prefix+path, body); w.Code < 500 || strings.Contains(w.Body.String(), "result") || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%s with %v: got %d %s", path, err, w.Code, w.Body)
			}
		}
	}
}

// TestATokenCountsForItsUserAndFromEnforcementPointsOnly: otherwise the question
// is the engine's own, about somebody of whom nothing is known.
func TestATokenCountsForItsUserAndFromEnforcementPointsOnly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		trusted bool
		bearer  string // whose token it is
		token   string
		as      string // who is judged
	}{
		{"her own", true, "ann", "x", "ann"}, {"another's", true, "bob", "x", "trino"}, {"from no enforcement point", false, "ann", "x", "trino"}, {"none", true, "ann", "", "trino"},
	} {
		q := &inquiry{
			server: &server{options: Options{
				Trusted: func(catalog.Caller) bool { return c.trusted },
				Bearer:  func(string) (catalog.Caller, error) { return catalog.Caller{Subject: c.bearer}, nil },
			}},
			engine: catalog.Caller{Subject: "trino", RequestID: "one"},
			input:  input{user: "ann", token: c.token, hasToken: true, asserted: map[string]any{"clearance": "TS"}},
		}
		q.identify()
		itself := q.caller.Subject == "ann"
		if q.caller.Subject != c.as || q.subject.ID != "ann" || q.subject.Properties["clearance"] != nil || q.caller.RequestID != "one" ||
			itself != (q.caller.Via != nil && q.caller.Via.Subject == "trino") {
			t.Errorf("%s: asked as %+v about %+v", c.name, q.caller, q.subject)
		}
	}
}
