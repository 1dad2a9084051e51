package catalog

import "github.com/meshwright/terraform-provider-datamesh/internal/marking"

// Normalize implements [Object]. The definition stays as its author wrote it.
func (s *Schema) Normalize(*marking.Vocabulary) {
	if s.Compatibility == "" {
		s.Compatibility = CompatibilityFullTransitive
	}
}

// Check implements [Object]. The definition's grammar is for those who have
// the parsers.
func (s *Schema) Check(*marking.Vocabulary) []Problem {
	f := &findings{}
	f.owned(s.Domain, s.Name)
	f.text("/description", s.Description, MaxText)
	oneOf(f, "/type", s.Type, SchemaAvro, SchemaJSON, SchemaProtobuf)
	if s.Compatibility != "" {
		oneOf(f, "/compatibility", s.Compatibility, CompatibilityNone, CompatibilityBackward, CompatibilityBackwardTransitive,
			CompatibilityForward, CompatibilityForwardTransitive, CompatibilityFull, CompatibilityFullTransitive)
	}
	switch {
	case s.Definition == "":
		f.required("/definition")
	case len(s.Definition) > MaxDefinition:
		f.add("/definition", RuleLimit, "Split the schema.", "The text has %d bytes, the limit is %d.", len(s.Definition), MaxDefinition)
	default:
		f.printable("/definition", s.Definition)
	}
	return f.sorted()
}
