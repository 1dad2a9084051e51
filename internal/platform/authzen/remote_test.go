package authzen_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/authzen"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// mesh is a platform with one product that a British analyst may read, and one
// that is hidden from him.
func mesh(t *testing.T) *platformtest.Platform {
	t.Helper()
	return platformtest.StartSIGINT(t,
		&catalog.Product{Domain: "sigint", Name: "tracks", Title: "Tracks", Version: "1.0.0", Marking: "SECRET//REL TO USA, FVEY"},
		&catalog.Product{Domain: "sigint", Name: "source", Title: "Source", Version: "1.0.0", Marking: "TOP SECRET//SI//NOFORN"},
	)
}

var british = platformtest.Briton("force-protection")

// post returns what somebody sees of a response: all but its time.
func post(t *testing.T, p *platformtest.Platform, token, path, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.Endpoint+authzen.Prefix+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Request-ID", "one")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	response.Header.Del("Date")
	return fmt.Sprintf("%d %v %s", response.StatusCode, response.Header, text)
}

func question(subject, product, properties string) string {
	return fmt.Sprintf(`{"subject":{"type":"user","id":%q%s},"action":{"name":"read"},"resource":{"type":"product","id":%q}}`, subject, properties, product)
}

const topSecret = `,"properties":{"clearance":"TS","countryOfAffiliation":["USA"],"fineAccessControls":["SI"],"dutyOrganization":"USA.DOD","employmentType":"gov"}`

// TestDecisionsOverTheNetwork goes through the door to the real platform: who
// is let in, and that each answer is in the log when it arrives.
func TestDecisionsOverTheNetwork(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	token := p.TokenFor(british)
	for _, c := range []struct{ name, token, body, want, code string }{
		{"permit", token, question("brit", "sigint/tracks", ""), `{"decision":true}`, ""},
		{"attack: clearance in the body", token, question("brit", "sigint/source", topSecret), `{"decision":false}`, "clearance"},
		{"attack: forged subject", token, question("dev-administrator", "sigint/tracks", topSecret), `{"decision":false}`, "missing_claim"},
		{"enforcement point", p.Token, question("ann", "sigint/source", topSecret), `{"decision":true}`, ""},
		{"enforcement point, no claims", p.Token, question("brit", "sigint/tracks", ""), `{"decision":false,"context":{"reason":"missing_claim"}}`, "missing_claim"},
	} {
		before := int64(len(p.Entries(0)))
		got := post(t, p, c.token, "evaluation", c.body)
		entries := p.Entries(before)
		if !strings.HasPrefix(got, "200 ") || !strings.HasSuffix(got, c.want) || len(entries) != 1 || strings.Join(entries[0].ReasonCodes, ",") != c.code || entries[0].RequestID != "one" {
			t.Errorf("%s: got %s and the entries %+v, want %s %s", c.name, got, entries, c.want, c.code)
		}
	}
}

// TestAttackHiddenProductToldFromAbsentOverTheNetwork: every question about a
// hidden product has the answer that one about no product has, byte for byte.
func TestAttackHiddenProductToldFromAbsentOverTheNetwork(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	token := p.TokenFor(british)
	for path, body := range map[string]string{
		"evaluation":      question("brit", "%s", ""),
		"evaluations":     `{"evaluations":[` + question("brit", "sigint/tracks", "") + `,` + question("brit", "%s", "") + `],"options":{"evaluations_semantic":"deny_on_first_deny"}}`,
		"search/subject":  question("brit", "%s", ""),
		"search/resource": question("brit", "%s", ""),
		"search/action":   question("brit", "%s", ""),
	} {
		hidden := post(t, p, token, path, strings.Replace(body, "%s", "sigint/source", 1))
		absent := post(t, p, token, path, strings.Replace(body, "%s", "sigint/nothin", 1))
		if hidden != absent || !strings.HasPrefix(hidden, "200 ") {
			t.Errorf("%s: hidden %s, absent %s", path, hidden, absent)
		}
	}
}

// TestDiscoveryNamesThisServer, at the address at which it was asked.
func TestDiscoveryNamesThisServer(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	response, err := http.Get(p.Endpoint + authzen.Discovery)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if want := `{"policy_decision_point":"` + p.Endpoint + `",`; err != nil || !strings.HasPrefix(string(text), want) {
		t.Errorf("got %s, %v; want %s", text, err, want)
	}
}
