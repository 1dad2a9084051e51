package dataschema

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
	"github.com/meshwright/terraform-provider-datamesh/provider/values"
)

// Definition is the text of a schema. Texts that differ only in whitespace, in
// order that has no meaning and in comments are the same.
type Definition = values.Text[DefinitionEquality]

// DefinitionType is the attribute type of a [Definition].
type DefinitionType = values.TextType[DefinitionEquality]

// DefinitionEquality holds between schema texts of the same canonical form.
type DefinitionEquality struct{}

// Equal implements [values.Equality]. A text does not say which language it is
// in, and a few are valid in more than one; so the texts must be the same in
// every language in which either is valid, and there must be one.
func (DefinitionEquality) Equal(a, b string) bool {
	same := false
	for _, language := range []catalog.SchemaType{catalog.SchemaAvro, catalog.SchemaJSON, catalog.SchemaProtobuf} {
		first, errA := compat.Parse(language, a)
		second, errB := compat.Parse(language, b)
		switch {
		case errA != nil && errB != nil:
			continue
		case errA != nil || errB != nil || first.Canonical() != second.Canonical():
			return false
		}
		same = true
	}
	return same
}

// wellFormed refuses a definition that is not a text of its type, before any
// platform is asked.
type wellFormed struct{}

// Description implements [validator.Describer].
func (wellFormed) Description(context.Context) string {
	return "The definition must be a complete schema of its type."
}

// MarkdownDescription implements [validator.Describer].
func (w wellFormed) MarkdownDescription(ctx context.Context) string { return w.Description(ctx) }

// ValidateString implements [validator.String].
func (wellFormed) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	var language types.String
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, req.Path.ParentPath().AtName("type"), &language)...)
	text := req.ConfigValue
	if text.IsNull() || text.IsUnknown() || !isLanguage(language.ValueString()) {
		return // a language that does not exist is reported at its own attribute
	}
	if _, err := compat.Parse(catalog.SchemaType(language.ValueString()), text.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid schema definition", complaint(err))
	}
}

func isLanguage(name string) bool {
	switch catalog.SchemaType(name) {
	case catalog.SchemaAvro, catalog.SchemaJSON, catalog.SchemaProtobuf:
		return true
	}
	return false
}

// complaint says where the text is wrong and why, without repeating it: schema
// texts are long, and Terraform shows the place in the configuration itself.
func complaint(err error) string {
	at := (*compat.ParseError)(nil)
	if !errors.As(err, &at) {
		return err.Error()
	}
	where := "The definition"
	if at.Line > 0 {
		where = fmt.Sprintf("Line %d, column %d of the definition", at.Line, at.Column)
	}
	if at.Path != "" {
		where += fmt.Sprintf(" (at %s)", at.Path)
	}
	return fmt.Sprintf("%s: %s.\n\nCorrect the text, or set type to the language it is in; type is %s.\n\n(rule %s)",
		where, strings.TrimRight(at.Reason, "."), at.Type, catalog.RuleSchemaText)
}
