package platformd

import (
	"net/http"
	"strings"
	"testing"
)

// TestNothingAboveSystemHighLeaves, not even for the administrator, who is told
// why.
func TestNothingAboveSystemHighLeaves(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir(), SystemHigh: "SECRET//NOFORN"})
	put := func(path, body string) {
		t.Helper()
		if status, answer := ask(t, http.MethodPut, s.Endpoint()+"/api/v1/domains/"+path, s.Ready().Token, body); status != http.StatusCreated {
			t.Fatalf("put %s: got %d %s", path, status, answer)
		}
	}
	put("alpha", `{"display_name":"A","discipline":"OTHER","contact":"a@enclave.example","team":{"a.owner":{"role":"owner"}}}`)
	for name, banner := range map[string]string{"high": "TOP SECRET//NOFORN", "low": "SECRET//NOFORN"} {
		put("alpha/products/"+name, `{"title":"T","version":"1.0.0","marking":"`+banner+`"}`)
	}
	for id, want := range map[string]string{"alpha/high": `{"decision":false,"context":{"reason":"system_high"}}`, "alpha/low": `{"decision":true}`} {
		status, answer := ask(t, http.MethodPost, s.Endpoint()+"/access/v1/evaluation", s.Ready().Token,
			`{"subject":{"type":"user","id":"dev-administrator"},"action":{"name":"read"},"resource":{"type":"product","id":"`+id+`"}}`)
		if status != http.StatusOK || strings.TrimSpace(answer) != want {
			t.Errorf("%s: got %d %s, want %s", id, status, answer, want)
		}
	}
}
