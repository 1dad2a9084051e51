package compat

import (
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

type nodeKind int

const (
	nodeAny   nodeKind = iota // true, {} and annotations alone
	nodeNever                 // false
	nodeString
	nodeNumber
	nodeBoolean
	nodeNull
	nodeConst
	nodeEnum
	nodeNot
	nodeObject
	nodeArray
	nodeConditional
	nodeCombined
	nodeReference
)

// jsonNode is a schema, or those keywords of a schema that belong together: a
// schema with keywords of several kinds is a combination by allOf of one node
// for each kind.
type jsonNode struct {
	graph     *jsonGraph
	kind      nodeKind
	src       *strictjson.Value
	integer   bool        // of a number
	criterion string      // of a combination: allOf, anyOf or oneOf
	implied   bool        // a combination of kinds or types, not of written branches
	parts     []*jsonNode // of a combination
	inner     *jsonNode   // of a not
	written   string      // of a reference, as the text writes it
	ref       string      // of a reference, absolute
	target    *jsonNode   // of a reference, once followed
	shared    bool        // the target of a reference
	object    *jsonObject // of an object, once looked at
}

// bytes reports whether Kafka Connect holds this schema's values as bytes.
func (n *jsonNode) bytes() bool { return n.src.StringAt("connect.type") == "bytes" }

// follow is the target of a reference, nil when no text defines it.
func (n *jsonNode) follow() *jsonNode {
	if n.target == nil {
		if g, v := n.graph.target(n.src, n.written); v != nil {
			n.target = g.node(v)
			n.target.shared = true
		}
	}
	return n.target
}

// Keywords of a kind of values. The later ones are unknown to draft-07.
var (
	objectWords      = []string{"properties", "required", "minProperties", "maxProperties", "dependencies", "patternProperties", "additionalProperties", "propertyNames"}
	laterObjectWords = []string{"dependentRequired", "dependentSchemas", "unevaluatedProperties"}
	arrayWords       = []string{"items", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains"}
	laterArrayWords  = []string{"prefixItems", "unevaluatedItems"}
	numberWords      = []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
	stringWords      = []string{"minLength", "maxLength", "pattern"}
	conditionalWords = []string{"if", "then", "else"}
	combiningWords   = []string{"allOf", "anyOf", "oneOf"}
)

// jsonDialect is what a schema text takes a keyword to mean.
type jsonDialect int

const (
	dialectUnnamed jsonDialect = iota
	dialectDraft07
	dialectModern // 2019-09 and 2020-12
)

func dialectOf(root *strictjson.Value) jsonDialect {
	switch root.StringAt("$schema") {
	case "":
		if olderForm(root) {
			return dialectDraft07
		}
		return dialectUnnamed
	case "http://json-schema.org/draft-07/schema", "http://json-schema.org/draft-07/schema#":
		return dialectDraft07
	}
	return dialectModern
}

// node is the node of a schema, built once.
func (g *jsonGraph) node(v *strictjson.Value) *jsonNode {
	if v == nil {
		return nil
	}
	n, known := g.nodes[v]
	if !known {
		n = g.build(v)
		g.nodes[v] = n
	}
	return n
}

func (g *jsonGraph) build(v *strictjson.Value) *jsonNode {
	if v.Kind == strictjson.Bool && v.Text == "false" {
		return g.plain(nodeNever, v)
	}
	switch parts := g.pieces(v); len(parts) {
	case 0:
		return g.plain(nodeAny, v)
	case 1:
		return parts[0]
	default:
		return &jsonNode{graph: g, kind: nodeCombined, src: v, criterion: "allOf", implied: true, parts: parts}
	}
}

func (g *jsonGraph) plain(kind nodeKind, v *strictjson.Value) *jsonNode {
	return &jsonNode{graph: g, kind: kind, src: v}
}

// pieces is one node for each kind of keywords in a schema.
func (g *jsonGraph) pieces(v *strictjson.Value) []*jsonNode {
	list := g.references(v)
	if len(list) > 0 && g.dialect == dialectDraft07 {
		return list // draft-07 ignores what stands beside $ref
	}
	if v.Get("enum") != nil {
		list = append(list, g.plain(nodeEnum, v))
	}
	for _, word := range combiningWords {
		if branches := v.Get(word); branches != nil {
			list = append(list, g.combination(word, v, branches.Items))
		}
	}
	if not := v.Get("not"); not != nil {
		n := g.plain(nodeNot, v)
		n.inner = g.node(not)
		list = append(list, n)
	}
	if v.Get("const") != nil {
		list = append(list, g.plain(nodeConst, v))
	}
	return append(list, g.typed(v)...)
}

// referenceWords are the keywords that refer to a schema.
func (g *jsonGraph) referenceWords() []string {
	words := []string{"$ref", "$dynamicRef", "$recursiveRef"}
	if g.dialect == dialectDraft07 {
		return words[:1]
	}
	return words
}

func (g *jsonGraph) references(v *strictjson.Value) []*jsonNode {
	var list []*jsonNode
	for _, word := range g.referenceWords() {
		if ref := v.StringAt(word); ref != "" {
			n := g.plain(nodeReference, v)
			n.written, n.ref = ref, g.absolute(v, ref)
			list = append(list, n)
		}
	}
	return list
}

func (g *jsonGraph) combination(criterion string, v *strictjson.Value, branches []*strictjson.Value) *jsonNode {
	n := &jsonNode{graph: g, kind: nodeCombined, src: v, criterion: criterion}
	for _, branch := range branches {
		n.parts = append(n.parts, g.node(branch))
	}
	return n
}

// typed is one node for type, and one for each kind of values that keywords
// speak of without a type.
func (g *jsonGraph) typed(v *strictjson.Value) []*jsonNode {
	var list []*jsonNode
	var taken []nodeKind
	if t := v.Get("type"); t != nil {
		n := g.types(v, t)
		list = append(list, n)
		taken = append(taken, n.kind)
		for _, part := range n.parts {
			taken = append(taken, part.kind)
		}
	}
	for _, kind := range []nodeKind{nodeArray, nodeObject, nodeNumber, nodeString, nodeConditional} {
		if !slices.Contains(taken, kind) && g.speaksOf(kind, v) {
			list = append(list, g.plain(kind, v))
		}
	}
	return list
}

func (g *jsonGraph) types(v, t *strictjson.Value) *jsonNode {
	if t.Kind != strictjson.Array {
		return g.typeNode(v, t.Text)
	}
	n := &jsonNode{graph: g, kind: nodeCombined, src: v, criterion: "anyOf", implied: true}
	for _, name := range t.Items {
		n.parts = append(n.parts, g.typeNode(v, name.Text))
	}
	return n
}

var typeKinds = map[string]nodeKind{
	"string": nodeString, "integer": nodeNumber, "number": nodeNumber, "boolean": nodeBoolean,
	"null": nodeNull, "array": nodeArray, "object": nodeObject,
}

func (g *jsonGraph) typeNode(v *strictjson.Value, name string) *jsonNode {
	n := g.plain(typeKinds[name], v)
	n.integer = name == "integer"
	return n
}

func (g *jsonGraph) speaksOf(kind nodeKind, v *strictjson.Value) bool {
	var words, later []string
	switch kind {
	case nodeArray:
		words, later = arrayWords, laterArrayWords
	case nodeObject:
		words, later = objectWords, laterObjectWords
	case nodeNumber:
		words = numberWords
	case nodeString:
		words = stringWords
		if g.dialect != dialectModern && v.Get("format") != nil {
			return true
		}
	case nodeConditional:
		words = conditionalWords
	}
	has := func(word string) bool { return v.Get(word) != nil }
	return slices.ContainsFunc(words, has) || g.dialect != dialectDraft07 && slices.ContainsFunc(later, has)
}
