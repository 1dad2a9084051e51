package compat

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// shapes is the messages of the file, in its order: the first is the record.
func (s *protoSchema) shapes(*budget) []*shape {
	b := protoShapes{schema: s, built: map[protoreflect.MessageDescriptor]*shape{}}
	var roots []*shape
	for i := range s.desc.Messages().Len() {
		roots = append(roots, b.message(s.desc.Messages().Get(i)))
	}
	return roots
}

// protoShapes builds each message once.
type protoShapes struct {
	schema *protoSchema
	built  map[protoreflect.MessageDescriptor]*shape
}

func (b protoShapes) message(m protoreflect.MessageDescriptor) *shape {
	if s := b.built[m]; s != nil {
		return s
	}
	s := &shape{name: string(m.Name()), classes: classObject}
	b.built[m] = s
	if m.ParentFile().Package() == "google.protobuf" {
		s.classes = wellKnownClass(m)
		return s
	}
	for i := range m.Fields().Len() {
		s.properties = append(s.properties, b.property(m.Fields().Get(i)))
	}
	return s
}

func wellKnownClass(m protoreflect.MessageDescriptor) classes {
	switch m.Name() {
	case "Timestamp":
		return classOtherTime
	case "StringValue":
		return classText
	case "BytesValue":
		return classBytes
	case "BoolValue":
		return classBoolean
	case "DoubleValue", "FloatValue":
		return classNumber
	case "Int64Value", "UInt64Value", "Int32Value", "UInt32Value":
		return classInteger
	case "ListValue":
		return classList
	case "Value":
		return classAny
	}
	return classObject
}

// property is a field. Without a label it always has a value, its type's default
// one at least, and a repeated field is always a list; what is written optional,
// or is one of a oneof, may be missing.
func (b protoShapes) property(f protoreflect.FieldDescriptor) *property {
	name := string(f.Name())
	single := !f.IsList() && !f.IsMap()
	optional := f.ContainingOneof() != nil || single && f.Cardinality() != protoreflect.Required && f.HasOptionalKeyword()
	comment := b.schema.comment(f)
	return &property{
		Field: newField(name, name, protoType(f), b.schema.traits(f)),
		asked: single && !optional, given: !optional,
		reference: comment.reference, aliases: nameList(comment.aliases),
		load: func() *shape { return b.field(f) },
	}
}

// nameList splits names at commas and spaces.
func nameList(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}

func (b protoShapes) field(f protoreflect.FieldDescriptor) *shape {
	switch {
	case f.IsMap():
		return &shape{classes: classObject, items: func() *shape { return b.single(f.MapValue()) }}
	case f.IsList():
		return &shape{classes: classList, items: func() *shape { return b.single(f) }}
	}
	return b.single(f)
}

// single is one value of a field.
func (b protoShapes) single(f protoreflect.FieldDescriptor) *shape {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return b.message(f.Message())
	case protoreflect.BoolKind:
		return &shape{classes: classBoolean}
	case protoreflect.StringKind, protoreflect.EnumKind:
		return &shape{classes: classText}
	case protoreflect.BytesKind:
		return &shape{classes: classBytes}
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return &shape{classes: classNumber}
	}
	return &shape{classes: classInteger}
}
