package compat

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// jsonGraph is one schema text with its references resolved when needed.
type jsonGraph struct {
	root    *strictjson.Value
	dialect jsonDialect
	nodes   map[*strictjson.Value]*jsonNode
	bases   map[*strictjson.Value]string // the URI that references in a schema are relative to
	places  map[string]*strictjson.Value // schemas with $id by URI, with $anchor by URI#anchor
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
