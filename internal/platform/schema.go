package platform

import (
	"fmt"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// maxWarnings bounds the warnings of one finding.
const maxWarnings = 100

// parsed reads a schema's text, once for each text in force.
func (j *judge) parsed(s *catalog.Schema) schemaText {
	key := string(s.Type) + "\n" + s.Definition
	text, ok := j.texts[key]
	if !ok {
		text = readSchema(s.Type, s.Definition)
		j.texts[key] = text
	}
	return text
}

// number gives the schema its version: the next free number when its text says
// something else than before, the one that it has when only its layout changed.
func (j *judge) number(s *catalog.Schema) error {
	previous, err := find[*catalog.Schema](j.before, catalog.KindSchema, s.Ref().ID)
	if err != nil {
		return err
	}
	if previous != nil && !j.says(previous, s) {
		s.Version = previous.Version
		return nil
	}
	last, err := j.before.lastVersion(s.Ref().ID)
	s.Version = last + 1
	return err
}

// says reports whether the next text says something else than the previous.
func (j *judge) says(previous, next *catalog.Schema) bool {
	if previous.Type == next.Type && previous.Definition == next.Definition {
		return false
	}
	was, will := j.parsed(previous), j.parsed(next)
	return was.err != nil || will.err != nil || was.canonical != will.canonical
}

// lastVersion is the highest number ever used under a schema's id, 0 for none.
func (s *stored) lastVersion(id string) (int, error) {
	versions, err := s.reader.Versions(s.ctx, id)
	if err != nil || len(versions) == 0 {
		return 0, err
	}
	return versions[len(versions)-1].Version, nil
}

// registered is the version that a change of the schema adds, nil when it adds
// none.
func (j *judge) registered(s *catalog.Schema) (*catalog.SchemaVersion, error) {
	last, err := j.before.lastVersion(s.Ref().ID)
	if err != nil || s.Version <= last {
		return nil, err
	}
	return &catalog.SchemaVersion{Version: s.Version, Definition: s.Definition, Created: j.now.Format(time.RFC3339)}, nil
}

// schemaRules: the text is of its type, and the type stays.
func (j *judge) schemaRules(s *catalog.Schema) ([]catalog.Problem, error) {
	previous, err := find[*catalog.Schema](j.before, catalog.KindSchema, s.Ref().ID)
	if err != nil {
		return nil, err
	}
	if previous != nil && previous.Type != s.Type {
		return []catalog.Problem{{
			Field: "/type", Rule: catalog.RuleImmutable,
			Detail: fmt.Sprintf("The type of a schema cannot change; this one is %s.", previous.Type),
			Fix:    "Create a schema of another name for the other type.",
		}}, nil
	}
	if !readable(s) {
		return nil, nil // Check reports it
	}
	return j.parsed(s).problems(), nil
}

// problems says where a text that is none goes wrong.
func (t schemaText) problems() []catalog.Problem {
	if t.err == nil {
		return nil
	}
	return []catalog.Problem{{
		Field: "/definition", Rule: catalog.RuleSchemaText,
		Detail: fmt.Sprintf("The text is not valid: %v.", t.err),
		Fix:    "Correct the text where the message points.",
	}}
}

// readable reports whether the parsers can be asked at all.
func readable(s *catalog.Schema) bool {
	switch s.Type {
	case catalog.SchemaAvro, catalog.SchemaJSON, catalog.SchemaProtobuf:
		return s.Definition != "" && len(s.Definition) <= catalog.MaxDefinition
	}
	return false
}

// undocumented warns of fields without documentation in the schemas of an
// active product.
func (j *judge) undocumented(p *catalog.Product) ([]catalog.Problem, error) {
	if p.Status != catalog.StatusActive {
		return nil, nil
	}
	var warnings []catalog.Problem
	for _, reference := range p.References() {
		if reference.To.Kind != catalog.KindSchema {
			continue
		}
		schema, err := find[*catalog.Schema](j.after, catalog.KindSchema, reference.To.ID)
		if err != nil {
			return nil, err
		}
		if schema == nil || !readable(schema) {
			continue
		}
		report := j.parsed(schema).report
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
	more.Detail = fmt.Sprintf("%d more fields are not documented.", len(warnings)-maxWarnings+1)
	return append(warnings[:maxWarnings-1], more)
}
