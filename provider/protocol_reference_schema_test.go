package provider_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/meshwright/terraform-provider-datamesh/provider/providertest"
)

// A reference schema belongs to no domain: an id that names one is of something
// else, and so is its identity.
func TestReferenceSchemasHaveNoDomain(t *testing.T) {
	t.Parallel()
	c := converse(t, providertest.Start(t))
	const name = "datamesh_reference_schema"
	for _, id := range []string{"", "sigint/track", "/track", "Track", "track\n", ":.reference:track"} {
		imported, err := c.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: name, ID: id})
		if err != nil {
			t.Fatal(err)
		}
		if len(imported.Diagnostics) == 0 || !strings.Contains(imported.Diagnostics[0].Detail, "the name") {
			t.Errorf("id %q: got %v, want an error that says the name", id, imported.Diagnostics)
		}
	}
	for what, attributes := range map[string]map[string]bool{
		"identity": names(c.identities()[name].IdentityAttributes, func(a *tfprotov6.ResourceIdentitySchemaAttribute) string { return a.Name }),
		"resource": names(c.schema.ResourceSchemas[name].Block.Attributes, func(a *tfprotov6.SchemaAttribute) string { return a.Name }),
		"search":   names(c.schema.DataSourceSchemas[name+"s"].Block.Attributes, func(a *tfprotov6.SchemaAttribute) string { return a.Name }),
		"list":     names(c.schema.ListResourceSchemas[name].Block.Attributes, func(a *tfprotov6.SchemaAttribute) string { return a.Name }),
	} {
		if len(attributes) == 0 || attributes["domain"] {
			t.Errorf("%s: got the attributes %v, want some and no domain", what, attributes)
		}
	}
}

func names[A any](list []A, of func(A) string) map[string]bool {
	out := make(map[string]bool)
	for _, a := range list {
		out[of(a)] = true
	}
	return out
}
