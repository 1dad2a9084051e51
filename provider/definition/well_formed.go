package definition

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

// wellFormed refuses a text that is not of its type, before any platform is
// asked. Of a text that refers to others only the grammar is judged: those
// others are on the platform, or in other parts of the configuration that a
// validator does not see. The platform resolves them when the plan is made.
type wellFormed struct{ referring bool }

// Description implements [validator.Describer].
func (wellFormed) Description(context.Context) string {
	return "The definition must be a schema of its type."
}

// MarkdownDescription implements [validator.Describer].
func (w wellFormed) MarkdownDescription(ctx context.Context) string { return w.Description(ctx) }

// ValidateString implements [validator.String].
func (w wellFormed) ValidateString(ctx context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	language, text := languageAt(ctx, req), req.ConfigValue
	if language == "" || text.IsNull() || text.IsUnknown() {
		return // a language that does not exist is reported at its own attribute
	}
	if err := w.read(ctx, req, language, text.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Invalid schema definition", complaint(err))
	}
}

func (w wellFormed) read(ctx context.Context, req validator.StringRequest, language catalog.SchemaType, text string) error {
	var references types.Map
	if w.referring {
		if d := req.Config.GetAttribute(ctx, sibling(req.Path, "references"), &references); d.HasError() {
			return nil // reported by whoever reads the attribute for itself
		}
	}
	if references.IsUnknown() || len(references.Elements()) > 0 {
		_, err := compat.CanonicalText(language, text)
		return err
	}
	_, err := compat.Parse(language, text)
	return err
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
