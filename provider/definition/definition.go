// Package definition is the attribute that holds the text of a schema, for the
// objects that have one. It stands beside an attribute "type", the language of
// the text.
//
// Texts that differ only in whitespace, in order that has no meaning and in
// comments are the same: such a change plans nothing, and [Keep] leaves the
// author's spelling in state. Only one text is ever held, and none is repeated
// in a diagnostic: it can be a megabyte.
package definition

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

// Attribute is the required attribute of a text that is complete in itself.
func Attribute(markdown string) schema.Attribute { return attribute(markdown, wellFormed{}) }

// Referring is the attribute of a text that may refer to the schemas that the
// attribute "references" beside it names.
func Referring(markdown string) schema.Attribute {
	return attribute(markdown, wellFormed{referring: true})
}

func attribute(markdown string, v wellFormed) schema.Attribute {
	return schema.StringAttribute{
		Required:            true,
		MarkdownDescription: markdown,
		Validators:          []validator.String{v},
		PlanModifiers:       []planmodifier.String{keepSame{}},
	}
}

// Same reports whether two texts mean the same in a language. A text that is
// not written in it is the same as itself only. Nothing is asked of what the
// texts refer to, so they need not be complete: see [compat.CanonicalText].
func Same(language catalog.SchemaType, a, b string) bool {
	if a == b {
		return true
	}
	first, err := compat.CanonicalText(language, a)
	if err != nil {
		return false
	}
	second, err := compat.CanonicalText(language, b)
	return err == nil && first == second
}

// Keep is the attribute for the text that the platform answered: as it was
// before when that means the same.
func Keep(before types.String, language catalog.SchemaType, text string) types.String {
	if !before.IsNull() && !before.IsUnknown() && Same(language, before.ValueString(), text) {
		return before
	}
	return types.StringValue(text)
}

// keepSame plans the text that state already has when the configuration says
// the same in other words.
type keepSame struct{}

// Description implements [planmodifier.Describer].
func (keepSame) Description(context.Context) string {
	return "A text that means the same as before is not a change."
}

// MarkdownDescription implements [planmodifier.Describer].
func (k keepSame) MarkdownDescription(ctx context.Context) string { return k.Description(ctx) }

// PlanModifyString implements [planmodifier.String].
func (keepSame) PlanModifyString(ctx context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if req.StateValue.IsNull() || req.PlanValue.IsUnknown() || req.PlanValue.Equal(req.StateValue) {
		return
	}
	var planned, before types.String
	language := sibling(req.Path, "type")
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, language, &planned)...)
	resp.Diagnostics.Append(req.State.GetAttribute(ctx, language, &before)...)
	if !planned.Equal(before) || planned.IsUnknown() { // in another language it is another text
		return
	}
	resp.PlanValue = Keep(req.StateValue, catalog.SchemaType(planned.ValueString()), req.PlanValue.ValueString())
}

// languageAt is the language of a text, "" when it is none that exists or not
// known yet.
func languageAt(ctx context.Context, req validator.StringRequest) catalog.SchemaType {
	var language types.String
	if d := req.Config.GetAttribute(ctx, sibling(req.Path, "type"), &language); d.HasError() {
		return ""
	}
	switch name := catalog.SchemaType(language.ValueString()); name {
	case catalog.SchemaAvro, catalog.SchemaJSON, catalog.SchemaProtobuf:
		return name
	}
	return ""
}

func sibling(of path.Path, name string) path.Path { return of.ParentPath().AtName(name) }
