package platform

import (
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

// maxWarnings bounds the warnings of one finding for one rule.
const maxWarnings = 100

// documentation is the report on a text, the zero one when it cannot be read. Its
// markings are judged each time, by the vocabulary that this transaction judges
// by: what is remembered of a text (reading.go) must not hold a verdict on them.
func (j *judge) documentation(s catalog.RegisteredSchema) (compat.Report, int, error) {
	if !readable(s) {
		return compat.Report{}, 0, nil
	}
	r, err := j.read(s)
	if err != nil || r.err != nil {
		return compat.Report{}, 0, err
	}
	return r.schema.Report(j.vocabulary), len(r.schema.Fields()), nil
}

// undocumented warns of what the text of a schema leaves out.
func (j *judge) undocumented(s *catalog.Schema) ([]catalog.Problem, error) {
	c, _ := contractOf(s)
	report, _, err := j.documentation(c.text)
	if err != nil {
		return nil, err
	}
	var warnings []catalog.Problem
	for _, lacking := range []struct {
		rule, what, fix string
		gaps            []catalog.FieldGap
	}{
		{catalog.RuleFieldDocumentation, "is not documented", "Describe the field in the schema's text.", report.Undescribed},
		{catalog.RuleFieldUnit, "has no unit", "Name the unit in the schema's text.", report.WithoutUnit},
		{catalog.RuleFieldMarking, "has no marking", "Mark the field in the schema's text.", report.Unmarked},
	} {
		var some []catalog.Problem
		for _, gap := range lacking.gaps {
			some = append(some, catalog.Problem{
				Field: "/definition", Rule: lacking.rule,
				Detail: fmt.Sprintf("Field %s %s: %s.", quote(gap.Path), lacking.what, gap.Reason), Fix: lacking.fix,
			})
		}
		warnings = append(warnings, capped(some)...)
	}
	return warnings, nil
}

// undocumentedPorts warns of fields without documentation in the schemas of an
// active product. A schema of the same proposal has warnings of its own.
func (j *judge) undocumentedPorts(p *catalog.Product) ([]catalog.Problem, error) {
	if p.Status != catalog.StatusActive {
		return nil, nil
	}
	var warnings []catalog.Problem
	for _, reference := range p.References() {
		if _, proposed := j.given[reference.To]; proposed || reference.To.Kind != catalog.KindSchema {
			continue
		}
		seen, err := j.visible(reference.To)
		if err != nil {
			return nil, err
		}
		if !seen {
			continue // whatever it says by now
		}
		object, err := j.after.get(reference.To)
		if err != nil {
			return nil, err
		}
		c, ok := contractOf(object)
		if !ok {
			continue
		}
		report, _, err := j.documentation(c.text)
		if err != nil {
			return nil, err
		}
		for _, gap := range append(report.Undescribed, report.WithoutUnit...) {
			warnings = append(warnings, catalog.Problem{
				Field: reference.Field, Rule: catalog.RuleFieldDocumentation,
				Detail: fmt.Sprintf("Field %s of schema %q is not documented: %s.", quote(gap.Path), reference.To.ID, gap.Reason),
				Fix:    "Document the field in the schema's text.",
			})
		}
	}
	return capped(warnings), nil
}

func capped(warnings []catalog.Problem) []catalog.Problem {
	if len(warnings) <= maxWarnings {
		return warnings
	}
	more := warnings[maxWarnings-1]
	more.Fix, more.Detail = "", fmt.Sprintf("%d more fields are not documented as they should be.", len(warnings)-maxWarnings+1)
	return append(warnings[:maxWarnings-1], more)
}
