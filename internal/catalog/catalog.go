// Package catalog is the domain of the mesh: what a domain, a schema, a caveat
// policy, an SLA and a data product are, who may ask for them, and the one
// [Service] that everybody talks to. It has no I/O and stands on nothing but
// the marking algebra.
//
// # One service, several implementations
//
// The platform implements [Service] bound to one caller, the HTTP client
// implements it from afar, and wrappers implement it around another. A test
// suite (catalogtest) holds all of them to the same behaviour.
//
// # Objects
//
// Six kinds of object exist. Terraform's dependency order follows ownership:
//
//	domain ← schema, caveat policy, SLA ← product ← product
//	reference schema ← schema ← schema
//
// Each object has a natural id that never changes. The id of a domain and of a
// reference schema is its name; the id of everything else is "domain/name",
// such as "sigint/adversary-track-picture". See [CheckName] for the grammar.
//
// The JSON field names of the objects are the Terraform attribute names, and a
// [Problem] points at a field by its JSON pointer (RFC 6901), so one name
// serves configuration, wire, store and error text.
//
// # Normal form
//
// [Object.Normalize] brings an object into the form in which it is stored:
// defaults filled in, sets sorted, markings canonical, durations shortened.
// Normalizing twice changes nothing. [Object.Check] reports everything that is
// wrong with one object on its own; rules between objects belong to the
// platform, which sees the others.
//
// # Read-only fields
//
// Fields that the platform computes (ID, a Version, a product's
// InheritedMarking and EffectiveMarking) may come back in a Put: a value equal
// to the current one is ignored, an empty one too, and a different one is
// refused with rule [RuleReadOnly].
package catalog

import (
	"fmt"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Kind says what an object is. Its text is the path segment and the audit name.
type Kind string

// The kinds of object, in the order in which they may depend on each other.
const (
	KindDomain          Kind = "domains"
	KindReferenceSchema Kind = "reference-schemas"
	KindSchema          Kind = "schemas"
	KindCaveatPolicy    Kind = "caveat-policies"
	KindSLA             Kind = "slas"
	KindProduct         Kind = "products"
)

// Kinds lists every kind, parents before children.
func Kinds() []Kind {
	return []Kind{KindDomain, KindReferenceSchema, KindSchema, KindCaveatPolicy, KindSLA, KindProduct}
}

// Noun is the kind in running text: "caveat policy".
func (k Kind) Noun() string {
	switch k {
	case KindDomain:
		return "domain"
	case KindReferenceSchema:
		return "reference schema"
	case KindSchema:
		return "schema"
	case KindCaveatPolicy:
		return "caveat policy"
	case KindSLA:
		return "SLA"
	case KindProduct:
		return "product"
	}
	return string(k)
}

// New returns an empty object of the kind, or nil when the kind is unknown.
func (k Kind) New() Object {
	switch k {
	case KindDomain:
		return &Domain{}
	case KindReferenceSchema:
		return &ReferenceSchema{}
	case KindSchema:
		return &Schema{}
	case KindCaveatPolicy:
		return &CaveatPolicy{}
	case KindSLA:
		return &SLA{}
	case KindProduct:
		return &Product{}
	}
	return nil
}

// Owned reports whether objects of the kind belong to a domain, whose name then
// starts their id.
func (k Kind) Owned() bool { return k != KindDomain && k != KindReferenceSchema }

// Ref names one object: its kind and its natural id.
type Ref struct {
	Kind Kind
	ID   string // "domain/name" for what a domain owns, else the name
}

// String is the reference in running text: `product "sigint/tracks"`.
func (r Ref) String() string { return fmt.Sprintf("%s %q", r.Kind.Noun(), r.ID) }

// Domain is the name of the domain that owns the object; for a domain, itself;
// "" for what belongs to no domain.
func (r Ref) Domain() string {
	if r.Kind == KindReferenceSchema {
		return ""
	}
	domain, _, _ := strings.Cut(r.ID, "/")
	return domain
}

// Name is the object's own name, the last part of its id.
func (r Ref) Name() string {
	if _, name, ok := strings.Cut(r.ID, "/"); ok {
		return name
	}
	return r.ID
}

// Object is a *[Domain], *[ReferenceSchema], *[Schema], *[CaveatPolicy], *[SLA]
// or *[Product].
// No other type implements it.
type Object interface {
	// Ref is built from Domain and Name, never from the read-only ID.
	Ref() Ref
	// References lists the objects that must exist for this one to stand,
	// each with the field that names it. A parent domain is among them.
	References() []Reference
	// Normalize brings the object into its stored form in place, as far as it
	// can be understood; what cannot is left as it was for Check to report.
	Normalize(*marking.Vocabulary)
	// Check reports all that is wrong with the object on its own, sorted by
	// field; nil when nothing is.
	Check(*marking.Vocabulary) []Problem
	// Clone is a deep copy.
	Clone() Object

	sealed()
}

// Reference is one object's need of another.
type Reference struct {
	Field string // JSON pointer of the field that names the target
	To    Ref
}

// Entry is an object as it is stored.
type Entry struct {
	Object Object
	// Revision changes with every change of the object, computed fields
	// included. It is opaque, random and compared for equality only.
	Revision string
}
