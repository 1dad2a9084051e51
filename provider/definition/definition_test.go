package definition

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

func TestSame(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		language catalog.SchemaType
		a, b     string
		want     bool
	}{
		"whitespace in Avro": {
			catalog.SchemaAvro,
			`{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}`,
			"{\n  \"type\": \"record\",\n  \"name\": \"R\",\n  \"fields\": [ { \"name\": \"a\", \"type\": \"string\" } ]\n}\n", true,
		},
		"order of keys in Avro": {
			catalog.SchemaAvro,
			`{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}`,
			`{"fields":[{"type":"string","name":"a"}],"name":"R","type":"record"}`, true,
		},
		"order of fields in Avro": {
			catalog.SchemaAvro,
			`{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"b","type":"string"}]}`,
			`{"type":"record","name":"R","fields":[{"name":"b","type":"string"},{"name":"a","type":"string"}]}`, false,
		},
		"doc in Avro": {
			catalog.SchemaAvro,
			`{"type":"record","name":"R","doc":"x","fields":[{"name":"a","type":"string"}]}`,
			`{"type":"record","name":"R","doc":"y","fields":[{"name":"a","type":"string"}]}`, false,
		},
		"comment in JSON": {
			catalog.SchemaJSON,
			`{"type":"object","properties":{"a":{"type":"string"}}}`,
			`{"$comment":"reviewed","properties":{"a":{"type":"string"}},"type":"object"}`, true,
		},
		"type in JSON": {
			catalog.SchemaJSON,
			`{"type":"object","properties":{"a":{"type":"string"}}}`,
			`{"type":"object","properties":{"a":{"type":"number"}}}`, false,
		},
		"comment in Protobuf": {
			catalog.SchemaProtobuf,
			"syntax = \"proto3\";\nmessage M { string a = 1; }\n",
			"syntax = \"proto3\";\n\n// One record.\nmessage M {\n  string a = 1; // the name\n}\n", true,
		},
		"number in Protobuf": {
			catalog.SchemaProtobuf,
			"syntax = \"proto3\";\nmessage M { string a = 1; }\n",
			"syntax = \"proto3\";\nmessage M { string a = 2; }\n", false,
		},
		"a type of another schema": {
			catalog.SchemaAvro,
			`{"type":"record","name":"R","fields":[{"name":"a","type":"x.Position"}]}`,
			`{"name": "R", "type": "record", "fields": [{"type": "x.Position", "name": "a"}]}`, true,
		},
		"a $ref to another schema": {
			catalog.SchemaJSON,
			`{"type":"object","properties":{"a":{"$ref":"position.json"}}}`,
			"{\"properties\": {\"a\": {\"$ref\": \"position.json\", \"$comment\": \"of the board\"}},\n\"type\": \"object\"}", true,
		},
		"another $ref": {
			catalog.SchemaJSON,
			`{"$ref":"position.json"}`, `{"$ref":"area.json"}`, false,
		},
		"an import of another schema": {
			catalog.SchemaProtobuf,
			"syntax = \"proto3\";\nimport \"geo.proto\";\nmessage M { geo.Position a = 1; }\n",
			"syntax = \"proto3\"; // reviewed\nimport \"geo.proto\";\nmessage M {\n  geo.Position a = 1;\n}\n", true,
		},
		"comment where it is a word": {
			catalog.SchemaAvro,
			`{"type":"string"}`, `{"type":"string","$comment":"reviewed"}`, false,
		},
		"one is no schema":   {catalog.SchemaJSON, `{"type":"object"}`, `{"type":`, false},
		"both are no schema": {catalog.SchemaJSON, "nothing", "nothing ", false},
		"no language":        {"XML", "{}", "{ }", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Same(test.language, test.a, test.b); got != test.want {
				t.Errorf("Same: got %t, want %t", got, test.want)
			}
			if got := Same(test.language, test.b, test.a); got != test.want {
				t.Errorf("Same, swapped: got %t, want %t", got, test.want)
			}
		})
	}
}

func TestInvalidDefinitionIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	secret := "ULTRA-LONG-TEXT-THAT-MUST-NOT-BE-ECHOED"
	for name, test := range map[string]struct {
		language, text string
		want           []string
	}{
		"cut short":      {"JSON", "{\n  \"title\": \"" + secret + "\",\n  \"type\": ", []string{"Line 3, column ", "rule schema.text"}},
		"no such type":   {"JSON", "{\n  \"description\": \"" + secret + "\",\n  \"type\": \"thing\"\n}", []string{"Line 3, column ", "(at /type)"}},
		"wrong language": {"AVRO", `{"type":"object","description":"` + secret + `"}`, []string{"type is AVRO"}},
		"protobuf":       {"PROTOBUF", "syntax = \"proto3\";\n// " + secret + "\nmessage M { string a = 1 }\n", []string{"Line 3, column "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := validate(t, test.language, types.StringValue(test.text))
			if len(got) != 1 {
				t.Fatalf("got %d errors %q, want 1", len(got), got)
			}
			for _, part := range test.want {
				if !strings.Contains(got[0], part) {
					t.Errorf("got %q, want it to contain %q", got[0], part)
				}
			}
			if strings.Contains(got[0], secret) {
				t.Errorf("got %q, want it without the text", got[0])
			}
		})
	}
}

func TestDefinitionIsNotJudgedBeforeItIsKnown(t *testing.T) {
	t.Parallel()
	for name, got := range map[string][]string{
		"unknown text":     validate(t, "JSON", types.StringUnknown()),
		"no text":          validate(t, "JSON", types.StringNull()),
		"unknown language": validate(t, "", types.StringValue("{")),
		"wrong language":   validate(t, "XML", types.StringValue("{")),
		"a good one":       validate(t, "JSON", types.StringValue("{}")),
	} {
		if len(got) != 0 {
			t.Errorf("%s: got %q, want no error", name, got)
		}
	}
}

// validate runs the validator on a configuration of type and definition; an
// empty language stands for one that is not known yet.
func validate(t *testing.T, language string, text types.String) []string {
	t.Helper()
	return validateReferring(t, language, text, types.MapNull(types.StringType))
}

func validateReferring(t *testing.T, language string, text types.String, references types.Map) []string {
	t.Helper()
	languageValue := types.StringValue(language)
	if language == "" {
		languageValue = types.StringUnknown()
	}
	config := state(t, map[string]attr.Value{"type": languageValue, "references": references})
	var out validator.StringResponse
	wellFormed{referring: true}.ValidateString(t.Context(), validator.StringRequest{
		Path: path.Root("definition"), ConfigValue: text, Config: tfsdk.Config(config),
	}, &out)
	var texts []string
	for _, d := range out.Diagnostics.Errors() {
		texts = append(texts, d.Detail())
	}
	return texts
}

// state is an object with the attribute and those that it looks at.
func state(t *testing.T, attributes map[string]attr.Value) tfsdk.State {
	t.Helper()
	of := schema.Schema{Attributes: map[string]schema.Attribute{
		"type":       schema.StringAttribute{Required: true},
		"references": schema.MapAttribute{Optional: true, ElementType: types.StringType},
		"definition": Referring("The text."),
	}}
	out := tfsdk.State{Schema: of, Raw: tftypes.NewValue(of.Type().TerraformType(t.Context()), nil)}
	for name, value := range attributes {
		if d := out.SetAttribute(t.Context(), path.Root(name), value); d.HasError() {
			t.Fatal(d)
		}
	}
	return out
}

// TestWhatATextRefersToIsNotJudgedOffline: a name that only the platform can
// resolve is no error before it was asked; broken grammar is.
func TestWhatATextRefersToIsNotJudgedOffline(t *testing.T) {
	t.Parallel()
	some := types.MapValueMust(types.StringType, map[string]attr.Value{"x.Position": types.StringValue("geoint/position")})
	const refers = `{"type":"record","name":"R","fields":[{"name":"a","type":"x.Position"}]}`
	for name, test := range map[string]struct {
		text       string
		references types.Map
		want       string
	}{
		"references":         {refers, some, ""},
		"unknown references": {refers, types.MapUnknown(types.StringType), ""},
		"no references":      {refers, types.MapNull(types.StringType), "unknown type"},
		"empty references":   {refers, types.MapValueMust(types.StringType, nil), "unknown type"},
		"broken grammar":     {"{\n\"type\":", some, "Line 2"},
		"a key twice":        {"{\"type\":\"int\",\n\"type\":\"int\"}", some, "Line 2"},
	} {
		got := validateReferring(t, "AVRO", types.StringValue(test.text), test.references)
		if (test.want == "") != (len(got) == 0) || len(got) > 0 && !strings.Contains(got[0], test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestPlanKeepsTheSpelling(t *testing.T) {
	t.Parallel()
	known := types.StringValue
	for name, test := range map[string]struct {
		before, after       string // languages
		state, plan, wanted types.String
	}{
		"another spelling":    {"JSON", "JSON", known(`{"type":"object"}`), known("{ \"type\": \"object\" }"), known(`{"type":"object"}`)},
		"another meaning":     {"JSON", "JSON", known(`{"type":"object"}`), known(`{"type":"array"}`), known(`{"type":"array"}`)},
		"another language":    {"AVRO", "JSON", known(`"string"`), known(`"string" `), known(`"string" `)},
		"language not known":  {"JSON", "", known(`{}`), known(`{ }`), known(`{ }`)},
		"text not known":      {"JSON", "JSON", known(`{}`), types.StringUnknown(), types.StringUnknown()},
		"new":                 {"JSON", "JSON", types.StringNull(), known(`{}`), known(`{}`)},
		"invalid in the plan": {"JSON", "JSON", known(`{}`), known(`{`), known(`{`)},
	} {
		value := func(language string) types.String {
			if language == "" {
				return types.StringUnknown()
			}
			return known(language)
		}
		before, after := state(t, map[string]attr.Value{"type": value(test.before)}), state(t, map[string]attr.Value{"type": value(test.after)})
		resp := planmodifier.StringResponse{PlanValue: test.plan}
		keepSame{}.PlanModifyString(t.Context(), planmodifier.StringRequest{
			Path: path.Root("definition"), StateValue: test.state, PlanValue: test.plan,
			State: before, Plan: tfsdk.Plan(after),
		}, &resp)
		if !resp.PlanValue.Equal(test.wanted) || resp.Diagnostics.HasError() {
			t.Errorf("%s: got %s %v, want %s", name, resp.PlanValue, resp.Diagnostics, test.wanted)
		}
	}
}

func TestStateKeepsTheSpelling(t *testing.T) {
	t.Parallel()
	written := types.StringValue(`{ "type": "object" }`)
	if got := Keep(written, catalog.SchemaJSON, `{"type":"object"}`); !got.Equal(written) {
		t.Errorf("the same in other words: got %s, want %s", got, written)
	}
	for _, before := range []types.String{written, types.StringNull(), types.StringUnknown()} {
		if got := Keep(before, catalog.SchemaJSON, `{"type":"array"}`); got.ValueString() != `{"type":"array"}` {
			t.Errorf("another meaning than %s: got %s, want what the platform says", before, got)
		}
	}
}
