package values

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
)

// String is the attribute for an optional field: null when the field is empty,
// unless the configuration wrote the empty text itself.
func String(prior types.String, field string) types.String {
	if field == "" && (prior.IsNull() || prior.IsUnknown()) {
		return types.StringNull()
	}
	return types.StringValue(field)
}

// Set is the attribute for an optional set: null when the field is empty,
// unless the configuration wrote the empty set itself.
func Set(prior types.Set, field []string) types.Set {
	if len(field) == 0 && (prior.IsNull() || prior.IsUnknown()) {
		return types.SetNull(types.StringType)
	}
	return RequiredSet(field)
}

// RequiredSet is the attribute for a set that is never null.
func RequiredSet(field []string) types.Set {
	elements := make([]attr.Value, 0, len(field))
	for _, element := range field {
		elements = append(elements, types.StringValue(element))
	}
	return types.SetValueMust(types.StringType, elements)
}

// Strings are the known elements of a set of strings; nil when there are none.
func Strings(set types.Set) []string {
	var out []string
	for _, element := range set.Elements() {
		if text, ok := element.(basetypes.StringValue); ok && !text.IsUnknown() && !text.IsNull() {
			out = append(out, text.ValueString())
		}
	}
	return out
}

// Struct reads a nested attribute into a struct with tfsdk tags; nil when it
// is null or unknown.
func Struct[T any](ctx context.Context, object types.Object) (*T, diag.Diagnostics) {
	if object.IsNull() || object.IsUnknown() {
		return nil, nil
	}
	into := new(T)
	return into, object.As(ctx, into, basetypes.ObjectAsOptions{})
}

// Structs reads a map of nested attributes, leaving out elements that are null
// or unknown; nil when there are none.
func Structs[T any](ctx context.Context, m types.Map) (map[string]T, diag.Diagnostics) {
	var diags diag.Diagnostics
	var out map[string]T
	for key, element := range m.Elements() {
		object, ok := element.(types.Object)
		if !ok {
			continue
		}
		into, d := Struct[T](ctx, object)
		diags.Append(d...)
		if into == nil {
			continue
		}
		if out == nil {
			out = make(map[string]T, len(m.Elements()))
		}
		out[key] = *into
	}
	return out, diags
}

// Elements are the nested structs of a map attribute as it was, by key, for a
// Fill that keeps the author's null and "" apart. Diagnostics are dropped: what
// cannot be read was never written by us.
func Elements[T any](ctx context.Context, m types.Map) map[string]T {
	out, _ := Structs[T](ctx, m)
	return out
}
