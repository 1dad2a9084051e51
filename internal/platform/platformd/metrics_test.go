package platformd_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestMetricsNameNothing asks for names that exist, that do not, and that are
// made up for the purpose: none becomes a label, whatever is asked for, and to
// who may not read the numbers there are none.
func TestMetricsNameNothing(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	get := func(path, token string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Endpoint+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("X-Request-ID", "one")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	for _, path := range []string{"/api/v1/domains/secretive", "/schema-registry/subjects/secretive.x/versions", "/secretive", "/data/secretive/x/y/", "/audit/secretive"} {
		get(path, p.Token)
	}
	scraper := p.TokenFor(catalog.Caller{Subject: "prometheus", Groups: []string{"metrics"}})
	status, text := get("/metrics", scraper)
	if status != http.StatusOK || strings.Contains(text, "secretive") {
		t.Errorf("got %d and\n%s\nwant numbers that name nothing", status, text)
	}
	for _, want := range []string{`datamesh_http_requests_total{door="registry",status="4xx"} 1`, `datamesh_http_requests_total{door="other",status="4xx"} 1`, `{door="data",status="4xx"} 1`} {
		if !strings.Contains(text, want) {
			t.Errorf("got\n%s\nwant %s in it", text, want)
		}
	}
	labels := regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(text, -1)
	for _, label := range labels {
		if name := label[1]; name != "door" && name != "status" && name != "le" {
			t.Errorf("got label %q, want none but door, status and le", name)
		}
	}
	reader := p.TokenFor(catalog.Caller{Subject: "reader"})
	gone, told := get("/metrics", reader)
	absent, said := get("/metricz", reader)
	if gone != absent || told != strings.ReplaceAll(said, "metricz", "metrics") {
		t.Errorf("got %d %s for /metrics, %d %s for a path that does not exist: want the same", gone, told, absent, said)
	}
}
