package provider_test

import (
	"maps"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/providertest"
)

const product = "datamesh_data_product"

// productState is a product as Terraform keeps it.
const productState = `{
	"id": "sigint/tracks", "domain": "sigint", "name": "tracks", "title": "Tracks", "description": "All tracks.",
	"version": "1.0.0", "status": "active", "marking": "SECRET//REL TO USA, FVEY", "sla": "sigint/fast",
	"output_ports": {"feed": {"type": "http", "url": "https://h.example/t", "content_type": "application/geo+json", "schema": "sigint/track"}},
	"deletion_protection": false, "effective_marking": "SECRET//REL TO USA, FVEY"
}`

// BenchmarkUnchangedProduct makes the calls that a plan makes for one data
// product when nothing has changed: what the provider itself costs, without
// Terraform, the plugin's transport and the platform, which answered before.
func BenchmarkUnchangedProduct(b *testing.B) {
	b.Setenv("TF_LOG_SDK", "OFF") // as the provider's main does
	b.Setenv("TF_LOG_PROVIDER_DATAMESH", "OFF")
	mesh := providertest.Start(b)
	fill(mesh)
	mesh.Put(&catalog.Schema{Domain: "sigint", Name: "track", Type: catalog.SchemaJSON, Definition: `{"type":"object"}`})
	mesh.Put(&catalog.Product{
		Domain: "sigint", Name: "tracks", Title: "Tracks", Description: "All tracks.", Version: "1.0.0", Status: catalog.StatusActive,
		Marking: "SECRET//REL TO USA, FVEY", SLA: "sigint/fast",
		OutputPorts: map[string]catalog.OutputPort{
			"feed": {Type: catalog.PortHTTP, URL: "https://h.example/t", ContentType: "application/geo+json", Schema: "sigint/track"},
		},
	})
	c := converse(b, mesh)
	kept := c.read(product, c.upgraded(), nil)
	config := c.configOf(kept.NewState)
	b.ReportAllocs()
	for b.Loop() {
		kept = c.unchanged(config, kept)
	}
}

// upgraded is the product in the form in which Terraform passes it on.
func (c *conversation) upgraded() *tfprotov6.DynamicValue {
	c.t.Helper()
	got, err := c.server.UpgradeResourceState(c.t.Context(), &tfprotov6.UpgradeResourceStateRequest{
		TypeName: product, RawState: &tfprotov6.RawState{JSON: []byte(productState)},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.fine("upgrade", got.Diagnostics)
	return got.UpgradedState
}

// configOf is the configuration that leads to the state.
func (c *conversation) configOf(state *tfprotov6.DynamicValue) *tfprotov6.DynamicValue {
	c.t.Helper()
	value := c.value(product, state)
	var attributes map[string]tftypes.Value
	if err := value.As(&attributes); err != nil {
		c.t.Fatal(err)
	}
	attributes = maps.Clone(attributes)
	for _, computed := range []string{"id", "inherited_marking", "effective_marking"} {
		attributes[computed] = tftypes.NewValue(tftypes.String, nil)
	}
	return c.dynamic(tftypes.NewValue(value.Type(), attributes))
}

// unchanged is the part of a plan that is about one object.
func (c *conversation) unchanged(config *tfprotov6.DynamicValue, kept *tfprotov6.ReadResourceResponse) *tfprotov6.ReadResourceResponse {
	c.t.Helper()
	validated, err := c.server.ValidateResourceConfig(c.t.Context(), &tfprotov6.ValidateResourceConfigRequest{TypeName: product, Config: config})
	if err != nil {
		c.t.Fatal(err)
	}
	c.fine("validate", validated.Diagnostics)
	read, err := c.server.ReadResource(c.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: product, CurrentState: c.upgraded(), Private: kept.Private, CurrentIdentity: kept.NewIdentity,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.fine("read", read.Diagnostics)
	planned, err := c.server.PlanResourceChange(c.t.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: product, PriorState: read.NewState, PriorPrivate: read.Private, PriorIdentity: read.NewIdentity,
		ProposedNewState: read.NewState, Config: config,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.fine("plan", planned.Diagnostics)
	if string(planned.PlannedState.MsgPack) != string(read.NewState.MsgPack) {
		c.t.Fatal("an unchanged product is planned to change")
	}
	return read
}
