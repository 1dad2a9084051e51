package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/pagetest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestAuditPageIsTrue runs the lines of docs/audit.md against a platform, with
// the command as it is shipped.
func TestAuditPageIsTrue(t *testing.T) {
	t.Parallel()
	p := platformtest.Start(t)
	british := marking.Subject{Clearance: "S", CountryOfAffiliation: []string{"GBR"}, DutyOrganization: "GBR.MOD", EmploymentType: "gov"}
	pagetest.Page{
		File: "../../../docs/audit.md", Blocks: 6, Endpoint: p.Endpoint,
		Env: []string{
			"API=" + p.Endpoint + "/api/v1", "LOG=" + p.Endpoint + "/audit", "DATA=" + p.DataDir(), "DATAMESH_TOKEN=" + p.Token,
			"AUDITOR=" + p.TokenFor(catalog.Caller{Subject: "b.low", Groups: []string{catalog.AuditGroup}, Attributes: british}),
			"MONITOR=" + p.TokenFor(catalog.Caller{Subject: "m.low", Groups: []string{catalog.MonitorGroup}}),
			"ANALYST=" + p.TokenFor(catalog.Caller{Subject: "a.low"}),
			"PATH=" + filepath.Dir(buildBinary(t)) + string(os.PathListSeparator) + os.Getenv("PATH"),
		},
	}.Run(t)
}
