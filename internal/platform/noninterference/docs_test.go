package noninterference_test

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/pagetest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestVisibilityPageIsTrue runs the lines of docs/visibility.md against a platform.
func TestVisibilityPageIsTrue(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	pagetest.Page{
		File: "../../../docs/visibility.md", Blocks: 3, Endpoint: p.Endpoint,
		Before: `admin=(-sS -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json')
low=(-sS -H "Authorization: Bearer $LOW" -H 'Content-Type: application/json')`,
		Env: []string{"API=" + p.Endpoint + "/api/v1", "REGISTRY=" + p.Endpoint + "/schema-registry", "TOKEN=" + p.Token, "LOW=" + p.TokenFor(person("low", "S", "USA"))},
	}.Run(t)
}
