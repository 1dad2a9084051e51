package functions_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	testresource "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/meshwright/terraform-provider-datamesh/provider/providertest"
)

// versions are two versions of a schema: the second adds a field that has no
// default.
const versions = `
	locals {
		v1 = jsonencode({ type = "record", name = "T", fields = [{ name = "id", type = "string" }] })
		v2 = jsonencode({ type = "record", name = "T", fields = [
			{ name = "id", type = "string" },
			{ name = "speed", type = "double" },
		] })
	}
	resource "terraform_data" "v1" { input = local.v1 } # its output is unknown while planning
`

func TestSchemaCompatibleInTerraform(t *testing.T) {
	t.Parallel()
	providertest.Terraform(t)
	testresource.UnitTest(t, testresource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []testresource.TestStep{{
			Config: versions + `
				output "first"    { value = provider::datamesh::schema_compatible("AVRO", "FULL", [], local.v1) }
				output "backward" { value = provider::datamesh::schema_compatible("AVRO", "BACKWARD", [local.v1], local.v2) }
				output "forward"  { value = provider::datamesh::schema_compatible("AVRO", "FORWARD", [local.v1], local.v2) }
				output "late"     { value = provider::datamesh::schema_compatible("AVRO", "FULL", [terraform_data.v1.output], local.v2) }
				output "latest"   { value = provider::datamesh::schema_compatible("AVRO", "FULL", [local.v2], terraform_data.v1.output) }
				output "json" {
					value = provider::datamesh::schema_compatible("JSON", "BACKWARD", [jsonencode({ type = "integer" })], jsonencode({ type = "number" }))
				}
				output "protobuf" {
					value = provider::datamesh::schema_compatible("PROTOBUF", "FULL_TRANSITIVE", [<<-EOT
						syntax = "proto3";
						message T { string id = 1; }
					EOT
					], "syntax = \"proto3\"; message T { int64 id = 1; }")
				}
			`,
			ConfigPlanChecks: testresource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectUnknownOutputValue("late"),
				plancheck.ExpectUnknownOutputValue("latest"),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				output("first", knownvalue.Bool(true)),
				output("backward", knownvalue.Bool(false)),
				output("forward", knownvalue.Bool(true)),
				output("late", knownvalue.Bool(false)),
				output("latest", knownvalue.Bool(false)),
				output("json", knownvalue.Bool(true)),
				output("protobuf", knownvalue.Bool(false)),
			},
		}},
	})
}

func TestSchemaCompatibleErrorsInTerraform(t *testing.T) {
	t.Parallel()
	providertest.Terraform(t)
	step := func(call, want string) testresource.TestStep {
		return testresource.TestStep{
			Config:      versions + `output "x" { value = provider::datamesh::schema_compatible(` + call + `) }`,
			ExpectError: regexp.MustCompile(want),
		}
	}
	testresource.UnitTest(t, testresource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []testresource.TestStep{
			step(`"avro", "FULL", [], local.v1`, `(?s)Invalid value for "type" parameter.*AVRO, JSON or\s+PROTOBUF`),
			step(`"AVRO", "SIDEWAYS", [], local.v1`, `(?s)Invalid value for "mode" parameter.*FULL_TRANSITIVE`),
			step(`"AVRO", "FULL", [local.v1, "{"], local.v1`, `(?s)Invalid value for "older" parameter.*Element 1: Line 1,\s+column 2`),
			step(`"AVRO", "FULL", [local.v1, null], local.v1`, `(?s)Invalid value for "older" parameter.*Element 1: The\s+schema\s+is\s+null`),
			step(`"AVRO", "FULL", [local.v1], "{"`, `(?s)Invalid value for "candidate" parameter.*Line 1, column 2`),
			step(`"AVRO", "FULL", [local.v1], null`, `(?s)Invalid value for "candidate" parameter.*not be null`),
			step(`"AVRO", "FULL", null, local.v1`, `(?s)Invalid value for "older" parameter.*not be null`),
		},
	})
}

// TestPreconditionStopsTheBreakingSchema runs the example as it stands, and
// then with a candidate that breaks consumers.
func TestPreconditionStopsTheBreakingSchema(t *testing.T) {
	t.Parallel()
	providertest.Terraform(t)
	text, err := os.ReadFile(filepath.Join("..", "..", "examples", "functions", "schema_compatible", "function.tf"))
	if err != nil {
		t.Fatal(err)
	}
	example := string(text)
	breaking := strings.Replace(example, `{ name = "course_deg", type = ["null", "double"], default = null }`, `{ name = "course_deg", type = "double" }`, 1)
	if breaking == example {
		t.Fatal("the example has no course_deg to break")
	}
	testresource.UnitTest(t, testresource.TestCase{
		ProtoV6ProviderFactories: factories(),
		Steps: []testresource.TestStep{
			{Config: example, ConfigStateChecks: []statecheck.StateCheck{
				output("track_schema", knownvalue.StringRegexp(regexp.MustCompile("course_deg"))),
			}},
			{Config: breaking, ExpectError: regexp.MustCompile(`(?s)Module output value precondition failed.*breaks a released\s+version`)},
		},
	})
}
