package platformd_test

import (
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/pagetest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// TestServerPageIsTrue runs the lines of docs/server.md against a server in
// production.
func TestServerPageIsTrue(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	certificate, key := p.PKI.Write("service", p.PKI.Client(platformtest.Pipeline))
	pagetest.Page{
		File: "../../../docs/server.md", Blocks: 2, Stands: "https://mesh.enclave.example:8443", Endpoint: p.Endpoint,
		Env: []string{"CA=" + p.PKI.Root(), "TOKEN=" + p.IDP.Token(identitytest.User("ana")), "CERT=" + certificate, "KEY=" + key},
	}.Run(t)
}
