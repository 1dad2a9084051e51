package compat

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// fields lists the properties of all objects in the order of the text.
func (s *jsonSchema) fields() []Field {
	l := newJSONLister(s.root)
	if len(s.refs) > 0 {
		l.graph = newJSONLibrary(writtenTree).graph(s)
		l.others = map[*jsonGraph]*jsonLister{l.graph: l}
	}
	l.schema(s.root, "", "")
	fields := make([]Field, 0, len(l.found))
	for _, f := range l.found {
		fields = append(fields, newField(f.path, f.name, f.typ, f.traits))
	}
	return fields
}

type jsonField struct {
	path, name, typ string
	traits          traits
}

type jsonLister struct {
	root    *strictjson.Value
	found   []jsonField
	index   map[string]int // path to place in found
	traits  map[*strictjson.Value]traits
	anchors map[string]*strictjson.Value
	graph   *jsonGraph                 // nil when the text refers to no other
	others  map[*jsonGraph]*jsonLister // of all texts that were looked at
}

func newJSONLister(root *strictjson.Value) *jsonLister {
	l := &jsonLister{
		root:    root,
		index:   map[string]int{},
		traits:  map[*strictjson.Value]traits{},
		anchors: map[string]*strictjson.Value{},
	}
	l.collectAnchors(root)
	return l
}

// elsewhere is what a schema of another text, to which v refers, says about a
// field. The fields below it are listed where that text is.
func (l *jsonLister) elsewhere(v *strictjson.Value) traits {
	ref := v.StringAt("$ref")
	if l.graph == nil || ref == "" {
		return traits{}
	}
	g, target := l.graph.target(v, ref)
	if target == nil || g == l.graph {
		return traits{}
	}
	other := l.others[g]
	if other == nil {
		other = newJSONLister(g.root)
		other.graph, other.others = g, l.others
		l.others[g] = other
	}
	return other.traitsOf(target)
}

func (l *jsonLister) collectAnchors(v *strictjson.Value) {
	if name := v.StringAt("$anchor"); name != "" {
		l.anchors[name] = v
	}
	for _, m := range v.Members {
		_ = eachSubschema(m, "", func(sub *strictjson.Value, _ string) error { l.collectAnchors(sub); return nil }) // visit never fails
	}
}

// schema lists what lies below one schema; path is the field that it describes,
// mark the marking of what is around it.
func (l *jsonLister) schema(v *strictjson.Value, path, mark string) {
	if own := v.StringAt("x-marking"); own != "" {
		mark = own
	}
	for _, m := range v.Members {
		switch m.Key {
		case "properties":
			for _, property := range m.Value.Members {
				l.property(property.Key, property.Value, join(path, property.Key), mark)
			}
		case "patternProperties":
			for _, property := range m.Value.Members {
				l.property("", property.Value, join(path, "/"+property.Key+"/"), mark)
			}
		case "$defs", "definitions":
			for _, definition := range m.Value.Members {
				l.schema(definition.Value, join(join(path, m.Key), definition.Key), mark)
			}
		case "not", "if", "propertyNames", "contentSchema":
			// conditions on fields, not fields
		default:
			l.keyword(m, path, mark)
		}
	}
}

func (l *jsonLister) keyword(m strictjson.Member, path, mark string) {
	n := -1
	_ = eachSubschema(m, "", func(sub *strictjson.Value, _ string) error { // visit never fails
		n++
		switch {
		case m.Key == "prefixItems", m.Key == "items" && m.Value.Kind == strictjson.Array:
			l.schema(sub, path+"["+strconv.Itoa(n)+"]", mark)
		case m.Key == "items", m.Key == "contains", strings.HasSuffix(m.Key, "Items"):
			l.schema(sub, path+"[]", mark)
		case strings.HasSuffix(m.Key, "Properties"):
			l.schema(sub, path+"{}", mark)
		default: // allOf, anyOf, oneOf, then, else, dependentSchemas
			l.schema(sub, path, mark)
		}
		return nil
	})
}

func (l *jsonLister) property(name string, v *strictjson.Value, path, mark string) {
	t := l.traitsOf(v).merge(traits{marking: mark})
	if i, known := l.index[path]; known {
		l.found[i].traits = l.found[i].traits.merge(t)
	} else {
		l.index[path] = len(l.found)
		l.found = append(l.found, jsonField{path, name, jsonType(v), t})
	}
	l.schema(v, path, t.marking)
}

// traitsOf is what a schema, and what it refers to, says about a field. Each
// schema is judged once, which also ends cycles.
func (l *jsonLister) traitsOf(v *strictjson.Value) traits {
	if t, known := l.traits[v]; known {
		return t
	}
	l.traits[v] = traits{}
	t := traits{description: v.StringAt("description"), unit: v.StringAt("x-unit"), marking: v.StringAt("x-marking")}
	fixed := v.Get("const") != nil || v.Get("enum") != nil
	t.numeric = jsonNumeric(v)
	for _, sub := range l.same(v) {
		inner := l.traitsOf(sub)
		if sub != l.target(v) {
			inner = inner.unitOnly() // a branch or an item describes itself only
		}
		t = t.merge(inner)
	}
	t = t.merge(l.elsewhere(v))
	t.numeric = t.numeric && !fixed
	l.traits[v] = t
	return t
}

// same lists the schemas that decide with v what kind of value a field holds:
// branches, the target of a reference, items, values of a map.
func (l *jsonLister) same(v *strictjson.Value) []*strictjson.Value {
	var list []*strictjson.Value
	if target := l.target(v); target != nil {
		list = append(list, target)
	}
	keys := []string{"allOf", "anyOf", "oneOf", "prefixItems", "items", "additionalItems"}
	if v.Get("properties") == nil {
		keys = append(keys, "additionalProperties")
	}
	for _, key := range keys {
		if sub := v.Get(key); sub != nil {
			_ = eachSubschema(strictjson.Member{Key: key, Value: sub}, "", func(s *strictjson.Value, _ string) error { list = append(list, s); return nil }) // visit never fails
		}
	}
	return list
}

// target is the schema that $ref names within the text, nil when there is none.
func (l *jsonLister) target(v *strictjson.Value) *strictjson.Value {
	ref, local := strings.CutPrefix(v.StringAt("$ref"), "#")
	switch {
	case !local:
		return nil
	case ref == "":
		return l.root
	case strings.HasPrefix(ref, "/"):
		return l.pointed(ref)
	}
	return l.anchors[ref]
}

// pointed is the value at the JSON pointer of a URI fragment, nil when none.
func (l *jsonLister) pointed(ref string) *strictjson.Value {
	text, err := url.PathUnescape(ref)
	if err != nil {
		return nil
	}
	v := l.root
	for part := range strings.SplitSeq(strings.TrimPrefix(text, "/"), "/") {
		if v = child(v, unescape(part)); v == nil {
			return nil
		}
	}
	return v
}

func jsonNumeric(v *strictjson.Value) bool {
	switch t := v.Get("type"); {
	case t == nil:
		for _, key := range []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"} {
			if v.Get(key) != nil {
				return true
			}
		}
		return false
	case t.Kind == strictjson.Array:
		for _, item := range t.Items {
			if item.Text == "number" || item.Text == "integer" {
				return true
			}
		}
		return false
	default:
		return t.Text == "number" || t.Text == "integer"
	}
}

func jsonType(v *strictjson.Value) string {
	t := v.Get("type")
	if t == nil || t.Kind != strictjson.Array {
		return v.StringAt("type")
	}
	names := make([]string, len(t.Items))
	for i, item := range t.Items {
		names[i] = item.Text
	}
	return strings.Join(names, "|")
}
