package values_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

type embedded struct {
	Name types.String `tfsdk:"name"`
}

type target struct {
	embedded
	Window  values.Duration `tfsdk:"window"`
	Percent types.Float64   `tfsdk:"percent"`
	Tags    types.Set       `tfsdk:"tags"`
}

var targetTypes = map[string]attr.Type{
	"name": types.StringType, "window": values.DurationType{}, "percent": types.Float64Type, "tags": types.SetType{ElemType: types.StringType},
}

func aTarget() target {
	return target{
		embedded: embedded{types.StringValue("a")}, Window: duration("60m"), Percent: types.Float64Null(),
		Tags: types.SetUnknown(types.StringType),
	}
}

// The framework's own conversion is the reference.
func TestObjectIsWhatTheFrameworkMakes(t *testing.T) {
	t.Parallel()
	model := aTarget()
	want, d := types.ObjectValueFrom(t.Context(), targetTypes, model)
	if d.HasError() {
		t.Fatal(d)
	}
	got, d := values.Object(targetTypes, &model)
	if d.HasError() || !got.Equal(want) {
		t.Errorf("got %s %v, want %s", got, d, want)
	}
	wantMap, d := types.MapValueFrom(t.Context(), types.ObjectType{AttrTypes: targetTypes}, map[string]target{"one": model})
	if d.HasError() {
		t.Fatal(d)
	}
	gotMap, d := values.Map(types.ObjectType{AttrTypes: targetTypes}, map[string]target{"one": model})
	if d.HasError() || !gotMap.Equal(wantMap) {
		t.Errorf("got %s %v, want %s", gotMap, d, wantMap)
	}
	back, d := values.Structs[target](gotMap)
	if diff := cmp.Diff(map[string]target{"one": model}, back, cmp.AllowUnexported(target{}, embedded{})); d.HasError() || diff != "" {
		t.Errorf("came back with %v: %s", d, diff)
	}
}

func TestNestedAttributesThatAreNotThere(t *testing.T) {
	t.Parallel()
	of := types.ObjectType{AttrTypes: targetTypes}
	elements := types.MapValueMust(of, map[string]attr.Value{"null": types.ObjectNull(targetTypes), "unknown": types.ObjectUnknown(targetTypes)})
	if got, d := values.Structs[target](elements); got != nil || d.HasError() {
		t.Errorf("got %v %v, want none", got, d)
	}
	if got, d := values.Map(of, map[string]target(nil)); got.IsNull() || len(got.Elements()) != 0 || d.HasError() {
		t.Errorf("got %s %v, want the empty map", got, d)
	}
}

func TestStructThatDoesNotFitItsSchema(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(map[string]attr.Value)
		want   string
	}{
		"an attribute without a field": {func(a map[string]attr.Value) { a["more"] = types.StringNull() }, `"more"`},
		"a field without an attribute": {func(a map[string]attr.Value) { delete(a, "name") }, `"name"`},
		"a field of another type":      {func(a map[string]attr.Value) { a["window"] = types.StringValue("1h") }, `"window"`},
	} {
		model := aTarget()
		attributes := values.Attributes(&model)
		test.change(attributes)
		d := values.Assign(new(target), attributes)
		if !d.HasError() || !strings.Contains(d[0].Detail(), test.want) {
			t.Errorf("%s: got %v, want an error that names %s", name, d, test.want)
		}
	}
	model := aTarget()
	if _, d := values.Object(map[string]attr.Type{"name": types.StringType}, &model); !d.HasError() {
		t.Error("an object with more attributes than its type: got no error")
	}
}
