package platform

import (
	"errors"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// numbering is the version that an object of the catalogue has: one that is
// registered already, or a fresh one.
type numbering struct {
	n     int
	fresh bool
}

// number gives a schema its version: the next free number when its text says
// something else than before, the one that it has when only its layout changed.
func (j *judge) number(c contract) (numbering, error) {
	if known, ok := j.numbers[c.subject]; ok {
		return known, nil
	}
	last, err := j.before.reader.LastVersion(j.before.ctx, c.subject)
	if err != nil {
		return numbering{}, err
	}
	number := numbering{last + 1, true}
	j.numbers[c.subject] = number // what a loop of references meets
	ref, _ := c.subject.Schema()
	object, err := j.before.get(ref)
	if err != nil {
		return numbering{}, err
	}
	if previous, exists := contractOf(object); exists {
		same, err := j.same(previous.text, c.text)
		if err != nil {
			return numbering{}, err
		}
		if same {
			number = numbering{previous.version, false}
		}
	}
	j.numbers[c.subject] = number
	return number, nil
}

// numberOf is number of an object that is a contract.
func (j *judge) numberOf(object catalog.Object) (numbering, error) {
	c, _ := contractOf(object)
	return j.number(c)
}

// same reports whether two texts are one schema.
func (j *judge) same(a, b catalog.RegisteredSchema) (bool, error) {
	if readingKey(a) == readingKey(b) {
		return true, nil
	}
	x, err := j.read(a)
	if err != nil || x.err != nil {
		return false, err
	}
	y, err := j.read(b)
	return err == nil && y.err == nil && x.identity == y.identity, err
}

// schemaRules: the text is of its type, the type stays, what it refers to is
// there, and it may follow the versions before it.
func (j *judge) schemaRules(s *catalog.Schema) ([]catalog.Problem, error) {
	previous, err := find[*catalog.Schema](j.before, catalog.KindSchema, s.Ref().ID)
	if err != nil {
		return nil, err
	}
	var problems []catalog.Problem
	if previous != nil {
		problems = typeStays(previous.Type, s.Type)
	}
	c, _ := contractOf(s)
	if !readable(c.text) || !wellReferring(s) {
		return problems, nil // Check reports it
	}
	rules := []func(*catalog.Schema, contract) ([]catalog.Problem, error){j.textAndReferences, j.compatible, j.conforming, j.modePermits}
	if len(problems) > 0 {
		rules = rules[:1] // a text of another type can follow nothing
	}
	for _, rule := range rules {
		found, err := rule(s, c)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	return problems, nil
}

func typeStays(was, will catalog.SchemaType) []catalog.Problem {
	if was == will {
		return nil
	}
	return []catalog.Problem{{
		Field: "/type", Rule: catalog.RuleImmutable,
		Detail: fmt.Sprintf("The type of a schema cannot change; this one is %s.", was),
		Fix:    "Create a schema of another name for the other type.",
	}}
}

// wellReferring reports whether what a schema refers to can be looked up.
func wellReferring(s *catalog.Schema) bool {
	for _, d := range s.Dependencies {
		if catalog.KindSchema.CheckID(d.Schema) != nil || d.Version < 1 {
			return false
		}
	}
	return len(s.Dependencies) <= catalog.MaxReferences
}

func (j *judge) textAndReferences(_ *catalog.Schema, c contract) ([]catalog.Problem, error) {
	return j.legible(c)
}

// legible: a text can be read, with all that it refers to.
func (j *judge) legible(c contract) ([]catalog.Problem, error) {
	ends, err := j.looseEnds(c)
	if err != nil {
		return nil, err
	}
	r, err := j.read(c.text)
	if err != nil {
		return nil, err
	}
	return append(unread(r, ends), r.problems()...), nil
}

// problems says where a text that is none goes wrong.
func (r *reading) problems() []catalog.Problem {
	if r.err == nil || errors.Is(r.err, errLoose) {
		return nil
	}
	return []catalog.Problem{{
		Field: "/definition", Rule: catalog.RuleSchemaText,
		Detail: fmt.Sprintf("The text is not valid: %v.", r.err),
		Fix:    "Correct the text where the message points.",
	}}
}

// readable reports whether the parsers can be asked at all.
func readable(s catalog.RegisteredSchema) bool {
	switch s.Type {
	case catalog.SchemaAvro, catalog.SchemaJSON, catalog.SchemaProtobuf:
		return s.Definition != "" && len(s.Definition) <= catalog.MaxDefinition
	}
	return false
}
