package functions_test

import (
	"context"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	testresource "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/meshwright/terraform-provider-datamesh/provider/functions"
	"github.com/meshwright/terraform-provider-datamesh/provider/providertest"
)

// onlyFunctions is a provider of nothing but the functions: it shows that they
// need no configuration and no platform.
type onlyFunctions struct{}

func (onlyFunctions) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "datamesh"
}
func (onlyFunctions) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}
func (onlyFunctions) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {
}
func (onlyFunctions) DataSources(context.Context) []func() datasource.DataSource { return nil }
func (onlyFunctions) Resources(context.Context) []func() resource.Resource       { return nil }
func (onlyFunctions) Functions(context.Context) []func() function.Function       { return functions.All() }

func factories() map[string]func() (tfprotov6.ProviderServer, error) {
	return map[string]func() (tfprotov6.ProviderServer, error){
		"datamesh": providerserver.NewProtocol6WithError(onlyFunctions{}),
	}
}

func TestFunctionsInTerraform(t *testing.T) {
	t.Parallel()
	providertest.Terraform(t)
	testresource.UnitTest(t, testresource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []testresource.TestStep{{
			Config: `
				resource "terraform_data" "late" { input = "(S//REL TO USA, AUS, CAN, GBR)" }

				output "banner" { value = provider::datamesh::marking_banner("(S//REL TO USA, FVEY)") }
				output "rollup" {
					value = provider::datamesh::marking_rollup([
						"SECRET//REL TO USA, FVEY",
						terraform_data.late.output, # unknown while planning
					])
				}
				output "identity"  { value = provider::datamesh::marking_rollup([]) }
				output "set"       { value = provider::datamesh::marking_rollup(toset(["(S//NF)", "(C//NF)"])) }
				output "dominates" { value = provider::datamesh::marking_dominates("(S//NF)", terraform_data.late.output) }
				output "not"       { value = provider::datamesh::marking_dominates("(S//REL TO USA, GBR)", "(S//NF)") }
			`,
			ConfigStateChecks: []statecheck.StateCheck{
				output("banner", knownvalue.StringExact("SECRET//REL TO USA, FVEY")),
				output("rollup", knownvalue.StringExact("SECRET//REL TO USA, AUS, CAN, GBR")),
				output("identity", knownvalue.StringExact("UNCLASSIFIED")),
				output("set", knownvalue.StringExact("SECRET//NOFORN")),
				output("dominates", knownvalue.Bool(true)),
				output("not", knownvalue.Bool(false)),
			},
		}},
	})
}

func output(name string, want knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownOutputValue(name, want)
}

func TestFunctionErrorsInTerraform(t *testing.T) {
	t.Parallel()
	providertest.Terraform(t)
	testresource.UnitTest(t, testresource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []testresource.TestStep{
			{
				Config:      `output "x" { value = provider::datamesh::marking_banner("SECRET//COSMIC-FOO") }`,
				ExpectError: regexp.MustCompile(`(?s)Invalid value for "marking" parameter.*COSMIC-FOO.*rule`),
			},
			{
				Config:      `output "x" { value = provider::datamesh::marking_rollup(["(U)", "(S//REL TO USA)"]) }`,
				ExpectError: regexp.MustCompile(`(?s)Invalid value for "markings" parameter.*Element 1: .*ISM-ID-00319`),
			},
		},
	})
}
