package dataschema

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

// fields are the attributes that resource and data source share.
type fields struct {
	connect.Key
	Description   types.String `tfsdk:"description"`
	Type          types.String `tfsdk:"type"`
	Compatibility types.String `tfsdk:"compatibility"`
	Definition    Definition   `tfsdk:"definition"`
}

// Object implements [connect.Model].
func (m *fields) Object(context.Context) (*catalog.Schema, diag.Diagnostics) {
	return &catalog.Schema{
		Domain:        m.Domain.ValueString(),
		Name:          m.Name.ValueString(),
		Description:   m.Description.ValueString(),
		Type:          catalog.SchemaType(m.Type.ValueString()),
		Compatibility: catalog.Compatibility(m.Compatibility.ValueString()),
		Definition:    m.Definition.ValueString(),
	}, nil
}

// Fill implements [connect.Model].
func (m *fields) Fill(_ context.Context, s *catalog.Schema) diag.Diagnostics {
	m.Key = connect.KeyOf(s.Ref())
	m.Description = values.String(m.Description, s.Description)
	m.Type = types.StringValue(string(s.Type))
	m.Compatibility = types.StringValue(string(s.Compatibility))
	m.Definition = values.TextOf[DefinitionEquality](s.Definition)
	return nil
}

// resourceModel is the attributes of the resource.
type resourceModel struct {
	fields
	connect.Lifetime
}

// dataModel is the attributes of the data source.
type dataModel struct {
	fields
	Version types.Int64 `tfsdk:"version"`
}

// Fill implements [connect.Model].
func (m *dataModel) Fill(ctx context.Context, s *catalog.Schema) diag.Diagnostics {
	m.Version = types.Int64Value(int64(s.Version))
	return m.fields.Fill(ctx, s)
}

// itemModel is one element of the plural data source: a schema without its
// text, which can be a megabyte.
type itemModel struct {
	connect.Key
	Description   types.String `tfsdk:"description"`
	Type          types.String `tfsdk:"type"`
	Compatibility types.String `tfsdk:"compatibility"`
	Version       types.Int64  `tfsdk:"version"`
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
	m.Version = types.Int64Value(int64(s.Version))
	return nil
}
