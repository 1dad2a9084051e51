package dataschema

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/connect"
	"github.com/meshwright/terraform-provider-datamesh/provider/diags"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

// NewDataSource makes the data source datamesh_schema, which looks up one.
func NewDataSource() datasource.DataSource { return connect.NewDataSource(kind) }

// dataModel is the attributes of the data source.
type dataModel struct {
	fields
	Version  types.Int64  `tfsdk:"version"`
	Subject  types.String `tfsdk:"subject"`
	SchemaID types.Int64  `tfsdk:"schema_id"`
	Report   types.Object `tfsdk:"report"` // reportModel
}

// reportModel is what the documentation of the schema leaves out.
type reportModel struct {
	Fields        types.Int64 `tfsdk:"fields"`
	Undescribed   types.List  `tfsdk:"undescribed"`
	WithoutUnit   types.List  `tfsdk:"without_unit"`
	Unmarked      types.List  `tfsdk:"unmarked"`
	Nonconforming types.List  `tfsdk:"nonconforming"` // of gapType, as the three above
}

var (
	gapType     = types.ObjectType{AttrTypes: map[string]attr.Type{"path": types.StringType, "reason": types.StringType}}
	reportTypes = map[string]attr.Type{
		"fields": types.Int64Type, "undescribed": types.ListType{ElemType: gapType}, "without_unit": types.ListType{ElemType: gapType},
		"unmarked": types.ListType{ElemType: gapType}, "nonconforming": types.ListType{ElemType: gapType},
	}
)

// Fill implements [connect.Model]. What follows from other requests is left to
// [answered].
func (m *dataModel) Fill(ctx context.Context, s *catalog.Schema) diag.Diagnostics {
	m.Version = types.Int64Value(int64(s.Version))
	m.Subject = types.StringValue(catalog.SubjectOf(s.Ref().ID).String())
	m.SchemaID = types.Int64Null()
	m.Report = types.ObjectNull(reportTypes)
	return m.fields.Fill(ctx, s)
}

// answered asks for the report on the schema and for its id in the registry,
// which the schema itself does not hold.
func answered(ctx context.Context, from catalog.Reader, model connect.Model[*catalog.Schema]) diag.Diagnostics {
	m, ok := model.(*dataModel)
	if !ok {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Unexpected model", fmt.Sprintf("Got %T, want the data source's own.", model))}
	}
	id := m.ID.ValueString()
	ref := catalog.Ref{Kind: catalog.KindSchema, ID: id}
	report, err := from.SchemaReport(ctx, id)
	if err != nil {
		return diags.FromError("Cannot read the report on "+ref.String(), err, atName)
	}
	versions, err := from.SchemaVersions(ctx, id)
	if err != nil {
		return diags.FromError("Cannot read the versions of "+ref.String(), err, atName)
	}
	m.SchemaID = idOf(versions, m.Version.ValueInt64())
	var out diag.Diagnostics
	m.Report, out = values.Object(reportTypes, &reportModel{
		Fields:        types.Int64Value(int64(report.Fields)),
		Undescribed:   gaps(report.Undescribed),
		WithoutUnit:   gaps(report.WithoutUnit),
		Unmarked:      gaps(report.Unmarked),
		Nonconforming: gaps(report.Nonconforming),
	})
	return out
}

func atName(string) path.Path { return path.Root("name") }

// idOf is the id of a version, null when it was removed since it was read.
func idOf(versions []catalog.SchemaVersion, version int64) types.Int64 {
	for _, v := range versions {
		if int64(v.Version) == version && v.ID > 0 {
			return types.Int64Value(int64(v.ID))
		}
	}
	return types.Int64Null()
}

func gaps(list []catalog.FieldGap) types.List {
	elements := make([]attr.Value, 0, len(list))
	for _, gap := range list {
		elements = append(elements, types.ObjectValueMust(gapType.AttrTypes, map[string]attr.Value{
			"path": types.StringValue(gap.Path), "reason": types.StringValue(gap.Reason),
		}))
	}
	return types.ListValueMust(gapType, elements)
}

// extraAttributes are those of the data sources that the resource does not
// have: counters and ids of the registry would be drift there.
func extraAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"version": schema.Int64Attribute{
			Computed:            true,
			MarkdownDescription: "Number of the current version: 1 for the first definition. Numbers are never used again.",
		},
		"subject": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Subject of the schema in the schema registry: `domain.name`.",
		},
		"schema_id": schema.Int64Attribute{
			Computed:            true,
			MarkdownDescription: "Id of the current version in the schema registry, as serializers write it in front of a record. Null when the version was removed meanwhile.",
		},
		"report": reportAttribute(),
	}
}

func reportAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Computed: true,
		MarkdownDescription: "What the documentation of the schema leaves out, in the order of its text. In a `postcondition` or a " +
			"`check`, it asks for schemas that say what every field means.",
		Attributes: map[string]schema.Attribute{
			"fields":        schema.Int64Attribute{Computed: true, MarkdownDescription: "How many fields the schema has."},
			"undescribed":   gapList("Fields without a description."),
			"without_unit":  gapList("Numbers without a unit that is known."),
			"unmarked":      gapList("Fields without a marking of their own, in a schema whose records carry one."),
			"nonconforming": gapList("Where the schema is no projection of the reference schema in `conforms_to`, as that is now."),
		},
	}
}

func gapList(text string) schema.Attribute {
	return schema.ListNestedAttribute{
		Computed:            true,
		MarkdownDescription: text,
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"path":   schema.StringAttribute{Computed: true, MarkdownDescription: "Which field, such as `position.lat`."},
			"reason": schema.StringAttribute{Computed: true, MarkdownDescription: "What is missing, and what to write."},
		}},
	}
}
