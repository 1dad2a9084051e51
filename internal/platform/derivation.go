package platform

import (
	"context"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Derivation implements [catalog.Reader].
func (s *session) Derivation(ctx context.Context, id string) (catalog.Derivation, error) {
	var answer catalog.Derivation
	err := s.view(ctx, func(j *judge) (err error) {
		answer, err = j.explain(id)
		return err
	})
	return answer, err
}

// explain derives the marking of a product that the caller sees. CodeNotFound.
func (j *judge) explain(id string) (catalog.Derivation, error) {
	ref := catalog.Ref{Kind: catalog.KindProduct, ID: id}
	if err := wellFormed(ref); err != nil {
		return catalog.Derivation{}, err
	}
	seen, err := j.sight.sees(ref)
	if err != nil {
		return catalog.Derivation{}, err
	}
	if !seen {
		return catalog.Derivation{}, notFound(ref)
	}
	n, err := j.past.node(id)
	if err != nil {
		return catalog.Derivation{}, err
	}
	return j.derivation(n)
}

// derivation explains a node by its declared marking and its inputs. Each
// input can be asked for its own.
func (j *judge) derivation(n *node) (catalog.Derivation, error) {
	product := n.product
	answer := catalog.Derivation{
		Product: product.Ref().ID, DeclaredMarking: product.Marking, InheritedMarking: n.inheritedText(),
		EffectiveMarking: n.effectiveText(), VocabularyVersion: j.vocabulary.Version(), Tokens: []catalog.TokenOrigin{},
	}
	if n.effective.IsZero() {
		return answer, nil
	}
	parts, names, err := j.parts(n)
	if err != nil {
		return catalog.Derivation{}, err
	}
	for _, o := range j.vocabulary.Derive(parts...) {
		origin := catalog.TokenOrigin{Attribute: o.Attribute, Token: o.Token, Rule: o.Rule, Inputs: []string{}}
		for _, part := range o.Parts {
			names[part](&origin)
		}
		answer.Tokens = append(answer.Tokens, origin)
	}
	return answer, nil
}

// parts are the markings that are joined, and how an origin names each.
func (j *judge) parts(n *node) (parts []marking.Marking, names []func(*catalog.TokenOrigin), err error) {
	add := func(m marking.Marking, name func(*catalog.TokenOrigin)) {
		if !m.IsZero() { // what has no marking takes no part
			parts, names = append(parts, m), append(names, name)
		}
	}
	add(j.past.parse(n.product.Marking), func(o *catalog.TokenOrigin) { o.Declared = true })
	for _, id := range n.product.Inputs {
		input := j.past.input(n.product, id)
		if input == nil {
			continue
		}
		seen, err := j.sight.sees(input.product.Ref())
		if err != nil {
			return nil, nil, err
		}
		add(input.effective, func(o *catalog.TokenOrigin) {
			if !seen {
				o.OtherInputs = true
				return
			}
			o.Inputs = append(o.Inputs, id)
		})
	}
	return parts, names, nil
}
