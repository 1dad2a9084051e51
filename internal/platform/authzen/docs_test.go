package authzen_test

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/pagetest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestAccessPageIsTrue runs the lines of docs/access.md against a platform.
func TestAccessPageIsTrue(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	pagetest.Page{
		File: "../../../docs/access.md", Blocks: 7, Endpoint: p.Endpoint,
		Before: `admin=(-sS -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json')
brit=(-sS -H "Authorization: Bearer $BRIT" -H 'Content-Type: application/json')`,
		Env: []string{"API=" + p.Endpoint + "/api/v1", "ACCESS=" + p.Endpoint + "/access/v1", "TOKEN=" + p.Token, "BRIT=" + p.TokenFor(british)},
	}.Run(t)
}
