package functions

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// The limits of schema_compatible, beside those that package compat has for one
// text and for one comparison.
const (
	// MaxOlder is the most older schemas that one call takes.
	MaxOlder = 1_000
	// MaxOlderBytes is the most bytes that they have together: what reading
	// and comparing them costs grows with it.
	MaxOlderBytes = 16 << 20
	// MaxTime is how long one call may take before it begins with another
	// older schema. Hostile schemas, each just simple enough to be compared,
	// would take longer. It never changes a verdict: what runs out of time is
	// an error.
	MaxTime = 2 * time.Minute
)

type compatible struct{ limit time.Duration }

func newCompatible() function.Function { return compatible{MaxTime} }

// Metadata implements [function.Function].
func (compatible) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "schema_compatible"
}

// The positions of the arguments.
const (
	typeArgument int64 = iota
	modeArgument
	olderArgument
	candidateArgument
)

// Definition implements [function.Function].
func (compatible) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "Whether a schema may follow older versions of it",
		MarkdownDescription: "Judges by the rules of the Confluent Schema Registry whether `candidate` may be the next version after " +
			"`older`. Every text must be a complete schema of the type, in every mode. It works offline. " +
			"`datamesh schema check` gives the same verdict on the command line, with the reasons.",
		Parameters: []function.Parameter{
			function.StringParameter{
				Name:                "type",
				MarkdownDescription: "The language of all the texts: `AVRO`, `JSON` or `PROTOBUF`.",
			},
			function.StringParameter{
				Name: "mode",
				MarkdownDescription: "`NONE` permits every candidate. `BACKWARD`: it reads data of the latest older version. `FORWARD`: the latest " +
					"older version reads its data. `FULL`: both. `BACKWARD_TRANSITIVE`, `FORWARD_TRANSITIVE` and `FULL_TRANSITIVE` " +
					"look at all older versions.",
			},
			function.ListParameter{
				Name:        "older",
				ElementType: types.StringType,
				MarkdownDescription: "The texts of the older versions, oldest first. At most 1,000, each of at most 1 MiB, together of at most " +
					"16 MiB. Nothing is older than a first version: with an empty list every candidate is compatible. Give a list: Terraform sorts a set by its texts.",
			},
			function.StringParameter{
				Name:                "candidate",
				MarkdownDescription: "The text of the next version, of at most 1 MiB.",
			},
		},
		Return: function.BoolReturn{},
	}
}

// Run implements [function.Function].
func (c compatible) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var language, mode, text string
	var older []*string
	if resp.Error = req.Arguments.Get(ctx, &language, &mode, &older, &text); resp.Error != nil {
		return
	}
	// Reported in one error; no text is read before all three are right.
	if resp.Error = function.ConcatFuncErrors(knownLanguage(language), knownMode(mode), withinLimits(older)); resp.Error != nil {
		return
	}
	s := succession{catalog.SchemaType(language), catalog.Compatibility(mode)}
	candidate, err := s.read(candidateArgument, "", text)
	if err != nil {
		resp.Error = err
		return
	}
	timed, cancel := context.WithTimeoutCause(ctx, c.limit, errTooLong)
	defer cancel()
	verdict, err := s.follows(timed, older, candidate)
	if err != nil {
		resp.Error = err
		return
	}
	resp.Error = resp.Result.Set(ctx, verdict)
}

func knownLanguage(name string) *function.FuncError {
	known := []catalog.SchemaType{catalog.SchemaAvro, catalog.SchemaJSON, catalog.SchemaProtobuf}
	if slices.Contains(known, catalog.SchemaType(name)) {
		return nil
	}
	return function.NewArgumentFuncError(typeArgument, "The type is none of the schema languages. Write AVRO, JSON or PROTOBUF.")
}

func knownMode(name string) *function.FuncError {
	known := []catalog.Compatibility{
		catalog.CompatibilityNone,
		catalog.CompatibilityBackward, catalog.CompatibilityBackwardTransitive,
		catalog.CompatibilityForward, catalog.CompatibilityForwardTransitive,
		catalog.CompatibilityFull, catalog.CompatibilityFullTransitive,
	}
	if slices.Contains(known, catalog.Compatibility(name)) {
		return nil
	}
	return function.NewArgumentFuncError(modeArgument, "The mode is none of the compatibility modes. "+
		"Write NONE, BACKWARD, FORWARD, FULL, BACKWARD_TRANSITIVE, FORWARD_TRANSITIVE or FULL_TRANSITIVE.")
}

// withinLimits looks at all older texts before the first of them is read.
func withinLimits(older []*string) *function.FuncError {
	if len(older) > MaxOlder {
		return function.NewArgumentFuncError(olderArgument, fmt.Sprintf(
			"At most %d older schemas are compared, not %d. Leave out versions that nobody holds data of.", MaxOlder, len(older)))
	}
	size := 0
	for i, text := range older {
		if text == nil {
			return function.NewArgumentFuncError(olderArgument, element(i)+"The schema is null. Leave the element out, or write its text.")
		}
		if size += len(*text); size > MaxOlderBytes {
			return function.NewArgumentFuncError(olderArgument, element(i)+fmt.Sprintf(
				"The older schemas up to this one have %d bytes, together they may have %d. Leave out versions that nobody holds data of.",
				size, MaxOlderBytes))
		}
	}
	return nil
}
