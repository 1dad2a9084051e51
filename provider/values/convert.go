package values

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
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
