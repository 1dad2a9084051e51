package compat

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Field is one field of the records that a schema describes.
type Field struct {
	// Path names the field from the root, parts joined by dots: "position.lat".
	// "[]" stands for the items of an array, "[2]" for one of a tuple, "{}" for
	// the values of a map. Fields of a shared JSON definition start with
	// "$defs" or "definitions", those of a Protobuf message with the message's
	// name without the package.
	Path string
	// Type is the type as the format writes it, "" when it writes none.
	Type string
	// Description is what the schema says about the field: Avro doc, JSON
	// description, the comment before or beside a Protobuf field.
	Description string
	// Numeric reports whether the field is a quantity or an array or map of
	// quantities. Enumerations, constants and identifiers ("id", "track_id",
	// "trackId") are not.
	Numeric bool
	// Unit is the unit of a quantity, "" when none is given: the text of
	// x-unit or unit, the Avro logical type, or the words of the description
	// that name it.
	Unit string
	// Marking is the portion mark of what the field holds, as the schema
	// writes it at the field, at its type or at the nearest object, record,
	// message or array around it; "" when it writes none. See [Schema.Report].
	Marking string

	name        string
	unknownUnit string // a unit was given that nobody knows
}

// Report is what the documentation of a schema leaves out, in the order of the
// text; nil lists where nothing is.
type Report struct {
	Undescribed []catalog.FieldGap // fields without description
	WithoutUnit []catalog.FieldGap // numbers without a known unit
	// Unmarked are the fields without a marking, or with one that the vocabulary
	// refuses, where the records carry a portion mark of their own.
	Unmarked []catalog.FieldGap
}

// Fields lists every field in the order of the text. A field that stands in
// several branches of one JSON object is listed once.
func (s *Schema) Fields() []Field { return slices.Clone(s.fields) }

// Report judges the documentation of every field, and the markings by v, which
// must not be nil. A schema itself holds nothing of a vocabulary: one that was
// parsed once may be judged by the vocabularies of any time.
func (s *Schema) Report(v *marking.Vocabulary) Report {
	r := Report{Unmarked: s.unmarked(v)}
	for _, f := range s.fields {
		path := excerpt(f.Path)
		if f.Description == "" {
			r.Undescribed = append(r.Undescribed, catalog.FieldGap{Path: path, Reason: "no description: say what the field means"})
		}
		switch {
		case !f.Numeric || f.Unit != "":
		case f.unknownUnit != "":
			r.WithoutUnit = append(r.WithoutUnit, catalog.FieldGap{Path: path, Reason: excerpt("unit " + strconv.Quote(f.unknownUnit) + " is not a known unit: write an SI symbol or word such as m/s or percent")})
		default:
			r.WithoutUnit = append(r.WithoutUnit, catalog.FieldGap{Path: path, Reason: unitAdvice})
		}
	}
	return r
}

const unitAdvice = `a number without a unit: name it at the end of the description after a comma ("Speed over ground, metres per second") or in a unit attribute`

// traits are what a field takes from its type.
type traits struct {
	description string
	marking     string
	unit        string // as the author wrote it in a unit attribute, or a logical type
	numeric     bool
}

// merge takes from other what t lacks.
func (t traits) merge(other traits) traits {
	if t.description == "" {
		t.description = other.description
	}
	if t.unit == "" {
		t.unit = other.unit
	}
	if t.marking == "" {
		t.marking = other.marking
	}
	t.numeric = t.numeric || other.numeric
	return t
}

// unitOnly is what a field takes from the items or branches of its type.
func (t traits) unitOnly() traits {
	if t.unit == "" {
		t.unit = unitInProse(t.description)
	}
	t.description, t.marking = "", ""
	return t
}

// newField judges what a format found out about one field.
func newField(path, name, typ string, t traits) Field {
	f := Field{Path: path, Type: typ, Description: strings.Join(strings.Fields(t.description), " "), Marking: t.marking, name: name}
	f.Numeric = t.numeric && !isIdentifier(name)
	if !f.Numeric {
		return f
	}
	switch {
	case t.unit == "":
		f.Unit = unitInProse(f.Description)
	case isUnit(t.unit):
		f.Unit = t.unit
	default:
		f.unknownUnit = t.unit
	}
	return f
}

func isIdentifier(name string) bool {
	lower := strings.ToLower(name)
	return lower == "id" || strings.HasSuffix(lower, "_id") || strings.HasSuffix(lower, "-id") ||
		strings.HasSuffix(name, "Id") || strings.HasSuffix(name, "ID")
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_$-]+$`)

// join appends a field's name to a path; a name that would read as several
// parts is quoted.
func join(path, name string) string {
	if !plainName.MatchString(name) {
		name = strconv.Quote(name)
	}
	if path == "" {
		return name
	}
	return path + "." + name
}
