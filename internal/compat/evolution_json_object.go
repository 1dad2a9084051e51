package compat

import (
	"regexp"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// jsonObject is a schema of objects.
//
// Its content model is open when it says nothing on properties without a name
// in it, closed when it forbids them, and partially open when a schema judges
// them.
type jsonObject struct {
	graph       *jsonGraph
	src         *strictjson.Value
	properties  map[string]*strictjson.Value
	names       []string // in the order of the text
	required    map[string]bool
	patterns    []jsonPattern
	closed      bool              // additionalProperties is false
	additional  *strictjson.Value // schema of additionalProperties, nil when true or absent
	unevaluated *strictjson.Value
	arrays      jsonDependencies // names that a property asks for
	schemas     jsonDependencies // schemas that a property asks for
}

// jsonDependencies are by name; order is that of the text.
type jsonDependencies struct {
	by    map[string]*strictjson.Value
	names []string
}

func (d *jsonDependencies) add(name string, v *strictjson.Value) {
	if _, known := d.by[name]; !known {
		d.names = append(d.names, name)
	}
	d.by[name] = v
}

type jsonPattern struct {
	expr   *regexp.Regexp
	schema *strictjson.Value
}

func (n *jsonNode) asObject() *jsonObject {
	if n.object == nil {
		n.object = newJSONObject(n)
	}
	return n.object
}

func newJSONObject(n *jsonNode) *jsonObject {
	o := &jsonObject{
		graph: n.graph, src: n.src, properties: map[string]*strictjson.Value{}, required: map[string]bool{},
		arrays: jsonDependencies{by: map[string]*strictjson.Value{}}, schemas: jsonDependencies{by: map[string]*strictjson.Value{}},
	}
	for _, m := range members(n.src, "properties") {
		o.properties[m.Key] = m.Value
		o.names = append(o.names, m.Key)
	}
	if required := n.src.Get("required"); required != nil {
		for _, name := range required.Items {
			o.required[name.Text] = true
		}
	}
	for _, m := range members(n.src, "patternProperties") {
		if expr, err := regexp.Compile(m.Key); err == nil { // Parse refuses the others
			o.patterns = append(o.patterns, jsonPattern{expr, m.Value})
		}
	}
	o.readContentModel()
	o.readDependencies()
	return o
}

func members(v *strictjson.Value, key string) []strictjson.Member {
	if sub := v.Get(key); sub != nil {
		return sub.Members
	}
	return nil
}

func (o *jsonObject) readContentModel() {
	if v := o.src.Get("additionalProperties"); v != nil && v.Kind == strictjson.Bool {
		o.closed = v.Text == "false"
	} else {
		o.additional = v
	}
	if o.graph.dialect != dialectDraft07 {
		o.unevaluated = o.src.Get("unevaluatedProperties")
	}
}

func (o *jsonObject) readDependencies() {
	words := []string{"dependencies", "dependentRequired", "dependentSchemas"}
	if o.graph.dialect == dialectDraft07 {
		words = words[:1]
	}
	for _, word := range words {
		for _, m := range members(o.src, word) {
			switch {
			case m.Value.Kind != strictjson.Array:
				o.schemas.add(m.Key, m.Value)
			case len(m.Value.Items) > 0:
				o.arrays.add(m.Key, m.Value)
			}
		}
	}
}

// open reports whether every property without a name here is welcome.
func (o *jsonObject) open() bool {
	return !o.closed && o.additional == nil && len(o.patterns) == 0 &&
		(o.unevaluated == nil || o.graph.node(o.unevaluated).kind == nodeAny)
}

// cover is the schema that a partially open content model has for a name, nil
// when it has none: that of the first pattern that matches, of
// additionalProperties, or of unevaluatedProperties.
func (w *jsonWalk) cover(o *jsonObject, name string) *jsonNode {
	for _, p := range o.patterns {
		if !w.spend(1 + len(name)*len(p.expr.String())/64) {
			return nil
		}
		if p.expr.MatchString(name) {
			return o.graph.node(p.schema)
		}
	}
	if o.additional != nil {
		return o.graph.node(o.additional)
	}
	if o.closed || o.unevaluated == nil {
		return nil
	}
	if n := o.graph.node(o.unevaluated); n.kind != nodeAny && n.kind != nodeNever {
		return n
	}
	return nil
}

func (w *jsonWalk) objects(at spot, o, u *jsonObject) bool {
	ok := true
	for _, compare := range []func(spot, *jsonObject, *jsonObject) bool{
		w.required, w.properties, w.dependencies, w.additionalProperties, w.unevaluatedProperties,
	} {
		ok = compare(at, o, u) && ok
		if at.enough(ok) {
			return false
		}
	}
	return w.bounds(at, objectBounds, o.src, u.src) && ok
}

// required looks at properties that both sides describe.
func (w *jsonWalk) required(at spot, o, u *jsonObject) bool {
	ok := true
	for _, name := range o.names {
		v, both := u.properties[name]
		if !w.step() {
			return false
		}
		if both && !o.required[name] && u.required[name] && v.Get("default") == nil {
			ok = w.say(at.in("required", name), "REQUIRED_ATTRIBUTE_ADDED", "optional", "required, without default")
		}
		if at.enough(ok) {
			return false
		}
	}
	return ok
}

func (w *jsonWalk) properties(at spot, o, u *jsonObject) bool {
	ok := true
	for _, name := range o.names {
		if v, both := u.properties[name]; both {
			ok = w.compare(at.in("properties", name), o.graph.node(o.properties[name]), u.graph.node(v)) && ok
		} else {
			ok = w.removed(at.in("properties", name), o, u, name) && ok
		}
		if at.enough(ok) {
			return false
		}
	}
	for _, name := range u.names {
		if _, both := o.properties[name]; !both {
			ok = w.added(at.in("properties", name), o, u, name) && ok
		}
		if at.enough(ok) {
			return false
		}
	}
	return ok
}

// removed judges a property that the reader does not describe any more.
func (w *jsonWalk) removed(at spot, o, u *jsonObject, name string) bool {
	if !w.step() {
		return false
	}
	v := o.properties[name]
	old := o.graph.node(v)
	if u.open() {
		return true
	}
	cover := w.cover(u, name)
	switch {
	case cover == nil && old.kind == nodeNever:
		return true
	case cover == nil:
		return w.fail(at, "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", v, nil)
	case w.compare(at, old, cover):
		return true
	}
	return w.fail(at, "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", v, cover.src)
}

// added judges a property that the writer did not describe. What the writer's
// content model let through there, the reader must still accept.
func (w *jsonWalk) added(at spot, o, u *jsonObject, name string) bool {
	if !w.step() {
		return false
	}
	v := u.properties[name]
	demanded := u.required[name] && v.Get("default") == nil
	if o.open() {
		return w.addedToOpen(at, u, name, demanded)
	}
	ok := true
	if cover := w.cover(o, name); cover != nil && !w.compare(at, cover, u.graph.node(v)) {
		ok = w.fail(at, "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", cover.src, v)
	}
	if demanded {
		return w.fail(at, "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", nil, v)
	}
	return ok
}

func (w *jsonWalk) addedToOpen(at spot, u *jsonObject, name string, demanded bool) bool {
	v := u.properties[name]
	switch {
	case u.graph.node(v).kind == nodeAny:
		return true
	case demanded:
		return w.fail(at, "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", nil, v)
	case u.required[name]:
		return w.fail(at, "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL", nil, v)
	}
	return w.fail(at, "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", nil, v)
}

func (w *jsonWalk) dependencies(at spot, o, u *jsonObject) bool {
	ok := true
	for _, name := range u.arrays.names {
		if old, new := o.arrays.by[name], u.arrays.by[name]; !w.dependency(at.in("dependencies", name), old, new) {
			ok = false
		}
	}
	for _, name := range u.schemas.names {
		old, new := o.schemas.by[name], u.schemas.by[name]
		if old == nil {
			ok = w.fail(at.in("dependencies", name), "DEPENDENCY_SCHEMA_ADDED", nil, new)
			continue
		}
		ok = w.compare(at.in("dependencies", name), o.graph.node(old), u.graph.node(new)) && ok
	}
	return ok
}

func (w *jsonWalk) dependency(at spot, old, new *strictjson.Value) bool {
	if !w.spend(1 + len(new.Items)) {
		return false
	}
	if old == nil {
		return w.fail(at, "DEPENDENCY_ARRAY_ADDED", nil, new)
	}
	if !w.spend(1 + len(old.Items)) {
		return false
	}
	was, is := w.set(old), w.set(new)
	switch {
	case includes(was, is):
		return true
	case includes(is, was):
		return w.fail(at, "DEPENDENCY_ARRAY_EXTENDED", old, new)
	}
	return w.fail(at, "DEPENDENCY_ARRAY_CHANGED", old, new)
}

func (w *jsonWalk) additionalProperties(at spot, o, u *jsonObject) bool {
	at = at.in("additionalProperties")
	switch {
	case o.closed && u.closed, !u.closed && u.additional == nil, o.closed:
		return true
	case u.closed:
		return w.fail(at, "ADDITIONAL_PROPERTIES_REMOVED", o.src.Get("additionalProperties"), u.src.Get("additionalProperties"))
	case o.additional == nil:
		return w.fail(at, "ADDITIONAL_PROPERTIES_NARROWED", o.src.Get("additionalProperties"), u.additional)
	}
	return w.compare(at, o.graph.node(o.additional), u.graph.node(u.additional))
}

func (w *jsonWalk) unevaluatedProperties(at spot, o, u *jsonObject) bool {
	return w.unevaluated(at.in("unevaluatedProperties"), "UNEVALUATED_PROPERTIES", o.graph.node(o.unevaluated), u.graph.node(u.unevaluated))
}

// unevaluated compares the schemas for what no other keyword judged; nil for
// none, which is the same as true.
func (w *jsonWalk) unevaluated(at spot, kind string, o, u *jsonNode) bool {
	switch {
	case u == nil:
		return true
	case o == nil && u.kind == nodeNever:
		return w.fail(at, kind+"_REMOVED", nil, u.src)
	case o == nil:
		return w.fail(at, kind+"_NARROWED", nil, u.src)
	case o.kind == nodeNever || u.kind == nodeAny:
		return true
	case u.kind == nodeNever:
		return w.fail(at, kind+"_REMOVED", o.src, u.src)
	case o.kind == nodeAny:
		return w.fail(at, kind+"_NARROWED", o.src, u.src)
	}
	return w.compare(at, o, u)
}
