package connect

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/diags"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

// maxFound bounds what one search may put into state: 10,000 objects.
const maxFound = 10_000

// search is the plural data source of a [Type].
type search[O catalog.Object] struct {
	Type[O]
	mesh *Mesh
}

var _ datasource.DataSourceWithConfigure = (*search[*catalog.Domain])(nil)

// NewSearch returns the data source that finds objects of a type.
func NewSearch[O catalog.Object](t Type[O]) datasource.DataSource { return &search[O]{Type: t} }

// Metadata implements [datasource.DataSource].
func (s *search[O]) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + s.Plural
}

// Schema implements [datasource.DataSource].
func (s *search[O]) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attributes := map[string]schema.Attribute{
		"search": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Words that must all occur in the id, name, title or description, in upper or lower case.",
		},
		s.Plural: schema.ListNestedAttribute{
			Computed:            true,
			MarkdownDescription: "What was found, in the order of the ids.",
			NestedObject:        schema.NestedAttributeObject{Attributes: s.itemAttributes()},
		},
	}
	if s.Kind.Owned() {
		attributes["domain"] = schema.StringAttribute{Optional: true, MarkdownDescription: "Only objects of this domain."}
	}
	if s.Kind == catalog.KindProduct {
		attributes["status"] = schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Only products of this status: `proposed`, `draft`, `active`, `deprecated` or `retired`.",
		}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: fmt.Sprintf("Finds every %s that the caller may see. At most %d are returned; a search that finds more is refused.", s.Kind.Noun(), maxFound),
		Attributes:          attributes,
	}
}

// Configure implements [datasource.DataSourceWithConfigure].
func (s *search[O]) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	mesh, d := receive(req.ProviderData)
	s.mesh = mesh
	resp.Diagnostics.Append(d...)
}

// Read implements [datasource.DataSource].
func (s *search[O]) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	query, d := s.query(ctx, req.Config)
	resp.Diagnostics.Append(d...)
	if resp.Diagnostics.HasError() {
		return
	}
	entries, err := listAll(ctx, s.mesh.Service, query, maxFound/catalog.MaxLimit)
	if err != nil {
		resp.Diagnostics.Append(diags.FromError(fmt.Sprintf("Cannot search for %s", s.Plural), err, atParameter(query))...)
		return
	}
	found, d := s.items(ctx, entries)
	resp.Diagnostics.Append(d...)
	resp.State.Raw = req.Config.Raw
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(s.Plural), found)...)
}

func (s *search[O]) query(ctx context.Context, from attributes) (catalog.Query, diag.Diagnostics) {
	text, out := optional(ctx, from, "search")
	query := catalog.Query{Kind: s.Kind, Text: text, Limit: catalog.MaxLimit}
	if s.Kind.Owned() {
		domain, d := optional(ctx, from, "domain")
		out.Append(d...)
		query.Domain = domain
	}
	if s.Kind == catalog.KindProduct {
		status, d := optional(ctx, from, "status")
		out.Append(d...)
		query.Status = catalog.Status(status)
	}
	return query, out
}

func optional(ctx context.Context, from attributes, name string) (string, diag.Diagnostics) {
	var value types.String
	d := from.GetAttribute(ctx, path.Root(name), &value)
	return value.ValueString(), d
}

// atParameter places a refused query parameter at its attribute.
func atParameter(query catalog.Query) diags.Locator {
	return func(pointer string) path.Path {
		switch {
		case pointer == "/domain" && query.Domain != "":
			return path.Root("domain")
		case pointer == "/status" && query.Status != "":
			return path.Root("status")
		case query.Text != "" && (pointer == "/q" || pointer == "/text" || pointer == "/search"):
			return path.Root("search")
		}
		return path.Empty()
	}
}

func (s *search[O]) items(ctx context.Context, entries []catalog.Entry) (types.List, diag.Diagnostics) {
	itemType := schema.NestedAttributeObject{Attributes: s.itemAttributes()}.Type()
	objectType, ok := itemType.(basetypes.ObjectType)
	if !ok {
		return types.ListNull(itemType), diag.Diagnostics{diag.NewErrorDiagnostic("Unexpected schema", fmt.Sprintf("An element is %T.", itemType))}
	}
	var out diag.Diagnostics
	elements := make([]attr.Value, 0, len(entries))
	for _, entry := range entries {
		object, ok := entry.Object.(O)
		if !ok {
			continue // another kind than was asked for: the client refuses that already
		}
		model := s.item()
		out.Append(model.Fill(ctx, object)...)
		element, d := values.Object(objectType.AttrTypes, model)
		out.Append(d...)
		elements = append(elements, element)
	}
	if out.HasError() {
		return types.ListNull(itemType), out
	}
	return types.ListValueMust(itemType, elements), out
}
