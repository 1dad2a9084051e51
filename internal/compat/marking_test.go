package compat

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// TestUnmarkedFields: in a schema whose records carry a portion mark, each other
// field says its own, itself or through what is around it.
func TestUnmarkedFields(t *testing.T) {
	t.Parallel()
	const missing = ": no marking, although the records carry one"
	for name, tt := range map[string]struct {
		typ  catalog.SchemaType
		text string
		want []string
	}{
		"JSON without a mark": {jsonT, `{"properties":{"a":{"x-marking":"(S//XX)"},"classification":{}}}`, nil},
		"JSON": {jsonT, `{"properties":{
			"portionMarking":{"properties":{"text":{}}},
			"a":{},"b":{"x-marking":"(U)"},"c":{"x-marking":"(S//NF)","properties":{"d":{},"e":{"x-marking":"(U)","items":{"properties":{"f":{}}}}}},
			"g":{"items":{"x-marking":"(C)","properties":{"h":{}}}},"i":{"$ref":"#/$defs/i"},"j":{"$ref":"#/$defs/k"},"l":{"x-marking":4},
			"m":{"x-marking":"SECRET"},"n":{"x-marking":"(S//XX)"},"o":{"additionalProperties":{"properties":{"p":{}}},"x-marking":"(TS)"}},
			"$defs":{"i":{"x-marking":"(U)","properties":{"q":{}}},"k":{"properties":{"r":{}}}}}`, []string{
			"a" + missing, "g" + missing, "j" + missing, "l" + missing,
			`m: marking "SECRET" is no portion mark`, `n: marking "(S//XX)" is refused`, "$defs.k.r" + missing,
		}},
		"JSON marked as a whole": {jsonT, `{"x-marking":"(S//NF)","properties":{"marking":{},"a":{"properties":{"b":{}}}},"$defs":{"c":{"properties":{"d":{}}}}}`, nil},
		"JSON of STIX":           {jsonT, `{"properties":{"object_marking_refs":{"items":{}},"granular_markings":{"items":{"properties":{"selectors":{}}}},"name":{}}}`, []string{"name" + missing}},
		"JSON of ISM": {jsonT, `{"properties":{"ism:classification":{},"ism:ownerProducer":{},"ism:disseminationControls":{},"body":{},
			"sub":{"properties":{"classification":{}}}}}`, []string{"body" + missing, "sub" + missing, "sub.classification" + missing}},
		"AVRO": {avroT, `{"type":"record","name":"A","fields":[
			{"name":"marking","type":"string"},{"name":"a","type":"int"},{"name":"b","type":"int","marking":"(U)"},
			{"name":"c","type":{"type":"record","name":"C","marking":"(S)","fields":[{"name":"d","type":"int"}]}},
			{"name":"e","type":{"type":"record","name":"E","fields":[{"name":"f","type":"int"}]},"marking":"(S)"},
			{"name":"g","type":{"type":"record","name":"G","fields":[{"name":"h","type":"int"}]},"marking":"(S)"},
			{"name":"i","type":["null","G"],"x-marking":"(C)"},
			{"name":"j","type":["C","E2"]}]}`, nil},
		"PROTOBUF": {protoT, `syntax="proto3"; import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions {
  // Marking: (U)
  string marking = 50001;
}
// Where it is.
// Marking: (S//NF)
message P { double lat = 1; }
message A {
  string classification_marking = 1;
  string a = 2; // Marking: (U)
  /* Said of it.
   * Marking: (C)
   */
  string b = 3;
  string c = 4 [(marking) = "(U)"];
  string d = 5; // No Marking: (U)
  P e = 6;
  map<string, P> f = 7;
  // Marking: (S//XX)
  string g = 8;
  oneof o { string h = 9; }
}`, []string{"A.d" + missing, "A.f" + missing, `A.g: marking "(S//XX)" is refused`, "A.h" + missing}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := tt.text
			if name == "AVRO" {
				text = strings.Replace(text, `"E2"`, `{"type":"record","name":"E2","marking":"(TS)","fields":[{"name":"k","type":"int"}]}`, 1)
				tt.want = []string{"a" + missing, "g.h" + missing, "j" + missing}
			}
			var got []string
			for _, g := range mustParse(t, tt.typ, text).Report(marking.Default()).Unmarked {
				reason, _, _ := strings.Cut(g.Reason, ":")
				got = append(got, g.Path+": "+reason)
				if utf8.RuneCountInString(g.Reason) > maxExcerpt {
					t.Errorf("got a reason of %d bytes: %s", len(g.Reason), g.Reason)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestUnmarkedNamesTheRule: what the marking algebra refuses comes with its rule
// and what to write.
func TestUnmarkedNamesTheRule(t *testing.T) {
	t.Parallel()
	gaps := mustParse(t, jsonT, `{"properties":{"marking":{},"a":{"x-marking":"(SECRET)"},"b":{}}}`).Report(marking.Default()).Unmarked
	want := []catalog.FieldGap{
		{Path: "a", Reason: `marking "(SECRET)" is refused: portion-level: "SECRET" at byte 1: the level is abbreviated in a portion mark; write S`},
		{Path: "b", Reason: `no marking, although the records carry one: write "x-marking": "(S//NF)" in the property or an object around it`},
	}
	if diff := cmp.Diff(want, gaps); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMarkingOfFields: a directive in a comment is no description.
func TestMarkingOfFields(t *testing.T) {
	t.Parallel()
	s := mustParse(t, protoT, "syntax=\"proto3\"; message A {\n// Speed, knots.\n// Marking: (S//NF)\n// Reference: speed\ndouble v = 1; }")
	f := s.Fields()[0]
	if f.Marking != "(S//NF)" || f.Description != "Speed, knots." || f.Unit != "knots" {
		t.Errorf("got %+v, want the marking apart from the description", f)
	}
}
