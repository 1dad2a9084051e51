package provider_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/providertest"
)

// These tests speak the plugin protocol themselves, for what needs a newer
// Terraform than the one at hand: identity (1.12) and list resources (1.14).

// listServer is a provider with list resources.
type listServer interface {
	tfprotov6.ProviderServer
	ListResource(context.Context, *tfprotov6.ListResourceRequest) (*tfprotov6.ListResourceServerStream, error)
}

// conversation is a configured provider and what it says of itself.
type conversation struct {
	t      testing.TB
	server listServer
	schema *tfprotov6.GetProviderSchemaResponse
}

func converse(t testing.TB, mesh *providertest.Mesh) *conversation {
	t.Helper()
	made, err := providertest.Factories()["datamesh"]()
	if err != nil {
		t.Fatal(err)
	}
	server, ok := made.(listServer)
	if !ok {
		t.Fatalf("%T serves no list resources", made)
	}
	schema, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	c := &conversation{t: t, server: server, schema: schema}
	c.fine("schema", schema.Diagnostics)
	config := object(schema.Provider.ValueType(), map[string]tftypes.Value{
		"endpoint": tftypes.NewValue(tftypes.String, mesh.Endpoint),
		"token":    tftypes.NewValue(tftypes.String, mesh.Token),
	})
	configured, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: c.dynamic(config)})
	if err != nil {
		t.Fatal(err)
	}
	c.fine("configure", configured.Diagnostics)
	return c
}

func (c *conversation) fine(what string, diagnostics []*tfprotov6.Diagnostic) {
	c.t.Helper()
	for _, d := range diagnostics {
		c.t.Fatalf("%s: %s: %s", what, d.Summary, d.Detail)
	}
}

func (c *conversation) dynamic(v tftypes.Value) *tfprotov6.DynamicValue {
	c.t.Helper()
	out, err := tfprotov6.NewDynamicValue(v.Type(), v)
	if err != nil {
		c.t.Fatal(err)
	}
	return &out
}

// object is a value of the type with null for every attribute not given.
func object(of tftypes.Type, given map[string]tftypes.Value) tftypes.Value {
	attributes := make(map[string]tftypes.Value)
	for name, t := range of.(tftypes.Object).AttributeTypes {
		attributes[name] = tftypes.NewValue(t, nil)
	}
	for name, value := range given {
		attributes[name] = value
	}
	return tftypes.NewValue(of, attributes)
}

func (c *conversation) identities() map[string]*tfprotov6.ResourceIdentitySchema {
	c.t.Helper()
	got, err := c.server.GetResourceIdentitySchemas(c.t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		c.t.Fatal(err)
	}
	c.fine("identity schemas", got.Diagnostics)
	return got.IdentitySchemas
}

// text reads string attributes of an answer.
func (c *conversation) text(from *tfprotov6.DynamicValue, of tftypes.Type, name string) string {
	c.t.Helper()
	value, err := from.Unmarshal(of)
	if err != nil {
		c.t.Fatal(err)
	}
	var attributes map[string]tftypes.Value
	if err := value.As(&attributes); err != nil {
		c.t.Fatal(err)
	}
	var out string
	if v := attributes[name]; !v.IsNull() {
		if err := v.As(&out); err != nil {
			c.t.Fatal(err)
		}
	}
	return out
}

func fill(mesh *providertest.Mesh) {
	for _, name := range []string{"elint", "geoint", "sigint"} {
		mesh.Put(&catalog.Domain{
			Name: name, DisplayName: "Domain " + name, Discipline: catalog.DisciplineOther, Contact: "x@enclave.example",
			Team: map[string]catalog.Member{"a.stone": {Role: catalog.RoleOwner}},
		})
	}
	for _, name := range []string{"fast", "slow"} {
		mesh.Put(&catalog.SLA{Domain: "sigint", Name: name, Accuracy: &catalog.Objective{TargetPercent: 99, Window: "30d"}})
	}
	for _, name := range []string{"entity", "track"} {
		mesh.Put(&catalog.ReferenceSchema{Name: name, Type: catalog.SchemaJSON, Definition: `{"type":"object"}`})
	}
	mesh.Put(&catalog.SLA{Domain: "elint", Name: "other", Accuracy: &catalog.Objective{TargetPercent: 99, Window: "30d"}})
}

func TestEveryResourceHasIdentityImportAndList(t *testing.T) {
	t.Parallel()
	c := converse(t, providertest.Start(t))
	identities := c.identities()
	for name := range c.schema.ResourceSchemas {
		identity := identities[name]
		if identity == nil {
			t.Errorf("%s has no identity", name)
			continue
		}
		for _, attribute := range identity.IdentityAttributes {
			if !attribute.RequiredForImport {
				t.Errorf("%s: identity attribute %s is not required for import", name, attribute.Name)
			}
		}
		if c.schema.ListResourceSchemas[name] == nil {
			t.Errorf("%s cannot be listed", name)
		}
		if c.schema.DataSourceSchemas[name] == nil {
			t.Errorf("%s has no data source", name)
		}
	}
	if len(c.schema.ResourceSchemas) < 5 {
		t.Errorf("got %d resources, want at least 5", len(c.schema.ResourceSchemas))
	}
}

func TestEveryAttributeIsDescribed(t *testing.T) {
	t.Parallel()
	c := converse(t, providertest.Start(t))
	for sort, schemas := range map[string]map[string]*tfprotov6.Schema{
		"resource": c.schema.ResourceSchemas, "data source": c.schema.DataSourceSchemas, "list resource": c.schema.ListResourceSchemas,
	} {
		for name, schema := range schemas {
			if schema.Block.Description == "" {
				t.Errorf("%s %s has no description", sort, name)
			}
			described(t, sort+" "+name, schema.Block.Attributes)
		}
	}
	described(t, "provider", c.schema.Provider.Block.Attributes)
}

func described(t *testing.T, where string, attributes []*tfprotov6.SchemaAttribute) {
	t.Helper()
	for _, a := range attributes {
		if a.Description == "" {
			t.Errorf("%s: attribute %s has no description", where, a.Name)
		}
		if a.NestedType != nil {
			described(t, where+"."+a.Name, a.NestedType.Attributes)
		}
	}
}

// What restricts who sees what must never be left to the platform's choice:
// Optional and Computed without a default would hide a change from outside.
func TestPolicyAttributesAreNeverMerelyComputed(t *testing.T) {
	t.Parallel()
	c := converse(t, providertest.Start(t))
	withDefault := map[string]bool{ // Optional, Computed and a static default
		"datamesh_caveat_policy.inheritance": true, "datamesh_domain.deletion_protection": true,
		"datamesh_schema.compatibility": true, "datamesh_data_product.status": true, "datamesh_data_product.deletion_protection": true,
	}
	for name, schema := range c.schema.ResourceSchemas {
		for _, a := range schema.Block.Attributes {
			if a.Optional && a.Computed && !withDefault[name+"."+a.Name] {
				t.Errorf("%s.%s is optional and computed", name, a.Name)
			}
		}
	}
}

func TestImportByIdentity(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	fill(mesh)
	c := converse(t, mesh)
	identities := c.identities()
	for name, test := range map[string]struct{ domain, name, want string }{
		"datamesh_domain": {"", "sigint", "sigint"},
		"datamesh_sla":    {"sigint", "fast", "sigint/fast"},

		"datamesh_reference_schema": {"", "track", "track"},
	} {
		given := map[string]tftypes.Value{"name": tftypes.NewValue(tftypes.String, test.name)}
		if test.domain != "" {
			given["domain"] = tftypes.NewValue(tftypes.String, test.domain)
		}
		identity := &tfprotov6.ResourceIdentityData{IdentityData: c.dynamic(object(identities[name].ValueType(), given))}
		imported, err := c.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: name, Identity: identity})
		if err != nil {
			t.Fatal(err)
		}
		c.fine("import "+name, imported.Diagnostics)
		read, err := c.server.ReadResource(t.Context(), &tfprotov6.ReadResourceRequest{
			TypeName: name, CurrentState: imported.ImportedResources[0].State,
			Private: imported.ImportedResources[0].Private, CurrentIdentity: imported.ImportedResources[0].Identity,
		})
		if err != nil {
			t.Fatal(err)
		}
		c.fine("read "+name, read.Diagnostics)
		if got := c.text(read.NewState, c.schema.ResourceSchemas[name].ValueType(), "id"); got != test.want {
			t.Errorf("%s: got id %q, want %q", name, got, test.want)
		}
		if got := c.text(read.NewIdentity.IdentityData, identities[name].ValueType(), "name"); got != test.name {
			t.Errorf("%s: got identity of name %q, want %q", name, got, test.name)
		}
	}
}

func TestImportOfAWrongID(t *testing.T) {
	t.Parallel()
	c := converse(t, providertest.Start(t))
	for _, id := range []string{"sigint", "sigint/", "/fast", "sigint/fast/more", "Sigint/fast", "sigint/../fast", "sigint/fast\n", "ѕigint/fast"} {
		imported, err := c.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: "datamesh_sla", ID: id})
		if err != nil {
			t.Fatal(err)
		}
		if len(imported.Diagnostics) == 0 || !strings.Contains(imported.Diagnostics[0].Detail, "domain/name") {
			t.Errorf("id %q: got %v, want an error that says domain/name", id, imported.Diagnostics)
		}
	}
}

func TestListResources(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	fill(mesh)
	c := converse(t, mesh)
	for name, test := range map[string]struct {
		resource string
		config   map[string]string
		limit    int64
		want     string
	}{
		"all domains":      {"datamesh_domain", nil, 0, "elint geoint sigint"},
		"two domains":      {"datamesh_domain", nil, 2, "elint geoint"},
		"found domains":    {"datamesh_domain", map[string]string{"search": "domain SIGINT"}, 0, "sigint"},
		"slas of a domain": {"datamesh_sla", map[string]string{"domain": "sigint"}, 0, "sigint/fast sigint/slow"},
		"all of the board": {"datamesh_reference_schema", nil, 0, "entity track"},
		"one of the board": {"datamesh_reference_schema", map[string]string{"search": "TRACK"}, 0, "track"},
		"none":             {"datamesh_sla", map[string]string{"domain": "geoint"}, 0, ""},
	} {
		given := make(map[string]tftypes.Value)
		for attribute, value := range test.config {
			given[attribute] = tftypes.NewValue(tftypes.String, value)
		}
		stream, err := c.server.ListResource(t.Context(), &tfprotov6.ListResourceRequest{
			TypeName: test.resource, Limit: test.limit, IncludeResource: true,
			Config: c.dynamic(object(c.schema.ListResourceSchemas[test.resource].ValueType(), given)),
		})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for result := range stream.Results {
			c.fine(name, result.Diagnostics)
			id := c.text(result.Resource, c.schema.ResourceSchemas[test.resource].ValueType(), "id")
			if id != result.DisplayName {
				t.Errorf("%s: got id %q for %q", name, id, result.DisplayName)
			}
			got = append(got, id)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: got %v, want %s", name, got, test.want)
		}
	}
}

func TestListOfADomainThatCannotBe(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	c := converse(t, mesh)
	mesh.Stop()
	stream, err := c.server.ListResource(t.Context(), &tfprotov6.ListResourceRequest{
		TypeName: "datamesh_domain",
		Config:   c.dynamic(object(c.schema.ListResourceSchemas["datamesh_domain"].ValueType(), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	failed := false
	for result := range stream.Results {
		failed = failed || len(result.Diagnostics) > 0
	}
	if !failed {
		t.Error("the platform is down: got no diagnostic")
	}
}

// Terraform 1.11 shows an object that is no longer configured as it was in
// state, although it has just read it again. The provider says what changed,
// and the plan that was shown with that can be applied.
func TestRemovalOfWhatChangedSinceState(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	fill(mesh)
	const name = "datamesh_domain"
	ref := catalog.Ref{Kind: catalog.KindDomain, ID: "geoint"}
	first := converse(t, mesh)
	imported, err := first.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: name, ID: ref.ID})
	if err != nil {
		t.Fatal(err)
	}
	first.fine("import", imported.Diagnostics)
	state := first.read(name, imported.ImportedResources[0].State, imported.ImportedResources[0].Private)

	domain := mesh.Get(ref).(*catalog.Domain)
	domain.Contact = "other@enclave.example"
	mesh.Put(domain)
	for _, protection := range []bool{true, false} {
		domain.DeletionProtection = protection
		mesh.Put(domain)
		second := converse(t, mesh)
		second.read(name, state.NewState, state.Private)
		of := second.schema.ResourceSchemas[name].ValueType()
		null := second.dynamic(tftypes.NewValue(of, nil))
		planned, err := second.server.PlanResourceChange(t.Context(), &tfprotov6.PlanResourceChangeRequest{
			TypeName: name, PriorState: state.NewState, PriorPrivate: state.Private, ProposedNewState: null, Config: null,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(planned.Diagnostics) != 1 {
			t.Fatalf("got %d diagnostics, want one", len(planned.Diagnostics))
		}
		if got := planned.Diagnostics[0]; protection {
			if got.Severity != tfprotov6.DiagnosticSeverityError || !strings.Contains(got.Detail, "outside Terraform") {
				t.Errorf("protected meanwhile: got %s %s, want an error", got.Summary, got.Detail)
			}
			continue
		} else if got.Severity != tfprotov6.DiagnosticSeverityWarning || !strings.Contains(got.Detail, `/contact was "x@enclave.example" and is "other@enclave.example"`) {
			t.Errorf("got %s %s, want a warning of what changed", got.Summary, got.Detail)
		}
		applied, err := second.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
			TypeName: name, PriorState: state.NewState, PlannedState: null, Config: null, PlannedPrivate: planned.PlannedPrivate,
		})
		if err != nil {
			t.Fatal(err)
		}
		second.fine("apply", applied.Diagnostics)
	}
}

func (c *conversation) read(name string, state *tfprotov6.DynamicValue, private []byte) *tfprotov6.ReadResourceResponse {
	c.t.Helper()
	read, err := c.server.ReadResource(c.t.Context(), &tfprotov6.ReadResourceRequest{TypeName: name, CurrentState: state, Private: private})
	if err != nil {
		c.t.Fatal(err)
	}
	c.fine("read", read.Diagnostics)
	return read
}

// A revision is no attribute, yet Terraform counts a new one as drift when it
// compares whole states. So it only changes with what is managed.
func TestReadKeepsTheRevisionWhileNothingManagedChanges(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	fill(mesh)
	const name = "datamesh_domain"
	c := converse(t, mesh)
	imported, err := c.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: name, ID: "geoint"})
	if err != nil {
		t.Fatal(err)
	}
	first := c.read(name, imported.ImportedResources[0].State, imported.ImportedResources[0].Private)
	domain := mesh.Get(catalog.Ref{Kind: catalog.KindDomain, ID: "geoint"}).(*catalog.Domain)
	for _, test := range []struct {
		contact string
		same    bool
	}{{"x@enclave.example", true}, {"other@enclave.example", false}} {
		domain.Contact = "meanwhile@enclave.example"
		mesh.Put(domain)
		domain.Contact = test.contact
		mesh.Put(domain)
		again := converse(t, mesh).read(name, first.NewState, first.Private)
		if got := bytes.Equal(again.Private, first.Private); got != test.same {
			t.Errorf("contact %s: got private state kept %v, want %v", test.contact, got, test.same)
		}
	}
}

// State that was written without a revision gets one although its attributes
// are as they should be: without, an update would not see who came between.
func TestReadAddsTheRevisionThatStateLacks(t *testing.T) {
	t.Parallel()
	mesh := providertest.Start(t)
	fill(mesh)
	const name = "datamesh_domain"
	c := converse(t, mesh)
	imported, err := c.server.ImportResourceState(t.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: name, ID: "geoint"})
	if err != nil {
		t.Fatal(err)
	}
	first := c.read(name, imported.ImportedResources[0].State, imported.ImportedResources[0].Private)
	again := c.read(name, first.NewState, nil)
	if len(first.Private) == 0 || !bytes.Equal(again.Private, first.Private) {
		t.Errorf("got private state %q, want %q", again.Private, first.Private)
	}
}
