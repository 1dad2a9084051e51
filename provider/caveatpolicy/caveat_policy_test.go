package caveatpolicy_test

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

const address = "datamesh_caveat_policy.this"

const owner = `
resource "datamesh_domain" "sigint" {
  name                = "sigint"
  display_name        = "Signals intelligence"
  discipline          = "SIGINT"
  contact             = "sigint@enclave.example"
  team                = { "a.stone" = { role = "owner" } }
  deletion_protection = false
}
`

const least = owner + `
resource "datamesh_caveat_policy" "this" {
  domain        = datamesh_domain.sigint.name
  name          = "partners"
  releasable_to = ["USA", "FVEY"]
  excluded      = []
}
`

const everything = owner + `
resource "datamesh_caveat_policy" "this" {
  domain              = datamesh_domain.sigint.name
  name                = "partners"
  description         = "Who may have it."
  releasable_to       = ["GBR", "USA", "AUS"]
  display_only_to     = ["NATO"]
  excluded            = ["NZL"]
  inheritance         = "owner_approval"
  dissemination_list  = ["GBR.MOD"]
  approved_dependants = ["fusion/picture"]
  purposes            = ["targeting", "force-protection"]

  timeouts = { create = "2m", read = "1m", update = "2m", delete = "2m" }
}
`

func planned(checks ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: checks}
}

func action(a plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return planned(plancheck.ExpectResourceAction(address, a))
}

func TestCaveatPolicy(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{
			Config: mesh.Config(least),
			ConfigPlanChecks: planned(plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact("sigint/partners"))),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, tfjsonpath.New("inheritance"), knownvalue.StringExact("carry_all")),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("excluded"), knownvalue.SetSizeExact(0)),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("display_only_to"), knownvalue.Null()),
			},
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{Config: mesh.Config(everything), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
		resource.TestStep{ // a set has no order
			Config:           mesh.Config(strings.Replace(everything, `["GBR", "USA", "AUS"]`, `["AUS", "GBR", "USA"]`, 1)),
			ConfigPlanChecks: planned(plancheck.ExpectEmptyPlan()),
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true, ImportStateVerifyIgnore: []string{"timeouts"}},
		resource.TestStep{ // empty sets stay empty, not null
			Config: mesh.Config(strings.NewReplacer(`["NATO"]`, `[]`, `["GBR.MOD"]`, `[]`, `["fusion/picture"]`, `[]`, `["targeting", "force-protection"]`, `[]`,
				`"Who may have it."`, `""`).Replace(everything)),
			ConfigPlanChecks: action(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, tfjsonpath.New("display_only_to"), knownvalue.SetSizeExact(0)),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("purposes"), knownvalue.SetSizeExact(0)),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("description"), knownvalue.StringExact("")),
			},
		},
		resource.TestStep{Config: mesh.Config(least), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
		resource.TestStep{
			Config:           mesh.Config(strings.Replace(least, `"partners"`, `"others"`, 1)),
			ConfigPlanChecks: action(plancheck.ResourceActionReplace),
		},
	)
}

func TestCaveatPolicyGoneOnTheServerIsCreatedAgain(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{Config: mesh.Config(least)},
		resource.TestStep{
			PreConfig:        func() { mesh.Delete(catalog.Ref{Kind: catalog.KindCaveatPolicy, ID: "sigint/partners"}) },
			Config:           mesh.Config(least),
			ConfigPlanChecks: action(plancheck.ResourceActionCreate),
		},
	)
}

func TestCaveatPolicyOfUnknownValues(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{Config: mesh.Config(owner + `
resource "terraform_data" "late" {
  input = {
    description = "Late.", inheritance = "carry_or_stricter", nation = "GBR", organisation = "GBR.MOD", product = "fusion/picture", purpose = "targeting",
    releasable = ["USA", "GBR", "AUS"]
  }
}

resource "datamesh_caveat_policy" "this" {
  domain              = datamesh_domain.sigint.name
  name                = "partners"
  description         = terraform_data.late.output.description
  releasable_to       = terraform_data.late.output.releasable
  display_only_to     = [terraform_data.late.output.nation == "GBR" ? "NATO" : "CAN"]
  excluded            = terraform_data.late.output.nation == "GBR" ? ["NZL"] : []
  inheritance         = terraform_data.late.output.inheritance
  dissemination_list  = [terraform_data.late.output.organisation, "USA.DOD"]
  approved_dependants = [terraform_data.late.output.product]
  purposes            = [terraform_data.late.output.purpose, "training"]
}
`)})
}

func TestCaveatPolicyDrift(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	steps := []resource.TestStep{{Config: mesh.Config(everything)}}
	for _, drift := range []struct {
		attribute string
		change    func(*catalog.CaveatPolicy)
	}{
		{"description", func(c *catalog.CaveatPolicy) { c.Description = "" }},
		{"releasable_to", func(c *catalog.CaveatPolicy) { c.ReleasableTo = append(c.ReleasableTo, "CAN") }},
		{"display_only_to", func(c *catalog.CaveatPolicy) { c.DisplayOnlyTo = nil }},
		{"excluded", func(c *catalog.CaveatPolicy) { c.Excluded = nil }},
		{"inheritance", func(c *catalog.CaveatPolicy) { c.Inheritance = catalog.InheritCarryAll }},
		{"dissemination_list", func(c *catalog.CaveatPolicy) { c.DisseminationList = append(c.DisseminationList, "USA.DOD") }},
		{"approved_dependants", func(c *catalog.CaveatPolicy) {
			c.ApprovedDependants = append(c.ApprovedDependants, "fusion/other")
		}},
		{"purposes", func(c *catalog.CaveatPolicy) { c.Purposes = nil }},
	} {
		steps = append(steps, resource.TestStep{
			PreConfig: func() {
				policy := mesh.Get(catalog.Ref{Kind: catalog.KindCaveatPolicy, ID: "sigint/partners"}).(*catalog.CaveatPolicy)
				drift.change(policy)
				mesh.Put(policy)
			},
			Config:           mesh.Config(everything),
			ConfigPlanChecks: planned(providertest.ExpectDrift(address, drift.attribute), plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)),
		})
	}
	idle := resource.TestStep{Config: mesh.Config(everything), ConfigPlanChecks: planned(providertest.ExpectNoDrift(), plancheck.ExpectEmptyPlan())}
	mesh.Run(append(steps, idle, idle)...)
}

func TestCaveatPolicyRefusals(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	for name, test := range map[string]struct{ from, to, want string }{
		"a nation that is none":    {`"AUS"]`, `"XQZ"]`, `(?s)releasable_to.*XQZ`},
		"an unknown inheritance":   {`"owner_approval"`, `"maybe"`, `(?s)inheritance.*maybe`},
		"everybody is excluded":    {`["NZL"]`, `["USA", "GBR", "AUS"]`, `(?s)Invalid caveat policy`},
		"a dependant without name": {`"fusion/picture"`, `"fusion"`, `(?s)approved_dependants.*fusion`},
		"a purpose in capitals":    {`"targeting"`, `"Targeting"`, `(?s)purposes.*Targeting`},
	} {
		t.Run(name, func(t *testing.T) {
			resource.UnitTest(t, resource.TestCase{
				ProtoV6ProviderFactories: providertest.Factories(),
				Steps: []resource.TestStep{{
					Config:   mesh.Config(strings.Replace(everything, test.from, test.to, 1)),
					PlanOnly: true, ExpectError: regexp.MustCompile(test.want),
				}},
			})
		})
	}
}

func TestCaveatPolicyDataSources(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{
		Config: mesh.Config(everything + `
data "datamesh_caveat_policy" "one" {
  domain = "sigint"
  name   = datamesh_caveat_policy.this.name
}

data "datamesh_caveat_policies" "some" {
  domain     = "sigint"
  depends_on = [datamesh_caveat_policy.this]
}

data "datamesh_caveat_policies" "none" {
  search     = "nothing-of-the-kind"
  depends_on = [datamesh_caveat_policy.this]
}
`),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("data.datamesh_caveat_policy.one", tfjsonpath.New("excluded"), knownvalue.SetExact([]knownvalue.Check{knownvalue.StringExact("NZL")})),
			statecheck.ExpectKnownValue("data.datamesh_caveat_policies.some", tfjsonpath.New("caveat_policies").AtSliceIndex(0).AtMapKey("id"), knownvalue.StringExact("sigint/partners")),
			statecheck.ExpectKnownValue("data.datamesh_caveat_policies.none", tfjsonpath.New("caveat_policies"), knownvalue.ListSizeExact(0)),
		},
	})
}
