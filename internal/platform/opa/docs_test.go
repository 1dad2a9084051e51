package opa_test

import (
	"os"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/pagetest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/opa"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

const page = "../../../docs/trino.md"

// TestTrinoPageIsTrue runs the lines of docs/trino.md against a platform.
func TestTrinoPageIsTrue(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	pagetest.Page{
		File: page, Blocks: 3, Endpoint: p.Endpoint,
		Before: `trino=(-sS -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json')`,
		Env:    []string{"API=" + p.Endpoint + "/api/v1", "OPA=" + p.Endpoint + strings.TrimSuffix(opa.Prefix, "/"), "TOKEN=" + p.Token, "BRIT=" + p.TokenFor(british)},
	}.Run(t)
}

// TestTrinoIsConfiguredWithWhatIsServed: every address in the properties of the
// page answers, and the credentials are those that count.
func TestTrinoIsConfiguredWithWhatIsServed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	p := platformtest.Start(t)
	addresses := 0
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case strings.HasPrefix(key, "opa.policy."):
			addresses++
			path := strings.TrimPrefix(value, "https://mesh.enclave.example"+opa.Prefix)
			if got := post(t, p, p.Token, path, `{}`); !strings.HasPrefix(got, "400 ") {
				t.Errorf("%s is answered with %s", value, got)
			}
		case key == "opa.identity.extra-credentials-keys" && value != opa.TokenCredential+","+opa.PurposeCredential:
			t.Errorf("the extra credentials are %s", value)
		}
	}
	if addresses != 4 {
		t.Errorf("the page has %d addresses, want 4", addresses)
	}
}
