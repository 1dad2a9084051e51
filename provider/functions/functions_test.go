package functions

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// call runs a function as Terraform would, on Go strings and lists of them.
func call(t *testing.T, f function.Function, args ...any) (attr.Value, *function.FuncError) {
	t.Helper()
	definition := function.DefinitionResponse{}
	f.Definition(t.Context(), function.DefinitionRequest{}, &definition)
	values := make([]attr.Value, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			values[i] = types.StringValue(arg)
		case []string:
			list, diags := types.ListValueFrom(t.Context(), types.StringType, arg)
			if diags.HasError() {
				t.Fatalf("list: %v", diags)
			}
			values[i] = list
		case attr.Value:
			values[i] = arg
		}
	}
	result, err := definition.Definition.Return.NewResultData(t.Context())
	if err != nil {
		t.Fatalf("result data: %v", err)
	}
	resp := function.RunResponse{Result: result}
	f.Run(context.Background(), function.RunRequest{Arguments: function.NewArgumentsData(values)}, &resp)
	return resp.Result.Value(), resp.Error
}

func TestBanner(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"(S//NF)":                                "SECRET//NOFORN",
		"SECRET//REL TO USA, GBR, AUS":           "SECRET//REL TO USA, AUS, GBR",
		"UNCLASSIFIED":                           "UNCLASSIFIED",
		"TOP SECRET//SI-G/TK//RSEN/ORCON/NOFORN": "TOP SECRET//SI-G/TK//RSEN/ORCON/NOFORN",
	} {
		got, err := call(t, newBanner(), text)
		if err != nil {
			t.Errorf("marking_banner(%q): got error %q, want %q", text, err.Text, want)
			continue
		}
		if !got.Equal(types.StringValue(want)) {
			t.Errorf("marking_banner(%q): got %s, want %q", text, got, want)
		}
	}
}

func TestRollup(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		texts []string
		want  string
	}{
		{nil, "UNCLASSIFIED"},
		{[]string{"SECRET//REL TO USA, FVEY", "SECRET//REL TO USA, AUS, CAN, GBR"}, "SECRET//REL TO USA, AUS, CAN, GBR"},
		{[]string{"(TS//NF)", "(S//REL TO USA, JPN)"}, "TOP SECRET//NOFORN"},
		{[]string{"(S//REL TO USA, JPN)", "(TS//NF)"}, "TOP SECRET//NOFORN"},
	} {
		got, err := call(t, newRollup(), test.texts)
		if err != nil {
			t.Errorf("marking_rollup(%q): got error %q, want %q", test.texts, err.Text, test.want)
			continue
		}
		if !got.Equal(types.StringValue(test.want)) {
			t.Errorf("marking_rollup(%q): got %s, want %q", test.texts, got, test.want)
		}
	}
}

func TestDominates(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		marking, other string
		want           bool
	}{
		{"SECRET//NOFORN", "SECRET//NOFORN", true},
		{"SECRET//NOFORN", "SECRET//REL TO USA, GBR", true},
		{"SECRET//REL TO USA, GBR", "SECRET//NOFORN", false},
		{"(TS//NF)", "(C//NF)", true},
		{"(C//NF)", "(TS//NF)", false},
	} {
		got, err := call(t, newDominates(), test.marking, test.other)
		if err != nil {
			t.Errorf("marking_dominates(%q, %q): got error %q", test.marking, test.other, err.Text)
			continue
		}
		if !got.Equal(types.BoolValue(test.want)) {
			t.Errorf("marking_dominates(%q, %q): got %s, want %t", test.marking, test.other, got, test.want)
		}
	}
}

func TestInvalidArgumentIsNamed(t *testing.T) {
	t.Parallel()
	null, _ := types.ListValue(types.StringType, []attr.Value{types.StringValue("(U)"), types.StringNull()})
	for name, test := range map[string]struct {
		function function.Function
		args     []any
		argument int64
		want     []string
	}{
		"unknown token":           {newBanner(), []any{"SECRET//COSMIC-FOO"}, 0, []string{`"COSMIC-FOO"`, "rule "}},
		"release to one":          {newBanner(), []any{"(S//REL TO USA)"}, 0, []string{"rule ISM-ID-00319"}},
		"empty":                   {newBanner(), []any{" "}, 0, []string{"empty", "SECRET//NOFORN"}},
		"too long":                {newBanner(), []any{strings.Repeat("S", MaxMarking+1)}, 0, []string{"at most 16384 bytes"}},
		"element of the roll-up":  {newRollup(), []any{[]string{"(U)", "(X)"}}, 0, []string{"Element 1: ", `"X"`}},
		"null element":            {newRollup(), []any{null}, 0, []string{"Element 1: ", "null"}},
		"too many":                {newRollup(), []any{make([]string, MaxMarkings+1)}, 0, []string{"at most 10000"}},
		"second of two":           {newDominates(), []any{"(U)", "(X)"}, 1, []string{`"X"`}},
		"both of two, first wins": {newDominates(), []any{"(X)", "(Y)"}, 0, []string{`"X"`, `"Y"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := call(t, test.function, test.args...)
			if err == nil {
				t.Fatal("got no error, want one")
			}
			if err.FunctionArgument == nil || *err.FunctionArgument != test.argument {
				t.Errorf("got argument %v, want %d", argumentOf(err), test.argument)
			}
			for _, part := range test.want {
				if !strings.Contains(err.Text, part) {
					t.Errorf("got %q, want it to contain %q", err.Text, part)
				}
			}
		})
	}
}

func argumentOf(err *function.FuncError) string {
	if err.FunctionArgument == nil {
		return "none"
	}
	return fmt.Sprint(*err.FunctionArgument)
}
