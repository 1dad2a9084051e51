package authzen

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
)

const (
	aliceReads = `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}`
	permitted  = `{"decision":true}`
	denied     = `{"decision":false}`
	both       = `{"results":[{"type":"user","id":"alice"},{"type":"user","id":"bob"}]}`
	records    = `{"results":[{"type":"record","id":"record-1"},{"type":"record","id":"record-2"}]}`
	none       = `{"results":[]}`
	surround   = `"context":{"time":"2025-06-27T18:03-07:00","ip":"192.168.1.1"}`
)

// TestCertificationScenario goes through the published scenario, levels Basic,
// Batch and Search, Core and Properties. Names are the scenario's sections; an
// empty answer is a refusal.
func TestCertificationScenario(t *testing.T) {
	t.Parallel()
	h := serving(fixture{})
	for _, c := range []struct {
		name, path, body string
		want             string
	}{
		{"2.2.1 permit", "evaluation", aliceReads, permitted},
		{"2.2.2 deny", "evaluation", `{"subject":{"type":"user","id":"bob"},"action":{"name":"write"},"resource":{"type":"record","id":"record-1"}}`, denied},
		{"rule 2", "evaluation", `{"subject":{"type":"user","id":"alice"},"action":{"name":"write"},"resource":{"type":"record","id":"record-1"}}`, permitted},
		{"rule 3", "evaluation", `{"subject":{"type":"user","id":"bob"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}`, permitted},
		{"2.2.3 context", "evaluation", `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"},` + surround + `}`, permitted},
		{"2.2.4 resource properties", "evaluation", `{"subject":{"type":"user","id":"alice"},"action":{"name":"write"},"resource":{"type":"record","id":"record-2","properties":{"status":"archived"}}}`, denied},
		{"2.2.5 subject properties", "evaluation", `{"subject":{"type":"user","id":"bob","properties":{"role":"admin"}},"action":{"name":"write"},"resource":{"type":"record","id":"record-2","properties":{"status":"archived"}}}`, permitted},
		{"2.2.6 action properties", "evaluation", `{"subject":{"type":"user","id":"alice"},"action":{"name":"delete","properties":{"soft":true}},"resource":{"type":"record","id":"record-1"}}`, permitted},
		{"2.2.7 hard delete", "evaluation", `{"subject":{"type":"user","id":"alice"},"action":{"name":"delete","properties":{"soft":false}},"resource":{"type":"record","id":"record-1"}}`, denied},
		{"2.2.8 more properties", "evaluation", `{"subject":{"type":"user","id":"alice","properties":{"department":"Sales","role":"manager"}},"action":{"name":"read","properties":{"method":"GET"}},"resource":{"type":"record","id":"record-1","properties":{"status":"active","owner":"bob"}}}`, permitted},
		{"2.2.9 unknown fields", "evaluation", `{"foo":"bar","futureField":{"nested":true},` + aliceReads[1:], permitted},
		{"2.4.1 no subject", "evaluation", `{"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}`, ""},
		{"2.4.1 no action", "evaluation", `{"subject":{"type":"user","id":"alice"},"resource":{"type":"record","id":"record-1"}}`, ""},
		{"2.4.1 no resource", "evaluation", `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"}}`, ""},
		{"2.4.2 no subject type", "evaluation", `{"subject":{"id":"alice"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}`, ""},
		{"2.4.2 no subject id", "evaluation", `{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}`, ""},
		{"2.4.2 no action name", "evaluation", `{"subject":{"type":"user","id":"alice"},"action":{},"resource":{"type":"record","id":"record-1"}}`, ""},
		{"2.4.2 no resource type", "evaluation", `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"id":"record-1"}}`, ""},
		{"2.4.2 no resource id", "evaluation", `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record"}}`, ""},
		{"2.4.4 malformed", "evaluation", `{"subject":`, ""},
		{"2.4.5 empty", "evaluation", ``, ""},
		{"2.4.6 subject is a string", "evaluation", `{"subject":"alice","action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}`, ""},
		{"2.4.6 name is a number", "evaluation", `{"subject":{"type":"user","id":"alice"},"action":{"name":123},"resource":{"type":"record","id":"record-1"}}`, ""},

		{"3.2.1 batch", "evaluations", `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"evaluations":[{"resource":{"type":"record","id":"record-1"}},{"resource":{"type":"record","id":"record-2"}}]}`, `{"evaluations":[{"decision":true},{"decision":true}]}`},
		{"3.2.2 order", "evaluations", `{"subject":{"type":"user","id":"bob"},"resource":{"type":"record","id":"record-1"},"evaluations":[{"action":{"name":"read"}},{"action":{"name":"write"}}]}`, `{"evaluations":[{"decision":true},{"decision":false}]}`},
		{"3.2.3 resource properties", "evaluations", `{"subject":{"type":"user","id":"alice"},"action":{"name":"write"},"evaluations":[{"resource":{"type":"record","id":"record-1","properties":{"status":"active"}}},{"resource":{"type":"record","id":"record-2","properties":{"status":"archived"}}}]}`, `{"evaluations":[{"decision":true},{"decision":false}]}`},
		{"3.2.4 subject properties", "evaluations", `{"action":{"name":"write"},"resource":{"type":"record","id":"record-2","properties":{"status":"archived"}},"evaluations":[{"subject":{"type":"user","id":"alice"}},{"subject":{"type":"user","id":"bob","properties":{"role":"admin"}}}]}`, `{"evaluations":[{"decision":false},{"decision":true}]}`},
		{"3.2.5 no defaults", "evaluations", `{"evaluations":[` + aliceReads + `,{"subject":{"type":"user","id":"bob"},"action":{"name":"write"},"resource":{"type":"record","id":"record-1"}}]}`, `{"evaluations":[{"decision":true},{"decision":false}]}`},
		{"3.2.6 context", "evaluations", `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},` + surround + `,"evaluations":[{"resource":{"type":"record","id":"record-1"}},{"resource":{"type":"record","id":"record-2"},"context":{"source":"batch-override"}}]}`, `{"evaluations":[{"decision":true},{"decision":true}]}`},
		{"3.2.7 defaults are whole", "evaluations", `{"subject":{"type":"user","id":"alice"},"action":{"name":"write"},"resource":{"type":"record","id":"record-1","properties":{"status":"active"}},"evaluations":[{},{"resource":{"type":"record","id":"record-2","properties":{"status":"archived"}}}]}`, `{"evaluations":[{"decision":true},{"decision":false}]}`},
		{"3.4.1 one is wrong", "evaluations", `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"options":{"evaluations_semantic":"execute_all"},"evaluations":[{"resource":{"type":"record","id":"record-1"}},{}]}`, `{"evaluations":[{"decision":true},{"decision":false,"context":{"error":{"status":400,"message":"The member resource is missing."}}}]}`},
		{"3.4.2 no array", "evaluations", aliceReads, permitted},
		{"3.4.3 empty array", "evaluations", `{"evaluations":[],` + aliceReads[1:], permitted},
		{"deny on first deny", "evaluations", `{"subject":{"type":"user","id":"bob"},"resource":{"type":"record","id":"record-1"},"options":{"evaluations_semantic":"deny_on_first_deny","another_option":"value"},"evaluations":[{"action":{"name":"read"}},{"action":{"name":"write"}},{"action":{"name":"read"}}]}`, `{"evaluations":[{"decision":true},{"decision":false}]}`},
		{"permit on first permit", "evaluations", `{"subject":{"type":"user","id":"bob"},"resource":{"type":"record","id":"record-1"},"options":{"evaluations_semantic":"permit_on_first_permit"},"evaluations":[{"action":{"name":"write"}},{"action":{"name":"read"}},{"action":{"name":"read"}}]}`, `{"evaluations":[{"decision":false},{"decision":true}]}`},

		{"4.2.1 subjects", "search/subject", `{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}`, both},
		{"4.2.2 context", "search/subject", `{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"},` + surround + `}`, both},
		{"4.2.3 id is ignored", "search/subject", aliceReads, both},
		{"4.2.4 properties", "search/subject", `{"subject":{"type":"user"},"action":{"name":"write"},"resource":{"type":"record","id":"record-2","properties":{"status":"archived"}}}`, `{"results":[{"type":"user","id":"bob"}]}`},
		{"4.3.1 resources", "search/resource", `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record"}}`, records},
		{"4.3.2 context", "search/resource", `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"record"},` + surround + `}`, records},
		{"4.3.3 id is ignored", "search/resource", aliceReads, records},
		{"4.3.4 properties", "search/resource", `{"subject":{"type":"user","id":"bob","properties":{"role":"admin"}},"action":{"name":"write"},"resource":{"type":"record"}}`, `{"results":[{"type":"record","id":"record-2"}]}`},
		{"4.4.1 actions", "search/action", `{"subject":{"type":"user","id":"alice"},"resource":{"type":"record","id":"record-1"}}`, `{"results":[{"name":"read"},{"name":"write"}]}`},
		{"4.4.2 context", "search/action", `{"subject":{"type":"user","id":"alice"},"resource":{"type":"record","id":"record-1"},` + surround + `}`, `{"results":[{"name":"read"},{"name":"write"}]}`},
		{"4.4.3 properties", "search/action", `{"subject":{"type":"user","id":"bob","properties":{"role":"admin"}},"resource":{"type":"record","id":"record-2","properties":{"status":"archived"}}}`, `{"results":[{"name":"read"},{"name":"write"}]}`},
		{"4.5.1 page", "search/subject", `{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"},"page":{"limit":1}}`, `{"page":{"next_token":"bob","count":1},"results":[{"type":"user","id":"alice"}]}`},
		{"4.5.2 next page", "search/subject", `{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"},"page":{"token":"bob"}}`, `{"page":{"next_token":"","count":1},"results":[{"type":"user","id":"bob"}]}`},
		{"4.6.1 unknown subject", "search/action", `{"subject":{"type":"user","id":"nonexistent-user"},"resource":{"type":"record","id":"record-1"}}`, none},
		{"4.6.2 unknown type", "search/subject", `{"subject":{"type":"spaceship"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"}}`, none},
		{"4.6 unknown resource type", "search/resource", `{"subject":{"type":"user","id":"alice"},"action":{"name":"read"},"resource":{"type":"spaceship"}}`, none},
		{"4.7.1 no action", "search/subject", `{"subject":{"type":"user"},"resource":{"type":"record","id":"record-1"}}`, ""},
		{"4.7.1 no subject", "search/resource", `{"action":{"name":"read"},"resource":{"type":"record"}}`, ""},
		{"4.7.1 no resource", "search/action", `{"subject":{"type":"user","id":"alice"}}`, ""},
		{"4.7.2 no resource id", "search/subject", `{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"record"}}`, ""},
		{"4.7.2 no subject id", "search/resource", `{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"record"}}`, ""},
		{"4.7.2 no subject id for actions", "search/action", `{"subject":{"type":"user"},"resource":{"type":"record","id":"record-1"}}`, ""},
	} {
		for range 2 { // 2.6: the same answer each time
			w := ask(h, Prefix+c.path, c.body, "X-Request-ID", "bfe9eb29-ab87-4ca3-be83-a1d5d8305716")
			status, media := http.StatusOK, "application/json"
			if c.want == "" {
				status, media = http.StatusBadRequest, "text/plain; charset=utf-8"
			}
			if w.Code != status || w.Header().Get("Content-Type") != media || c.want != "" && w.Body.String() != c.want {
				t.Errorf("%s: got %d %s %s, want %d %s", c.name, w.Code, w.Header().Get("Content-Type"), w.Body, status, c.want)
			}
			if got := w.Header().Get("X-Request-ID"); got != "bfe9eb29-ab87-4ca3-be83-a1d5d8305716" {
				t.Errorf("%s (2.5.1): the request id comes back as %q", c.name, got)
			}
		}
	}
	if w := ask(h, Prefix+"evaluation", aliceReads, "Content-Type", "text/plain"); w.Code != http.StatusBadRequest {
		t.Errorf("2.4.3: got %d for another content type, want 400", w.Code)
	}
	if w := ask(h, Prefix+"evaluation", aliceReads); w.Code != http.StatusOK || w.Header().Get("X-Request-ID") == "" {
		t.Errorf("2.5.2: got %d, request id %q", w.Code, w.Header().Get("X-Request-ID"))
	}
}

// TestCertificationDiscovery is level Discovery. The metadata is open, and no
// header of a request gets into it.
func TestCertificationDiscovery(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest(http.MethodGet, Discovery, nil)
	r.Host = "attacker.example"
	r.Header.Set("X-Forwarded-Host", "attacker.example")
	w := httptest.NewRecorder()
	serving(fixture{}).ServeHTTP(w, r)
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("got %d %s %s", w.Code, w.Header(), w.Body)
	}
	for name, want := range map[string]string{
		"policy_decision_point": testEndpoint, "access_evaluation_endpoint": testEndpoint + "/access/v1/evaluation",
		"access_evaluations_endpoint": testEndpoint + "/access/v1/evaluations", "search_subject_endpoint": testEndpoint + "/access/v1/search/subject",
		"search_resource_endpoint": testEndpoint + "/access/v1/search/resource", "search_action_endpoint": testEndpoint + "/access/v1/search/action",
	} {
		if got[name] != want {
			t.Errorf("%s: got %v, want %s", name, got[name], want)
		}
	}
}
