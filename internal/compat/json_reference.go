package compat

import (
	"fmt"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// jsonElsewhere is what a reference to another text is compiled as: a schema
// that accepts everything. The other text has been compiled on its own, and
// texts cannot refer to each other in a circle.
const jsonElsewhere = "datamesh://elsewhere/"

// refer takes the schemas that the text may refer to.
func (s *jsonSchema) refer(refs references) error {
	s.refs = make(map[string]*jsonSchema, len(refs.direct))
	for _, ref := range refs.direct {
		m, ok := ref.Schema.model.(*jsonSchema)
		if !ok {
			return fmt.Errorf("refers to a schema of type %s", ref.Schema.typ)
		}
		s.refs[strings.TrimSuffix(ref.Name, "#")] = m
	}
	return nil
}

// alone is the text with jsonElsewhere in place of every reference to another
// text. Such a reference must lead to a schema there.
func (s *jsonSchema) alone() (*strictjson.Value, error) {
	if len(s.refs) == 0 {
		return s.root, nil
	}
	g := newJSONLibrary(writtenTree).graph(s)
	moved := map[*strictjson.Value]bool{}
	for i := 0; i < len(g.order); i++ { // resolving adds places where JSON Schema has no schema
		for _, word := range g.referenceWords() {
			if ref := g.order[i].Get(word); ref != nil && ref.Kind == strictjson.String {
				if err := g.moves(g.order[i], ref, moved); err != nil {
					return nil, err
				}
			}
		}
	}
	return redirected(s.root, moved), nil
}

// moves notes a reference of v that leaves the text, and refuses one that leads
// nowhere or to the stand-in.
func (g *jsonGraph) moves(v, ref *strictjson.Value, moved map[*strictjson.Value]bool) error {
	if strings.HasPrefix(g.absolute(v, ref.Text), jsonElsewhere) || strings.HasPrefix(g.bases[v], jsonElsewhere) {
		return refuse(ref, pathOf(g.root, ref), "refers to %q: %s", ref.Text, errRemote)
	}
	other, target := g.target(v, ref.Text)
	switch {
	case other == g || other == nil:
		return nil // the library judges it
	case target == nil:
		return refuse(ref, pathOf(g.root, ref), "refers to %q, but the referenced schema has no schema at this place: refer to one of its definitions or anchors", ref.Text)
	}
	moved[ref] = true
	return nil
}

// redirected copies what leads to a moved reference and shares the rest.
func redirected(v *strictjson.Value, moved map[*strictjson.Value]bool) *strictjson.Value {
	if moved[v] {
		out := *v
		out.Text = jsonElsewhere
		return &out
	}
	out := *v
	out.Items, out.Members = nil, nil
	for _, item := range v.Items {
		out.Items = append(out.Items, redirected(item, moved))
	}
	for _, m := range v.Members {
		out.Members = append(out.Members, strictjson.Member{Key: m.Key, Value: redirected(m.Value, moved)})
	}
	return &out
}
