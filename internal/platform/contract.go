package platform

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// contract is an object of the catalogue that is one with a subject of the
// registry: what it says, and the number of the version that says it.
type contract struct {
	subject catalog.Subject
	version int
	text    catalog.RegisteredSchema // without id and GUID
}

// contractOf is false for objects of the other kinds, and for nil.
func contractOf(object catalog.Object) (contract, bool) {
	switch o := object.(type) {
	case *catalog.Schema:
		return contract{catalog.SubjectOf(o.Ref().ID), o.Version,
			catalog.RegisteredSchema{Type: o.Type, Definition: o.Definition, References: dependencies(o)}}, true
	case *catalog.ReferenceSchema:
		return contract{catalog.Subject{Context: catalog.ReferenceContext, Name: o.Name}, o.Version,
			catalog.RegisteredSchema{Type: o.Type, Definition: o.Definition}}, true
	}
	return contract{}, false
}

// inForce puts a version in the place of what the object says.
func inForce(object catalog.Object, r catalog.Registration) {
	switch o := object.(type) {
	case *catalog.Schema:
		o.Type, o.Definition, o.Version, o.Dependencies = r.Schema.Type, r.Schema.Definition, r.Version, asDependencies(r.Schema.References)
	case *catalog.ReferenceSchema:
		o.Type, o.Definition, o.Version = r.Schema.Type, r.Schema.Definition, r.Version
	}
}

// dependencies are those of a schema of the catalogue, sorted by name.
func dependencies(s *catalog.Schema) []catalog.SubjectReference {
	var references []catalog.SubjectReference
	for _, name := range slices.Sorted(maps.Keys(s.Dependencies)) {
		d := s.Dependencies[name]
		references = append(references, catalog.SubjectReference{Name: name, Subject: catalog.SubjectOf(d.Schema), Version: d.Version})
	}
	return references
}

// asDependencies turns references around. One to a subject that is no schema
// of the catalogue keeps its name, which names no schema either.
func asDependencies(references []catalog.SubjectReference) map[string]catalog.SchemaDependency {
	if len(references) == 0 {
		return nil
	}
	all := map[string]catalog.SchemaDependency{}
	for _, r := range references {
		id := r.Subject.String()
		if ref, ok := r.Subject.Schema(); ok && ref.Kind == catalog.KindSchema {
			id = ref.ID
		}
		all[r.Name] = catalog.SchemaDependency{Schema: id, Version: r.Version}
	}
	return all
}

// identity is what makes two texts one schema: type, canonical form and what
// they refer to under which names.
type identity [sha256.Size]byte

func identify(canonical string, s catalog.RegisteredSchema) identity {
	type use struct {
		Name, Subject string
		Version       int
	}
	uses := []use{}
	for _, r := range s.References { // sorted by name
		uses = append(uses, use{r.Name, r.Subject.String(), r.Version})
	}
	text, _ := json.Marshal([]any{s.Type, canonical, uses}) // strings and numbers: cannot fail
	return sha256.Sum256(text)
}

// fingerprint is what the store tells schemas apart by.
func (i identity) fingerprint() string { return hex.EncodeToString(i[:]) }

// twin is the fingerprint of a schema that somebody has under another id whom
// those that register it may not know of. It starts with that of its twin.
func (i identity) twin(id int) string { return fmt.Sprintf("%s %d", i.fingerprint(), id) }

// has reports whether a row is this schema, be it a twin.
func (i identity) has(s store.Schema) bool {
	return s.Fingerprint == i.fingerprint() || s.Fingerprint == i.twin(s.ID)
}

// guid is the identity as a UUID of version 8 (RFC 9562 section 5.8).
func (i identity) guid() string {
	id := uuid.UUID(i[:16])
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// checkReferences sorts references by name and refuses what no name can be.
func checkReferences(references []catalog.SubjectReference) ([]catalog.SubjectReference, []catalog.Problem) {
	if len(references) > catalog.MaxReferences {
		return nil, []catalog.Problem{{Field: "/references", Rule: catalog.RuleLimit,
			Detail: fmt.Sprintf("There are %d references, the limit is %d.", len(references), catalog.MaxReferences), Fix: "Leave some out."}}
	}
	references = slices.Clone(references)
	slices.SortFunc(references, func(a, b catalog.SubjectReference) int { return strings.Compare(a.Name, b.Name) })
	var problems []catalog.Problem
	for i, r := range references {
		if detail := faultOf(r, i > 0 && references[i-1].Name == r.Name); detail != "" {
			problems = append(problems, catalog.Problem{Field: catalog.PointerTo("references", clip(r.Name)), Rule: catalog.RuleSchemaReference,
				Detail: detail, Fix: "Name each version of a subject that the text refers to once."})
		}
	}
	return references, problems
}

func faultOf(r catalog.SubjectReference, twice bool) string {
	switch parsed, err := catalog.ParseSubject(r.Subject.String()); {
	case r.Name == "" || len(r.Name) > catalog.MaxSubject:
		return fmt.Sprintf("The name of a reference has 1 to %d bytes.", catalog.MaxSubject)
	case twice:
		return fmt.Sprintf("There are two references of the name %s.", quote(r.Name))
	case err != nil:
		return fmt.Sprintf("The subject of reference %s is none: %v.", quote(r.Name), err)
	case parsed != r.Subject || r.Subject.Name == "":
		return fmt.Sprintf("The subject of reference %s is none.", quote(r.Name))
	case r.Version < 0:
		return fmt.Sprintf("Reference %s names version %d, which is none.", quote(r.Name), r.Version)
	}
	return ""
}
