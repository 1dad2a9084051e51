package values_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

func duration(text string) values.Duration {
	return values.Duration{StringValue: types.StringValue(text)}
}

func TestDurationsThatMeanTheSame(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"60m", "1h", true}, {"1w", "7d", true}, {"1d12h", "36h", true}, {"1h", "1h", true},
		{"1h", "61m", false}, {"", "1h", false}, {"soon", "1h", false}, {"soon", "soon", true}, {"0h", "0m", false},
	} {
		got, d := duration(test.a).StringSemanticEquals(t.Context(), duration(test.b))
		if got != test.want || d.HasError() {
			t.Errorf("%q and %q: got %v %v, want %v", test.a, test.b, got, d, test.want)
		}
	}
}

func TestMarkingsThatMeanTheSame(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"SECRET//NOFORN", "(S//NF)", true},
		{"SECRET//REL TO USA, AUS, GBR", "SECRET//REL TO USA, GBR, AUS", true},
		{"SECRET//NOFORN", "SECRET//REL TO USA, GBR", false},
		{"nonsense", "SECRET", false}, {"nonsense", "nonsense", true},
	} {
		value := func(text string) values.Marking { return values.Marking{StringValue: types.StringValue(text)} }
		if got, _ := value(test.a).StringSemanticEquals(t.Context(), value(test.b)); got != test.want {
			t.Errorf("%q and %q: got %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

func TestKeepEqual(t *testing.T) {
	t.Parallel()
	known, unknown, null := types.StringValue, types.StringUnknown(), types.StringNull()
	for name, test := range map[string]struct{ state, plan, want types.String }{
		"another spelling":       {known("1h"), known("60m"), known("1h")},
		"another length":         {known("1h"), known("61m"), known("61m")},
		"new":                    {null, known("60m"), known("60m")},
		"removed":                {known("1h"), null, null},
		"not known yet":          {known("1h"), unknown, unknown},
		"invalid in the plan":    {known("1h"), known("soon"), known("soon")},
		"both not there":         {null, null, null},
		"unknown is no equality": {unknown, unknown, unknown},
	} {
		resp := planmodifier.StringResponse{PlanValue: test.plan}
		values.KeepEqual[values.DurationEquality]().PlanModifyString(t.Context(),
			planmodifier.StringRequest{StateValue: test.state, PlanValue: test.plan}, &resp)
		if !resp.PlanValue.Equal(test.want) {
			t.Errorf("%s: got %s, want %s", name, resp.PlanValue, test.want)
		}
	}
}

func TestTextType(t *testing.T) {
	t.Parallel()
	var durations, markings attr.Type = values.DurationType{}, values.MarkingType{}
	if durations.Equal(markings) || durations.Equal(types.StringType) || !durations.Equal(values.DurationType{}) {
		t.Error("a text type equals itself and no other")
	}
	for _, in := range []tftypes.Value{
		tftypes.NewValue(tftypes.String, "1h"), tftypes.NewValue(tftypes.String, nil), tftypes.NewValue(tftypes.String, tftypes.UnknownValue),
	} {
		got, err := durations.ValueFromTerraform(t.Context(), in)
		if err != nil || !got.Type(t.Context()).Equal(durations) {
			t.Fatalf("%s: got %v %v, want a duration", in, got, err)
		}
		back, err := got.ToTerraformValue(t.Context())
		if err != nil || !back.Equal(in) {
			t.Errorf("%s: came back as %s %v", in, back, err)
		}
	}
	if _, err := durations.ValueFromTerraform(t.Context(), tftypes.NewValue(tftypes.Bool, true)); err == nil {
		t.Error("a boolean was taken for a duration")
	}
	if duration("1h").Equal(duration("60m")) || duration("1h").Equal(types.StringValue("1h")) {
		t.Error("Equal goes letter by letter, and by type")
	}
}

func TestNullAndEmptyStayApart(t *testing.T) {
	t.Parallel()
	if got := values.String(types.StringNull(), ""); !got.IsNull() {
		t.Errorf("null and an empty field: got %s, want null", got)
	}
	if got := values.String(types.StringValue(""), ""); got.IsNull() {
		t.Error("an empty text and an empty field: got null, want the empty text")
	}
	if got := values.String(types.StringValue("a"), ""); got.IsNull() || got.ValueString() != "" {
		t.Errorf("a text that was removed elsewhere: got %s, want the empty text, which shows as drift", got)
	}
	if got := values.Set(types.SetNull(types.StringType), nil); !got.IsNull() {
		t.Errorf("null and an empty field: got %s, want null", got)
	}
	if got := values.Set(values.RequiredSet(nil), nil); got.IsNull() || len(got.Elements()) != 0 {
		t.Errorf("the empty set and an empty field: got %s, want the empty set", got)
	}
	set := types.SetValueMust(types.StringType, []attr.Value{types.StringValue("a"), types.StringUnknown()})
	if got := values.Strings(set); len(got) != 1 || got[0] != "a" {
		t.Errorf("a set with an unknown element: got %v, want what is known", got)
	}
}
