package dataschema

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/definition"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

// fields are the attributes that resource and data source share.
type fields struct {
	connect.Key
	Description   types.String `tfsdk:"description"`
	Type          types.String `tfsdk:"type"`
	Compatibility types.String `tfsdk:"compatibility"`
	Definition    types.String `tfsdk:"definition"`
	References    types.Map    `tfsdk:"references"` // of referenceModel
	ConformsTo    types.String `tfsdk:"conforms_to"`
}

// referenceModel is one version of another schema.
type referenceModel struct {
	Schema  types.String `tfsdk:"schema"`
	Version types.Int64  `tfsdk:"version"`
}

var referenceType = types.ObjectType{AttrTypes: map[string]attr.Type{"schema": types.StringType, "version": types.Int64Type}}

// Object implements [connect.Model].
func (m *fields) Object(context.Context) (*catalog.Schema, diag.Diagnostics) {
	references, diags := values.Structs[referenceModel](m.References)
	schema := &catalog.Schema{
		Domain:        m.Domain.ValueString(),
		Name:          m.Name.ValueString(),
		Description:   m.Description.ValueString(),
		Type:          catalog.SchemaType(m.Type.ValueString()),
		Compatibility: catalog.Compatibility(m.Compatibility.ValueString()),
		Definition:    m.Definition.ValueString(),
		ConformsTo:    m.ConformsTo.ValueString(),
	}
	for name, reference := range references {
		if schema.Dependencies == nil {
			schema.Dependencies = make(map[string]catalog.SchemaDependency, len(references))
		}
		schema.Dependencies[name] = catalog.SchemaDependency{
			Schema: reference.Schema.ValueString(), Version: int(reference.Version.ValueInt64()),
		}
	}
	return schema, diags
}

// Fill implements [connect.Model].
func (m *fields) Fill(_ context.Context, s *catalog.Schema) diag.Diagnostics {
	m.Key = connect.KeyOf(s.Ref())
	m.Description = values.String(m.Description, s.Description)
	m.Type = types.StringValue(string(s.Type))
	m.Compatibility = types.StringValue(string(s.Compatibility))
	m.Definition = definition.Keep(m.Definition, s.Type, s.Definition)
	m.ConformsTo = values.String(m.ConformsTo, s.ConformsTo)
	var diags diag.Diagnostics
	m.References, diags = fillReferences(m.References, s.Dependencies)
	return diags
}

// fillReferences is null when there are none, unless the configuration wrote
// the empty map itself.
func fillReferences(before types.Map, dependencies map[string]catalog.SchemaDependency) (types.Map, diag.Diagnostics) {
	if len(dependencies) == 0 && (before.IsNull() || before.IsUnknown()) {
		return types.MapNull(referenceType), nil
	}
	references := make(map[string]referenceModel, len(dependencies))
	for name, dependency := range dependencies {
		references[name] = referenceModel{types.StringValue(dependency.Schema), types.Int64Value(int64(dependency.Version))}
	}
	return values.Map(referenceType, references)
}

// resourceModel is the attributes of the resource.
type resourceModel struct {
	fields
	connect.Lifetime
}

// itemModel is one element of the plural data source: a schema without its
// text, which can be a megabyte.
type itemModel struct {
	connect.Key
	Description   types.String `tfsdk:"description"`
	Type          types.String `tfsdk:"type"`
	Compatibility types.String `tfsdk:"compatibility"`
	ConformsTo    types.String `tfsdk:"conforms_to"`
	Version       types.Int64  `tfsdk:"version"`
	Subject       types.String `tfsdk:"subject"`
}

// Object implements [connect.Model].
func (m *itemModel) Object(context.Context) (*catalog.Schema, diag.Diagnostics) {
	return &catalog.Schema{Domain: m.Domain.ValueString(), Name: m.Name.ValueString()}, nil
}

// Fill implements [connect.Model].
func (m *itemModel) Fill(_ context.Context, s *catalog.Schema) diag.Diagnostics {
	m.Key = connect.KeyOf(s.Ref())
	m.Description = values.String(m.Description, s.Description)
	m.Type = types.StringValue(string(s.Type))
	m.Compatibility = types.StringValue(string(s.Compatibility))
	m.ConformsTo = values.String(m.ConformsTo, s.ConformsTo)
	m.Version = types.Int64Value(int64(s.Version))
	m.Subject = types.StringValue(catalog.SubjectOf(s.Ref().ID).String())
	return nil
}
