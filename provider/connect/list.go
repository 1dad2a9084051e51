package connect

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/diags"
)

// listing is the list resource of a [Type], for terraform query (1.14 and later).
type listing[O catalog.Object] struct {
	managed[O]
}

var _ list.ListResourceWithConfigure = (*listing[*catalog.Domain])(nil)

// NewList returns the list resource of a type.
func NewList[O catalog.Object](t Type[O]) list.ListResource {
	return &listing[O]{managed[O]{Type: t}}
}

// ListResourceConfigSchema implements [list.ListResource].
func (l *listing[O]) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	attributes := map[string]schema.Attribute{
		"search": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Words that must all occur in the id, name, title or description.",
		},
	}
	if l.Kind.Owned() {
		attributes["domain"] = schema.StringAttribute{Optional: true, MarkdownDescription: "Only objects of this domain."}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: fmt.Sprintf("Lists every %s that the caller may see, to import it.", l.Kind.Noun()),
		Attributes:          attributes,
	}
}

// Metadata implements [list.ListResource]: the name of the resource it lists.
func (l *listing[O]) Metadata(ctx context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	l.managed.Metadata(ctx, req, resp)
}

// List implements [list.ListResource]. It reads a page only when the results
// of the one before are used up.
func (l *listing[O]) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	query, d := l.query(ctx, req)
	if d.HasError() {
		stream.Results = list.ListResultsStreamDiagnostics(d)
		return
	}
	stream.Results = func(push func(list.ListResult) bool) { l.push(ctx, req, query, push) }
}

func (l *listing[O]) query(ctx context.Context, req list.ListRequest) (catalog.Query, diag.Diagnostics) {
	text, out := optional(ctx, req.Config, "search")
	query := catalog.Query{Kind: l.Kind, Text: text, Limit: catalog.MaxLimit}
	if req.Limit > 0 {
		query.Limit = int(min(req.Limit, catalog.MaxLimit))
	}
	if l.Kind.Owned() {
		domain, d := optional(ctx, req.Config, "domain")
		out.Append(d...)
		query.Domain = domain
	}
	return query, out
}

func (l *listing[O]) push(ctx context.Context, req list.ListRequest, query catalog.Query, push func(list.ListResult) bool) {
	for left := req.Limit; ; {
		page, err := l.mesh.Service.List(ctx, query)
		if err != nil {
			push(list.ListResult{Diagnostics: diags.FromError("Cannot list "+l.Plural, err, diags.Whole)})
			return
		}
		for _, entry := range page.Entries {
			if !push(l.result(ctx, req, entry)) {
				return
			}
			if left--; left == 0 { // never reached without a limit
				return
			}
		}
		if page.Next == "" {
			return
		}
		query.Cursor = page.Next
	}
}

func (l *listing[O]) result(ctx context.Context, req list.ListRequest, entry catalog.Entry) list.ListResult {
	result := req.NewListResult(ctx)
	ref := entry.Object.Ref()
	result.DisplayName = ref.ID
	result.Diagnostics.Append(saveIdentity(ctx, result.Identity, ref)...)
	if !req.IncludeResource {
		return result
	}
	// A model needs typed nulls to start from, so it is read from an object
	// whose attributes are all null.
	empty := tfsdk.State{Schema: l.schema(ctx), Raw: nulls(l.schema(ctx).Type().TerraformType(ctx))}
	model := l.New()
	result.Diagnostics.Append(load(ctx, empty, model)...)
	result.Diagnostics.Append(l.save(ctx, &empty, model, entry)...)
	result.Resource.Raw = empty.Raw
	return result
}

// nulls is an object of the type with every attribute null.
func nulls(t tftypes.Type) tftypes.Value {
	object, ok := t.(tftypes.Object)
	if !ok {
		return tftypes.NewValue(t, nil)
	}
	attributes := make(map[string]tftypes.Value, len(object.AttributeTypes))
	for name, attributeType := range object.AttributeTypes {
		attributes[name] = tftypes.NewValue(attributeType, nil)
	}
	return tftypes.NewValue(object, attributes)
}
