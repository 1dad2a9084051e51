package connect

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	datasource "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

const nameGrammar = "1 to 63 lower-case letters, digits and single hyphens, starting with a letter and not ending with a hyphen"

// schema is the resource's schema.
func (t Type[O]) schema(ctx context.Context) schema.Schema {
	attributes := maps.Clone(t.Attributes())
	maps.Copy(attributes, t.keyAttributes())
	attributes["timeouts"] = timeoutsAttribute(ctx)
	return schema.Schema{MarkdownDescription: t.Description, Attributes: attributes}
}

func timeoutsAttribute(ctx context.Context) schema.Attribute {
	attribute := timeouts.Attributes(ctx, timeouts.Opts{
		Create: true, Read: true, Update: true, Delete: true,
		CreateDescription: "How long creation may take, such as `30s` or `2m`. Ten minutes when not set.",
		ReadDescription:   "How long a read may take. Five minutes when not set.",
		UpdateDescription: "How long an update may take. Ten minutes when not set.",
		DeleteDescription: "How long deletion may take. Ten minutes when not set. Only counts once it is in state, so apply it before destroying.",
	})
	if nested, ok := attribute.(schema.SingleNestedAttribute); ok {
		nested.MarkdownDescription = "How long operations may take, retries included."
		return nested
	}
	return attribute
}

func (t Type[O]) keyAttributes() map[string]schema.Attribute {
	replace := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	attributes := map[string]schema.Attribute{
		"id": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Natural id: " + t.idForm() + ". Known when planning, so other objects can refer to it before it exists.",
			PlanModifiers:       []planmodifier.String{naturalID{t.Kind}},
		},
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: fmt.Sprintf("Name of the %s: %s. A change replaces it.", t.Kind.Noun(), nameGrammar),
			PlanModifiers:       replace,
		},
	}
	if t.Kind.Owned() {
		attributes["domain"] = schema.StringAttribute{
			Required:            true,
			MarkdownDescription: fmt.Sprintf("Name of the domain that owns the %s. A change replaces it.", t.Kind.Noun()),
			PlanModifiers:       replace,
		}
	}
	return attributes
}

func (t Type[O]) idForm() string {
	if !t.Kind.Owned() {
		return "the name"
	}
	return "`domain/name`"
}

// naturalID plans the id from domain and name.
type naturalID struct{ kind catalog.Kind }

func (naturalID) Description(context.Context) string {
	return "The id follows from domain and name."
}

func (n naturalID) MarkdownDescription(ctx context.Context) string { return n.Description(ctx) }

func (n naturalID) PlanModifyString(ctx context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	var domain, name types.String
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("name"), &name)...)
	if n.kind.Owned() {
		resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, path.Root("domain"), &domain)...)
	}
	switch {
	case name.IsUnknown() || domain.IsUnknown():
		resp.PlanValue = types.StringUnknown()
	case !n.kind.Owned():
		resp.PlanValue = name
	default:
		resp.PlanValue = types.StringValue(domain.ValueString() + "/" + name.ValueString())
	}
}

// dataSchema is the singular data source's schema: the key is asked for, all
// else is answered.
func (t Type[O]) dataSchema() datasource.Schema {
	attributes := t.dataAttributes()
	attributes["name"] = datasource.StringAttribute{
		Required:            true,
		MarkdownDescription: fmt.Sprintf("Name of the %s to look up.", t.Kind.Noun()),
	}
	if t.Kind.Owned() {
		attributes["domain"] = datasource.StringAttribute{
			Required:            true,
			MarkdownDescription: fmt.Sprintf("Name of the domain that owns the %s.", t.Kind.Noun()),
		}
	}
	return datasource.Schema{MarkdownDescription: t.Description, Attributes: attributes}
}

// dataAttributes are all attributes of the object, computed.
func (t Type[O]) dataAttributes() map[string]datasource.Attribute {
	attributes := computed(t.Attributes())
	maps.Copy(attributes, computed(t.keyAttributes()))
	if t.Extra != nil {
		maps.Copy(attributes, t.Extra())
	}
	return attributes
}

// itemAttributes are those of an element of the plural data source.
func (t Type[O]) itemAttributes() map[string]datasource.Attribute {
	attributes := t.dataAttributes()
	if t.Summary != nil {
		maps.DeleteFunc(attributes, func(name string, _ datasource.Attribute) bool {
			return !slices.Contains(t.Summary, name)
		})
	}
	return attributes
}

func (t Type[O]) item() Model[O] {
	if t.Item != nil {
		return t.Item()
	}
	return t.Data()
}

// computed turns a resource's attributes into the same ones of a data source.
func computed(from map[string]schema.Attribute) map[string]datasource.Attribute {
	to := make(map[string]datasource.Attribute, len(from))
	for name, attribute := range from {
		to[name] = computedAttribute(name, attribute)
	}
	return to
}

func computedAttribute(name string, attribute schema.Attribute) datasource.Attribute {
	text := attribute.GetMarkdownDescription()
	switch a := attribute.(type) {
	case schema.StringAttribute:
		return datasource.StringAttribute{Computed: true, CustomType: a.CustomType, MarkdownDescription: text}
	case schema.BoolAttribute:
		return datasource.BoolAttribute{Computed: true, MarkdownDescription: text}
	case schema.Int64Attribute:
		return datasource.Int64Attribute{Computed: true, MarkdownDescription: text}
	case schema.Float64Attribute:
		return datasource.Float64Attribute{Computed: true, MarkdownDescription: text}
	case schema.SetAttribute:
		return datasource.SetAttribute{Computed: true, ElementType: a.ElementType, MarkdownDescription: text}
	case schema.SingleNestedAttribute:
		return datasource.SingleNestedAttribute{Computed: true, Attributes: computed(a.Attributes), MarkdownDescription: text}
	case schema.MapNestedAttribute:
		return datasource.MapNestedAttribute{
			Computed: true, MarkdownDescription: text,
			NestedObject: datasource.NestedAttributeObject{Attributes: computed(a.NestedObject.Attributes)},
		}
	}
	// Reached by no schema that passes its unit test.
	panic(fmt.Sprintf("connect: no computed form of attribute %q of type %T", name, attribute))
}
