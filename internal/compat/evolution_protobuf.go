package compat

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// The kinds of Protobuf, as Confluent's SchemaDiff names them. It has more,
// all of them compatible: fields, messages and enumerations added, fields
// removed or renamed, messages moved, every change of an enumeration, the
// label of a string or message, oneofs added or removed as a whole.
const (
	protoPackage       = "PACKAGE_CHANGED"
	protoMessageGone   = "MESSAGE_REMOVED"
	protoKindChanged   = "FIELD_KIND_CHANGED"
	protoScalarChanged = "FIELD_SCALAR_KIND_CHANGED"
	protoNamedChanged  = "FIELD_NAMED_TYPE_CHANGED"
	protoLabelChanged  = "FIELD_NUMERIC_LABEL_CHANGED"
	protoRequiredNew   = "REQUIRED_FIELD_ADDED"
	protoRequiredGone  = "REQUIRED_FIELD_REMOVED"
	protoOneofGone     = "ONEOF_FIELD_REMOVED"
	protoOneofMerged   = "MULTIPLE_FIELDS_MOVED_TO_ONEOF"
	protoOneofJoined   = "FIELD_MOVED_TO_EXISTING_ONEOF"
)

const (
	keepProtoType     = "Keep the type of the field, and give the new type a field number of its own."
	keepProtoRequired = "Keep the required field, or register the schema under another name."
	easeProtoRequired = "Make the new field optional."
)

var protoAdvice = map[string]advice{
	protoPackage:       {"Keep the package.", "Keep the package."},
	protoMessageGone:   {"Keep the message.", "Leave the new message out: the older version does not have it."},
	protoKindChanged:   {keepProtoType, keepProtoType},
	protoScalarChanged: {keepProtoType, keepProtoType},
	protoNamedChanged:  {keepProtoType, keepProtoType},
	protoLabelChanged: {
		"Keep the label, and give the new field a number of its own.",
		"Keep the label, and give the new field a number of its own.",
	},
	protoRequiredNew:  {easeProtoRequired, keepProtoRequired},
	protoRequiredGone: {keepProtoRequired, easeProtoRequired},
	protoOneofGone: {
		"Keep the field in its oneof.",
		"Put the new field outside the oneof: the older version does not know this alternative.",
	},
	protoOneofMerged: {
		"Leave the fields outside a oneof: older data may hold several of them at once.",
		"Keep the fields in their oneof: the older version reads only one of them.",
	},
	protoOneofJoined: {
		"Leave the field outside this oneof: older data may hold it beside the other fields.",
		"Keep the field in its oneof: the older version reads only one of these fields.",
	},
}

// protoReads follows Confluent's difference from the writer to the reader:
// fields are compared by number, types of fields by name, and a type where it
// is declared, or where a field leads to it when another text declares it.
// Extensions, services, options and reserved ranges do not count.
// Confluent looks at no group; here a group is a field like any other.
func protoReads(reader, writer *Schema) ([]catalog.Incompatibility, error) {
	r, w, err := models[*protoSchema](reader, writer)
	if err != nil {
		return nil, err
	}
	old, update := w.desc, r.desc
	c := &protoComparison{old: old.Path(), update: update.Path(), told: map[protoPair]bool{}}
	if old.Package() != update.Package() {
		c.report(protoPackage, "#/", "package "+string(old.Package()), "package "+string(update.Package()))
	}
	c.messages(declared(old), declared(update), nil)
	return c.result()
}

type protoComparison struct {
	budget
	old, update string             // paths of the two texts
	told        map[protoPair]bool // messages of other texts, reported where they were met first
}

type protoPair struct {
	old, update protoreflect.MessageDescriptor
}

// protoMessages is the messages of a file or message by name.
type protoMessages map[protoreflect.Name]protoreflect.MessageDescriptor

// declared lists the messages that the text declares: not the entries of maps
// and not the groups, which are part of their field.
func declared(in interface {
	Messages() protoreflect.MessageDescriptors
}) protoMessages {
	list := protoMessages{}
	for i := range in.Messages().Len() {
		if m := in.Messages().Get(i); !m.IsMapEntry() {
			list[m.Name()] = m
		}
	}
	if m, ok := in.(protoreflect.MessageDescriptor); ok {
		for i := range m.Fields().Len() {
			if f := m.Fields().Get(i); f.Kind() == protoreflect.GroupKind {
				delete(list, f.Message().Name())
			}
		}
	}
	return list
}

func (c *protoComparison) messages(old, update protoMessages, path *place) {
	for _, name := range slices.Sorted(maps.Keys(old)) {
		at := path.then(string(name))
		switch {
		case !c.enter():
			return
		case update[name] == nil:
			c.report(protoMessageGone, at.fragment(), "message "+string(name), "")
		default:
			c.message(old[name], update[name], at)
		}
		c.leave()
	}
}

func (c *protoComparison) message(old, update protoreflect.MessageDescriptor, path *place) {
	c.members(old, update, path)
	c.messages(declared(old), declared(update), path)
}

func (c *protoComparison) members(old, update protoreflect.MessageDescriptor, path *place) {
	was, is := protoFields(old), protoFields(update)
	c.oneofs(update, was, path)
	numbers := slices.Collect(maps.Keys(was))
	for number := range is {
		if was[number].desc == nil {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	stay := survivors(was, is)
	for _, number := range numbers {
		if !c.step() || len(c.found) >= MaxIncompatibilities {
			return
		}
		c.member(was[number], is[number], stay, path)
	}
}

// protoField is a field and the oneof that holds it, "" when none does.
type protoField struct {
	desc  protoreflect.FieldDescriptor
	oneof protoreflect.Name
}

// protoFields lists the fields of a message by number. The oneof that proto3
// makes up for an optional field is none.
func protoFields(m protoreflect.MessageDescriptor) map[protoreflect.FieldNumber]protoField {
	fields := make(map[protoreflect.FieldNumber]protoField, m.Fields().Len())
	for i := range m.Fields().Len() {
		f := protoField{desc: m.Fields().Get(i)}
		if o := f.desc.ContainingOneof(); o != nil && !o.IsSynthetic() {
			f.oneof = o.Name()
		}
		fields[f.desc.Number()] = f
	}
	return fields
}

// oneofs reports fields that could hold values side by side in old data and
// exclude each other now: the members of a oneof that existed before must come
// from one oneof, or be a single field. (The oneof that proto3 makes up for an
// optional field has only that one.)
func (c *protoComparison) oneofs(update protoreflect.MessageDescriptor, was map[protoreflect.FieldNumber]protoField, path *place) {
	for i := range update.Oneofs().Len() {
		o := update.Oneofs().Get(i)
		origins, outside := oneofOrigins(o, was)
		kind := protoOneofJoined
		if outside > 1 {
			kind = protoOneofMerged
		}
		if c.step() && len(origins) > 1 {
			c.report(kind, path.then(string(o.Name())).fragment(), strings.Join(slices.Sorted(maps.Keys(origins)), ", "), "oneof "+string(o.Name()))
		}
	}
}

// oneofOrigins names the oneofs and single fields that the members of a oneof
// come from, and counts the single fields.
func oneofOrigins(o protoreflect.OneofDescriptor, was map[protoreflect.FieldNumber]protoField) (origins map[string]bool, outside int) {
	origins = map[string]bool{}
	for i := range o.Fields().Len() {
		f := was[o.Fields().Get(i).Number()]
		switch {
		case f.desc == nil: // new, so no old data holds it
		case f.oneof != "":
			origins["oneof "+string(f.oneof)] = true
		default:
			origins["field "+string(f.desc.Name())] = true
			outside++
		}
	}
	return origins, outside
}

// path is where Confluent sees the field: by number, in its oneof.
func (f protoField) path(message *place) *place {
	if f.oneof != "" {
		message = message.then(string(f.oneof))
	}
	return message.then(strconv.Itoa(int(f.desc.Number())))
}

// fragment is the pointer of the place as Confluent writes it for Protobuf.
func (p *place) fragment() string { return "#" + p.pointer() }

func (f protoField) required() bool { return f.desc.Cardinality() == protoreflect.Required }

// member compares two fields of one number; one of them may be missing.
func (c *protoComparison) member(old, update protoField, stay map[protoreflect.Name]bool, path *place) {
	switch {
	case update.desc == nil && old.required():
		c.report(protoRequiredGone, old.path(path).fragment(), protoSide(old.desc), "")
	case update.desc == nil && old.oneof != "" && stay[old.oneof]:
		c.report(protoOneofGone, old.path(path).fragment(), protoSide(old.desc), "")
	case update.desc == nil: // removed: its values are unknown fields now
	case old.desc == nil && update.required():
		c.report(protoRequiredNew, update.path(path).fragment(), "", protoSide(update.desc))
	case old.desc == nil: // added: old data does not have it
	default:
		c.field(old.desc, update.desc, update.path(path))
	}
}

// survivors names the oneofs of the old message that were not removed as a
// whole: a oneof still has the name, or a field the number of one of its
// members.
func survivors(was, is map[protoreflect.FieldNumber]protoField) map[protoreflect.Name]bool {
	names := map[protoreflect.Name]bool{}
	for number, f := range is {
		names[f.oneof] = true
		names[was[number].oneof] = true
	}
	return names
}

func (c *protoComparison) field(old, update protoreflect.FieldDescriptor, at *place) {
	if kind := c.typeChange(old, update); kind != "" {
		c.report(kind, at.fragment(), protoSide(old), protoSide(update))
		return
	}
	switch {
	case old.IsMap():
		c.entries(old, update, at)
	case old.Kind() == protoreflect.GroupKind && c.enter():
		c.message(old.Message(), update.Message(), at)
		c.leave()
	case old.Kind() == protoreflect.MessageKind && protoClass(old) == "message":
		c.referenced(old.Message(), update.Message(), at)
	case relabelled(old, update) && isProtoNumber(old):
		c.report(protoLabelChanged, at.fragment(), protoSide(old), protoSide(update))
	}
}

// entries compares what two maps hold.
func (c *protoComparison) entries(old, update protoreflect.FieldDescriptor, at *place) {
	value := c.typeChange(old.MapValue(), update.MapValue())
	for _, kind := range []string{c.typeChange(old.MapKey(), update.MapKey()), value} {
		if kind != "" {
			c.report(kind, at.fragment(), protoSide(old), protoSide(update))
		}
	}
	if value == "" && old.MapValue().Kind() == protoreflect.MessageKind {
		c.referenced(old.MapValue().Message(), update.MapValue().Message(), at)
	}
}

// referenced compares the messages that a field leads to when one of them is
// declared in another text: those of the texts themselves are compared there.
func (c *protoComparison) referenced(old, update protoreflect.MessageDescriptor, at *place) {
	pair := protoPair{old, update}
	if old == update || c.own(old) && c.own(update) || c.told[pair] || !c.enter() {
		return
	}
	c.told[pair] = true
	c.members(old, update, at)
	c.leave()
}

// own reports whether one of the two texts declares the message.
func (c *protoComparison) own(m protoreflect.MessageDescriptor) bool {
	path := m.ParentFile().Path()
	return path == c.old || path == c.update
}

// typeChange is the kind of a change of type, "" when the wire format
// stays. What maps hold is left to the caller.
func (c *protoComparison) typeChange(old, update protoreflect.FieldDescriptor) string {
	was, is := protoClass(old), protoClass(update)
	switch {
	case protoScalars[was] != protoScalars[is], !protoScalars[was] && was != is:
		return protoKindChanged
	case was != is:
		return protoScalarChanged
	case was == "message" && !c.sameName(old.Message(), update.Message()):
		return protoNamedChanged
	}
	return ""
}

// protoClass is the wire format of a type: one for all types that old and new
// data of a field may mix.
func protoClass(f protoreflect.FieldDescriptor) string {
	if f.IsMap() {
		return "map"
	}
	switch k := f.Kind(); k {
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.Int32Kind, protoreflect.Int64Kind,
		protoreflect.Uint32Kind, protoreflect.Uint64Kind:
		return "varint"
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return "zigzag"
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return "fixed32"
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return "fixed64"
	case protoreflect.StringKind, protoreflect.BytesKind:
		return "bytes"
	default: // float, double, message, group
		return k.String()
	}
}

// protoScalars are the classes that Confluent calls scalar.
var protoScalars = wordSet(`varint zigzag fixed32 fixed64 bytes float double`)

func isProtoNumber(f protoreflect.FieldDescriptor) bool {
	class := protoClass(f)
	return protoScalars[class] && class != "bytes"
}

// sameName reports whether two messages have one name, of those that the texts
// declare without their package.
func (c *protoComparison) sameName(old, update protoreflect.MessageDescriptor) bool {
	if c.own(old) && c.own(update) {
		return localName(old) == localName(update)
	}
	return old.FullName() == update.FullName()
}

func localName(m protoreflect.MessageDescriptor) string {
	return strings.TrimPrefix(strings.TrimPrefix(string(m.FullName()), string(m.ParentFile().Package())), ".")
}

// relabelled reports whether both fields have a label in the text and the
// labels differ. A proto3 field without a label is compared with none.
func relabelled(old, update protoreflect.FieldDescriptor) bool {
	was, is := protoLabel(old), protoLabel(update)
	return was != "" && is != "" && was != is
}

func protoLabel(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return ""
	case f.IsList(), f.Cardinality() == protoreflect.Required:
		return f.Cardinality().String()
	case f.HasOptionalKeyword():
		return f.Cardinality().String()
	}
	return ""
}

// protoSide is a field as the text writes it.
func protoSide(f protoreflect.FieldDescriptor) string {
	label := protoLabel(f)
	if label != "" {
		label += " "
	}
	return fmt.Sprintf("%s%s %s = %d", label, protoType(f), f.Name(), f.Number())
}
