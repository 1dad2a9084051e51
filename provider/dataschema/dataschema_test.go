package dataschema_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/providertest"
)

const address = "datamesh_schema.this"

var emitter = catalog.Ref{Kind: catalog.KindSchema, ID: "elint/emitter"}

const owner = `
resource "datamesh_domain" "elint" {
  name                = "elint"
  display_name        = "ELINT analysis cell"
  discipline          = "SIGINT"
  contact             = "elint@enclave.example"
  team                = { "c.field" = { role = "owner" } }
  deletion_protection = false
}
`

const least = owner + `
resource "datamesh_schema" "this" {
  domain     = datamesh_domain.elint.name
  name       = "emitter"
  type       = "AVRO"
  definition = jsonencode({ type = "record", name = "Emitter", fields = [{ name = "id", type = "string", doc = "Identifier." }] })
}
`

const everything = owner + `
resource "datamesh_schema" "this" {
  domain        = datamesh_domain.elint.name
  name          = "emitter"
  type          = "AVRO"
  description   = "One known emitter."
  compatibility = "BACKWARD"
  definition    = <<-EOT
    {
      "type": "record",
      "name": "Emitter",
      "fields": [
        {"name": "id", "type": "string", "doc": "Identifier."},
        {"name": "pri", "type": ["null", "double"], "default": null, "doc": "Pulse repetition interval, microseconds."}
      ]
    }
  EOT

  timeouts = { create = "2m", read = "1m", update = "2m", delete = "2m" }
}
`

func action(a plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, a)}}
}

func swap(config string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(config)
}

func TestSchema(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{
			Config: mesh.Config(least),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact("elint/emitter")),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("compatibility"), knownvalue.StringExact("FULL_TRANSITIVE")),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, tfjsonpath.New("description"), knownvalue.Null()),
			},
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{Config: mesh.Config(everything), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"timeouts"}},
		resource.TestStep{Config: mesh.Config(least), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
		resource.TestStep{Config: mesh.Config(swap(least, `"emitter"`, `"radar"`)), ConfigPlanChecks: action(plancheck.ResourceActionReplace)},
		resource.TestStep{
			Config: mesh.Config(swap(least, `"emitter"`, `"radar"`, `"AVRO"`, `"JSON"`,
				`type = "record", name = "Emitter", fields = [{ name = "id", type = "string", doc = "Identifier." }]`, `type = "object"`)),
			ConfigPlanChecks: action(plancheck.ResourceActionReplace),
		},
	)
}

// TestSpellingIsNoChange writes the same schema in other words: nothing is
// planned, no version is registered. One word of documentation is a change.
func TestSpellingIsNoChange(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	text := func(definition string) string {
		return mesh.Config(owner + fmt.Sprintf(`
resource "datamesh_schema" "this" {
  domain     = datamesh_domain.elint.name
  name       = "emitter"
  type       = "PROTOBUF"
  definition = %q
}

data "datamesh_schema" "this" {
  domain = datamesh_schema.this.domain
  name   = datamesh_schema.this.name
}`, definition))
	}
	version := func(want int64) []statecheck.StateCheck {
		return []statecheck.StateCheck{statecheck.ExpectKnownValue("data.datamesh_schema.this", tfjsonpath.New("version"), knownvalue.Int64Exact(want))}
	}
	mesh.Run(
		resource.TestStep{Config: text("syntax = \"proto3\";\nmessage Emitter { string id = 1; }\n"), ConfigStateChecks: version(1)},
		resource.TestStep{
			Config:            text("// Reviewed.\nsyntax = \"proto3\";\n\nmessage Emitter {\n  string id = 1; // the identifier\n}\n"),
			ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			ConfigStateChecks: version(1),
		},
		resource.TestStep{
			Config:           text("syntax = \"proto3\";\nmessage Emitter { string id = 1; string name = 2; }\n"),
			ConfigPlanChecks: action(plancheck.ResourceActionUpdate),
		},
		resource.TestStep{
			Config:            text("syntax = \"proto3\";\nmessage Emitter { string id = 1; string name = 2; }\n"),
			ConfigStateChecks: version(2),
		},
	)
}

func TestSchemaGoneOnTheServerIsCreatedAgain(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{Config: mesh.Config(least)},
		resource.TestStep{
			PreConfig:        func() { mesh.Delete(emitter) },
			Config:           mesh.Config(least),
			ConfigPlanChecks: action(plancheck.ResourceActionCreate),
		},
	)
}

func TestSchemaOfUnknownValues(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{Config: mesh.Config(owner + `
resource "terraform_data" "late" {
  input = {
    domain = datamesh_domain.elint.name, name = "emitter", type = "JSON", description = "Late.", compatibility = "NONE",
    definition = jsonencode({ type = "object" })
  }
}

resource "datamesh_schema" "this" {
  domain        = terraform_data.late.output.domain
  name          = terraform_data.late.output.name
  type          = terraform_data.late.output.type
  description   = terraform_data.late.output.description
  compatibility = terraform_data.late.output.compatibility
  definition    = terraform_data.late.output.definition
}
`)})
}

// Drift of every attribute is in provider/endtoend, for all objects in one run.

func TestSchemaRefusals(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	for name, test := range map[string]struct{ change, to, want string }{
		"name":          {`"emitter"`, `"Emit Ter"`, `(?s)name\s+= "Emit Ter".*lower-case`},
		"domain":        {`datamesh_domain.elint.name`, `"nobody"`, `(?s)domain\s+= "nobody"`},
		"type":          {`"AVRO"`, `"XML"`, `(?s)type\s+= "XML".*PROTOBUF`},
		"compatibility": {`type       =`, "compatibility = \"SOMETIMES\"\n  type = ", `(?s)compatibility\s+= "SOMETIMES".*FULL_TRANSITIVE`},
		"definition":    {`type = "record"`, `type = "rekord"`, `(?s)definition\s+=.*Line 1, column \d+`},
		"no reference":  {`type = "string"`, `type = "x.Position"`, `(?s)definition\s+=.*Line 1, column \d+`},
		"a reference's id": {`type       =`, "references = { \"x.Position\" = { schema = \"position\", version = 1 } }\n  type = ",
			`(?s)At\s+references\["x.Position"\].schema:.*domain/name`},
		"a reference's version": {`type       =`, "references = { \"x.Position\" = { schema = \"elint/position\", version = 0 } }\n  type = ",
			`(?s)At\s+references\["x.Position"\].version:.*0`},
		"a reference to nothing": {`type       =`, "references = { \"x.Position\" = { schema = \"elint/position\", version = 1 } }\n  type = ",
			`(?s)At\s+references\["x.Position"\].*elint/position`},
		"grammar beside references": {
			`jsonencode({ type = "record", name = "Emitter", fields = [{ name = "id", type = "string", doc = "Identifier." }] })`,
			"\"{\"\n  references = { \"x.Position\" = { schema = \"elint/position\", version = 1 } }", `(?s)definition\s+= "{".*Line 1, column \d+`,
		},
		"conforms_to":         {`type       =`, "conforms_to = \"track@latest\"\n  type = ", `(?s)conforms_to\s+= "track@latest".*name@version`},
		"conforms_to nothing": {`type       =`, "conforms_to = \"track\"\n  type = ", `(?s)conforms_to\s+= "track".*reference schema`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: providertest.Factories(),
				Steps: []resource.TestStep{{
					Config:      mesh.Config(swap(least, test.change, test.to)),
					PlanOnly:    true,
					ExpectError: regexp.MustCompile(test.want),
				}},
			})
		})
	}
}

func TestSchemaDataSources(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{
		Config: mesh.Config(everything + `
data "datamesh_schema" "one" {
  domain = datamesh_schema.this.domain
  name   = datamesh_schema.this.name
}

data "datamesh_schemas" "some" {
  search     = "known EMITTER"
  domain     = "elint"
  depends_on = [datamesh_schema.this]
}

data "datamesh_schemas" "none" {
  search     = "nothing of that kind"
  depends_on = [datamesh_schema.this]
}
`),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("data.datamesh_schema.one", tfjsonpath.New("version"), knownvalue.Int64Exact(1)),
			statecheck.ExpectKnownValue("data.datamesh_schema.one", tfjsonpath.New("compatibility"), knownvalue.StringExact("BACKWARD")),
			statecheck.ExpectKnownValue("data.datamesh_schemas.some", tfjsonpath.New("schemas").AtSliceIndex(0), knownvalue.ObjectExact(map[string]knownvalue.Check{
				"id": knownvalue.StringExact("elint/emitter"), "domain": knownvalue.StringExact("elint"), "name": knownvalue.StringExact("emitter"),
				"description": knownvalue.StringExact("One known emitter."), "type": knownvalue.StringExact("AVRO"),
				"compatibility": knownvalue.StringExact("BACKWARD"), "version": knownvalue.Int64Exact(1),
				"conforms_to": knownvalue.Null(), "subject": knownvalue.StringExact("elint.emitter"),
			})),
			statecheck.ExpectKnownValue("data.datamesh_schemas.some", tfjsonpath.New("schemas"), knownvalue.ListSizeExact(1)),
			statecheck.ExpectKnownValue("data.datamesh_schemas.none", tfjsonpath.New("schemas"), knownvalue.ListSizeExact(0)),
		},
	})
}
