package authzen

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// scripted is an answer of Decisions that a test writes.
type scripted struct {
	fixture
	decision catalog.Decision
	err      error
}

func (s scripted) Evaluate(context.Context, catalog.Evaluation) (catalog.Decision, error) {
	return s.decision, s.err
}

func (s scripted) EvaluateMany(_ context.Context, asked []catalog.Evaluation, _ catalog.Semantic) ([]catalog.Decision, error) {
	return []catalog.Decision{s.decision, s.decision, s.decision}[:min(3, len(asked))], s.err
}

// TestHostileRequests: each is refused with the status, in plain text.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	h := serving(fixture{})
	batch := func(n int) string {
		return `{"evaluations":[` + strings.Repeat(aliceReads+",", n-1) + aliceReads + `]}`
	}
	for _, c := range []struct {
		name, path, body string
		status           int
	}{
		{"oversized batch", "evaluations", batch(catalog.MaxEvaluations + 1), 413},
		{"long body", "evaluation", `{"x":"` + strings.Repeat("x", bodyLimit) + `"}`, 413},
		{"deep", "evaluation", `{"context":` + strings.Repeat(`[`, 10_000), 400},
		{"many values", "evaluation", `{"context":{"x":[` + strings.Repeat("0,", 50_000) + `0]}}`, 400},
		{"duplicate subject", "evaluation", `{"subject":{"type":"user","id":"bob"},` + aliceReads[1:], 400},
		{"escaped duplicate", "evaluation", `{"\u0073ubject":{"type":"user","id":"bob"},` + aliceReads[1:], 400},
		{"two values", "evaluation", aliceReads + aliceReads, 400},
		{"no object", "evaluation", `[` + aliceReads + `]`, 400},
		{"null", "evaluation", `null`, 400},
		{"no UTF-8", "evaluation", "{\"subject\":{\"type\":\"user\",\"id\":\"\xff\"}}", 400},
		{"subject in another case", "evaluation", strings.Replace(aliceReads, "subject", "Subject", 1), 400},
		{"null subject", "evaluation", `{"subject":null,"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}`, 400},
		{"empty id", "evaluation", strings.Replace(aliceReads, "alice", "", 1), 400},
		{"long id", "evaluation", strings.Replace(aliceReads, "alice", strings.Repeat("a", maxText+1), 1), 400},
		{"properties that are a list", "evaluation", strings.Replace(aliceReads, `"id":"alice"`, `"id":"alice","properties":["TS"]`, 1), 400},
		{"context that is a string", "evaluation", `{"context":"now",` + aliceReads[1:], 400},
		{"evaluations that are an object", "evaluations", `{"evaluations":{},` + aliceReads[1:], 400},
		{"unknown semantic", "evaluations", `{"options":{"evaluations_semantic":"permit"},` + batch(1)[1:], 400},
		{"semantic that is a number", "evaluations", `{"options":{"evaluations_semantic":1},` + batch(1)[1:], 400},
		{"default that is a string", "evaluations", `{"subject":"alice",` + batch(1)[1:], 400},
		{"purpose that is a list", "evaluation", `{"context":{"purpose":["targeting"]},` + aliceReads[1:], 400},
		{"purpose that is a number", "search/resource", `{"context":{"purpose":7},` + aliceReads[1:], 400},
		{"two purposes", "evaluation", `{"context":{"purpose":"a","purpose":"b"},` + aliceReads[1:], 400},
		{"purpose without end", "evaluation", `{"context":{"purpose":"` + strings.Repeat("a", 1025) + `"},` + aliceReads[1:], 400},
		{"negative limit", "search/resource", `{"page":{"limit":-1},` + aliceReads[1:], 400},
		{"limit with an exponent", "search/resource", `{"page":{"limit":1e3},` + aliceReads[1:], 400},
		{"limit beyond 31 bits", "search/resource", `{"page":{"limit":4294967297},` + aliceReads[1:], 400},
		{"token that is a number", "search/resource", `{"page":{"token":1},` + aliceReads[1:], 400},
		{"no such path", "evaluation/", aliceReads, 404},
		{"dot segment", "../v1/evaluation", aliceReads, 404},
		{"encoded slash", "search%2Fsubject", aliceReads, 404},
		{"upper case", "Evaluation", aliceReads, 404},
	} {
		w := ask(h, Prefix+c.path, c.body)
		if w.Code != c.status || w.Body.Len() == 0 || w.Header().Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("%s: got %d %s %.200s, want %d", c.name, w.Code, w.Header().Get("Content-Type"), w.Body, c.status)
		}
	}
	for name, want := range map[string]int{"Authorization": 401, "Content-Type": 400, "Content-Encoding": 400, "Accept": 406} {
		if w := ask(h, Prefix+"evaluation", aliceReads, name, "text/x"); w.Code != want {
			t.Errorf("%s: got %d, want %d", name, w.Code, want)
		}
	}
	for _, path := range []string{Prefix + "evaluation", Discovery} {
		r := httptest.NewRequest(http.MethodDelete, path, nil)
		r.Header.Set("Authorization", "Bearer good")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") == "" {
			t.Errorf("DELETE %s: got %d, Allow %q", path, w.Code, w.Header().Get("Allow"))
		}
	}
}

// TestFullBatchIsRead: the limits of bytes and values let through what the
// limit of questions does.
func TestFullBatchIsRead(t *testing.T) {
	t.Parallel()
	many := `{"evaluations":[` + strings.Repeat(aliceReads+",", catalog.MaxEvaluations-1) + aliceReads + `]}`
	if w := ask(serving(fixture{}), Prefix+"evaluations", many); w.Code != http.StatusOK || strings.Count(w.Body.String(), "true") != catalog.MaxEvaluations {
		t.Errorf("got %d %.200s", w.Code, w.Body)
	}
}

// TestAttackPermitForWhatCannotBeRead: whatever Decisions says of a question
// that is none, the answer is no.
func TestAttackPermitForWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	h := serving(scripted{decision: catalog.Decision{Permit: true, Obligations: []string{"no_copy"}}})
	w := ask(h, Prefix+"evaluations", `{"evaluations":[{},"x",`+aliceReads+`]}`)
	want := `{"evaluations":[{"decision":false,"context":{"error":{"status":400,"message":"The member subject is missing."}}},` +
		`{"decision":false,"context":{"error":{"status":400,"message":"The evaluation is not a JSON object."}}},` +
		`{"decision":true,"context":{"obligations":["no_copy"]}}]}`
	if w.Code != http.StatusOK || w.Body.String() != want {
		t.Errorf("got %d %s, want %s", w.Code, w.Body, want)
	}
}

// TestAnswersTellNoMoreThanDecisions do: a reason when there is one, and
// nothing of an error that is not meant for the caller.
func TestAnswersTellNoMoreThanDecisions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s      scripted
		status int
		want   string
	}{
		{scripted{}, 200, denied},
		{scripted{decision: catalog.Decision{Reason: "clearance"}}, 200, `{"decision":false,"context":{"reason":"clearance"}}`},
		{scripted{err: &catalog.Error{Code: catalog.CodeUnavailable, Message: "Later."}}, 503, "Later."},
		{scripted{err: &catalog.Error{Code: catalog.CodeInvalid, Message: "No.", Problems: []catalog.Problem{{Field: "/x", Detail: "It is wrong.", Fix: "Mend it."}}}}, 400, "No. /x: It is wrong. Mend it."},
		{scripted{err: errors.New("/secret/path is full")}, 500, "The platform failed. Its log has more under the request id."},
		{scripted{err: fmt.Errorf("store: %w", context.DeadlineExceeded)}, 503, "The request was not finished in time."},
	} {
		for _, path := range []string{"evaluation", "evaluations"} {
			if w := ask(serving(c.s), Prefix+path, aliceReads); w.Code != c.status || w.Body.String() != c.want {
				t.Errorf("%s with %+v: got %d %s, want %d %s", path, c.s, w.Code, w.Body, c.status, c.want)
			}
		}
	}
}

// purposes keeps what was asked for.
type purposes struct {
	fixture
	asked []string
}

func (p *purposes) Evaluate(_ context.Context, e catalog.Evaluation) (catalog.Decision, error) {
	p.asked = append(p.asked, e.Purpose)
	return catalog.Decision{}, nil
}

func (p *purposes) EvaluateMany(_ context.Context, asked []catalog.Evaluation, _ catalog.Semantic) ([]catalog.Decision, error) {
	for _, e := range asked {
		p.asked = append(p.asked, e.Purpose)
	}
	return make([]catalog.Decision, len(asked)), nil
}

func (p *purposes) SearchResources(_ context.Context, q catalog.Search) (catalog.Found[catalog.Entity], error) {
	p.asked = append(p.asked, q.Purpose)
	return catalog.Found[catalog.Entity]{}, nil
}

// TestPurposeIsWhatTheContextSays, each question's own or that of the batch.
func TestPurposeIsWhatTheContextSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, body, want string }{
		{"evaluation", aliceReads, ""},
		{"evaluation", `{"context":null,` + aliceReads[1:], ""},
		{"evaluation", `{"context":{"purpose":null},` + aliceReads[1:], ""},
		{"evaluation", `{"context":{"purpose":"targeting","time":7},` + aliceReads[1:], "targeting"},
		{"evaluation", `{"purpose":"targeting",` + aliceReads[1:], ""},
		{"search/resource", `{"context":{"purpose":"targeting"},` + aliceReads[1:], "targeting"},
		{"evaluations", `{"context":{"purpose":"targeting"},"evaluations":[` + aliceReads + `,{"context":{"purpose":"training"},` + aliceReads[1:] + `,{"context":{},` + aliceReads[1:] + `]}`, "targeting,training,"},
		{"evaluations", `{"evaluations":[` + aliceReads + `,{"context":{"purpose":7},` + aliceReads[1:] + `]}`, ","},
	} {
		p := &purposes{}
		w := ask(serving(p), Prefix+c.path, c.body)
		if got := strings.Join(p.asked, ","); w.Code != http.StatusOK || got != c.want {
			t.Errorf("%s: got %d and purposes %q, want %q", c.body, w.Code, got, c.want)
		}
	}
}
