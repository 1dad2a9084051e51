package compat

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// jsonLibrary is the graphs of one schema and of those that it refers to, each
// built when it is first needed.
type jsonLibrary struct {
	tree   func(*jsonSchema) *strictjson.Value
	graphs map[*jsonSchema]*jsonGraph
}

func newJSONLibrary(tree func(*jsonSchema) *strictjson.Value) *jsonLibrary {
	return &jsonLibrary{tree: tree, graphs: map[*jsonSchema]*jsonGraph{}}
}

// The two trees of a schema that a library may show.
func writtenTree(s *jsonSchema) *strictjson.Value   { return s.root }
func canonicalTree(s *jsonSchema) *strictjson.Value { return canonicalSchema(s.root) }

func (l *jsonLibrary) graph(s *jsonSchema) *jsonGraph {
	g := l.graphs[s]
	if g == nil {
		g = newJSONGraph(l.tree(s))
		g.library = l
		g.addReferences(s.refs)
		l.graphs[s] = g
	}
	return g
}

// jsonGraph is one schema text with its references resolved when needed.
type jsonGraph struct {
	library *jsonLibrary
	root    *strictjson.Value
	dialect jsonDialect
	nodes   map[*strictjson.Value]*jsonNode
	order   []*strictjson.Value          // all schemas of the text
	bases   map[*strictjson.Value]string // the URI that references in a schema are relative to
	places  map[string]*strictjson.Value // schemas with $id by URI, with $anchor by URI#anchor
	others  map[string]*jsonSchema       // referenced schemas by name and by URI
}

func newJSONGraph(root *strictjson.Value) *jsonGraph {
	g := &jsonGraph{
		root:    root,
		dialect: dialectOf(root),
		nodes:   map[*strictjson.Value]*jsonNode{},
		bases:   map[*strictjson.Value]string{},
		places:  map[string]*strictjson.Value{jsonURL: root},
	}
	g.collect(root, jsonURL)
	return g
}

// addReferences makes referenced schemas known under their names and, where no
// name says otherwise, under what the names mean against the $id of the text.
func (g *jsonGraph) addReferences(refs map[string]*jsonSchema) {
	g.others = make(map[string]*jsonSchema, 2*len(refs))
	for name, s := range refs {
		g.others[joinURI(g.bases[g.root], name)] = s
	}
	for name, s := range refs {
		g.others[name] = s
	}
}

// collect registers the names of a schema and of all below it.
func (g *jsonGraph) collect(v *strictjson.Value, base string) {
	if _, known := g.bases[v]; known {
		return
	}
	id := v.StringAt("$id")
	switch {
	case id == "" || g.dialect == dialectDraft07 && v.Get("$ref") != nil:
	case strings.HasPrefix(id, "#"):
		g.name(joinURI(base, id), v)
	default:
		base = strings.TrimSuffix(joinURI(base, id), "#")
		g.name(base, v)
	}
	for _, word := range []string{"$anchor", "$dynamicAnchor"} {
		if anchor := v.StringAt(word); anchor != "" {
			g.name(base+"#"+anchor, v)
		}
	}
	g.bases[v] = base
	g.order = append(g.order, v)
	for _, m := range v.Members {
		_ = eachSubschema(m, "", func(sub *strictjson.Value, _ string) error { g.collect(sub, base); return nil }) // visit never fails
	}
}

// name registers a name; the first schema of that name keeps it.
func (g *jsonGraph) name(uri string, v *strictjson.Value) {
	if _, known := g.places[uri]; !known {
		g.places[uri] = v
	}
}

// absolute is a reference of a schema, made absolute.
func (g *jsonGraph) absolute(v *strictjson.Value, ref string) string {
	return joinURI(g.bases[v], ref)
}

// joinURI resolves a reference against a base; one that is no URI stays as it is.
func joinURI(base, ref string) string {
	if strings.HasPrefix(ref, "#") {
		base, _, _ = strings.Cut(base, "#")
		return base + ref
	}
	b, err := url.Parse(base)
	if err != nil {
		return ref
	}
	r, err := url.Parse(ref)
	if err != nil {
		return ref
	}
	return b.ResolveReference(r).String()
}

// target is what a reference of v stands for and the graph that holds it: the
// value is nil when that has no such place, the graph when there is none.
func (g *jsonGraph) target(v *strictjson.Value, ref string) (*jsonGraph, *strictjson.Value) {
	uri := g.absolute(v, ref)
	document, _, _ := strings.Cut(uri, "#")
	if _, local := g.places[document]; local {
		return g, g.resolve(uri)
	}
	name, fragment, _ := strings.Cut(ref, "#")
	s := g.others[name]
	if s == nil {
		s = g.others[document]
	}
	if s == nil {
		return nil, nil
	}
	other := g.library.graph(s)
	return other, other.part(fragment)
}

// part is the schema at a fragment of the whole text, nil when there is none.
// Another text may refer only to what has been judged as a schema here.
func (g *jsonGraph) part(fragment string) *strictjson.Value {
	v := g.root
	switch {
	case strings.HasPrefix(fragment, "/"):
		v = (&jsonLister{root: g.root}).pointed(fragment)
	case fragment != "":
		v = g.places[g.bases[g.root]+"#"+fragment]
	}
	if _, schema := g.bases[v]; !schema {
		return nil
	}
	return v
}

// resolve is the schema of an absolute reference, nil when the text has none.
func (g *jsonGraph) resolve(uri string) *strictjson.Value {
	document, fragment, _ := strings.Cut(uri, "#")
	resource := g.places[document]
	switch {
	case fragment == "" || resource == nil:
		return resource
	case !strings.HasPrefix(fragment, "/"):
		return g.places[uri]
	}
	v := (&jsonLister{root: resource}).pointed(fragment)
	if v != nil {
		g.collect(v, document) // a place where JSON Schema has no schema
	}
	return v
}

// valueIDs gives equal JSON values the same number: 1 and 1.0 are equal, and
// objects whose keys stand in another order.
type valueIDs struct {
	byText  map[string]int
	byValue map[*strictjson.Value]int
}

func newValueIDs() valueIDs {
	return valueIDs{byText: map[string]int{}, byValue: map[*strictjson.Value]int{}}
}

func (d valueIDs) of(v *strictjson.Value) int {
	if id, known := d.byValue[v]; known {
		return id
	}
	text := d.text(v)
	id, known := d.byText[text]
	if !known {
		id = len(d.byText) + 1
		d.byText[text] = id
	}
	d.byValue[v] = id
	return id
}

func (d valueIDs) text(v *strictjson.Value) string {
	switch v.Kind {
	case strictjson.Number:
		return "n" + strictjson.Decimal(v.Text)
	case strictjson.Array:
		b := strings.Builder{}
		b.WriteByte('a')
		for _, item := range v.Items {
			b.WriteString(strconv.Itoa(d.of(item)) + ",")
		}
		return b.String()
	case strictjson.Object:
		members := make([]string, 0, len(v.Members))
		for _, m := range v.Members {
			members = append(members, strconv.Quote(m.Key)+strconv.Itoa(d.of(m.Value)))
		}
		slices.Sort(members)
		return "o" + strings.Join(members, ",")
	}
	return strconv.Itoa(int(v.Kind)) + v.Text
}

// sketch is the beginning of a value as compact JSON, not much longer than
// maxSide bytes; "" for nil.
func sketch(v *strictjson.Value) string {
	if v == nil {
		return ""
	}
	b := strings.Builder{}
	sketchInto(&b, v)
	return b.String()
}

func sketchInto(b *strings.Builder, v *strictjson.Value) {
	switch v.Kind {
	case strictjson.Null:
		b.WriteString("null")
	case strictjson.String:
		b.WriteString(strconv.Quote(clip(v.Text)))
	case strictjson.Array:
		sketchList(b, "[", "]", len(v.Items), func(i int) { sketchInto(b, v.Items[i]) })
	case strictjson.Object:
		sketchList(b, "{", "}", len(v.Members), func(i int) {
			b.WriteString(strconv.Quote(clip(v.Members[i].Key)) + ":")
			sketchInto(b, v.Members[i].Value)
		})
	default:
		b.WriteString(v.Text)
	}
}

func sketchList(b *strings.Builder, open, end string, n int, element func(int)) {
	b.WriteString(open)
	for i := 0; i < n && b.Len() <= maxSide; i++ {
		if i > 0 {
			b.WriteString(",")
		}
		element(i)
	}
	b.WriteString(end)
}
