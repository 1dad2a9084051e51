package dataschema

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func TestDefinitionEquality(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		a, b string
		want bool
	}{
		"whitespace in Avro": {
			`{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}`,
			"{\n  \"type\": \"record\",\n  \"name\": \"R\",\n  \"fields\": [ { \"name\": \"a\", \"type\": \"string\" } ]\n}\n", true,
		},
		"order of keys in Avro": {
			`{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}`,
			`{"fields":[{"type":"string","name":"a"}],"name":"R","type":"record"}`, true,
		},
		"order of fields in Avro": {
			`{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"b","type":"string"}]}`,
			`{"type":"record","name":"R","fields":[{"name":"b","type":"string"},{"name":"a","type":"string"}]}`, false,
		},
		"doc in Avro": {
			`{"type":"record","name":"R","doc":"x","fields":[{"name":"a","type":"string"}]}`,
			`{"type":"record","name":"R","doc":"y","fields":[{"name":"a","type":"string"}]}`, false,
		},
		"comment in JSON": {
			`{"type":"object","properties":{"a":{"type":"string"}}}`,
			`{"$comment":"reviewed","properties":{"a":{"type":"string"}},"type":"object"}`, true,
		},
		"type in JSON": {
			`{"type":"object","properties":{"a":{"type":"string"}}}`,
			`{"type":"object","properties":{"a":{"type":"number"}}}`, false,
		},
		"comment in Protobuf": {
			"syntax = \"proto3\";\nmessage M { string a = 1; }\n",
			"syntax = \"proto3\";\n\n// One record.\nmessage M {\n  string a = 1; // the name\n}\n", true,
		},
		"number in Protobuf": {
			"syntax = \"proto3\";\nmessage M { string a = 1; }\n",
			"syntax = \"proto3\";\nmessage M { string a = 2; }\n", false,
		},
		"one is no schema":   {`{"type":"object"}`, `{"type":`, false},
		"both are no schema": {"nothing", "nothing ", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (DefinitionEquality{}).Equal(test.a, test.b); got != test.want {
				t.Errorf("Equal: got %t, want %t", got, test.want)
			}
			if got := (DefinitionEquality{}).Equal(test.b, test.a); got != test.want {
				t.Errorf("Equal, swapped: got %t, want %t", got, test.want)
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
	var resp resource.SchemaResponse
	NewResource().Schema(t.Context(), resource.SchemaRequest{}, &resp)
	config := tfsdk.State{Schema: resp.Schema, Raw: emptyOf(t, resp.Schema)}
	languageValue := types.StringValue(language)
	if language == "" {
		languageValue = types.StringUnknown()
	}
	if d := config.SetAttribute(t.Context(), path.Root("type"), languageValue); d.HasError() {
		t.Fatal(d)
	}
	var out validator.StringResponse
	wellFormed{}.ValidateString(t.Context(), validator.StringRequest{
		Path: path.Root("definition"), ConfigValue: text, Config: tfsdk.Config{Schema: resp.Schema, Raw: config.Raw},
	}, &out)
	var texts []string
	for _, d := range out.Diagnostics.Errors() {
		texts = append(texts, d.Detail())
	}
	return texts
}

func emptyOf(t *testing.T, s schema.Schema) tftypes.Value {
	t.Helper()
	object, ok := s.Type().TerraformType(t.Context()).(tftypes.Object)
	if !ok {
		t.Fatal("a schema is not an object")
	}
	values := make(map[string]tftypes.Value, len(object.AttributeTypes))
	for name, typ := range object.AttributeTypes {
		values[name] = tftypes.NewValue(typ, nil)
	}
	return tftypes.NewValue(object, values)
}
