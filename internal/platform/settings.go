package platform

import (
	"cmp"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// What holds for a registry that nobody has configured.
const (
	defaultCompatibility = catalog.CompatibilityBackward
	defaultMode          = catalog.ModeReadWrite
)

// row are the settings that the registry keeps of a scope.
func (s *stored) row(scope catalog.Scope) (catalog.SubjectSettings, error) {
	own, known := s.configured[scope]
	if known {
		return own, nil
	}
	own, err := s.reader.Settings(s.ctx, scope)
	if err == nil {
		s.configured[scope] = own
	}
	return own, err
}

// settings are those at exactly this scope. The compatibility level of a schema
// of the catalogue is the schema's own field, and GLOBAL there is none; what
// was set for the subject before the schema existed does not count any more.
func (s *stored) settings(scope catalog.Scope) (catalog.SubjectSettings, error) {
	own, err := s.row(scope)
	if err != nil {
		return catalog.SubjectSettings{}, err
	}
	ref, _ := scope.Schema()
	schema, err := find[*catalog.Schema](s, ref.Kind, ref.ID)
	if schema != nil {
		own.Compatibility = schema.Compatibility
		if own.Compatibility == catalog.CompatibilityGlobal {
			own.Compatibility = ""
		}
	}
	return own, err
}

// inherited is what holds for a scope that has no settings of its own.
func (s *stored) inherited(scope catalog.Scope) (catalog.SubjectSettings, error) {
	above := []catalog.Scope{}
	if scope.Name != "" && scope.Context != "" {
		above = append(above, catalog.Scope{Context: scope.Context})
	}
	if scope != (catalog.Scope{}) {
		above = append(above, catalog.Scope{})
	}
	return s.overlaid(above...)
}

// effective is what holds at a scope.
func (s *stored) effective(scope catalog.Scope) (catalog.SubjectSettings, error) {
	if scope.Context == catalog.ReferenceContext { // the board writes it through the catalogue
		return catalog.SubjectSettings{Compatibility: catalog.CompatibilityNone, Mode: catalog.ModeReadOnly, Normalize: new(false)}, nil
	}
	own, err := s.settings(scope)
	if err != nil {
		return catalog.SubjectSettings{}, err
	}
	return s.within(scope, own)
}

// within is what holds at a scope that has settings of its own.
func (s *stored) within(scope catalog.Scope, own catalog.SubjectSettings) (catalog.SubjectSettings, error) {
	above, err := s.inherited(scope)
	if above.Mode == catalog.ModeReadOnlyOverride {
		own.Mode = above.Mode
	}
	return over(own, above), err
}

// overlaid is what holds where these scopes have a say, the first before the
// second, and the defaults last.
func (s *stored) overlaid(scopes ...catalog.Scope) (catalog.SubjectSettings, error) {
	held := catalog.SubjectSettings{}
	for _, scope := range scopes {
		own, err := s.settings(scope)
		if err != nil {
			return catalog.SubjectSettings{}, err
		}
		if own.Mode == catalog.ModeReadOnlyOverride {
			held.Mode = own.Mode
		}
		held = over(held, own)
	}
	return over(held, catalog.SubjectSettings{Compatibility: defaultCompatibility, Mode: defaultMode, Normalize: new(false)}), nil
}

// over is a with the fields of b where a has none.
func over(a, b catalog.SubjectSettings) catalog.SubjectSettings {
	return catalog.SubjectSettings{
		Compatibility: cmp.Or(a.Compatibility, b.Compatibility), Mode: cmp.Or(a.Mode, b.Mode), Normalize: cmp.Or(a.Normalize, b.Normalize),
	}
}

// modePermits: a subject that is read-only takes no version and no other
// compatibility level, whichever door they come through.
func (j *judge) modePermits(s *catalog.Schema, c contract) ([]catalog.Problem, error) {
	number, err := j.number(c)
	if err != nil {
		return nil, err
	}
	previous, err := find[*catalog.Schema](j.before, catalog.KindSchema, s.Ref().ID)
	if err != nil || !number.fresh && previous != nil && previous.Compatibility == s.Compatibility {
		return nil, err
	}
	return j.writable(c.subject, j.importing)
}

// writable says why a subject takes no change. A copy of another registry is
// taken in mode IMPORT, and nothing else is.
func (j *judge) writable(s catalog.Subject, importing bool) ([]catalog.Problem, error) {
	held, err := j.before.effective(s)
	if err != nil {
		return nil, err
	}
	wanted := catalog.ModeReadWrite
	if importing {
		wanted = catalog.ModeImport
	}
	if held.Mode == wanted {
		return nil, nil
	}
	return wrongMode(s, held.Mode), nil
}

// removable says why versions of a subject may not be deleted.
func (j *judge) removable(s catalog.Subject) ([]catalog.Problem, error) {
	held, err := j.before.effective(s)
	if err != nil || held.Mode == catalog.ModeReadWrite || held.Mode == catalog.ModeImport {
		return nil, err
	}
	return wrongMode(s, held.Mode), nil
}

func wrongMode(s catalog.Subject, mode catalog.RegistryMode) []catalog.Problem {
	fix := "Set the mode of the subject, its context or the registry to READWRITE first."
	if s.Context == catalog.ReferenceContext {
		fix = "Write the reference schema through the catalogue, for the stewardship board."
	}
	return []catalog.Problem{{Rule: catalog.RuleMode,
		Detail: fmt.Sprintf("Subject %s is in mode %s.", quote(s.String()), mode), Fix: fix}}
}
