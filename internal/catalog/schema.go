package catalog

import (
	"fmt"
	"strconv"
	"strings"
)

// SchemaType is the language a schema is written in, by its Confluent name.
type SchemaType string

// The schema languages.
const (
	SchemaAvro     SchemaType = "AVRO"
	SchemaJSON     SchemaType = "JSON"
	SchemaProtobuf SchemaType = "PROTOBUF"
)

// Compatibility is what a new version of a schema must be compatible with.
type Compatibility string

// The compatibility modes of the Confluent Schema Registry.
const (
	CompatibilityNone               Compatibility = "NONE"
	CompatibilityBackward           Compatibility = "BACKWARD"
	CompatibilityBackwardTransitive Compatibility = "BACKWARD_TRANSITIVE"
	CompatibilityForward            Compatibility = "FORWARD"
	CompatibilityForwardTransitive  Compatibility = "FORWARD_TRANSITIVE"
	CompatibilityFull               Compatibility = "FULL"
	CompatibilityFullTransitive     Compatibility = "FULL_TRANSITIVE"
	// CompatibilityGlobal follows the registry's own level.
	CompatibilityGlobal Compatibility = "GLOBAL"
)

// MaxDefinition is the longest schema text, in bytes.
const MaxDefinition = 1 << 20

// Schema is the contract of the records that an output port serves. Every
// change of Definition registers a new version; numbers are never used again.
type Schema struct {
	ID            string        `json:"id"` // read-only: domain/name
	Domain        string        `json:"domain"`
	Name          string        `json:"name"`
	Description   string        `json:"description,omitempty"`
	Type          SchemaType    `json:"type"`                    // cannot change
	Compatibility Compatibility `json:"compatibility,omitempty"` // default FULL_TRANSITIVE
	Definition    string        `json:"definition"`              // text as its author wrote it, at most MaxDefinition
	// Dependencies are the versions of other schemas that the definition
	// refers to, under the names by which it does: the full name of an Avro
	// type, the URI of a $ref, the path of a Protobuf import. At most
	// MaxReferences. A change is a new version.
	Dependencies map[string]SchemaDependency `json:"references,omitempty"`
	// ConformsTo is the reference schema that the definition is a projection
	// of: its name for the current version, "name@version" for a fixed one.
	ConformsTo string `json:"conforms_to,omitempty"`
	Version    int    `json:"version,omitempty"` // read-only: 1 for the first definition
}

// SchemaDependency is one version of another schema of the same type.
type SchemaDependency struct {
	Schema  string `json:"schema"`  // id
	Version int    `json:"version"` // above 0
}

// Conformance splits ConformsTo into the name of a reference schema and its
// version, 0 for the current one. The name is "" when there is none.
func (s *Schema) Conformance() (name string, version int, err error) {
	name, number, fixed := strings.Cut(s.ConformsTo, "@")
	if !fixed {
		return name, 0, nil
	}
	version, err = strconv.Atoi(number)
	if err != nil || version < 1 || strconv.Itoa(version) != number {
		return name, 0, fmt.Errorf("%s is not the version of a reference schema", shown(number))
	}
	return name, version, nil
}

// SchemaReport says what is left to do for the documentation of a schema, in
// the order of its text. All lists are empty when nothing is.
type SchemaReport struct {
	Schema  string `json:"schema"` // id
	Version int    `json:"version"`
	Fields  int    `json:"fields"` // how many it has
	// Undescribed are the fields without a description.
	Undescribed []FieldGap `json:"undescribed"`
	// WithoutUnit are the numbers without a unit that is known.
	WithoutUnit []FieldGap `json:"without_unit"`
	// Unmarked are the fields without a marking of their own, in a schema
	// whose records carry one.
	Unmarked []FieldGap `json:"unmarked"`
	// Nonconforming is where the schema is no projection of the reference
	// schema that it names.
	Nonconforming []FieldGap `json:"nonconforming"`
}

// FieldGap is one field and what it lacks.
type FieldGap struct {
	Path   string `json:"path"`   // such as "position.lat"
	Reason string `json:"reason"` // what is missing and what to write
}
