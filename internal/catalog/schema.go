package catalog

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
	Version       int           `json:"version,omitempty"`       // read-only: 1 for the first definition
}
