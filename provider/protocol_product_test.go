package provider_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/providertest"
)

// TestListedIsImported lists a schema and a product with every attribute and
// imports both by identity: a list must say of an object what import says, or
// the configuration generated from it would plan a change.
func TestListedIsImported(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	fill(mesh)
	mesh.Put(&catalog.Schema{
		Domain: "sigint", Name: "track", Type: catalog.SchemaJSON, Description: "One track.",
		Definition: `{"type":"object","properties":{"id":{"type":"string","description":"Number."}}}`,
	})
	mesh.Put(&catalog.Product{Domain: "sigint", Name: "raw", Title: "Raw", Version: "1.0.0", Marking: "CONFIDENTIAL//NOFORN"})
	mesh.Put(&catalog.Product{
		Domain: "sigint", Name: "tracks", Title: "Tracks", Description: "All tracks.", Version: "1.0.0", Status: catalog.StatusActive,
		Marking: "SECRET//NOFORN", SLA: "sigint/fast", Inputs: []string{"sigint/raw"},
		OutputPorts: map[string]catalog.OutputPort{"feed": {Type: catalog.PortHTTP, URL: "https://h.example/t", Schema: "sigint/track"}},
		Pipeline:    &catalog.Pipeline{Source: "feed-7"}, DocumentationLinks: []string{"https://docs.example/t"}, Purpose: "Awareness.",
	})
	c := converse(t, mesh)
	for name, objects := range map[string]int{"datamesh_schema": 1, "datamesh_data_product": 2} {
		listed := c.listed(name)
		if len(listed) != objects {
			t.Errorf("%s: got %d listed, want %d", name, len(listed), objects)
		}
		for _, result := range listed {
			imported := c.imported(name, result.Identity)
			got, want := c.value(name, result.Resource), c.value(name, imported)
			diff, err := got.Diff(want)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range diff {
				t.Errorf("%s %s: listed is not imported: %s", name, result.DisplayName, d)
			}
		}
	}
}

func (c *conversation) listed(name string) []tfprotov6.ListResourceResult {
	c.t.Helper()
	stream, err := c.server.ListResource(c.t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: name, IncludeResource: true, Config: c.dynamic(object(c.schema.ListResourceSchemas[name].ValueType(), nil)),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	var out []tfprotov6.ListResourceResult
	for result := range stream.Results {
		c.fine("list "+name, result.Diagnostics)
		out = append(out, result)
	}
	return out
}

func (c *conversation) imported(name string, identity *tfprotov6.ResourceIdentityData) *tfprotov6.DynamicValue {
	c.t.Helper()
	imported, err := c.server.ImportResourceState(c.t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: name, Identity: identity})
	if err != nil {
		c.t.Fatal(err)
	}
	c.fine("import "+name, imported.Diagnostics)
	read, err := c.server.ReadResource(c.t.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: name, CurrentState: imported.ImportedResources[0].State,
		Private: imported.ImportedResources[0].Private, CurrentIdentity: imported.ImportedResources[0].Identity,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.fine("read "+name, read.Diagnostics)
	return read.NewState
}

func (c *conversation) value(name string, from *tfprotov6.DynamicValue) tftypes.Value {
	c.t.Helper()
	value, err := from.Unmarshal(c.schema.ResourceSchemas[name].ValueType())
	if err != nil {
		c.t.Fatal(err)
	}
	return value
}
