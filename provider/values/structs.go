package values

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// The framework also converts between objects and structs, but compiles a
// regular expression for each field at each conversion. A plan converts every
// object several times, so structs are looked at once here.

// layouts holds what is known of struct types: reflect.Type to the index of
// each field by its tfsdk tag. A program has few such types.
var layouts sync.Map

func layoutOf(t reflect.Type) map[string][]int {
	if known, ok := layouts.Load(t); ok {
		return known.(map[string][]int) //nolint:forcetypeassert // nothing else is stored
	}
	layout := make(map[string][]int)
	for _, field := range reflect.VisibleFields(t) {
		if name := field.Tag.Get("tfsdk"); name != "" {
			layout[name] = field.Index
		}
	}
	layouts.Store(t, layout)
	return layout
}

// Attributes are the fields of the struct that model points to, by their tfsdk
// tags, those of embedded structs included. Every field with a tag is an
// [attr.Value].
func Attributes(model any) map[string]attr.Value {
	fields := reflect.ValueOf(model).Elem()
	layout := layoutOf(fields.Type())
	out := make(map[string]attr.Value, len(layout))
	for name, index := range layout {
		out[name] = fields.FieldByIndex(index).Interface().(attr.Value) //nolint:forcetypeassert // said above
	}
	return out
}

// Assign sets the fields of the struct that model points to, the reverse of
// [Attributes]. It is an error if the tags are not the names of the attributes
// or a field is of another type than its attribute.
func Assign(model any, attributes map[string]attr.Value) diag.Diagnostics {
	fields := reflect.ValueOf(model).Elem()
	layout := layoutOf(fields.Type())
	for name, index := range layout {
		field, value := fields.FieldByIndex(index), reflect.ValueOf(attributes[name])
		if !value.IsValid() || value.Type() != field.Type() {
			return mismatch(model, fmt.Sprintf("Attribute %q is %T, the field is %s.", name, attributes[name], field.Type()))
		}
		field.Set(value)
	}
	if len(layout) != len(attributes) {
		return mismatch(model, fmt.Sprintf("It has fields for %d of the attributes %q.", len(layout), slices.Sorted(maps.Keys(attributes))))
	}
	return nil
}

func mismatch(model any, detail string) diag.Diagnostics {
	return diag.Diagnostics{diag.NewErrorDiagnostic(fmt.Sprintf("%T does not fit its schema", model),
		detail+" Please report this fault of the provider.")}
}

// Object is a nested attribute of the struct that model points to.
func Object(of map[string]attr.Type, model any) (types.Object, diag.Diagnostics) {
	return types.ObjectValue(of, Attributes(model))
}

// Map is a map of nested attributes.
func Map[T any](of types.ObjectType, models map[string]T) (types.Map, diag.Diagnostics) {
	var diags diag.Diagnostics
	elements := make(map[string]attr.Value, len(models))
	for key, model := range models {
		object, d := Object(of.AttrTypes, &model)
		diags.Append(d...)
		elements[key] = object
	}
	if diags.HasError() {
		return types.MapUnknown(of), diags
	}
	return types.MapValue(of, elements)
}

// Struct reads a nested attribute into a struct with tfsdk tags; nil when it
// is null or unknown.
func Struct[T any](object types.Object) (*T, diag.Diagnostics) {
	if object.IsNull() || object.IsUnknown() {
		return nil, nil
	}
	into := new(T)
	return into, Assign(into, object.Attributes())
}

// Structs reads a map of nested attributes, leaving out elements that are null
// or unknown; nil when there are none.
func Structs[T any](m types.Map) (map[string]T, diag.Diagnostics) {
	var diags diag.Diagnostics
	var out map[string]T
	for key, element := range m.Elements() {
		object, ok := element.(types.Object)
		if !ok {
			continue
		}
		into, d := Struct[T](object)
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
func Elements[T any](m types.Map) map[string]T {
	out, _ := Structs[T](m)
	return out
}
