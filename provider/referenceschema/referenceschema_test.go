package referenceschema_test

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

const address = "datamesh_reference_schema.this"

var track = catalog.Ref{Kind: catalog.KindReferenceSchema, ID: "track"}

const least = `
resource "datamesh_reference_schema" "this" {
  name       = "track"
  type       = "JSON"
  definition = jsonencode({ type = "object", required = ["id"], properties = { id = { type = "string", description = "Identifier." } } })
}
`

const everything = `
resource "datamesh_reference_schema" "this" {
  name        = "track"
  type        = "JSON"
  description = "What every track says."
  definition  = <<-EOT
    {
      "type": "object",
      "required": ["id", "observed_at"],
      "properties": {
        "id": {"type": "string", "description": "Identifier."},
        "observed_at": {"type": "string", "format": "date-time", "description": "Time of the last observation, UTC."}
      }
    }
  EOT

  timeouts = { create = "2m", read = "1m", update = "2m", delete = "2m" }
}
`

func action(a plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, a)}}
}

func TestReferenceSchema(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{
			Config: mesh.Config(least),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact("track")),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, tfjsonpath.New("description"), knownvalue.Null()),
			},
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{Config: mesh.Config(everything), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"timeouts"}},
		resource.TestStep{Config: mesh.Config(strings.Replace(everything, `"track"`, `"path"`, 1)), ConfigPlanChecks: action(plancheck.ResourceActionReplace)},
		resource.TestStep{
			Config: mesh.Config(strings.NewReplacer(`"track"`, `"path"`, `"JSON"`, `"AVRO"`,
				`type = "object", required = ["id"], properties = { id = { type = "string", description = "Identifier." } }`,
				`type = "record", name = "Path", fields = [{ name = "id", type = "string" }]`).Replace(least)),
			ConfigPlanChecks: action(plancheck.ResourceActionReplace),
		},
	)
}

// TestSpellingIsNoChange writes the same text in other words: nothing is
// planned, no version is registered.
func TestSpellingIsNoChange(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	text := func(definition string) string {
		return mesh.Config(fmt.Sprintf(`
resource "datamesh_reference_schema" "this" {
  name       = "entity"
  type       = "JSON"
  definition = %q
}

data "datamesh_reference_schema" "this" {
  name = datamesh_reference_schema.this.name
}`, definition))
	}
	version := func(want int64) []statecheck.StateCheck {
		return []statecheck.StateCheck{statecheck.ExpectKnownValue("data.datamesh_reference_schema.this", tfjsonpath.New("version"), knownvalue.Int64Exact(want))}
	}
	mesh.Run(
		resource.TestStep{Config: text(`{"type":"object","required":["a","b"]}`), ConfigStateChecks: version(1)},
		resource.TestStep{
			Config:            text("{\n  \"$comment\": \"reviewed\",\n  \"required\": [\"b\", \"a\"],\n  \"type\": \"object\"\n}\n"),
			ConfigPlanChecks:  resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
			ConfigStateChecks: version(1),
		},
		resource.TestStep{Config: text(`{"type":"object","required":["a"]}`), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
		resource.TestStep{Config: text(`{"type":"object","required":["a"]}`), ConfigStateChecks: version(2)},
	)
}

func TestReferenceSchemaGoneOnTheServerIsCreatedAgain(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{Config: mesh.Config(least)},
		resource.TestStep{
			PreConfig:        func() { mesh.Delete(track) },
			Config:           mesh.Config(least),
			ConfigPlanChecks: action(plancheck.ResourceActionCreate),
		},
	)
}

func TestReferenceSchemaOfUnknownValues(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{Config: mesh.Config(`
resource "terraform_data" "late" {
  input = { name = "track", type = "JSON", description = "Late.", definition = jsonencode({ type = "object" }) }
}

resource "datamesh_reference_schema" "this" {
  name        = terraform_data.late.output.name
  type        = terraform_data.late.output.type
  description = terraform_data.late.output.description
  definition  = terraform_data.late.output.definition
}

resource "datamesh_reference_schema" "text_only" {
  name       = "entity"
  type       = "JSON"
  definition = terraform_data.late.output.definition
}
`)})
}

func TestReferenceSchemaDrift(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	steps := []resource.TestStep{{Config: mesh.Config(everything)}}
	for _, drift := range []struct {
		attribute string
		change    func(*catalog.ReferenceSchema)
	}{
		{"description", func(r *catalog.ReferenceSchema) { r.Description = "Other." }},
		{"definition", func(r *catalog.ReferenceSchema) { r.Definition = `{"type":"object"}` }},
	} {
		steps = append(steps, resource.TestStep{
			PreConfig: func() {
				reference := mesh.Get(track).(*catalog.ReferenceSchema)
				drift.change(reference)
				mesh.Put(reference)
			},
			Config: mesh.Config(everything),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				providertest.ExpectDrift(address, drift.attribute), plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
			}},
		})
	}
	idle := resource.TestStep{Config: mesh.Config(everything), ConfigPlanChecks: resource.ConfigPlanChecks{
		PreApply: []plancheck.PlanCheck{providertest.ExpectNoDrift(), plancheck.ExpectEmptyPlan()},
	}}
	mesh.Run(append(steps, idle, idle)...)
}

func TestReferenceSchemaRefusals(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	for name, test := range map[string]struct{ from, to, want string }{
		"a name":       {`"track"`, `"Track!"`, `(?s)name\s+= "Track!".*lower-case`},
		"a domain's":   {`"track"`, `"sigint/track"`, `(?s)name\s+= "sigint/track"`},
		"a type":       {`"JSON"`, `"XML"`, `(?s)type\s+= "XML".*PROTOBUF`},
		"a definition": {`type = "object"`, `type = "thing"`, `(?s)definition\s+=.*Line 1, column \d+`},
		"a reference":  {`type = "object"`, `"$ref" = "position.json"`, `(?s)definition\s+=.*Line 1, column \d+`},
		"references":   {`type       =`, "references = {}\n  type =", `(?s)Unsupported argument.*references`},
		"a domain":     {`type       =`, "domain = \"sigint\"\n  type =", `(?s)Unsupported argument.*domain`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: providertest.Factories(),
				Steps: []resource.TestStep{{
					Config: mesh.Config(strings.Replace(least, test.from, test.to, 1)), PlanOnly: true, ExpectError: regexp.MustCompile(test.want),
				}},
			})
		})
	}
}

func TestReferenceSchemaDataSources(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{
		Config: mesh.Config(everything + `
resource "datamesh_reference_schema" "entity" {
  name       = "entity"
  type       = "AVRO"
  definition = jsonencode("string")
}

data "datamesh_reference_schema" "one" {
  name = datamesh_reference_schema.this.name
}

data "datamesh_reference_schemas" "some" {
  search     = "EVERY track"
  depends_on = [datamesh_reference_schema.this, datamesh_reference_schema.entity]
}

data "datamesh_reference_schemas" "all" {
  depends_on = [datamesh_reference_schema.this, datamesh_reference_schema.entity]
}
`),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("data.datamesh_reference_schema.one", tfjsonpath.New("version"), knownvalue.Int64Exact(1)),
			statecheck.ExpectKnownValue("data.datamesh_reference_schema.one", tfjsonpath.New("subject"), knownvalue.StringExact(":.reference:track")),
			statecheck.ExpectKnownValue("data.datamesh_reference_schema.one", tfjsonpath.New("definition"), knownvalue.StringRegexp(regexp.MustCompile(`observed_at`))),
			statecheck.ExpectKnownValue("data.datamesh_reference_schemas.some", tfjsonpath.New("reference_schemas").AtSliceIndex(0), knownvalue.ObjectExact(map[string]knownvalue.Check{
				"id": knownvalue.StringExact("track"), "name": knownvalue.StringExact("track"), "description": knownvalue.StringExact("What every track says."),
				"type": knownvalue.StringExact("JSON"), "version": knownvalue.Int64Exact(1), "subject": knownvalue.StringExact(":.reference:track"),
			})),
			statecheck.ExpectKnownValue("data.datamesh_reference_schemas.some", tfjsonpath.New("reference_schemas"), knownvalue.ListSizeExact(1)),
			statecheck.ExpectKnownValue("data.datamesh_reference_schemas.all", tfjsonpath.New("reference_schemas"), knownvalue.ListSizeExact(2)),
		},
	})
}
