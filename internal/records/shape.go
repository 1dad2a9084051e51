package records

import "github.com/hamba/avro/v2"

// shape is what a value of a schema looks like in bytes, so that its end and
// the mark in it are found without decoding it.
type shape struct {
	kind    avro.Type
	parts   []*shape // fields, branches, or the items of an array or map
	size    int      // of fixed
	symbols []string // of an enum
	mark    bool     // the value is the portion mark
	// empty values take no bytes, however many there are.
	empty bool
}

// maxShapes is how many shapes a schema may have, 8 MiB of them. A type has one
// shape, and one more for each way to a mark that leads through it: written out,
// these grow with the power of the path's length.
const maxShapes = 1 << 16

// shapes makes them.
type shapes struct {
	named map[avro.Schema]*shape // so that a recursive type ends
	made  int
}

// shapeOf is the shape of a schema whose mark lies at the path, and of how many
// it is made.
func shapeOf(schema avro.Schema, path []string) (of *shape, made int, err error) {
	s := shapes{named: map[avro.Schema]*shape{}}
	of = s.along(schema, path)
	if s.made > maxShapes {
		return nil, 0, malformed("too many ways lead through the types of the schema: it has more than %d", maxShapes)
	}
	return of, s.made, nil
}

// full counts one more shape. Once there are too many, none is looked into.
func (s *shapes) full() bool {
	s.made++
	return s.made > maxShapes
}

// along follows the path through records, and through unions on the way.
func (s *shapes) along(schema avro.Schema, path []string) *shape {
	if s.full() {
		return &shape{}
	}
	schema = resolved(schema)
	switch t := schema.(type) {
	case *avro.UnionSchema:
		return s.branches(t, func(branch avro.Schema) *shape { return s.along(branch, path) })
	case *avro.RecordSchema:
		if len(path) > 0 {
			return s.fields(&shape{kind: avro.Record}, t, path)
		}
	case *avro.EnumSchema:
		return &shape{kind: avro.Enum, symbols: t.Symbols(), mark: len(path) == 0}
	case *avro.PrimitiveSchema:
		return &shape{kind: t.Type(), mark: len(path) == 0 && t.Type() == avro.String}
	}
	return s.beside(schema)
}

// beside is the shape of what lies beside the path.
func (s *shapes) beside(schema avro.Schema) *shape {
	if s.full() {
		return &shape{}
	}
	schema = resolved(schema)
	switch t := schema.(type) {
	case *avro.UnionSchema:
		return s.branches(t, s.beside)
	case *avro.RecordSchema:
		if known := s.named[t]; known != nil {
			return known
		}
		s.named[t] = &shape{kind: avro.Record}
		return s.fields(s.named[t], t, nil)
	case *avro.ArraySchema:
		return &shape{kind: avro.Array, parts: []*shape{s.beside(t.Items())}}
	case *avro.MapSchema:
		return &shape{kind: avro.Map, parts: []*shape{s.beside(t.Values())}}
	case *avro.FixedSchema:
		return &shape{kind: avro.Fixed, size: t.Size(), empty: t.Size() == 0}
	case *avro.EnumSchema:
		return &shape{kind: avro.Enum, symbols: t.Symbols()}
	}
	return &shape{kind: schema.Type(), empty: schema.Type() == avro.Null}
}

func (s *shapes) branches(u *avro.UnionSchema, of func(avro.Schema) *shape) *shape {
	union := &shape{kind: avro.Union}
	for _, branch := range u.Types() {
		union.parts = append(union.parts, of(branch))
	}
	return union
}

// fields fills in the shape of a record. Fields that take no bytes are left
// out, so that walking a record costs no more than its bytes.
func (s *shapes) fields(to *shape, r *avro.RecordSchema, path []string) *shape {
	for _, f := range r.Fields() {
		part := s.field(f, path)
		if !part.empty {
			to.parts = append(to.parts, part)
		}
	}
	to.empty = len(to.parts) == 0
	return to
}

func (s *shapes) field(f *avro.Field, path []string) *shape {
	if len(path) > 0 && f.Name() == path[0] {
		return s.along(f.Type(), path[1:])
	}
	return s.beside(f.Type())
}

// resolved is what a reference to a name stands for.
func resolved(schema avro.Schema) avro.Schema {
	if ref, is := schema.(*avro.RefSchema); is {
		return ref.Schema()
	}
	return schema
}
