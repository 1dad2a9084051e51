package dataschema_test

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/meshwright/terraform-provider-datamesh/provider/providertest"
)

// contract is a schema of each language that refers to another one, and
// conforms to what the board asks for.
const contract = owner + `
locals {
  board    = jsonencode({ type = "object", required = ["id"], properties = { id = { type = "string", description = "Identifier." } } })
  avro     = jsonencode({ type = "record", name = "geo.Position", fields = [{ name = "lat", type = "double", doc = "Latitude, degrees." }] })
  json     = jsonencode({ type = "object", properties = { lat = { type = "number", description = "Latitude", x-unit = "deg" } } })
  protobuf = "syntax = \"proto3\";\npackage geo;\nmessage Position {\n  // Latitude, degrees.\n  double lat = 1;\n}\n"
}

resource "datamesh_reference_schema" "emitter" {
  name       = "emitter"
  type       = "JSON"
  definition = local.board
}

resource "datamesh_schema" "position_avro" {
  domain     = datamesh_domain.elint.name
  name       = "position-avro"
  type       = "AVRO"
  definition = local.avro
}

resource "datamesh_schema" "position_json" {
  domain     = datamesh_domain.elint.name
  name       = "position-json"
  type       = "JSON"
  definition = local.json
}

resource "datamesh_schema" "position_protobuf" {
  domain     = datamesh_domain.elint.name
  name       = "position-protobuf"
  type       = "PROTOBUF"
  definition = local.protobuf
}

resource "datamesh_schema" "this" {
  domain        = datamesh_domain.elint.name
  name          = "emitter-avro"
  type          = "AVRO"
  compatibility = "GLOBAL"
  conforms_to   = datamesh_reference_schema.emitter.name
  references    = { "geo.Position" = { schema = datamesh_schema.position_avro.id, version = 1 } }
  definition    = jsonencode({ type = "record", name = "Emitter", fields = [
    { name = "id", type = "string", doc = "Identifier." },
    { name = "at", type = "geo.Position", doc = "Place." },
  ] })
}

resource "datamesh_schema" "json" {
  domain      = datamesh_domain.elint.name
  name        = "emitter-json"
  type        = "JSON"
  conforms_to = "${datamesh_reference_schema.emitter.name}@1"
  references  = { "position.json" = { schema = datamesh_schema.position_json.id, version = 1 } }
  definition  = <<-EOT
    {
      "type": "object",
      "required": ["id"],
      "properties": {
        "id": {"type": "string", "description": "Identifier."},
        "at": {"$ref": "position.json", "description": "Place."}
      }
    }
  EOT
}

resource "datamesh_schema" "protobuf" {
  domain     = datamesh_domain.elint.name
  name       = "emitter-protobuf"
  type       = "PROTOBUF"
  references = { "geo/position.proto" = { schema = datamesh_schema.position_protobuf.id, version = 1 } }
  definition = "syntax = \"proto3\";\nimport \"geo/position.proto\";\nmessage Emitter {\n  // Identifier.\n  string id = 1;\n  // Place.\n  geo.Position at = 2;\n}\n"
}
`

// TestSchemasThatReferToOthers takes references of all languages through one
// plan, and then through other words for the same.
func TestSchemasThatReferToOthers(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{
			Config: mesh.Config(contract),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, tfjsonpath.New("references").AtMapKey("geo.Position"), knownvalue.ObjectExact(map[string]knownvalue.Check{
					"schema": knownvalue.StringExact("elint/position-avro"), "version": knownvalue.Int64Exact(1),
				})),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("compatibility"), knownvalue.StringExact("GLOBAL")),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("conforms_to"), knownvalue.StringExact("emitter")),
			},
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{
			Config: mesh.Config(swap(contract,
				`jsonencode({ type = "record", name = "Emitter", fields = [`, `format("\n%s\n", jsonencode({ name = "Emitter", type = "record", fields = [`,
				"  ] })\n", "  ] }))\n",
				`"type": "object",`, `"$comment": "reviewed", "type": "object",`,
				`import \"geo/position.proto\";`, `import   \"geo/position.proto\"; // reviewed`)),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
		resource.TestStep{
			Config: mesh.Config(swap(contract,
				`doc = "Latitude, degrees."`, `doc = "Latitude, degrees, WGS 84."`, `position_avro.id, version = 1`, `position_avro.id, version = 2`)),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(`datamesh_schema.position_avro`, plancheck.ResourceActionUpdate),
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				plancheck.ExpectResourceAction("datamesh_schema.json", plancheck.ResourceActionNoop),
			}},
		},
	)
}

// TestContractRefusals are refused before anything is applied, at the attribute
// at fault, although all that is at issue comes in the same plan.
func TestContractRefusals(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	for name, test := range map[string]struct{ from, to, want string }{
		"a version that is not registered": {`position_avro.id, version = 1`, `position_avro.id, version = 2`, `(?s)At\s+references\["geo.Position"\].*version 2`},
		"another language":                 {`position_avro.id, version = 1`, `position_json.id, version = 1`, `(?s)At\s+references\["geo.Position"\].*JSON`},
		"itself":                           {`schema = datamesh_schema.position_avro.id`, `schema = "elint/emitter-avro"`, `(?s)At\s+references\["geo.Position"\]`},
		"a name that no reference has":     {`type = "geo.Position"`, `type = "geo.Area"`, `(?s)definition\s+=.*geo.Area`},
		"a required field is missing":      {`{ name = "id", type = "string", doc = "Identifier." },`, ``, `(?s)definition\s+=.*field "id".*schema.conformance`},
		"a required field is of another type": {`{ name = "id", type = "string", doc = "Identifier." },`, `{ name = "id", type = "boolean", doc = "Identifier." },`,
			`(?s)definition\s+=.*field "id".*schema.conformance`},
		"a version of the board that is none": {`emitter.name}@1`, `emitter.name}@2`, `(?s)conforms_to\s+=.*version 2`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: providertest.Factories(),
				Steps: []resource.TestStep{{
					Config: mesh.Config(strings.Replace(contract, test.from, test.to, 1)), PlanOnly: true, ExpectError: regexp.MustCompile(test.want),
				}},
			})
		})
	}
}

// TestContractOfUnknownValues plans what cannot be judged yet, and applies it:
// nothing is refused for what an unknown text, reference or mode may still say.
func TestContractOfUnknownValues(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	late := swap(contract,
		`conforms_to   = datamesh_reference_schema.emitter.name`, `conforms_to   = terraform_data.late.output.reference`,
		`compatibility = "GLOBAL"`, `compatibility = terraform_data.late.output.compatibility`,
		`{ "geo.Position" = { schema = datamesh_schema.position_avro.id, version = 1 } }`, `terraform_data.late.output.references`,
		`"position.json" = { schema = datamesh_schema.position_json.id, version = 1 }`, `"position.json" = { schema = datamesh_schema.position_json.id, version = terraform_data.late.output.version }`,
		"definition = local.board", "definition = terraform_data.text.output.board",
		"definition = local.avro", "definition = terraform_data.text.output.avro",
		"definition = local.json", "definition = terraform_data.text.output.json",
		"definition = local.protobuf", "definition = terraform_data.text.output.protobuf",
	) + `
resource "terraform_data" "late" {
  input = {
    reference     = datamesh_reference_schema.emitter.name
    compatibility = "GLOBAL"
    version       = 1
    references    = { "geo.Position" = { schema = datamesh_schema.position_avro.id, version = 1 } }
  }
}

resource "terraform_data" "text" {
  input = { board = local.board, avro = local.avro, json = local.json, protobuf = local.protobuf }
}
`
	mesh.Run(resource.TestStep{Config: mesh.Config(late)})
}

// TestModeThatIsNotKnownYet: whether a definition may follow those before it
// depends on the mode, and what it means on the references.
func TestModeThatIsNotKnownYet(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	breaking := strings.Replace(contract, `{ name = "id", type = "string", doc = "Identifier." },`, `{ name = "id", type = "string", doc = "Identifier." }, { name = "new", type = "string", doc = "New." },`, 1)
	late := func(mode string) string {
		return fmt.Sprintf(`
resource "terraform_data" "late" {
  input = { mode = %q, references = { "geo.Position" = { schema = datamesh_schema.position_avro.id, version = 1 } } }
}
`, mode)
	}
	unknownMode := func(mode string) string {
		return mesh.Config(swap(breaking, `compatibility = "GLOBAL"`, `compatibility = terraform_data.late.output.mode`) + late(mode))
	}
	unknownReferences := mesh.Config(swap(contract, `{ "geo.Position" = { schema = datamesh_schema.position_avro.id, version = 1 } }`,
		`terraform_data.late.output.references`) + late("GLOBAL"))
	unknownType := mesh.Config(contract + `
resource "datamesh_schema" "late" {
  domain     = datamesh_domain.elint.name
  name       = "late"
  type       = terraform_data.late.output.type
  references = { "geo.Position" = { schema = datamesh_schema.position_avro.id, version = 1 } }
  definition = jsonencode("geo.Position")
}

resource "terraform_data" "late" {
  input = { type = "AVRO" }
}
`)
	refused := regexp.MustCompile(`(?s)definition\s+=.*READER_FIELD_MISSING_DEFAULT_VALUE.*schema.compatibility`)
	mesh.Run(
		resource.TestStep{Config: mesh.Config(contract)},
		resource.TestStep{Config: mesh.Config(breaking), PlanOnly: true, ExpectError: refused},
		resource.TestStep{Config: unknownMode("BACKWARD"), PlanOnly: true, ExpectNonEmptyPlan: true},
		resource.TestStep{Config: unknownReferences, PlanOnly: true, ExpectNonEmptyPlan: true},
		resource.TestStep{Config: unknownType, PlanOnly: true, ExpectNonEmptyPlan: true},
		resource.TestStep{Config: unknownMode("BACKWARD"), ExpectError: refused}, // by apply
		resource.TestStep{Config: unknownMode("NONE"), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
	)
}

// TestReportOfASchema reads what a consumer's precondition would ask.
func TestReportOfASchema(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	one := "data.datamesh_schema.one"
	in := func(list string) tfjsonpath.Path { return tfjsonpath.New("report").AtMapKey(list) }
	mesh.Run(resource.TestStep{
		Config: mesh.Config(swap(least, `doc = "Identifier." }`, `doc = "Identifier." }, { name = "pri", type = "double" }, { name = "marking", type = "string", doc = "Portion mark." }`) + `
data "datamesh_schema" "one" {
  domain = datamesh_schema.this.domain
  name   = datamesh_schema.this.name

  lifecycle {
    postcondition {
      condition     = length(self.report.without_unit) < self.report.fields
      error_message = "No number has a unit."
    }
  }
}
`),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue(one, in("fields"), knownvalue.Int64Exact(3)),
			statecheck.ExpectKnownValue(one, in("undescribed"), knownvalue.ListSizeExact(1)),
			statecheck.ExpectKnownValue(one, in("undescribed").AtSliceIndex(0).AtMapKey("path"), knownvalue.StringExact("pri")),
			statecheck.ExpectKnownValue(one, in("undescribed").AtSliceIndex(0).AtMapKey("reason"), knownvalue.StringRegexp(regexp.MustCompile("description"))),
			statecheck.ExpectKnownValue(one, in("without_unit").AtSliceIndex(0).AtMapKey("path"), knownvalue.StringExact("pri")),
			statecheck.ExpectKnownValue(one, in("unmarked"), knownvalue.ListSizeExact(2)),
			statecheck.ExpectKnownValue(one, in("nonconforming"), knownvalue.ListSizeExact(0)),
			statecheck.ExpectKnownValue(one, tfjsonpath.New("subject"), knownvalue.StringExact("elint.emitter")),
			statecheck.ExpectKnownValue(one, tfjsonpath.New("schema_id"), knownvalue.NumberFunc(positive)),
		},
	})
}

func positive(n *big.Float) error {
	if n.Sign() <= 0 || !n.IsInt() {
		return fmt.Errorf("got %s, want an id of the registry", n)
	}
	return nil
}
