package noninterference_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// decisions asks what may be had. Questions about others come from whoever asks,
// an enforcement point or not.
func (p *pair) decisions(t *testing.T, who string) {
	t.Helper()
	ask := func(path, body string) answer {
		return p.ask(t, call{who: who, method: http.MethodPost, path: "/access/v1/" + path, body: body})
	}
	claims := `"properties":{"clearance":"S","countryOfAffiliation":["USA"],"dutyOrganization":"USA.DOD","employmentType":"gov"}`
	for _, subject := range []string{`{"type":"user","id":"` + who + `"}`, `{"type":"user","id":"z.other",` + claims + `}`} {
		var batch []string
		for _, id := range products {
			resource := `{"type":"product","id":"` + id + `"}`
			ask("evaluation", `{"subject":`+subject+`,"action":{"name":"`+[]string{"read", "download", "destroy"}[p.calls%3]+`"},"resource":`+resource+`}`)
			batch = append(batch, `{"resource":`+resource+`}`)
			ask("search/action", `{"subject":`+subject+`,"resource":`+resource+`}`)
			ask("search/subject", `{"subject":{"type":"user"},"action":{"name":"read"},"resource":`+resource+`}`)
		}
		for _, semantic := range []string{"execute_all", "deny_on_first_deny", "permit_on_first_permit"} {
			ask("evaluations", `{"subject":`+subject+`,"action":{"name":"read"},"evaluations":[`+strings.Join(batch, ",")+`],"options":{"evaluations_semantic":"`+semantic+`"}}`)
		}
		p.search(t, who, subject)
	}
}

// search follows a search for products from page to page.
func (p *pair) search(t *testing.T, who, subject string) {
	t.Helper()
	for token := ""; ; {
		body := `{"subject":` + subject + `,"action":{"name":"read"},"resource":{"type":"product"},"page":{"limit":2,"token":"` + token + `"}}`
		if token == "" {
			body = `{"subject":` + subject + `,"action":{"name":"read"},"resource":{"type":"product"},"page":{"limit":2}}`
		}
		got := p.ask(t, call{who: who, method: http.MethodPost, path: "/access/v1/search/resource", body: body})
		var found struct {
			Page struct {
				Next string `json:"next_token"`
			} `json:"page"`
		}
		if got.Status != http.StatusOK || json.Unmarshal([]byte(got.Body), &found) != nil || found.Page.Next == "" {
			return
		}
		token = found.Page.Next
	}
}
