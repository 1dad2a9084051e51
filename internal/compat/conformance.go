package compat

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Nonconformities reports where the candidate is no projection of the
// reference, in the order of the reference; nil when it conforms. The languages
// of the two may differ. A path is the reference's, "" for the whole schema; a
// reason says what is asked, what is there and what to do, in at most some 400
// characters, all printing. See the package comment for the rules.
func Nonconformities(reference, candidate *Schema) []catalog.FieldGap {
	if reference.typ == candidate.typ && reference.means(candidate) {
		return nil
	}
	return project(reference, candidate)
}

// project is Nonconformities of two schemas that differ.
func project(reference, candidate *Schema) []catalog.FieldGap {
	c := &conformance{
		budget: budget{steps: MaxSteps - maxConformanceSteps}, candidate: candidate.typ, binds: candidate.binds,
		own: map[*shape]*scope{}, scopes: map[*shape]*scope{}, seen: map[shapePair]bool{}, held: map[shapePair]bool{},
	}
	c.compare(reference.model.shapes(&c.budget), candidate.model.shapes(&c.budget))
	if c.exhausted() { // whatever was found or not: types may be missing
		c.gaps = nil
		c.gap("", "the two schemas are too complex to compare in %d steps: split the schema", maxConformanceSteps)
	}
	return c.gaps
}

func (c *conformance) compare(reference, candidate []*shape) {
	asked := recordOf(reference)
	if asked == nil {
		return // describes no object, so it asks for no field
	}
	if record := c.record(asked, candidate); record != nil {
		c.objects(asked, record, "")
		return
	}
	c.gap("", "the schema describes no object: the reference describes one with field %s", quoted(asked.properties[0].name))
}

// recordOf is the first object among shapes, or in the lists and maps among
// them.
func recordOf(queue []*shape) *shape {
	for i := 0; i < len(queue) && i < MaxFields; i++ {
		if len(queue[i].properties) > 0 {
			return queue[i]
		}
		if queue[i].items != nil {
			queue = append(queue, queue[i].items())
		}
	}
	return nil
}

// maxConformanceSteps is less than MaxSteps, because each step may have to merge
// two types.
const maxConformanceSteps = 250_000

// conformance holds one candidate against one reference.
type conformance struct {
	budget
	candidate catalog.SchemaType
	binds     bool // the candidate may bind fields by other names
	own       map[*shape]*scope
	scopes    map[*shape]*scope
	seen      map[shapePair]bool // objects that were compared
	held      map[shapePair]bool // elements that were compared
	gaps      []catalog.FieldGap
}

type shapePair struct{ asked, given *shape }

// gap notes one finding. A path or a name of the schemas cannot make it longer
// than an excerpt.
func (c *conformance) gap(path, format string, args ...any) {
	if len(c.gaps) < MaxIncompatibilities {
		c.gaps = append(c.gaps, catalog.FieldGap{Path: excerpt(path), Reason: excerpt(fmt.Sprintf(format, args...))})
	}
}

// quoted is a name of a schema in a message.
func quoted(name string) string {
	const most = 60
	if runes := []rune(name); len(runes) > most {
		name = string(runes[:most]) + more
	}
	return strconv.Quote(name)
}

// record is the candidate's record: the first object in which all required names
// of the reference are found, the root before what lists and maps hold and the
// outer before the inner; when there is none, the one with most of them.
func (c *conformance) record(asked *shape, roots []*shape) *shape {
	var best *shape
	most := -1
	seen := map[*shape]bool{}
	for queue := roots; len(queue) > 0 && c.step(); queue = queue[1:] {
		s := queue[0]
		if seen[s] {
			continue
		}
		seen[s] = true
		if len(s.properties) > 0 {
			found, missing := c.count(asked, s)
			if found > most {
				best, most = s, found
			}
			if missing == 0 {
				return s
			}
		}
		queue = append(queue, c.below(s, map[*shape]bool{})...)
	}
	return best
}

// count is how many required names are found in an object, and how many not.
func (c *conformance) count(asked, s *shape) (found, missing int) {
	for _, p := range asked.properties {
		switch {
		case !c.step() || !p.required():
		case c.find(s, asked, p, p.name).property != nil:
			found++
		default:
			missing++
		}
	}
	return found, missing
}

// below is what the lists and maps in an object hold.
func (c *conformance) below(s *shape, inside map[*shape]bool) []*shape {
	if inside[s] || !c.enter() {
		return nil
	}
	defer c.leave()
	inside[s] = true
	var list []*shape
	if s.items != nil {
		list = append(list, s.items())
	}
	for _, p := range s.properties {
		list = append(list, c.below(p.shape(), inside)...)
	}
	return list
}

// objects holds the fields of an object against those that the reference has.
func (c *conformance) objects(asked, given *shape, path string) {
	pair := shapePair{asked, given}
	if c.seen[pair] || !c.enter() {
		return
	}
	defer c.leave()
	c.seen[pair] = true
	groups := map[*shape]bool{given: true} // the objects in which fields were found
	for _, p := range asked.properties {
		if p.required() && c.step() {
			if m := c.required(asked, given, p, join(path, p.name)); m.property != nil {
				groups[m.in] = true
			}
		}
	}
	for _, p := range asked.properties {
		if p.required() || !c.step() {
			continue
		}
		if m := c.find(given, asked, p, join(path, p.name)); m.property != nil && groups[m.in] {
			c.types(p, m, join(path, p.name))
		}
	}
}

// required holds one field to a required one of the reference.
func (c *conformance) required(asked, given *shape, p *property, path string) match {
	m := c.find(given, asked, p, path)
	switch {
	case m.property == nil && c.scattered(given, p, path):
	case m.property == nil:
		c.gap(path, "is required, and %s has no such field: add %s, %s, or bind a field to it with %s",
			recordName(given), quoted(p.name), p.kinds(), c.binding(path))
	case !m.given:
		c.gap(path, "must always be there, but %s is optional: make it required", quoted(m.path))
	default:
		c.types(p, m, path)
	}
	return m
}

func recordName(s *shape) string {
	if s.name == "" {
		return "the record"
	}
	return "record " + quoted(s.name)
}

// binding is how the candidate's language binds a field to one of the reference.
func (c *conformance) binding(path string) string {
	switch c.candidate {
	case catalog.SchemaAvro:
		return `"reference": ` + quoted(path)
	case catalog.SchemaProtobuf:
		return "a comment line " + quoted("Reference: "+path)
	}
	return `"x-reference": ` + quoted(path)
}

// scattered reports whether fields are bound to every required field of an
// object that the candidate does not have as one. It judges them.
func (c *conformance) scattered(given *shape, p *property, path string) bool {
	var found []match
	var fields []*property
	for _, part := range p.shape().properties {
		if !part.required() {
			continue
		}
		m := c.scope(given).bound[bindingName(join(path, part.name))]
		if m.property == nil || !c.step() {
			return false
		}
		found, fields = append(found, m), append(fields, part)
	}
	for i, m := range found {
		at := join(path, fields[i].name)
		if m.given {
			c.types(fields[i], m, at)
			continue
		}
		c.gap(at, "must always be there, but %s is optional: make it required", quoted(m.path))
	}
	return len(found) > 0
}

// types holds what a field may be against what the reference lets it be.
func (c *conformance) types(p *property, m match, path string) {
	want, have := p.kinds()&^classNull, m.property.kinds()&^classNull
	if p.kinds() != classAny && have&^want.accepted() != 0 {
		c.gap(path, "must be %s, but %s is %s: change its type, or bind another field with %s", p.kinds(), quoted(m.path), m.property.kinds(), c.binding(path))
		return
	}
	before := len(c.gaps)
	c.elements(p.shape(), m.property.shape(), path)
	if len(c.gaps) == before {
		c.units(p, m, path)
	}
}

// units holds the unit of a field to that of the reference. A time carries its
// own, unless both count.
func (c *conformance) units(p *property, m match, path string) {
	want := canonicalUnit(p.Unit)
	if want == "" || p.kinds()&classTime != 0 && m.property.kinds()&classCountedTime == 0 {
		return
	}
	switch canonicalUnit(m.property.Unit) {
	case want:
	case "":
		c.gap(path, "must be in %s, but %s names no known unit: convert the values and write the unit", quoted(p.Unit), quoted(m.path))
	default:
		c.gap(path, "must be in %s, but %s is in %s: convert the values and write the unit", quoted(p.Unit), quoted(m.path), quoted(m.property.Unit))
	}
}

// elements goes deeper, into objects and what lists and maps hold.
func (c *conformance) elements(asked, given *shape, path string) {
	if len(asked.properties) > 0 {
		c.objects(asked, given, path)
	}
	if asked.items == nil || given.items == nil {
		return
	}
	pair := shapePair{asked.items(), given.items()}
	if c.held[pair] || !c.enter() {
		return
	}
	defer c.leave()
	c.held[pair] = true
	path += "[]"
	c.types(element(pair.asked), match{property: element(pair.given), path: path}, path)
}

// element is what a list or map holds, as if it were a field.
func element(s *shape) *property { return &property{load: func() *shape { return s }} }

// bindingName is a path without what styles of names differ in.
func bindingName(path string) string {
	return strings.ToLower(nameStyle.Replace(path))
}
