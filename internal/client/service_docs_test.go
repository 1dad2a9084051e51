package client_test

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/pagetest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestAPIPageIsTrue runs the lines of docs/api/README.md against a platform.
func TestAPIPageIsTrue(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	pagetest.Page{
		File: "../../docs/api/README.md", Blocks: 5, Endpoint: p.Endpoint,
		Before: `auth=(-sS -H "Authorization: Bearer $TOKEN"); json=(-H 'Content-Type: application/json')`,
		Env:    []string{"API=" + p.Endpoint + "/api/v1", "TOKEN=" + p.Token},
	}.Run(t)
}
