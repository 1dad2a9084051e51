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
// text names is ever loaded: a reference that leaves the text is refused. A
// panic of a library becomes a [ParseError].
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
//     and nothing else.
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
// [Schema.Fields] lists every field with its description and, for a number,
// its unit. [Schema.Report] lists what is missing.
package compat

import (
	"errors"
	"fmt"

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
	size   int // of the text, in bytes
}

// model is what each format knows about its own schemas.
type model interface {
	canonical() string
	fields() []Field
	shapes() []*shape // where its record may be, the likeliest first
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
	s = &Schema{typ: t, size: len(text)}
	if s.refs, err = resolveReferences(t, refs); err != nil {
		return nil, located(t, text, err)
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
