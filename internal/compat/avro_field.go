package compat

import (
	"slices"
	"strings"
)

// fields lists the fields of all records where the records are defined.
func (s *avroSchema) fields() []Field {
	l := avroLister{seen: map[*avroType]bool{}}
	for _, t := range s.imported {
		l.seen[t] = true
	}
	l.walk(s.root, "", "")
	return l.fields
}

type avroLister struct {
	seen   map[*avroType]bool
	fields []Field
}

// walk lists what lies below one type; mark is the marking of what is around it.
// It does not hold for a record that other places use as well.
func (l *avroLister) walk(t *avroType, path, mark string) {
	if t.marking != "" || t.shared {
		mark = t.marking
	}
	switch t.kind {
	case "array":
		l.walk(t.items, path+"[]", mark)
	case "map":
		l.walk(t.items, path+"{}", mark)
	case "union":
		for _, branch := range t.branches {
			l.walk(branch, path, mark)
		}
	case "record":
		if l.seen[t] {
			return
		}
		l.seen[t] = true
		for _, f := range t.fields {
			at := join(path, f.name)
			t := f.traits().merge(traits{marking: mark})
			l.fields = append(l.fields, newField(at, f.name, f.typ.label(), t))
			l.walk(f.typ, at, t.marking)
		}
	}
}

// traits is what the text says about a field.
func (f *avroField) traits() traits {
	return traits{description: f.doc, unit: f.unit, marking: f.marking}.merge(f.typ.traits(0))
}

// label is the type in one word or two: "long", "array", "null|double".
func (t *avroType) label() string {
	switch {
	case t.name != "":
		return t.name
	case t.kind != "union":
		return t.kind
	}
	names := make([]string, 0, len(t.branches))
	for _, branch := range t.branches {
		names = append(names, branch.label())
	}
	return strings.Join(names, "|")
}

// traits is what a field of the type takes from it. Arrays and maps nest at
// most MaxDepth deep, and records end the walk.
func (t *avroType) traits(depth int) traits {
	var out traits
	switch t.kind {
	case "array", "map":
		out = t.items.traits(depth + 1).unitOnly()
	case "union":
		values := 0
		for _, branch := range t.branches {
			out = out.merge(branch.traits(depth + 1))
			if branch.kind != "null" {
				values++
			}
		}
		if values > 1 {
			out.marking = "" // one branch does not speak for the others
		}
	default:
		out = traits{description: t.doc, unit: t.unit, numeric: t.isNumber()}
	}
	if t.marking != "" {
		out.marking = t.marking
	}
	if t.unit != "" {
		out.unit = t.unit
	}
	if out.unit == "" && t.isNumber() && logicalUnits[t.logical] {
		out.unit = t.logical
	}
	return out
}

func (t *avroType) isNumber() bool {
	if t.kind == "bytes" || t.kind == "fixed" {
		return t.logical == "decimal" || t.logical == "duration"
	}
	return slices.Contains([]string{"int", "long", "float", "double"}, t.kind)
}
