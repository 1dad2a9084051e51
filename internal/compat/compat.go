// Package compat reads the schemas of data products: Avro, JSON Schema and
// Protocol Buffers. It is pure: no file, no network, no clock, no global state.
//
// # Parse
//
// [Parse] accepts a text only when the whole of it is understood, and says
// where the first thing stands that is not. Schema texts come from strangers,
// so every cost is bounded before a library sees the text: its length, its
// nesting, the number of its values, subschemas and fields, the size of its
// numbers, and the work that defaults and references may ask for. Nothing a
// text names is ever loaded: a reference that leaves the text is refused, unless
// it leads to a schema that the caller of [ParseReferring] hands in. A panic of a
// library becomes a [ParseError].
//
// The dialects:
//
//   - AVRO is Apache Avro 1.12, one schema, in strict JSON. Named types must be
//     defined in the text before they are used.
//   - JSON is JSON Schema 2020-12, 2019-09 or draft-07, chosen by $schema.
//     Without it, it is 2020-12, or draft-07 when items is a list or an $id an
//     anchor, which later drafts refuse. The text is validated against its
//     meta-schema. Patterns are RE2: look-ahead and back-references, which
//     cannot be matched in linear time, are refused.
//   - PROTOBUF is one proto2 or proto3 file. It may import google/protobuf/*
//     and the paths of its references. Editions are refused: their features
//     decide what a field means, and clients of the registry do not agree on it.
//
// # References
//
// A [Reference] is a schema that was parsed before, so references form no
// circle; their number, size and depth are bounded. Each text is resolved with
// its own references: the same name may mean another schema in another text.
// [Check] and [Nonconformities] follow references, and the paths of what they
// find lead through them. [Schema.Canonical], [Schema.Fields] and
// [Schema.Report] are of the text alone.
//
// # Canonical form
//
// Two texts have the same [Schema.Canonical] form when they differ in
// whitespace, in order that has no meaning and in comments only. Documentation
// that the format itself carries (Avro doc, JSON title and description) is
// meaning; comments (JSON $comment, Protobuf comments) are not.
//
// # Evolution
//
// [Check] says what stops a schema from following its older versions under a
// compatibility mode. The verdicts are those of the Confluent Schema Registry,
// whose clients rely on them: for AVRO the resolution of a reader's and a
// writer's schema, for JSON and PROTOBUF the differences between two schemas
// that are not on its list of compatible ones. A pair that takes too many steps
// to compare is refused with [ErrTooComplex].
//
// # Field documentation
//
// [Schema.Fields] lists every field with its description, its marking and, for a
// number, its unit. [Schema.Report] lists what is missing, with the markings that
// a vocabulary refuses: which one is in force is for the caller to say. A field is
// marked where the language has room for it: x-marking in a JSON Schema, marking in an
// Avro field or type, a comment line "Marking: (S//NF)" or an option named
// marking in Protobuf. The marking of an object, record, message or array covers
// what stands in it; that of one field does not cover a type that others use as
// well: mark such a type itself. Markings are asked for only where the records
// carry a portion mark of their own: a field named marking, portion_mark,
// portion_marking, classification_marking, security_marking, object_marking_refs
// or granular_markings (STIX 2.1), or classification beside ownerProducer
// (ISM.XML).
//
// # Conformance
//
// [Nonconformities] holds a schema against a reference schema, which may be in
// another language. Both are read as objects of fields: text, number, integer,
// boolean, bytes, time, list, object.
//
//   - The reference asks for a field that JSON Schema requires and that cannot be
//     null; an Avro field without null and without default; a Protobuf field that
//     is required, or has no label and is in no oneof. It asks likewise for
//     the fields of objects that it asks for, and of elements of lists.
//   - The candidate has a field for certain that JSON Schema requires, that Avro
//     has, or that Protobuf does not write optional or in a oneof, and that cannot
//     be null; so must be all objects around it.
//   - The record is the root: the schema, a type of the union at the root, or
//     a message. When it lacks a required field, it is the first of the types that
//     lists and maps hold, the outer before the inner, that lacks none.
//   - A field is found in the record, else in the plain objects in it, the nearest
//     first, so that properties.observed_at is observed_at. Case, underscores and
//     hyphens do not count; nor does a unit at the end of the name of a number
//     (frequency_hz is frequency); the id of a record may have its name before it
//     (emitter_id of an Emitter). A reference may list further names: x-aliases,
//     aliases in Avro, a comment line "Aliases: a, b" in Protobuf. A candidate may
//     bind a field to a path of the reference, which comes before all names:
//     x-reference, reference in Avro, a comment line "Reference: position.lat".
//   - An integer may stand for a number, an enumeration for text. A time is
//     a JSON date or date-time, an Avro date or timestamp,
//     google.protobuf.Timestamp, or an integer with a unit of time whose
//     description says since when ("milliseconds since 1970"); all may stand for
//     each other, and a written time for text.
//   - A number has the unit that the reference gives it, in whatever spelling.
//   - A field that the reference does not ask for may be missing. Where it stands
//     among those that it asks for, its type and unit must agree all the same.
//
// Conditions (if, not, dependentSchemas) and patterns are not looked at.
package compat

import (
	"errors"
	"fmt"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// The limits of a schema text.
const (
	// MaxBytes is the longest text, in bytes.
	MaxBytes = catalog.MaxDefinition
	// MaxDepth is the deepest nesting of brackets of any kind.
	MaxDepth = 100
	// MaxFields is the most fields, in all records, objects or messages of
	// the text together.
	MaxFields = 20_000
	// MaxValues is the most JSON values in a text, keys not counted.
	MaxValues = 300_000
)

// Schema is one schema that was understood as a whole. It is immutable and
// safe for concurrent use.
type Schema struct {
	typ    catalog.SchemaType
	model  model
	fields []Field
	refs   references
	id     schemaID
	size   int  // of the text, in bytes
	binds  bool // the text, or one that it refers to, may bind fields to those of a reference schema
}

// model is what each format knows about its own schemas.
type model interface {
	canonical() string
	fields() []Field
	shapes(*budget) []*shape // where its record may be, the likeliest first
}

// ParseError says why a text is not a schema, and where. Path and Reason may
// quote the text; they hold at most some 400 characters each, all printing.
type ParseError struct {
	Type   catalog.SchemaType
	Line   int    // from one; 0 when the error belongs to no place
	Column int    // from one, in characters
	Path   string // JSON pointer for AVRO and JSON; "" for the whole text and for PROTOBUF
	Reason string
}

// Error is one line: type, place, reason.
func (e *ParseError) Error() string {
	where := ""
	if e.Line > 0 {
		where = fmt.Sprintf(", line %d, column %d", e.Line, e.Column)
	}
	if e.Path != "" {
		where += fmt.Sprintf(" (%s)", e.Path)
	}
	return fmt.Sprintf("%s schema%s: %s", e.Type, where, e.Reason)
}

// Parse reads a schema text of the type. The error is a *[ParseError].
func Parse(t catalog.SchemaType, text string) (*Schema, error) {
	return ParseReferring(t, text, nil)
}

// ParseReferring reads a text that may refer to other schemas. A reference that
// the text does not use is no error. The error is a *[ParseError].
func ParseReferring(t catalog.SchemaType, text string, refs []Reference) (s *Schema, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, &ParseError{Type: t, Reason: excerpt(fmt.Sprintf("the parser gave up on this text: %v", p))}
		}
	}()
	if len(text) > MaxBytes {
		return nil, &ParseError{Type: t, Reason: fmt.Sprintf("is %d bytes long, the limit is %d", len(text), MaxBytes)}
	}
	s = &Schema{typ: t, size: len(text), binds: strings.Contains(text, "eference")}
	if s.refs, err = resolveReferences(t, refs); err != nil {
		return nil, located(t, text, err)
	}
	for _, ref := range s.refs.direct {
		s.binds = s.binds || ref.Schema.binds
	}
	s.id = identify(t, text, s.refs)
	if s.model, err = s.parse(text); err != nil {
		return nil, located(t, text, err)
	}
	if s.fields = s.model.fields(); len(s.fields) > MaxFields {
		return nil, &ParseError{Type: t, Reason: fmt.Sprintf("has %d fields, the limit is %d", len(s.fields), MaxFields)}
	}
	return s, nil
}

func (s *Schema) parse(text string) (model, error) {
	switch s.typ {
	case catalog.SchemaAvro:
		return parseAvro(text, s.refs)
	case catalog.SchemaJSON:
		return parseJSON(text, s.refs)
	case catalog.SchemaProtobuf:
		return parseProtobuf(text, s.id, s.refs)
	}
	return nil, fmt.Errorf("unknown schema type %q: use AVRO, JSON or PROTOBUF", string(s.typ))
}

// located turns an error of a format into a ParseError with line and column.
func located(t catalog.SchemaType, text string, err error) *ParseError {
	var at *strictjson.Error
	if !errors.As(err, &at) {
		return &ParseError{Type: t, Reason: excerpt(err.Error())}
	}
	e := &ParseError{Type: t, Path: excerpt(at.Path), Reason: excerpt(at.Reason)}
	e.Line, e.Column = strictjson.Locate(text, at.Offset)
	return e
}

// Type is the language of the schema.
func (s *Schema) Type() catalog.SchemaType { return s.typ }

// Canonical is the text that stands for all texts of the same meaning. It
// parses, and its own canonical form is itself.
func (s *Schema) Canonical() string { return s.model.canonical() }

// Equivalent reports whether both texts are schemas of the type and have the
// same canonical form.
func Equivalent(t catalog.SchemaType, a, b string) bool {
	x, err := Parse(t, a)
	if err != nil {
		return false
	}
	if a == b {
		return true
	}
	y, err := Parse(t, b)
	return err == nil && x.Canonical() == y.Canonical()
}

var jsonLimits = strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth, Values: MaxValues}

// refuse is an error at a value of the text.
func refuse(v *strictjson.Value, path, format string, args ...any) error {
	return &strictjson.Error{Offset: v.Start, Path: path, Reason: fmt.Sprintf(format, args...)}
}
