package compat

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// The limits of all that a schema refers to, directly and through others. A
// text that is reached on several ways counts once.
const (
	// MaxReferenced is the most schemas.
	MaxReferenced = 1_000
	// MaxReferencedBytes is the most bytes of all their texts.
	MaxReferencedBytes = 8 << 20
	// MaxReferenceDepth is the longest chain of schemas that refer to each
	// other.
	MaxReferenceDepth = 50
)

// Reference is a schema that a text refers to, under the name by which it does:
//
//   - AVRO: the full name of a type. The text may use every named type that the
//     schema or one below it defines, and must define none of them again. As in
//     Confluent's registry, Name itself is not looked at.
//   - JSON: what stands in $ref before the #, as it is written or resolved
//     against the $id of the text.
//   - PROTOBUF: the path of an import. google/protobuf/* is always the
//     library's own.
type Reference struct {
	Name   string
	Schema *Schema // of the same type
}

// schemaID is the same for the same text with the same references.
type schemaID [sha256.Size]byte

// references are what one schema refers to.
type references struct {
	direct []Reference // by name, each name once
	all    []*Schema   // direct and indirect, each once, after those that it refers to
	depth  int         // of the longest chain
}

// resolveReferences bounds and sorts what a text of the type refers to.
func resolveReferences(t catalog.SchemaType, list []Reference) (references, error) {
	r := references{}
	seen := map[schemaID]bool{}
	bytes := 0
	for _, ref := range list {
		if fresh, err := r.add(t, ref); err != nil {
			return references{}, fmt.Errorf("reference %q %w", ref.Name, err)
		} else if !fresh {
			continue
		}
		for _, s := range append(slices.Clip(ref.Schema.refs.all), ref.Schema) {
			if seen[s.id] {
				continue
			}
			seen[s.id] = true
			r.all = append(r.all, s)
			if bytes += s.size; bytes > MaxReferencedBytes || len(r.all) > MaxReferenced {
				return references{}, fmt.Errorf("refers to too much: the limit is %d schemas and %d bytes in all", MaxReferenced, MaxReferencedBytes)
			}
		}
	}
	slices.SortFunc(r.direct, func(a, b Reference) int { return cmp.Compare(a.Name, b.Name) })
	return r, nil
}

// add takes a direct reference; false when it is there already.
func (r *references) add(t catalog.SchemaType, ref Reference) (fresh bool, err error) {
	switch {
	case ref.Name == "":
		return false, fmt.Errorf("has no name: write the one that the text uses")
	case ref.Schema == nil:
		return false, fmt.Errorf("has no schema")
	case ref.Schema.typ != t:
		return false, fmt.Errorf("is a schema of type %s: refer to one of type %s", ref.Schema.typ, t)
	}
	if known := r.named(ref.Name); known != nil {
		if known.id != ref.Schema.id {
			return false, fmt.Errorf("stands for two different schemas: give each a name of its own")
		}
		return false, nil
	}
	r.direct = append(r.direct, ref)
	if r.depth = max(r.depth, 1+ref.Schema.refs.depth); r.depth > MaxReferenceDepth {
		return false, fmt.Errorf("is the start of a chain of more than %d references: refer to fewer schemas that refer to others", MaxReferenceDepth)
	}
	return true, nil
}

// named is the schema of a direct reference, nil when there is none.
func (r *references) named(name string) *Schema {
	for _, ref := range r.direct {
		if ref.Name == name {
			return ref.Schema
		}
	}
	return nil
}

// identify hashes what makes a schema: every part with its length before it.
func identify(t catalog.SchemaType, text string, refs references) schemaID {
	h := sha256.New()
	part := func(s string) { fmt.Fprintf(h, "%d:", len(s)); _, _ = io.WriteString(h, s) } // a hash never fails
	part(string(t))
	part(text)
	for _, ref := range refs.direct {
		part(ref.Name)
		part(string(ref.Schema.id[:]))
	}
	return schemaID(h.Sum(nil))
}

// means reports whether two schemas and all that they refer to have the same
// canonical forms.
func (s *Schema) means(other *Schema) bool {
	same := func(a, b *Schema) bool { return a.id == b.id || a.Canonical() == b.Canonical() }
	return same(s, other) && slices.EqualFunc(s.refs.all, other.refs.all, same)
}
