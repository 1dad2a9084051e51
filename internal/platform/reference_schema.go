package platform

import (
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// referenceSchemaRules: the text is of its type, and the type stays. A text
// that schemas no longer conform to is permitted: the board stands above the
// domains, and [judge.nonconforming] warns of them.
func (j *judge) referenceSchemaRules(r *catalog.ReferenceSchema) ([]catalog.Problem, error) {
	previous, err := find[*catalog.ReferenceSchema](j.before, catalog.KindReferenceSchema, r.Name)
	if err != nil {
		return nil, err
	}
	var problems []catalog.Problem
	if previous != nil {
		problems = typeStays(previous.Type, r.Type)
	}
	c, _ := contractOf(r)
	if !readable(c.text) {
		return problems, nil // Check reports it
	}
	found, err := j.legible(c)
	if err != nil {
		return nil, err
	}
	problems = append(problems, found...)
	if number, err := j.number(c); err != nil || !number.fresh {
		return problems, err
	}
	stopped, err := j.boardStopped(c.subject)
	return append(problems, stopped...), err
}

// boardStopped: a registry that is read-only as a whole is that for the board
// too; other modes are none of its business.
func (j *judge) boardStopped(s catalog.Subject) ([]catalog.Problem, error) {
	held, err := j.before.overlaid(catalog.Scope{})
	if err != nil || held.Mode != catalog.ModeReadOnly && held.Mode != catalog.ModeReadOnlyOverride {
		return nil, err
	}
	return []catalog.Problem{{Rule: catalog.RuleMode, Detail: fmt.Sprintf("The registry is in mode %s, so subject %s takes no version.", held.Mode, quote(s.String())),
		Fix: "Set the mode of the registry to READWRITE first."}}, nil
}

// onBoard reports whether the caller speaks for the stewardship board.
func (a *authority) onBoard() bool {
	return a.caller.InGroup(catalog.BoardGroup)
}

// maxConforming bounds the schemas that one change of a reference schema is
// held against.
const maxConforming = 1_000

// nonconforming warns of the schemas that follow the current version of a
// reference schema and would conform to it no more.
func (j *judge) nonconforming(r *catalog.ReferenceSchema) ([]catalog.Problem, error) {
	if number, err := j.numberOf(r); err != nil || !number.fresh {
		return nil, err
	}
	dependants, err := j.after.dependants(r.Ref())
	if err != nil {
		return nil, err
	}
	var warnings []catalog.Problem
	for i, dependant := range dependants {
		if i >= maxConforming || len(warnings) >= maxWarnings {
			return append(warnings, leftOut(r)), nil
		}
		left, err := j.leaves(dependant)
		if err != nil {
			return nil, err
		}
		if left {
			warnings = append(warnings, catalog.Problem{Field: "/definition", Rule: catalog.RuleConformance,
				Detail: fmt.Sprintf("The %s conforms to the version in force and would not conform to this one.", dependant),
				Fix:    "Tell its domain, which can name a fixed version until it has followed."})
		}
	}
	return warnings, nil
}

func leftOut(r *catalog.ReferenceSchema) catalog.Problem {
	return catalog.Problem{Field: "/definition", Rule: catalog.RuleConformance,
		Detail: fmt.Sprintf("More schemas follow the %s; they were not looked at.", r.Ref()), Fix: "Read the reports of those schemas after the change."}
}

// leaves reports whether a schema that names no fixed version has gaps with
// what would be in force and none with what is.
func (j *judge) leaves(ref catalog.Ref) (bool, error) {
	schema, err := find[*catalog.Schema](j.after, ref.Kind, ref.ID)
	if schema == nil || err != nil {
		return false, err
	}
	if _, version, err := schema.Conformance(); err != nil || version != 0 {
		return false, nil //nolint:nilerr // Check reports it
	}
	will, _, err := j.gaps(j.after, schema)
	if err != nil || len(will) == 0 {
		return false, err
	}
	was, found, err := j.gaps(j.before, schema)
	return found && len(was) == 0, err
}
