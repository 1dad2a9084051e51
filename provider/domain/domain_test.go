package domain_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/providertest"
)

const address = "datamesh_domain.this"

const least = `
resource "datamesh_domain" "this" {
  name                = "sigint"
  display_name        = "Signals intelligence"
  discipline          = "SIGINT"
  contact             = "sigint@enclave.example"
  team                = { "a.stone" = { role = "owner" } }
  deletion_protection = false
}
`

const above = `
resource "datamesh_domain" "above" {
  name                = "intelligence"
  display_name        = "Intelligence"
  discipline          = "OTHER"
  contact             = "intelligence@enclave.example"
  team                = { "e.lake" = { role = "owner" } }
  deletion_protection = false
}
`

const everything = above + `
resource "datamesh_domain" "this" {
  name         = "sigint"
  display_name = "Signals"
  description  = "Everything that is heard."
  discipline   = "OTHER"
  parent       = datamesh_domain.above.name
  contact      = "signals@enclave.example"
  marking      = "(S//NF)"
  team = {
    "a.stone" = { role = "owner", from = "2020-01-01", until = "2099-12-31" }
    "b.river" = { role = "steward" }
    "c.field" = { role = "engineer" }
    "d.hill"  = { role = "releaser" }
  }
  deletion_protection = false

  timeouts = { create = "2m", read = "1m", update = "2m", delete = "2m" }
}
`

func action(a plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address, a)}}
}

func TestDomain(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{
			Config: mesh.Config(least),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact("sigint")),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, tfjsonpath.New("description"), knownvalue.Null()),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("parent"), knownvalue.Null()),
			},
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{Config: mesh.Config(everything), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"timeouts", "marking"}}, // spelled otherwise
		resource.TestStep{
			Config:           mesh.Config(strings.Replace(everything, `"(S//NF)"`, `"SECRET//NOFORN"`, 1)),
			ConfigPlanChecks: action(plancheck.ResourceActionNoop),
		},
		resource.TestStep{Config: mesh.Config(above + least), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
		resource.TestStep{Config: mesh.Config(least), ConfigPlanChecks: action(plancheck.ResourceActionNoop)},
		resource.TestStep{
			Config:           mesh.Config(renamed),
			ConfigPlanChecks: action(plancheck.ResourceActionReplace),
			Check: func(*terraform.State) error {
				if _, err := mesh.Admin().Get(context.Background(), catalog.Ref{Kind: catalog.KindDomain, ID: "sigint"}); err == nil {
					return fmt.Errorf("the domain of the old name is still there")
				}
				return nil
			},
		},
	)
}

const renamed = `
resource "datamesh_domain" "this" {
  name                = "signals"
  display_name        = "Signals intelligence"
  discipline          = "SIGINT"
  contact             = "sigint@enclave.example"
  team                = { "a.stone" = { role = "owner" } }
  deletion_protection = false
}
`

func TestDomainGoneOnTheServerIsCreatedAgain(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{Config: mesh.Config(least)},
		resource.TestStep{
			PreConfig:        func() { mesh.Delete(catalog.Ref{Kind: catalog.KindDomain, ID: "sigint"}) },
			Config:           mesh.Config(least),
			ConfigPlanChecks: action(plancheck.ResourceActionCreate),
		},
	)
}

func TestDomainOfUnknownValues(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{Config: mesh.Config(`
resource "terraform_data" "late" {
  input = {
    name = "sigint", display_name = "Signals", description = "Late.", discipline = "SIGINT",
    contact = "x@enclave.example", role = "owner", from = "2020-01-01", until = "2099-12-31",
    team = { "a.stone" = { role = "owner" } }, protection = false
  }
}

resource "datamesh_domain" "this" {
  name                = terraform_data.late.output.name
  display_name        = terraform_data.late.output.display_name
  description         = terraform_data.late.output.description
  discipline          = terraform_data.late.output.discipline
  contact             = terraform_data.late.output.contact
  team                = { "a.stone" = {
    role  = terraform_data.late.output.role
    from  = terraform_data.late.output.from
    until = terraform_data.late.output.until
  } }
  deletion_protection = terraform_data.late.output.protection
}

resource "datamesh_domain" "below" {
  name                = "elint"
  display_name        = "ELINT"
  discipline          = "SIGINT"
  parent              = datamesh_domain.this.name
  contact             = "x@enclave.example"
  team                = terraform_data.late.output.team
  deletion_protection = false
}
`)})
}

func TestDomainDrift(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	steps := []resource.TestStep{{Config: mesh.Config(everything)}}
	for _, drift := range []struct {
		attribute string
		change    func(*catalog.Domain)
	}{
		{"display_name", func(d *catalog.Domain) { d.DisplayName = "Other" }},
		{"description", func(d *catalog.Domain) { d.Description = "" }},
		{"discipline", func(d *catalog.Domain) { d.Discipline = catalog.DisciplineHUMINT }},
		{"parent", func(d *catalog.Domain) { d.Parent = "" }},
		{"contact", func(d *catalog.Domain) { d.Contact = "other@enclave.example" }},
		{"marking", func(d *catalog.Domain) { d.Marking = "" }},
		{"team.b.river.role", func(d *catalog.Domain) { d.Team["b.river"] = catalog.Member{Role: catalog.RoleOwner} }},
		{"team.a.stone.from", func(d *catalog.Domain) {
			d.Team["a.stone"] = catalog.Member{Role: catalog.RoleOwner, Until: "2099-12-31"}
		}},
		{"team.a.stone.until", func(d *catalog.Domain) {
			d.Team["a.stone"] = catalog.Member{Role: catalog.RoleOwner, From: "2020-01-01", Until: "2098-12-31"}
		}},
		{"team.z.added", func(d *catalog.Domain) { d.Team["z.added"] = catalog.Member{Role: catalog.RoleOwner} }},
		{"deletion_protection", func(d *catalog.Domain) { d.DeletionProtection = true }},
	} {
		steps = append(steps, resource.TestStep{
			PreConfig: func() {
				domain := mesh.Get(catalog.Ref{Kind: catalog.KindDomain, ID: "sigint"}).(*catalog.Domain)
				drift.change(domain)
				mesh.Put(domain)
			},
			Config:           mesh.Config(everything),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{providertest.ExpectDrift(address, drift.attribute), plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)}},
		})
	}
	idle := resource.TestStep{
		Config: mesh.Config(everything),
		ConfigPlanChecks: resource.ConfigPlanChecks{
			PreApply: []plancheck.PlanCheck{providertest.ExpectNoDrift(), plancheck.ExpectEmptyPlan()},
		},
	}
	mesh.Run(append(steps, idle, idle)...)
}

func TestDomainIsProtectedByDefault(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	protected := regexp.MustCompile(`  deletion_protection = false\n`).ReplaceAllString(least, "")
	refusal := regexp.MustCompile(`(?s)deletion_protection = false,\s+apply`)
	mesh.Run(
		resource.TestStep{Config: mesh.Config(protected)},
		resource.TestStep{Config: mesh.Config(protected), Destroy: true, ExpectError: refusal},
		resource.TestStep{Config: mesh.Config("# removed"), ExpectError: refusal},
		resource.TestStep{
			Config:      mesh.Config(regexp.MustCompile(`"sigint"`).ReplaceAllString(protected, `"signals"`)),
			ExpectError: refusal, // a replacement deletes too
		},
		resource.TestStep{Config: mesh.Config(least), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
	)
}

func TestDomainRefusals(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	for name, test := range map[string]struct{ change, to, want string }{
		"name":         {`"sigint"`, `"Sig Int"`, `(?s)with datamesh_domain.this.*lower-case`},
		"discipline":   {`"SIGINT"`, `"TELEPATHY"`, `(?s)discipline\s+= "TELEPATHY".*HUMINT`},
		"role":         {`"owner"`, `"boss"`, `(?s)role = "boss"`},
		"no owner":     {`"owner"`, `"steward"`, `(?s)team .*owner`},
		"marking":      {`contact `, "marking = \"SECRET//FUTURE\"\n  contact ", `(?s)marking = "SECRET//FUTURE"`},
		"no parent":    {`contact `, "parent = \"nobody\"\n  contact ", `(?s)parent = "nobody"`},
		"own ancestor": {`contact `, "parent = \"sigint\"\n  contact ", `(?s)parent = "sigint"`},
	} {
		t.Run(name, func(t *testing.T) {
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: providertest.Factories(),
				Steps: []resource.TestStep{{
					Config:      mesh.Config(regexp.MustCompile(regexp.QuoteMeta(test.change)).ReplaceAllString(least, test.to)),
					PlanOnly:    true,
					ExpectError: regexp.MustCompile(test.want),
				}},
			})
		})
	}
}

func TestDomainAlreadyExists(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Put(&catalog.Domain{
		Name: "sigint", DisplayName: "Somebody's", Discipline: catalog.DisciplineSIGINT, Contact: "x@enclave.example",
		Team: map[string]catalog.Member{"e.lake": {Role: catalog.RoleOwner}},
	})
	mesh.Run(resource.TestStep{Config: mesh.Config(least), ExpectError: regexp.MustCompile(`(?s)already exists.*import`)})
}

func TestDomainDataSources(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{
		Config: mesh.Config(everything + `
data "datamesh_domain" "one" { name = datamesh_domain.this.name }

data "datamesh_domains" "some" {
  search     = "heard"
  depends_on = [datamesh_domain.this]
}

data "datamesh_domains" "all" { depends_on = [datamesh_domain.this] }
`),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("data.datamesh_domain.one", tfjsonpath.New("parent"), knownvalue.StringExact("intelligence")),
			statecheck.ExpectKnownValue("data.datamesh_domain.one", tfjsonpath.New("marking"), knownvalue.StringExact("SECRET//NOFORN")),
			statecheck.ExpectKnownValue("data.datamesh_domain.one", tfjsonpath.New("team").AtMapKey("b.river").AtMapKey("role"), knownvalue.StringExact("steward")),
			statecheck.ExpectKnownValue("data.datamesh_domains.some", tfjsonpath.New("domains"), knownvalue.ListSizeExact(1)),
			statecheck.ExpectKnownValue("data.datamesh_domains.some", tfjsonpath.New("domains").AtSliceIndex(0).AtMapKey("id"), knownvalue.StringExact("sigint")),
			statecheck.ExpectKnownValue("data.datamesh_domains.all", tfjsonpath.New("domains"), knownvalue.ListSizeExact(2)),
		},
	})
}

func TestDomainDataSourceOfNothing(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{
		Config:      mesh.Config(`data "datamesh_domain" "one" { name = "nobody" }`),
		ExpectError: regexp.MustCompile(`(?s)Cannot read domain "nobody".*name = "nobody"`),
	})
}
