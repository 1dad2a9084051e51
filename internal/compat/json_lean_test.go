package compat

import (
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// TestLeanSchemasAreJudgedAlike: what is left out for the library must not hide
// an error, nor what a reference leads to.
func TestLeanSchemasAreJudgedAlike(t *testing.T) {
	t.Parallel()
	refusals(t, jsonT, nil, map[string]string{
		`{"properties":{"a":{"type":"string","title":"x"},"b":{"title":"y","type":"string"}}}`:                                                            "",
		`{"properties":{"a":{"type":"string"},"b":{"type":"string"}},"allOf":[{"$ref":"#/properties/b"}]}`:                                                "",
		`{"properties":{"a":{"additionalProperties":false},"b":{"additionalProperties":false}},"allOf":[{"$ref":"#/properties/b/additionalProperties"}]}`: "",
		`{"properties":{"a":{"x-y":true},"b":{"x-y":true}},"allOf":[{"$ref":"#/properties/b/x-y"}]}`:                                                      "",
		`{"x-defs":{"a":{"type":"string"}},"properties":{"a":{"$ref":"#/x-defs/a"}}}`:                                                                     "",
		`{"allOf":[{},{}],"oneOf":[{"type":"string"},{"type":"string"}],"prefixItems":[{},{}]}`:                                                           "",
		`{"properties":{"a":{"type":"strin"},"b":{"type":"strin"}}}`:                                                                                      "line 1, column 28 (/properties/a/type): at",
		`{"properties":{"a":{"minLength":"1"},"b":{"minLength":1},"c":{"minLength":"1"}}}`:                                                                "(/properties/a/minLength)",
		`{"properties":{"a":{"minLength":1},"b":{"minLength":"1"}}}`:                                                                                      "(/properties/b/minLength)",
		`{"properties":{"a":{"required":["x"]},"b":{"required":"x"}}}`:                                                                                    "(/properties/b/required)",
		`{"properties":{"a":{"enum":[1]},"b":{"enum":1}}}`:                                                                                                "(/properties/b/enum)",
		`{"properties":{"title":"oops"}}`:                                                                                                                 "(/properties/title)",
		`{"properties":{"x-a":"oops"}}`:                                                                                                                   "(/properties/x-a)",
		`{"$defs":{"description":"oops"}}`:                                                                                                                "(/$defs/description)",
		`{"dependentRequired":{"title":"oops"}}`:                                                                                                          "(/dependentRequired/title)",
		`{"title":1}`:                                                                                                                                     "(/title)",
		`{"description":["x"]}`:                                                                                                                           "(/description)",
		`{"properties":{"a":{},"b":{"title":1}}}`:                                                                                                         "(/properties/b/title)",
	})
}

// fullCompile is what the library says of the whole text.
func fullCompile(root *strictjson.Value) error {
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.DefaultDraft(defaultDraft(root))
	if err := c.AddResource(jsonURL, root.Any()); err != nil {
		return err
	}
	_, err := c.Compile(jsonURL)
	return err
}

// FuzzLean holds the shortened schema to the library's verdict on the whole one.
func FuzzLean(f *testing.F) {
	f.Add(coalitionText(f, "track.schema.json"))
	f.Add(`{"properties":{"a":{"type":"string"},"b":{"type":"string","title":"x"}},"$ref":"#/properties/b"}`)
	f.Add(`{"properties":{"a":{"not":{}},"b":{"x-a":false},"c":{"x-a":false}},"allOf":[{"$ref":"#/properties/c/x-a"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		root, err := strictjson.Parse(text, jsonLimits)
		if err != nil || root.Kind != strictjson.Object && root.Kind != strictjson.Bool {
			return
		}
		pointers, err := checkJSON(root)
		if err != nil {
			return
		}
		_, short := compileJSON(root, lean{judged: map[string]bool{}, pointers: pointers})
		if full := fullCompile(root); (short == nil) != (full == nil) {
			t.Fatalf("%s\n got %v\nwant %v", text, short, full)
		}
	})
}
