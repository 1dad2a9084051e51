// Package values holds the attribute values of the provider: texts that may be
// written in several ways and still mean the same, and the conversions between
// attributes and the fields of catalogue objects.
//
// # Texts that mean the same
//
// A [Text] is a string with an [Equality]. What the platform answers replaces
// what the configuration says only if it means something else, so state keeps
// the author's own words. The framework asks for that after Create, Read and
// Update, but not while planning; [KeepEqual] is the plan modifier that does
// it there. Every attribute of a Text type needs both:
//
//	"max_age": schema.StringAttribute{
//	    CustomType:    values.DurationType{},
//	    PlanModifiers: []planmodifier.String{values.KeepEqual[values.DurationEquality]()},
//	}
//
// A new kind of text is a zero-size struct with one method.
package values

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Equality says whether two texts mean the same. It is called with any text,
// valid or not; an invalid text equals itself only.
type Equality interface {
	comparable
	Equal(a, b string) bool
}

// TextType is the attribute type of a [Text].
type TextType[E Equality] struct{ basetypes.StringType }

// Text is a string attribute whose equality is E's.
type Text[E Equality] struct{ basetypes.StringValue }

// TextOf is the known value that an API field has; null when the field is empty.
func TextOf[E Equality](text string) Text[E] {
	if text == "" {
		return Text[E]{types.StringNull()}
	}
	return Text[E]{types.StringValue(text)}
}

// String describes the type in diagnostics.
func (t TextType[E]) String() string {
	var e E
	return fmt.Sprintf("values.TextType[%T]", e)
}

// Equal implements [attr.Type].
func (t TextType[E]) Equal(o attr.Type) bool {
	_, ok := o.(TextType[E])
	return ok
}

// ValueType implements [attr.Type].
func (t TextType[E]) ValueType(context.Context) attr.Value { return Text[E]{} }

// ValueFromString implements [basetypes.StringTypable].
func (t TextType[E]) ValueFromString(_ context.Context, in basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return Text[E]{in}, nil
}

// ValueFromTerraform implements [attr.Type].
func (t TextType[E]) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	value, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("reading a text: %w", err)
	}
	text, ok := value.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("a text is a string, got %T", value)
	}
	return Text[E]{text}, nil
}

// Type implements [attr.Value].
func (v Text[E]) Type(context.Context) attr.Type { return TextType[E]{} }

// Equal implements [attr.Value]: letter by letter.
func (v Text[E]) Equal(o attr.Value) bool {
	other, ok := o.(Text[E])
	return ok && v.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals implements [basetypes.StringValuableWithSemanticEquals].
func (v Text[E]) StringSemanticEquals(ctx context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, diags := o.ToStringValue(ctx)
	if diags.HasError() {
		return false, diags
	}
	return same[E](v.StringValue, other), diags
}

func same[E Equality](a, b basetypes.StringValue) bool {
	if a.IsUnknown() || b.IsUnknown() || a.IsNull() || b.IsNull() {
		return a.Equal(b)
	}
	var e E
	return a.Equal(b) || e.Equal(a.ValueString(), b.ValueString())
}

// KeepEqual plans the text that state already has when the configuration says
// the same in other words, so that a change of spelling plans nothing.
func KeepEqual[E Equality]() planmodifier.String { return keepEqual[E]{} }

type keepEqual[E Equality] struct{}

func (keepEqual[E]) Description(context.Context) string {
	return "A text that means the same as before is not a change."
}

func (k keepEqual[E]) MarkdownDescription(ctx context.Context) string { return k.Description(ctx) }

func (keepEqual[E]) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if same[E](req.StateValue, req.PlanValue) {
		resp.PlanValue = req.StateValue
	}
}
