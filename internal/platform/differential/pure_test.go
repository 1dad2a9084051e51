package differential_test

import (
	"context"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// pure is the one function that decides, asked about what was put into the
// platform, without any of the platform in between.
type pure struct {
	system   access.System
	products map[string]*catalog.Product // as stored, with their effective markings
	policies map[string]*catalog.CaveatPolicy
}

func (pure) speaks(request) bool { return true }

func (p pure) permits(_ context.Context, requests []request) ([]bool, error) {
	var verdicts []bool
	for _, r := range requests {
		verdicts = append(verdicts, p.code(r) == "")
	}
	return verdicts, nil
}

// code is why the request is denied, "" when it is not.
func (p pure) code(r request) string {
	if !slices.Contains([]string{"read", "display", "download"}, r.action) {
		return "unknown_action"
	}
	return p.decide(r, r.product)
}

// decide answers for a product and for everything that it is made from.
func (p pure) decide(r request, id string) string {
	product := p.products[id]
	if product == nil {
		return "unknown_resource"
	}
	effective, err := p.system.Vocabulary.Parse(product.EffectiveMarking)
	if err != nil {
		return marking.DenyUnknownMarking
	}
	terms := p.system.Terms(effective, p.policies[product.CaveatPolicy])
	d := terms.Decide(p.system.Vocabulary.Holder(&r.subject.Attributes), access.Use{Action: marking.Action(r.action), Purpose: r.purpose, Given: r.subject.Purposes})
	for _, input := range product.Inputs {
		if d.Permit {
			code := p.decide(r, input)
			d = marking.Decision{Permit: code == "", Code: code}
		}
	}
	return d.Code
}
