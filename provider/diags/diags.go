// Package diags turns what a [catalog.Service] refuses into diagnostics that
// Terraform shows beside the attribute at fault. It is the only place that
// does, so every message has one shape:
//
//   - the summary says what was not done;
//   - the detail says what is wrong, then what to do next, then the rule and
//     the request id that an operator can look up;
//   - the path is that of the attribute, found from the problem's JSON pointer.
package diags

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Locator finds the attribute that a JSON pointer names. An empty path stands
// for the object as a whole.
type Locator func(pointer string) path.Path

// Whole is the locator of things that have no attributes.
func Whole(string) path.Path { return path.Empty() }

// FromError reports that something was not done, such as "Cannot read domain
// \"sigint\"", with one diagnostic for each problem of a *[catalog.Error] and
// one for any other error. It is nil when err is nil. The incompatibilities of
// a definition are one diagnostic together, and so is what it lacks of its
// reference schema; the first ten are spelled out.
func FromError(summary string, err error, at Locator) diag.Diagnostics {
	if err == nil {
		return nil
	}
	var refusal *catalog.Error
	if !errors.As(err, &refusal) {
		return diag.Diagnostics{diag.NewErrorDiagnostic(summary, sentence(err.Error()))}
	}
	if len(refusal.Problems) == 0 {
		return diag.Diagnostics{diag.NewErrorDiagnostic(summary, wholeDetail(refusal, err))}
	}
	return place(diag.NewErrorDiagnostic, summary, folded(refusal.Problems, isList), refusal.RequestID, at)
}

// Errors reports problems that refuse a change, as [FromError] does.
func Errors(summary string, problems []catalog.Problem, at Locator) diag.Diagnostics {
	return place(diag.NewErrorDiagnostic, summary, folded(problems, isList), "", at)
}

// Warnings reports problems that do not refuse a change, all of one field and
// rule together; the first ten are spelled out.
func Warnings(summary string, problems []catalog.Problem, at Locator) diag.Diagnostics {
	return place(diag.NewWarningDiagnostic, summary, folded(problems, always), "", at)
}

// place makes one diagnostic for each problem. Terraform shows the source line
// of a top-level attribute only, so a path that leads deeper is also spelled out.
func place[D diag.Diagnostic](make func(summary, detail string) D, summary string, problems []catalog.Problem, requestID string, at Locator) diag.Diagnostics {
	var out diag.Diagnostics
	for _, p := range problems {
		where := at(p.Field)
		text := detail(p, requestID)
		switch steps := len(where.Steps()); {
		case steps == 0:
			out.Append(make(summary, text))
			continue
		case steps > 1:
			text = "At " + where.String() + ": " + text
		}
		out.Append(diag.WithPath(where, make(summary, text)))
	}
	return out
}

func detail(p catalog.Problem, requestID string) string {
	var b strings.Builder
	b.WriteString(sentence(p.Detail))
	if p.Fix != "" {
		b.WriteString("\n\n" + sentence(p.Fix))
	}
	b.WriteString(footnote(p.Rule, requestID))
	return b.String()
}

func wholeDetail(refusal *catalog.Error, err error) string {
	text := sentence(err.Error())
	if step := nextStep[refusal.Code]; step != "" {
		text += "\n\n" + step
	}
	return text + footnote("", refusal.RequestID)
}

// nextStep says what to do about a failure that names no field.
var nextStep = map[catalog.Code]string{
	catalog.CodeUnauthenticated:    "Check that the token is present, not expired and meant for this platform: token, token_file or DATAMESH_TOKEN.",
	catalog.CodeForbidden:          "Ask an owner or a steward of the domain to make this change, or to add you to its team. Only administrators create domains.",
	catalog.CodeNotFound:           "Check the name, and that you may see the object: what you may not see does not exist for you.",
	catalog.CodeConflict:           "Remove what stands in the way, then run Terraform again.",
	catalog.CodePreconditionFailed: "The object changed after it was read. Run terraform plan again and review what changed.",
	catalog.CodeTooLarge:           "Make the object smaller, or split it.",
	catalog.CodeTooManyRequests:    "Lower max_requests_per_second in the provider block or run with a smaller -parallelism.",
	catalog.CodeUnavailable:        "Check that the endpoint is right and that the platform answers at its /readyz, then run Terraform again. Nothing else is needed: every request can be repeated safely.",
	catalog.CodeInternal:           "This is a fault of the platform. Give its operator the request id.",
}

func footnote(rule, requestID string) string {
	var notes []string
	if rule != "" {
		notes = append(notes, "rule "+rule)
	}
	if requestID != "" {
		notes = append(notes, "request "+requestID)
	}
	if len(notes) == 0 {
		return ""
	}
	return fmt.Sprintf("\n\n(%s)", strings.Join(notes, ", "))
}

// sentence makes a sentence of an error text: capital letter, full stop.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return text
	}
	if first := text[0]; first >= 'a' && first <= 'z' {
		text = string(first-'a'+'A') + text[1:]
	}
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, ":") || strings.Contains(text, "\n") {
		return text
	}
	return text + "."
}
