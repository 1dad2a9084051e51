package referenceschema

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/definition"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

// summary is the attributes that everything shares.
type summary struct {
	ID          types.String `tfsdk:"id"`
	Name        types.String `tfsdk:"name"`
	Description types.String `tfsdk:"description"`
	Type        types.String `tfsdk:"type"`
}

// Object implements [connect.Model].
func (m *summary) Object(context.Context) (*catalog.ReferenceSchema, diag.Diagnostics) {
	return &catalog.ReferenceSchema{
		Name:        m.Name.ValueString(),
		Description: m.Description.ValueString(),
		Type:        catalog.SchemaType(m.Type.ValueString()),
	}, nil
}

// Fill implements [connect.Model].
func (m *summary) Fill(_ context.Context, r *catalog.ReferenceSchema) diag.Diagnostics {
	m.ID = types.StringValue(r.Ref().ID)
	m.Name = types.StringValue(r.Name)
	m.Description = values.String(m.Description, r.Description)
	m.Type = types.StringValue(string(r.Type))
	return nil
}

// fields are the attributes that resource and data source share.
type fields struct {
	summary
	Definition types.String `tfsdk:"definition"`
}

// Object implements [connect.Model].
func (m *fields) Object(ctx context.Context) (*catalog.ReferenceSchema, diag.Diagnostics) {
	schema, diags := m.summary.Object(ctx)
	schema.Definition = m.Definition.ValueString()
	return schema, diags
}

// Fill implements [connect.Model].
func (m *fields) Fill(ctx context.Context, r *catalog.ReferenceSchema) diag.Diagnostics {
	m.Definition = definition.Keep(m.Definition, r.Type, r.Definition)
	return m.summary.Fill(ctx, r)
}

// resourceModel is the attributes of the resource.
type resourceModel struct {
	fields
	connect.Lifetime
}

// place is where to find a reference schema in the schema registry.
type place struct {
	Version types.Int64  `tfsdk:"version"`
	Subject types.String `tfsdk:"subject"`
}

func placeOf(r *catalog.ReferenceSchema) place {
	subject := catalog.Subject{Context: catalog.ReferenceContext, Name: r.Name}
	return place{types.Int64Value(int64(r.Version)), types.StringValue(subject.String())}
}

// dataModel is the attributes of the data source.
type dataModel struct {
	fields
	place
}

// Fill implements [connect.Model].
func (m *dataModel) Fill(ctx context.Context, r *catalog.ReferenceSchema) diag.Diagnostics {
	m.place = placeOf(r)
	return m.fields.Fill(ctx, r)
}

// itemModel is one element of the plural data source: a reference schema
// without its text, which can be a megabyte.
type itemModel struct {
	summary
	place
}

// Fill implements [connect.Model].
func (m *itemModel) Fill(ctx context.Context, r *catalog.ReferenceSchema) diag.Diagnostics {
	m.place = placeOf(r)
	return m.summary.Fill(ctx, r)
}
