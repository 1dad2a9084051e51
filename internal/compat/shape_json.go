package compat

import (
	"slices"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// shapes is the root.
func (s *jsonSchema) shapes(work *budget) []*shape {
	g := newJSONLibrary(writtenTree).graph(s)
	b := jsonShapes{merger: newMerger(work), built: map[*strictjson.Value]*shape{}, listers: map[*jsonGraph]*jsonLister{}}
	return []*shape{b.shape(g, s.root)}
}

// jsonShapes builds each schema once.
type jsonShapes struct {
	merger  *merger
	built   map[*strictjson.Value]*shape
	listers map[*jsonGraph]*jsonLister // by the text, for descriptions and units
}

// shape is what a schema, the schemas that it refers to and its branches let
// through. Conditions (if, not, dependentSchemas) are not looked at.
func (b jsonShapes) shape(g *jsonGraph, v *strictjson.Value) *shape {
	if s := b.built[v]; s != nil {
		return s
	}
	b.built[v] = &shape{classes: classAny} // for a circle that the library would have refused
	list := append([]*shape{b.own(g, v)}, b.targets(g, v)...)
	for _, branch := range subschemas(v, "allOf") {
		list = append(list, b.shape(g, branch))
	}
	for _, word := range []string{"anyOf", "oneOf"} {
		if branches := subschemas(v, word); len(branches) > 0 {
			list = append(list, b.either(g, branches))
		}
	}
	s := b.merger.of(mergeAll, list)
	b.built[v] = s
	return s
}

// targets are what the references of a schema lead to.
func (b jsonShapes) targets(g *jsonGraph, v *strictjson.Value) []*shape {
	var list []*shape
	for _, word := range g.referenceWords() {
		ref := v.StringAt(word)
		if ref == "" {
			continue
		}
		if other, target := g.target(v, ref); target != nil {
			list = append(list, b.shape(other, target))
		}
	}
	return list
}

// subschemas are the schemas under one keyword.
func subschemas(v *strictjson.Value, word string) []*strictjson.Value {
	sub := v.Get(word)
	if sub == nil {
		return nil
	}
	var list []*strictjson.Value
	_ = eachSubschema(strictjson.Member{Key: word, Value: sub}, "", func(s *strictjson.Value, _ string) error { list = append(list, s); return nil }) // visit never fails
	return list
}

// own is what the keywords of one schema say by themselves.
func (b jsonShapes) own(g *jsonGraph, v *strictjson.Value) *shape {
	if g.dialect == dialectDraft07 && v.StringAt("$ref") != "" {
		return &shape{classes: classAny} // draft-07 ignores what stands beside $ref
	}
	s := &shape{name: v.StringAt("title"), classes: jsonClasses(v)}
	if s.classes&classObject != 0 {
		s.properties = b.properties(g, v)
	}
	items := append(subschemas(v, "prefixItems"), subschemas(v, "items")...)
	if len(items) == 0 && len(s.properties) == 0 {
		items = subschemas(v, "additionalProperties")
	}
	if len(items) > 0 && items[0].Kind == strictjson.Object {
		s.items = sync.OnceValue(func() *shape { return b.either(g, items) })
	}
	return s
}

// either is what one of the schemas lets through.
func (b jsonShapes) either(g *jsonGraph, list []*strictjson.Value) *shape {
	shapes := make([]*shape, 0, len(list))
	for _, v := range list {
		shapes = append(shapes, b.shape(g, v))
	}
	return b.merger.of(mergeAny, shapes)
}

// properties are those that are described, and those that are only required.
func (b jsonShapes) properties(g *jsonGraph, v *strictjson.Value) []*property {
	required := map[string]bool{}
	var names []string
	if list := v.Get("required"); list != nil {
		for _, name := range list.Items {
			required[name.Text] = true
			names = append(names, name.Text)
		}
	}
	var list []*property
	for _, m := range members(v, "properties") {
		list = append(list, b.property(g, m, required[m.Key]))
		delete(required, m.Key)
	}
	for _, name := range names {
		if required[name] {
			list = append(list, &property{
				Field: Field{Path: name, name: name}, asked: true, given: true,
				load: func() *shape { return &shape{classes: classAny} },
			})
		}
	}
	return list
}

func (b jsonShapes) property(g *jsonGraph, m strictjson.Member, required bool) *property {
	lister := b.listers[g]
	if lister == nil {
		lister = newJSONLister(g.root)
		lister.graph, lister.others = g, b.listers
		b.listers[g] = lister
	}
	p := &property{
		Field: newField(m.Key, m.Key, jsonType(m.Value), lister.traitsOf(m.Value)),
		asked: required, given: required,
		reference: m.Value.StringAt("x-reference"),
		load:      func() *shape { return b.shape(g, m.Value) },
	}
	if list := m.Value.Get("x-aliases"); list != nil {
		for _, alias := range list.Items {
			p.aliases = append(p.aliases, alias.Text)
		}
	}
	return p
}

// jsonClasses is what type, const, enum and the words that speak of one kind of
// values let through.
func jsonClasses(v *strictjson.Value) classes {
	if v.Kind == strictjson.Bool && v.Text == "false" {
		return 0
	}
	c := impliedClass(v)
	if t := v.Get("type"); t != nil {
		c = 0
		for _, name := range append(slices.Clip(t.Items), t) {
			c |= jsonTypes[name.Text]
		}
	}
	if fixed := v.Get("const"); fixed != nil {
		c = c.and(valueClass(fixed))
	}
	if list := v.Get("enum"); list != nil {
		var some classes
		for _, item := range list.Items {
			some |= valueClass(item)
		}
		c = c.and(some)
	}
	return textClass(v, c)
}

var jsonTypes = map[string]classes{
	"string": classText, "integer": classInteger, "number": classNumber, "boolean": classBoolean,
	"null": classNull, "array": classList, "object": classObject,
}

// impliedClass is what the author of keywords without a type thought of.
func impliedClass(v *strictjson.Value) classes {
	switch {
	case v.Get("properties") != nil || v.Get("required") != nil:
		return classObject
	case v.Get("items") != nil || v.Get("prefixItems") != nil:
		return classList
	case jsonNumeric(v):
		return classNumber
	case v.Get("pattern") != nil || v.Get("format") != nil:
		return classText
	}
	return classAny
}

func valueClass(v *strictjson.Value) classes {
	switch v.Kind {
	case strictjson.Null:
		return classNull
	case strictjson.Bool:
		return classBoolean
	case strictjson.String:
		return classText
	case strictjson.Array:
		return classList
	case strictjson.Object:
		return classObject
	}
	if isWhole(v, 64) {
		return classInteger
	}
	return classNumber
}

// textClass is what a text holds that says more about itself.
func textClass(v *strictjson.Value, c classes) classes {
	if c == classAny || c&classText == 0 {
		return c
	}
	switch {
	case v.StringAt("format") == "date-time", v.StringAt("format") == "date":
		return c&^classText | classWrittenTime
	case v.StringAt("contentEncoding") != "":
		return c&^classText | classBytes
	}
	return c
}
