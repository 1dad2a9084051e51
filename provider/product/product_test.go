package product_test

import (
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

const address = "datamesh_data_product.this"

var tracks = catalog.Ref{Kind: catalog.KindProduct, ID: "sigint/tracks"}

const contracts = `
resource "datamesh_domain" "sigint" {
  name                = "sigint"
  display_name        = "Signals intelligence"
  discipline          = "SIGINT"
  contact             = "sigint@enclave.example"
  team                = { "a.stone" = { role = "owner" } }
  deletion_protection = false
}

resource "datamesh_schema" "track" {
  domain     = datamesh_domain.sigint.name
  name       = "track"
  type       = "JSON"
  definition = jsonencode({ type = "object", properties = { id = { type = "string", description = "Number." } } })
}

resource "datamesh_caveat_policy" "partners" {
  domain        = datamesh_domain.sigint.name
  name          = "partners"
  releasable_to = ["USA", "FVEY"]
  excluded      = []
}

resource "datamesh_sla" "hourly" {
  domain    = datamesh_domain.sigint.name
  name      = "hourly"
  freshness = { max_age = "1h", anchor = "event", target_percent = 99, window = "30d" }
}

resource "datamesh_data_product" "input" {
  domain              = datamesh_domain.sigint.name
  name                = "input"
  title               = "Input"
  version             = "1.0.0"
  marking             = "(C//REL TO USA, FVEY)"
  deletion_protection = false
}
`

const least = contracts + `
resource "datamesh_data_product" "this" {
  domain              = datamesh_domain.sigint.name
  name                = "tracks"
  title               = "Tracks"
  version             = "1.0.0"
  deletion_protection = false
}
`

const everything = contracts + `
resource "datamesh_data_product" "this" {
  domain        = datamesh_domain.sigint.name
  name          = "tracks"
  title         = "Adversary tracks"
  description   = "All active tracks."
  version       = "1.1.0"
  status        = "active"
  marking       = "SECRET//REL TO USA, GBR, AUS"
  caveat_policy = datamesh_caveat_policy.partners.id
  sla           = datamesh_sla.hourly.id
  inputs        = [datamesh_data_product.input.id]
  output_ports = {
    feed = {
      type           = "http"
      url            = "https://h.example/t"
      content_type   = "application/geo+json"
      schema         = datamesh_schema.track.id
      record_marking = "marking"
    }
    archive = {
      type   = "s3"
      url    = "s3://sigint/tracks/"
      schema = datamesh_schema.track.id
    }
  }
  pipeline = {
    image  = "r.example/t@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    source = "feed-7"
  }
  documentation_links = ["https://docs.example/t", "https://docs.example/s"]
  purpose             = "Awareness."
  limitations         = "None known."
  support_contact     = "t@enclave.example"
  deletion_protection = true

  timeouts = { create = "2m", read = "1m", update = "2m", delete = "2m" }
}
`

// ending is the status of a product that ends, and what follows it.
const ending = `"deprecated"
  deprecated_on = "2026-03-01"
  sunset_on     = "2027-03-01"
  successor     = datamesh_data_product.input.id`

func swap(config string, pairs ...string) string {
	return strings.NewReplacer(pairs...).Replace(config)
}

func action(a plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, a)}}
}

func state(attribute string, want knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(address, tfjsonpath.New(attribute), want)
}

func TestProduct(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	unprotected := swap(everything, "deletion_protection = true", "deletion_protection = false")
	mesh.Run(
		resource.TestStep{
			Config: mesh.Config(least),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact("sigint/tracks")),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("status"), knownvalue.StringExact("draft")),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("effective_marking"), knownvalue.Null()),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				state("marking", knownvalue.Null()), state("inputs", knownvalue.Null()), state("output_ports", knownvalue.Null()),
				state("pipeline", knownvalue.Null()), state("inherited_marking", knownvalue.Null()),
			},
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{
			Config: mesh.Config(everything),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("inherited_marking"), knownvalue.StringExact("CONFIDENTIAL//REL TO USA, FVEY")),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("effective_marking"), knownvalue.StringExact("SECRET//REL TO USA, AUS, GBR")),
			}},
			ConfigStateChecks: []statecheck.StateCheck{state("marking", knownvalue.StringExact("SECRET//REL TO USA, GBR, AUS"))},
		},
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateVerify: true,
			// An import has no configuration to take the spelling from.
			ImportStateVerifyIgnore: []string{"timeouts", "marking"},
		},
		resource.TestStep{
			Config:           mesh.Config(swap(everything, "SECRET//REL TO USA, GBR, AUS", "(S//REL TO USA, AUS, GBR)")),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
		resource.TestStep{
			Config: mesh.Config(swap(everything, `"active"`, ending)), ConfigPlanChecks: action(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{
				state("deprecated_on", knownvalue.StringExact("2026-03-01")), state("sunset_on", knownvalue.StringExact("2027-03-01")),
				state("successor", knownvalue.StringExact("sigint/input")),
			},
		},
		resource.TestStep{
			Config:      mesh.Config(swap(everything, `"active"`, swap(ending, "2027-03-01", "2026-02-01"))),
			ExpectError: regexp.MustCompile(`sunset_on`),
		},
		resource.TestStep{
			Config:      mesh.Config(swap(everything, "application/geo+json", "text/csv")),
			ExpectError: regexp.MustCompile(`record_marking`),
		},
		resource.TestStep{Config: mesh.Config(unprotected), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
		resource.TestStep{
			Config:           mesh.Config(swap(unprotected, `"tracks"`, `"tracks-again"`)),
			ConfigPlanChecks: action(plancheck.ResourceActionReplace),
		},
	)
}

func TestProductGoneOnTheServerIsCreatedAgain(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{Config: mesh.Config(least)},
		resource.TestStep{
			PreConfig:        func() { mesh.Delete(tracks) },
			Config:           mesh.Config(least),
			ConfigPlanChecks: action(plancheck.ResourceActionCreate),
		},
	)
}

// TestEmptyIsKept writes empty values where null would do: they stay as they
// were written and are no difference.
func TestEmptyIsKept(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{
		Config: mesh.Config(swap(least, `title               = "Tracks"`, `title = "Tracks"
  description = ""
  purpose     = ""
  inputs              = []
  documentation_links = []
  output_ports        = {}`)),
		ConfigStateChecks: []statecheck.StateCheck{
			state("description", knownvalue.StringExact("")), state("inputs", knownvalue.SetSizeExact(0)), state("output_ports", knownvalue.MapSizeExact(0)),
		},
	})
}

// TestProductOfUnknownValues feeds every attribute, nested ones each by
// itself, from something that is known only after apply.
func TestProductOfUnknownValues(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{Config: mesh.Config(contracts + `
resource "terraform_data" "late" {
  input = {
    domain = datamesh_domain.sigint.name, name = "tracks", title = "Tracks", description = "Late.", version = "1.0.0", status = "active",
    marking = "SECRET//REL TO USA, GBR", caveat_policy = datamesh_caveat_policy.partners.id, sla = datamesh_sla.hourly.id,
    input = datamesh_data_product.input.id, type = "http", url = "https://h.example/t", content_type = "application/geo+json",
    record_marking = "marking", status_late = "deprecated", deprecated_on = "2026-03-01", sunset_on = "2027-03-01",
    schema = datamesh_schema.track.id, source = "feed-7", link = "https://docs.example/t", text = "Late.", protection = false,
    image = "r.example/t@sha256:0000000000000000000000000000000000000000000000000000000000000000"
    ports = { feed = { type = "http", url = "https://h.example/u", content_type = null, schema = null, record_marking = null } }
    inputs = [datamesh_data_product.input.id], pipeline = { image = null, source = "feed-8" }
  }
}

resource "datamesh_data_product" "this" {
  domain        = terraform_data.late.output.domain
  name          = terraform_data.late.output.name
  title         = terraform_data.late.output.title
  description   = terraform_data.late.output.description
  version       = terraform_data.late.output.version
  status        = terraform_data.late.output.status_late
  deprecated_on = terraform_data.late.output.deprecated_on
  sunset_on     = terraform_data.late.output.sunset_on
  successor     = terraform_data.late.output.input
  marking       = terraform_data.late.output.marking
  caveat_policy = terraform_data.late.output.caveat_policy
  sla           = terraform_data.late.output.sla
  inputs        = [terraform_data.late.output.input]
  output_ports = { feed = {
    type           = terraform_data.late.output.type
    url            = terraform_data.late.output.url
    content_type   = terraform_data.late.output.content_type
    schema         = terraform_data.late.output.schema
    record_marking = terraform_data.late.output.record_marking
  } }
  pipeline            = { image = terraform_data.late.output.image, source = terraform_data.late.output.source }
  documentation_links = [terraform_data.late.output.link]
  purpose             = terraform_data.late.output.text
  limitations         = terraform_data.late.output.text
  support_contact     = terraform_data.late.output.text
  deletion_protection = terraform_data.late.output.protection
}

# Whole collections, in a product whose name is known.
resource "datamesh_data_product" "collections" {
  domain              = datamesh_domain.sigint.name
  name                = "collections"
  title               = "Collections"
  version             = "1.0.0"
  marking             = "SECRET//REL TO USA, GBR"
  inputs              = terraform_data.late.output.inputs
  output_ports        = terraform_data.late.output.ports
  pipeline            = terraform_data.late.output.pipeline
  documentation_links = toset([terraform_data.late.output.link])
  deletion_protection = false
}

# A part of an element, in an active product that lacks nothing.
resource "datamesh_data_product" "element" {
  domain        = datamesh_domain.sigint.name
  name          = "element"
  title         = "Element"
  description   = "Where it is will be known later."
  version       = "1.0.0"
  status        = "active"
  marking       = "SECRET//REL TO USA, GBR"
  sla           = datamesh_sla.hourly.id
  output_ports  = { feed = { type = "http", url = terraform_data.late.output.url, schema = terraform_data.late.output.schema } }
  deletion_protection = false
}
`)})
}

// Drift of every attribute, what a plan foresees and what it refuses are in
// provider/endtoend.

func TestProductRefusals(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	for name, test := range map[string]struct{ change, to, want string }{
		"name":           {`"tracks"`, `"Tra Cks"`, `(?s)name\s+= "Tra Cks".*lower-case`},
		"version":        {`title               = "Tracks"`, "title = \"Tracks\"\n  purpose = \"a\\u202eb\"", `(?s)purpose\s+=`},
		"status":         {`title               = "Tracks"`, "title = \"Tracks\"\n  status = \"living\"", `(?s)status\s+= "living".*deprecated`},
		"marking":        {`title               = "Tracks"`, "title = \"Tracks\"\n  marking = \"SECRET//FOO\"", `(?s)marking\s+= "SECRET//FOO".*FOO`},
		"caveat policy":  {`title               = "Tracks"`, "title = \"Tracks\"\n  caveat_policy = \"sigint/nothing\"", `(?s)caveat_policy\s+= "sigint/nothing"`},
		"sla":            {`title               = "Tracks"`, "title = \"Tracks\"\n  sla = \"nothing\"", `(?s)sla\s+= "nothing".*domain/name`},
		"image":          {`title               = "Tracks"`, "title = \"Tracks\"\n  pipeline = { image = \"r.example/t:latest\" }", `(?s)pipeline.image.*sha256`},
		"derived of own": {`title               = "Tracks"`, "title = \"Tracks\"\n  inputs = [\"sigint/tracks\"]", `(?s)inputs\s+= \["sigint/tracks"\]`},
		"link":           {`title               = "Tracks"`, "title = \"Tracks\"\n  documentation_links = [\"ftp://docs.example\"]", `(?s)documentation_links\s+= `},
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

func TestProductDataSources(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{
		Config: mesh.Config(swap(everything, "deletion_protection = true", "deletion_protection = false") + `
data "datamesh_data_product" "one" {
  domain = datamesh_data_product.this.domain
  name   = datamesh_data_product.this.name
}

data "datamesh_data_products" "active" {
  status     = "active"
  search     = "ADVERSARY active"
  domain     = "sigint"
  depends_on = [datamesh_data_product.this]
}

data "datamesh_data_products" "all" { depends_on = [datamesh_data_product.this] }
`),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("data.datamesh_data_product.one", tfjsonpath.New("effective_marking"), knownvalue.StringExact("SECRET//REL TO USA, AUS, GBR")),
			statecheck.ExpectKnownValue("data.datamesh_data_product.one", tfjsonpath.New("output_ports").AtMapKey("archive").AtMapKey("url"), knownvalue.StringExact("s3://sigint/tracks/")),
			statecheck.ExpectKnownValue("data.datamesh_data_product.one", tfjsonpath.New("pipeline").AtMapKey("source"), knownvalue.StringExact("feed-7")),
			statecheck.ExpectKnownValue("data.datamesh_data_products.active", tfjsonpath.New("data_products"), knownvalue.ListSizeExact(1)),
			statecheck.ExpectKnownValue("data.datamesh_data_products.active", tfjsonpath.New("data_products").AtSliceIndex(0).AtMapKey("id"), knownvalue.StringExact("sigint/tracks")),
			statecheck.ExpectKnownValue("data.datamesh_data_products.all", tfjsonpath.New("data_products"), knownvalue.ListSizeExact(2)),
		},
	})
}
