package functions

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

type rollup struct{}

func newRollup() function.Function { return rollup{} }

// Metadata implements [function.Function].
func (rollup) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "marking_rollup"
}

// Definition implements [function.Function].
func (rollup) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "The marking of what is derived from all of the given markings",
		MarkdownDescription: "Joins markings as a derived product inherits them: the highest level, every control, and only those " +
			"nations that every source is released to. The order does not matter, and a list without elements gives `UNCLASSIFIED`. " +
			"It is the same function by which the platform computes `effective_marking`.",
		Parameters: []function.Parameter{
			function.ListParameter{
				Name:                "markings",
				ElementType:         types.StringType,
				MarkdownDescription: "Banner lines or portion marks, at most 10,000.",
			},
		},
		Return: function.StringReturn{},
	}
}

// Run implements [function.Function].
func (rollup) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var texts []*string
	if resp.Error = req.Arguments.Get(ctx, &texts); resp.Error != nil {
		return
	}
	v, unusable := inForce()
	if unusable != nil {
		resp.Error = unusable
		return
	}
	parsed, err := parseAll(v, texts)
	if err != nil {
		resp.Error = err
		return
	}
	resp.Error = resp.Result.Set(ctx, v.Rollup(parsed...).Banner())
}

func parseAll(v *marking.Vocabulary, texts []*string) ([]marking.Marking, *function.FuncError) {
	if len(texts) > MaxMarkings {
		return nil, function.NewArgumentFuncError(0, fmt.Sprintf(
			"A roll-up takes at most %d markings, not %d. Roll up parts first: the order does not matter.", MaxMarkings, len(texts)))
	}
	parsed := make([]marking.Marking, len(texts))
	for i, text := range texts {
		where := fmt.Sprintf("Element %d: ", i)
		if text == nil {
			return nil, function.NewArgumentFuncError(0, where+"The marking is null. Leave the element out, or write its marking.")
		}
		m, err := parse(v, 0, where, *text)
		if err != nil {
			return nil, err
		}
		parsed[i] = m
	}
	return parsed, nil
}
