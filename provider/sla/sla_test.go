package sla_test

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

const address = "datamesh_sla.this"

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
resource "datamesh_sla" "this" {
  domain       = datamesh_domain.sigint.name
  name         = "fast"
  completeness = { target_percent = 98, window = "30d" }
}
`

const everything = owner + `
resource "datamesh_sla" "this" {
  domain       = datamesh_domain.sigint.name
  name         = "fast"
  description  = "For those in a hurry."
  freshness    = { max_age = "60m", anchor = "schedule", target_percent = 99, window = "4w" }
  completeness = { target_percent = 98, window = "30d" }
  availability = { target_percent = 99.5, window = "7d" }
  accuracy     = { target_percent = 97.25, window = "1d12h" }

  timeouts = { create = "2m", read = "1m", update = "2m", delete = "2m" }
}
`

func planned(checks ...plancheck.PlanCheck) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: checks}
}

func action(a plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return planned(plancheck.ExpectResourceAction(address, a))
}

func TestSLA(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{
			Config: mesh.Config(least),
			ConfigPlanChecks: planned(plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("id"), knownvalue.StringExact("sigint/fast"))),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, tfjsonpath.New("freshness"), knownvalue.Null()),
			},
		},
		resource.TestStep{ResourceName: address, ImportState: true, ImportStateVerify: true},
		resource.TestStep{
			Config: mesh.Config(everything), ConfigPlanChecks: action(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{ // the author's own words, though the platform stores 1h and 28d
				statecheck.ExpectKnownValue(address, tfjsonpath.New("freshness").AtMapKey("max_age"), knownvalue.StringExact("60m")),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("freshness").AtMapKey("window"), knownvalue.StringExact("4w")),
			},
		},
		resource.TestStep{ // another spelling is no change
			Config:           mesh.Config(strings.NewReplacer(`"60m"`, `"1h"`, `"4w"`, `"28d"`, `"1d12h"`, `"36h"`).Replace(everything)),
			ConfigPlanChecks: planned(plancheck.ExpectEmptyPlan()),
		},
		resource.TestStep{
			ResourceName: address, ImportState: true, ImportStateVerify: true,
			ImportStateVerifyIgnore: []string{"timeouts", "freshness.max_age", "freshness.window"}, // imported in canonical words
		},
		resource.TestStep{Config: mesh.Config(least), ConfigPlanChecks: action(plancheck.ResourceActionUpdate)},
		resource.TestStep{
			Config:           mesh.Config(strings.Replace(least, `"fast"`, `"slow"`, 1)),
			ConfigPlanChecks: action(plancheck.ResourceActionReplace),
		},
	)
}

func TestSLAGoneOnTheServerIsCreatedAgain(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(
		resource.TestStep{Config: mesh.Config(least)},
		resource.TestStep{
			PreConfig:        func() { mesh.Delete(catalog.Ref{Kind: catalog.KindSLA, ID: "sigint/fast"}) },
			Config:           mesh.Config(least),
			ConfigPlanChecks: action(plancheck.ResourceActionCreate),
		},
	)
}

func TestSLAOfUnknownValues(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{Config: mesh.Config(owner + `
resource "terraform_data" "late" {
  input = {
    domain = "sigint", name = "fast", description = "Late.", age = "60m", anchor = "event", percent = 99, window = "4w",
    objective = { target_percent = 99.5, window = "7d" }
  }
}

resource "datamesh_sla" "this" {
  domain      = datamesh_domain.sigint.name
  name        = "fast"
  description = terraform_data.late.output.description
  freshness = {
    max_age        = terraform_data.late.output.age
    anchor         = terraform_data.late.output.anchor
    target_percent = terraform_data.late.output.percent
    window         = terraform_data.late.output.window
  }
  completeness = terraform_data.late.output.objective
  availability = { target_percent = terraform_data.late.output.percent, window = "7d" }
  accuracy     = { target_percent = 99, window = terraform_data.late.output.window }
}

resource "datamesh_sla" "only_unknown" {
  domain       = terraform_data.late.output.domain
  name         = "${terraform_data.late.output.name}-too"
  completeness = terraform_data.late.output.objective
  depends_on   = [datamesh_domain.sigint]
}
`)})
}

func TestSLADrift(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	steps := []resource.TestStep{{Config: mesh.Config(everything)}}
	for _, drift := range []struct {
		attribute string
		change    func(*catalog.SLA)
	}{
		{"description", func(s *catalog.SLA) { s.Description = "Other." }},
		{"freshness", func(s *catalog.SLA) { s.Freshness = nil }},
		{"freshness.max_age", func(s *catalog.SLA) { s.Freshness.MaxAge = "61m" }},
		{"freshness.anchor", func(s *catalog.SLA) { s.Freshness.Anchor = catalog.AnchorEvent }},
		{"freshness.target_percent", func(s *catalog.SLA) { s.Freshness.TargetPercent = 98 }},
		{"freshness.window", func(s *catalog.SLA) { s.Freshness.Window = "29d" }},
		{"completeness.target_percent", func(s *catalog.SLA) { s.Completeness.TargetPercent = 1.5 }},
		{"completeness.window", func(s *catalog.SLA) { s.Completeness.Window = "1d" }},
		{"availability.target_percent", func(s *catalog.SLA) { s.Availability.TargetPercent = 1.5 }},
		{"availability.window", func(s *catalog.SLA) { s.Availability.Window = "1d" }},
		{"accuracy.target_percent", func(s *catalog.SLA) { s.Accuracy.TargetPercent = 1.5 }},
		{"accuracy.window", func(s *catalog.SLA) { s.Accuracy.Window = "1d" }},
	} {
		steps = append(steps, resource.TestStep{
			PreConfig: func() {
				sla := mesh.Get(catalog.Ref{Kind: catalog.KindSLA, ID: "sigint/fast"}).(*catalog.SLA)
				drift.change(sla)
				mesh.Put(sla)
			},
			Config:           mesh.Config(everything),
			ConfigPlanChecks: planned(providertest.ExpectDrift(address, drift.attribute), plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)),
		})
	}
	idle := resource.TestStep{Config: mesh.Config(everything), ConfigPlanChecks: planned(providertest.ExpectNoDrift(), plancheck.ExpectEmptyPlan())}
	mesh.Run(append(steps, idle, idle)...)
}

func TestSLARefusals(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	for name, test := range map[string]struct{ from, to, want string }{
		"a duration":    {`"60m"`, `"an hour"`, `(?s)At freshness.max_age: "an hour"`},
		"a percentage":  {`99.5`, `100.5`, `(?s)At\s+availability.target_percent: 100.5`},
		"an anchor":     {`"schedule"`, `"whenever"`, `(?s)"whenever"`},
		"a domain":      {`datamesh_domain.sigint.name`, `"nobody"`, `(?s)domain\s+= "nobody"`},
		"an empty name": {`"fast"`, `""`, `(?s)name\s+= ""`},
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

func TestSLAWithoutObjectives(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{
		Config: mesh.Config(owner + `resource "datamesh_sla" "this" {
  domain = "sigint"
  name   = "none"
}`),
		PlanOnly: true, ExpectError: regexp.MustCompile(`(?s)Invalid SLA.*freshness`),
	})
}

func TestSLADataSources(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	mesh.Run(resource.TestStep{
		Config: mesh.Config(everything + `
data "datamesh_sla" "one" {
  domain = "sigint"
  name   = datamesh_sla.this.name
}

data "datamesh_slas" "some" {
  domain     = "sigint"
  search     = "HURRY"
  depends_on = [datamesh_sla.this]
}
`),
		ConfigStateChecks: []statecheck.StateCheck{
			statecheck.ExpectKnownValue("data.datamesh_sla.one", tfjsonpath.New("freshness").AtMapKey("max_age"), knownvalue.StringExact("1h")),
			statecheck.ExpectKnownValue("data.datamesh_slas.some", tfjsonpath.New("slas").AtSliceIndex(0).AtMapKey("id"), knownvalue.StringExact("sigint/fast")),
		},
	})
}
