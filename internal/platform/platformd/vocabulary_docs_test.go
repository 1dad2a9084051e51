package platformd_test

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/pagetest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestVocabularyPageIsTrue runs the lines of docs/vocabulary.md against a
// platform.
func TestVocabularyPageIsTrue(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	brit := catalog.Caller{Subject: "brit", Attributes: marking.Subject{
		Clearance: "S", CountryOfAffiliation: []string{"GBR"}, DutyOrganization: "GBR.MOD", EmploymentType: "gov"}}
	pagetest.Page{
		File: "../../../docs/vocabulary.md", Blocks: 6, Endpoint: p.Endpoint,
		Before: `admin=(-sS -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json')
brit=(-sS -H "Authorization: Bearer $BRIT" -H 'Content-Type: application/json')`,
		Env: []string{"API=" + p.Endpoint + "/api/v1", "TOKEN=" + p.Token, "BRIT=" + p.TokenFor(brit)},
	}.Run(t)
}
