package platform

import (
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
)

// conforming: a schema is a projection of the reference schema that it names.
// What the board has changed since is not held against a change that leaves
// both the text and the name of the reference schema as they were.
func (j *judge) conforming(s *catalog.Schema, c contract) ([]catalog.Problem, error) {
	stands, err := j.standsAsBefore(s, c)
	if err != nil || stands {
		return nil, err
	}
	return j.conformance(s)
}

func (j *judge) standsAsBefore(s *catalog.Schema, c contract) (bool, error) {
	number, err := j.number(c)
	if err != nil || number.fresh {
		return false, err
	}
	previous, err := find[*catalog.Schema](j.before, catalog.KindSchema, s.Ref().ID)
	return previous != nil && previous.ConformsTo == s.ConformsTo, err
}

// conformance reports each gap between a schema and its reference schema.
func (j *judge) conformance(s *catalog.Schema) ([]catalog.Problem, error) {
	name, version, err := s.Conformance()
	if name == "" || err != nil || catalog.CheckName(name) != nil {
		return nil, nil //nolint:nilerr // Check reports it
	}
	gaps, found, err := j.gaps(j.after, s)
	if err != nil {
		return nil, err
	}
	if !found && version != 0 {
		return []catalog.Problem{{Field: "/conforms_to", Rule: catalog.RuleConformance,
			Detail: fmt.Sprintf("There is no version %d of a reference schema %q.", version, name),
			Fix:    "Name a version that exists, or none for the current one."}}, nil
	}
	return gapProblems(s, gaps), nil
}

func gapProblems(s *catalog.Schema, gaps []catalog.FieldGap) []catalog.Problem {
	var problems []catalog.Problem
	for i, gap := range gaps {
		p := catalog.Problem{Field: "/definition", Rule: catalog.RuleConformance,
			Detail: fmt.Sprintf("The schema is no projection of reference schema %q: field %s: %s.", s.ConformsTo, quote(gap.Path), gap.Reason),
			Fix:    "Declare the field as the reference schema does."}
		if i == maxWarnings-1 && len(gaps) > maxWarnings {
			p.Fix, p.Detail = "", fmt.Sprintf("%d more fields are not as reference schema %q has them.", len(gaps)-i, s.ConformsTo)
			return append(problems, p)
		}
		problems = append(problems, p)
	}
	return problems
}

// gaps compares a schema with the reference schema that it names, as that
// stands in the world. False when there is none, or no such version of it, or
// when one of both cannot be read.
func (j *judge) gaps(w world, s *catalog.Schema) ([]catalog.FieldGap, bool, error) {
	name, version, err := s.Conformance()
	if name == "" || err != nil {
		return nil, false, nil //nolint:nilerr // Check reports it
	}
	reference, found, err := j.referenceText(w, name, version)
	if !found || err != nil {
		return nil, false, err
	}
	c, _ := contractOf(s)
	if !readable(c.text) {
		return nil, false, nil
	}
	will, err := j.read(c.text)
	if err != nil || will.err != nil {
		return nil, false, err
	}
	model, err := j.read(reference)
	if err != nil || model.err != nil {
		return nil, false, err
	}
	return compat.Nonconformities(model.schema, will.schema), true, nil
}

// referenceText is a version of a reference schema, the current one for 0.
func (j *judge) referenceText(w world, name string, version int) (catalog.RegisteredSchema, bool, error) {
	object, err := find[*catalog.ReferenceSchema](w, catalog.KindReferenceSchema, name)
	if object == nil || err != nil {
		return catalog.RegisteredSchema{}, false, err
	}
	c, _ := contractOf(object)
	if version == 0 {
		return c.text, readable(c.text), nil
	}
	r, found, err := j.version(c.subject, version)
	return r.Schema, found && !r.Deleted && readable(r.Schema), err
}

// drifted warns of a schema that was left as it is and conforms no more.
func (j *judge) drifted(s *catalog.Schema) ([]catalog.Problem, error) {
	c, _ := contractOf(s)
	if !readable(c.text) || !wellReferring(s) {
		return nil, nil
	}
	stands, err := j.standsAsBefore(s, c)
	if err != nil || !stands {
		return nil, err
	}
	return j.conformance(s)
}
