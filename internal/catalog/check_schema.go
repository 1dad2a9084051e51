package catalog

import (
	"maps"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// schemaTypes are the permitted languages.
var schemaTypes = []SchemaType{SchemaAvro, SchemaJSON, SchemaProtobuf}

// Normalize implements [Object]. The definition stays as its author wrote it.
func (s *Schema) Normalize(*marking.Vocabulary) {
	if s.Compatibility == "" {
		s.Compatibility = CompatibilityFullTransitive
	}
	if len(s.Dependencies) == 0 {
		s.Dependencies = nil
	}
}

// Check implements [Object]. The definition's grammar is for those who have
// the parsers.
func (s *Schema) Check(*marking.Vocabulary) []Problem {
	f := &findings{}
	f.owned(s.Domain, s.Name)
	f.text("/description", s.Description, MaxText)
	oneOf(f, "/type", s.Type, schemaTypes...)
	if s.Compatibility != "" {
		oneOf(f, "/compatibility", s.Compatibility, CompatibilityNone, CompatibilityBackward, CompatibilityBackwardTransitive,
			CompatibilityForward, CompatibilityForwardTransitive, CompatibilityFull, CompatibilityFullTransitive, CompatibilityGlobal)
	}
	f.definition(s.Definition)
	s.checkDependencies(f)
	s.checkConformance(f)
	return f.sorted()
}

func (f *findings) definition(text string) {
	switch {
	case text == "":
		f.required("/definition")
	case len(text) > MaxDefinition:
		f.add("/definition", RuleLimit, "Split the schema.", "The text has %d bytes, the limit is %d.", len(text), MaxDefinition)
	default:
		f.printable("/definition", text)
	}
}

func (s *Schema) checkDependencies(f *findings) {
	f.count("/references", len(s.Dependencies), MaxReferences)
	for _, name := range slices.Sorted(maps.Keys(s.Dependencies)) {
		f.line(PointerTo("references", name), name)
		dependency := s.Dependencies[name]
		f.id(PointerTo("references", name, "schema"), KindSchema, dependency.Schema)
		if dependency.Version < 1 {
			f.add(PointerTo("references", name, "version"), RuleLimit, "Name the version that the definition was written against.", "%d is not the number of a version.", dependency.Version)
		}
	}
}

func (s *Schema) checkConformance(f *findings) {
	if s.ConformsTo == "" {
		return
	}
	name, _, err := s.Conformance()
	if err == nil {
		err = CheckName(name)
	}
	if err != nil {
		f.add("/conforms_to", RuleFormat, `Write the name of a reference schema, or "name@version".`, "%s names no reference schema.", shown(s.ConformsTo))
	}
}

// Normalize implements [Object]. The definition stays as its author wrote it.
func (*ReferenceSchema) Normalize(*marking.Vocabulary) {}

// Check implements [Object].
func (r *ReferenceSchema) Check(*marking.Vocabulary) []Problem {
	f := &findings{}
	f.name("/name", r.Name)
	f.text("/description", r.Description, MaxText)
	oneOf(f, "/type", r.Type, schemaTypes...)
	f.definition(r.Definition)
	return f.sorted()
}
