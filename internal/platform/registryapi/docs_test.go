package registryapi_test

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/pagetest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestRegistryPageIsTrue runs the lines of docs/registry.md against a platform.
func TestRegistryPageIsTrue(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	pagetest.Page{
		File: "../../../docs/registry.md", Blocks: 7, Endpoint: p.Endpoint,
		Before: `auth=(-sS -H "Authorization: Bearer $TOKEN"); json=(-H 'Content-Type: application/vnd.schemaregistry.v1+json')`,
		Env:    []string{"REGISTRY=" + p.Endpoint + "/schema-registry", "API=" + p.Endpoint + "/api/v1", "TOKEN=" + p.Token},
	}.Run(t)
}
