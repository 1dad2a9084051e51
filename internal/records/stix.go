package records

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// stix filters a bundle. Who writes one gives it another id each time.
func (s *stream) stix(path []string) error {
	c := &collection{
		stream: s, kind: "bundle", list: "objects",
		passing: map[string]form{"type": only("bundle"), "id": named, "spec_version": version},
		renamed: "id", sum: sha256.New(),
		records: &marked{stream: s, path: path, parts: []string{"objects", "granular_markings"}},
	}
	if len(path) == 1 && path[0] == MarkingRefs {
		c.records = &referring{stream: s, definitions: map[string]bool{}}
	}
	return c.filter()
}

// named is the form of an id, of which it counts that there is one.
func named(value []byte) ([]byte, error) {
	if value[0] != '"' {
		return nil, nil
	}
	return value, nil
}

// version is the form of "spec_version", which bundles of STIX 2.0 have.
func version(value []byte) ([]byte, error) {
	if value[0] != '"' {
		return nil, nil
	}
	for _, known := range []string{"2.0", "2.1"} {
		if string(unquote(value)) == known {
			return []byte(`"` + known + `"`), nil
		}
	}
	return nil, nil
}

// The members of an object that the rules of [MarkingRefs] look at.
const (
	stixType = iota
	stixID
	stixRefs
	stixGranular
	stixDefinitionType
	stixDefinition
	stixObjects
	stixLooked
)

var stixMembers = [stixLooked]string{"type", "id", MarkingRefs, "granular_markings", "definition_type", "definition", "objects"}

// referring decides by the marking definitions that an object refers to.
type referring struct {
	*stream
	definitions map[string]bool // ids of those read so far, and whether they were delivered
	members     [stixLooked][]byte
	twice       bool // one of the members stands twice, or in another case
}

func (r *referring) read(s *scanner) error {
	r.members, r.twice = [stixLooked][]byte{}, false
	return s.members(2, func(name []byte) error {
		k := slices.IndexFunc(stixMembers[:], func(member string) bool { return bytes.EqualFold(name, []byte(member)) })
		other := k >= 0 && string(name) != stixMembers[k]
		value, err := s.raw(3)
		if err == nil && k >= 0 {
			r.twice = r.twice || other || r.members[k] != nil
			r.members[k] = value
		}
		return err
	})
}

func (r *referring) admit() (bool, error) {
	whole := !r.twice && r.members[stixGranular] == nil && !r.collects()
	refs := r.members[stixRefs]
	if string(r.text(stixType)) != "marking-definition" {
		return whole && refs != nil && r.delivered(refs), nil
	}
	delivered := whole && (refs == nil || r.delivered(refs)) && r.admitted(r.statement())
	id := r.text(stixID)
	if id == nil {
		return delivered, nil // nothing can refer to it
	}
	return delivered, r.define(string(id), delivered)
}

// collects reports whether objects with marks of their own lie in the object.
// Those of observed-data have none, and are no array.
func (r *referring) collects() bool {
	objects := r.members[stixObjects]
	return objects != nil && objects[0] == '['
}

// text is a member's text, nil if it is none.
func (r *referring) text(k int) []byte {
	if value := r.members[k]; value != nil && value[0] == '"' {
		return unquote(value)
	}
	return nil
}

// statement is the portion mark that a definition states, nil for none.
func (r *referring) statement() []byte {
	definition := r.members[stixDefinition]
	if string(r.text(stixDefinitionType)) != "statement" || definition == nil || definition[0] != '{' {
		return nil
	}
	return markAt(definition, []string{"statement"})
}

// define remembers a definition. A second one of the same id would change what
// was said of objects before it.
func (r *referring) define(id string, delivered bool) error {
	if _, known := r.definitions[id]; known {
		return malformed("a marking-definition stands twice")
	}
	if len(r.definitions) >= MaxDefinitions {
		return malformed("there are more than %d marking definitions", MaxDefinitions)
	}
	if len(id) > maxID {
		return malformed("the id of a marking-definition is longer than %d bytes", maxID)
	}
	r.definitions[id] = delivered
	return r.take(len(id) + perDefinition)
}

// perDefinition is what one takes beside its id, in bytes.
const perDefinition = 64

// maxID is how long the id of a marking-definition may be. STIX 2.1 gives it 56.
const maxID = 256

// delivered reports whether refs is an array of at least one reference, each
// of them to a definition that was delivered.
func (r *referring) delivered(refs []byte) bool {
	if refs[0] != '[' {
		return false
	}
	s, all, n := scanner{b: refs}, true, 0
	err := s.elements(0, func() error {
		value, err := s.raw(1)
		n++
		all = all && err == nil && value[0] == '"' && r.definitions[string(unquote(value))]
		return err
	})
	return err == nil && all && n > 0
}
