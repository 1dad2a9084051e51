package functions

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"
)

type dominates struct{}

func newDominates() function.Function { return dominates{} }

// Metadata implements [function.Function].
func (dominates) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "marking_dominates"
}

// Definition implements [function.Function].
func (dominates) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Whether one marking is at least as strict as another",
		MarkdownDescription: "True when whoever may see data marked `marking` may also see data marked `other`: its level is at " +
			"least as high, it carries every control of the other, and it is released to nobody beyond. " +
			"Two markings can each fail to dominate the other.",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name:                "marking",
				MarkdownDescription: "The marking that should be the stricter one, as a banner line or portion mark.",
			},
			function.StringParameter{
				Name:                "other",
				MarkdownDescription: "The marking to compare with.",
			},
		},
		Return: function.BoolReturn{},
	}
}

// Run implements [function.Function].
func (dominates) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var texts [2]string
	if resp.Error = req.Arguments.Get(ctx, &texts[0], &texts[1]); resp.Error != nil {
		return
	}
	v, unusable := inForce()
	if unusable != nil {
		resp.Error = unusable
		return
	}
	first, firstErr := parse(v, 0, "", texts[0])
	second, secondErr := parse(v, 1, "", texts[1])
	// Both arguments are reported in one error when both are invalid;
	// Terraform shows it at the first of them.
	if resp.Error = function.ConcatFuncErrors(firstErr, secondErr); resp.Error != nil {
		return
	}
	resp.Error = resp.Result.Set(ctx, v.Dominates(first, second))
}
