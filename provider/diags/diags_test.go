package diags_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/provider/diags"
)

var productType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"title":  types.StringType,
	"inputs": types.SetType{ElemType: types.StringType},
	"pipeline": types.ObjectType{AttrTypes: map[string]attr.Type{
		"image": types.StringType,
	}},
	"output_ports": types.MapType{ElemType: types.ObjectType{AttrTypes: map[string]attr.Type{
		"schema": types.StringType,
	}}},
	"list": types.ListType{ElemType: types.StringType},
}}

func TestLocate(t *testing.T) {
	t.Parallel()
	locate := diags.Locate(productType, &catalog.Product{Inputs: []string{"a/b", "c/d"}})
	for pointer, want := range map[string]path.Path{
		"":                           path.Empty(),
		"/title":                     path.Root("title"),
		"/pipeline/image":            path.Root("pipeline").AtName("image"),
		"/output_ports/x.y/schema":   path.Root("output_ports").AtMapKey("x.y").AtName("schema"),
		"/output_ports/a~1b~0c":      path.Root("output_ports").AtMapKey("a/b~c"),
		"/inputs":                    path.Root("inputs"),
		"/inputs/1":                  path.Root("inputs").AtSetValue(types.StringValue("c/d")),
		"/inputs/2":                  path.Root("inputs"), // past the end
		"/inputs/-1":                 path.Root("inputs"),
		"/inputs/9999999999999999":   path.Root("inputs"),
		"/list/3":                    path.Root("list").AtListIndex(3),
		"/list/x":                    path.Root("list"),
		"/nothing":                   path.Empty(),
		"/title/further":             path.Root("title"),
		"/output_ports/x/none/after": path.Root("output_ports").AtMapKey("x"),
		"title":                      path.Root("title"),
		"/":                          path.Empty(),
	} {
		if got := locate(pointer); !got.Equal(want) {
			t.Errorf("Locate(%q): got %s, want %s", pointer, got, want)
		}
	}
}

func TestFromError(t *testing.T) {
	t.Parallel()
	locate := diags.Locate(productType, &catalog.Product{})
	refusal := &catalog.Error{
		Code: catalog.CodeInvalid, Message: "Refused.", RequestID: "R1",
		Problems: []catalog.Problem{
			{Field: "/title", Rule: catalog.RuleRequired, Detail: "a title is missing", Fix: "Write one."},
			{Rule: catalog.RuleActive, Detail: "It is not complete."},
			{Field: "/pipeline/image", Rule: catalog.RuleFormat, Detail: "It has no digest."},
		},
	}
	got := diags.FromError("Cannot create it", fmt.Errorf("asking: %w", refusal), locate)
	if len(got) != 3 {
		t.Fatalf("got %d diagnostics, want one for each problem: %v", len(got), got)
	}
	first, ok := got[0].(diag.DiagnosticWithPath)
	if !ok || !first.Path().Equal(path.Root("title")) {
		t.Errorf("the first problem: got %v, want it at title", got[0])
	}
	if got, want := got[0].Detail(), "A title is missing.\n\nWrite one.\n\n(rule required, request R1)"; got != want {
		t.Errorf("detail: got %q, want %q", got, want)
	}
	if _, ok := got[1].(diag.DiagnosticWithPath); ok {
		t.Errorf("the second problem: got a path, want none: %v", got[1])
	}
	if got, want := got[2].Detail(), "At pipeline.image: It has no digest.\n\n(rule format, request R1)"; got != want {
		t.Errorf("detail of a nested attribute: got %q, want %q", got, want)
	}
}

func TestEveryCodeNamesANextStep(t *testing.T) {
	t.Parallel()
	for _, code := range []catalog.Code{
		catalog.CodeUnauthenticated, catalog.CodeForbidden, catalog.CodeNotFound, catalog.CodeConflict, catalog.CodePreconditionFailed,
		catalog.CodeTooLarge, catalog.CodeTooManyRequests, catalog.CodeUnavailable, catalog.CodeInternal,
	} {
		got := diags.FromError("Cannot", &catalog.Error{Code: code, Message: "It failed.", RequestID: "R1"}, diags.Whole)
		if len(got) != 1 || strings.Count(got[0].Detail(), "\n\n") != 2 || !strings.Contains(got[0].Detail(), "request R1") {
			t.Errorf("%s: got %q, want what happened, what to do next and the request", code, got)
		}
	}
}

func TestFromErrorOfAnythingElse(t *testing.T) {
	t.Parallel()
	if got := diags.FromError("Cannot", nil, diags.Whole); got != nil {
		t.Errorf("no error: got %v, want nothing", got)
	}
	got := diags.FromError("Cannot", errors.New("boom"), diags.Whole)
	if len(got) != 1 || got[0].Severity() != diag.SeverityError || got[0].Detail() != "Boom." {
		t.Errorf("got %v, want one error that says Boom.", got)
	}
}
