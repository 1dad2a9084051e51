package functions

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

// succession is the question whether one schema follows others.
type succession struct {
	language catalog.SchemaType
	mode     catalog.Compatibility
}

var errTooLong = fmt.Errorf("it took longer than %s; leave out versions that nobody holds data of", MaxTime)

// follows reads the older texts and compares them with the candidate, one at a
// time: a parsed schema takes many times the memory of its text. ctx is looked at
// between two texts; it ends when the time is up or the provider is told to stop.
func (s succession) follows(ctx context.Context, older []*string, candidate *compat.Schema) (bool, *function.FuncError) {
	verdict := true
	for i, text := range older {
		if ctx.Err() != nil {
			return false, function.NewArgumentFuncError(olderArgument, element(i)+
				"The comparison was stopped before this schema: "+sentence(context.Cause(ctx).Error()))
		}
		schema, err := s.read(olderArgument, element(i), *text)
		if err != nil {
			return false, err
		}
		if i < len(older)-1 && !s.transitive() {
			continue // it must be a schema, but only the latest one counts
		}
		found, tooComplex := compat.Check(s.mode, []*compat.Schema{schema}, candidate)
		if tooComplex != nil {
			return false, function.NewArgumentFuncError(olderArgument, element(i)+uncompared(tooComplex))
		}
		verdict = verdict && len(found) == 0
	}
	return verdict, nil
}

func (s succession) transitive() bool { return strings.HasSuffix(string(s.mode), "_TRANSITIVE") }

func element(i int) string { return fmt.Sprintf("Element %d: ", i) }

// uncompared says why a schema could not be compared with the candidate. It
// was the only one in its list, so its number there says nothing.
func uncompared(err error) string {
	return "This schema and the candidate could not be compared: " + sentence(strings.TrimPrefix(err.Error(), "version 1: "))
}

// read parses the schema in the argument. where names it within the argument,
// "" when the argument is the schema.
func (s succession) read(argument int64, where, text string) (*compat.Schema, *function.FuncError) {
	if len(text) > compat.MaxBytes {
		return nil, function.NewArgumentFuncError(argument, where+fmt.Sprintf(
			"A schema has at most %d bytes, this one has %d. Split the schema.", compat.MaxBytes, len(text)))
	}
	schema, err := compat.Parse(s.language, text)
	if err != nil {
		return nil, function.NewArgumentFuncError(argument, where+unreadable(err))
	}
	return schema, nil
}

// unreadable says where a text is wrong and why. It never repeats the text:
// schemas are long.
func unreadable(err error) string {
	at := (*compat.ParseError)(nil)
	if !errors.As(err, &at) {
		return sentence(err.Error())
	}
	place := "The schema"
	if at.Line > 0 {
		place = fmt.Sprintf("Line %d, column %d of the schema", at.Line, at.Column)
	}
	if at.Path != "" {
		place += fmt.Sprintf(" (at %s)", at.Path)
	}
	return fmt.Sprintf("%s: %s Correct the text, or give the type that it is in; type is %s.", place, sentence(at.Reason), at.Type)
}
