package functions

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"
)

type banner struct{}

func newBanner() function.Function { return banner{} }

// Metadata implements [function.Function].
func (banner) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "marking_banner"
}

// Definition implements [function.Function].
func (banner) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "The canonical banner line of a marking",
		MarkdownDescription: "Reads a banner line or a portion mark and returns the canonical banner line: levels spelled out, " +
			"tokens in their prescribed order. Fails on a marking that breaks a rule, and names the rule, the token and what to write. " +
			"Works without a platform, by the vocabulary in force.",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name:                "marking",
				MarkdownDescription: "A banner line such as `SECRET//REL TO USA, FVEY`, or a portion mark such as `(S//REL)`.",
			},
		},
		Return: function.StringReturn{},
	}
}

// Run implements [function.Function].
func (banner) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var text string
	if resp.Error = req.Arguments.Get(ctx, &text); resp.Error != nil {
		return
	}
	v, err := inForce()
	if err != nil {
		resp.Error = err
		return
	}
	parsed, err := parse(v, 0, "", text)
	if err != nil {
		resp.Error = err
		return
	}
	resp.Error = resp.Result.Set(ctx, parsed.Banner())
}
