package compat

// shapes is the root, of a union each branch.
func (s *avroSchema) shapes(work *budget) []*shape {
	b := avroShapes{merger: newMerger(work), built: map[*avroType]*shape{}}
	if s.root.kind != "union" {
		return []*shape{b.shape(s.root)}
	}
	var roots []*shape
	for _, branch := range s.root.branches {
		roots = append(roots, b.shape(branch))
	}
	return roots
}

// avroShapes builds each type once.
type avroShapes struct {
	merger *merger
	built  map[*avroType]*shape
}

func (b avroShapes) shape(t *avroType) *shape {
	s := b.built[t]
	if s == nil {
		s = b.build(t)
		b.built[t] = s
	}
	return s
}

func (b avroShapes) build(t *avroType) *shape {
	s := &shape{name: plainTypeName(t.name), classes: t.class()}
	switch t.kind {
	case "union":
		list := make([]*shape, 0, len(t.branches))
		for _, branch := range t.branches {
			list = append(list, b.shape(branch))
		}
		s = b.merger.of(mergeAny, list)
	case "array", "map":
		s.items = func() *shape { return b.shape(t.items) }
	case "record":
		for _, f := range t.fields {
			s.properties = append(s.properties, b.property(f))
		}
	}
	return s
}

// property is a field. All data has it; a reference demands it when it has no
// default that could stand for it.
func (b avroShapes) property(f *avroField) *property {
	return &property{
		Field: newField(f.name, f.name, f.typ.label(), f.traits()),
		asked: f.def == nil, given: true,
		reference: f.reference, aliases: f.aliases,
		load: func() *shape { return b.shape(f.typ) },
	}
}

var avroClasses = map[string]classes{
	"null": classNull, "boolean": classBoolean, "int": classInteger, "long": classInteger,
	"float": classNumber, "double": classNumber, "string": classText, "enum": classText,
	"bytes": classBytes, "fixed": classBytes, "array": classList, "map": classObject, "record": classObject,
}

func (t *avroType) class() classes {
	switch t.logical {
	case "date", "timestamp-millis", "timestamp-micros", "timestamp-nanos",
		"local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos":
		if avroClasses[t.kind] == classInteger {
			return classCountedTime
		}
	case "decimal":
		if avroClasses[t.kind] == classBytes {
			return classNumber
		}
	}
	return avroClasses[t.kind]
}
