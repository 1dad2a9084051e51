package platform

import (
	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// sight decides what a caller may see of what is stored. What a proposal would
// change does not count, or a proposal could be used to look behind a marking.
type sight struct {
	authority
	system   access.System
	holder   *marking.Holder // the caller
	action   marking.Action
	data     bool                        // it is about the data: no team lets anybody in
	products map[string]marking.Decision // with all that they are made from
	terms    map[terms]marking.Decision
	roles    map[string]bool // domain to whether the caller is in its active team
}

func newSight(a authority, system access.System) *sight {
	return &sight{
		authority: a, system: system, holder: system.Vocabulary.Holder(&a.caller.Attributes), action: marking.ActionRead,
		products: map[string]marking.Decision{}, terms: map[terms]marking.Decision{}, roles: map[string]bool{},
	}
}

// terms are all of a product that decides whether a stranger may read it.
type terms struct{ marking, policy string }

// sees reports whether the object exists as far as the caller is concerned.
func (s *sight) sees(ref catalog.Ref) (bool, error) {
	object, err := s.world.get(ref)
	if object == nil || err != nil {
		return false, err
	}
	product, ok := object.(*catalog.Product)
	if !ok || s.caller.Administrator {
		return true, nil
	}
	d, err := s.decide(product)
	return d.Permit, err
}

// knowsSuccessor reports whether the caller may be told what a product names as
// its successor: the team that wrote it down may, and who sees the successor. To
// anybody else it would tell that the successor exists.
func (s *sight) knowsSuccessor(product *catalog.Product) (bool, error) {
	if s.caller.Administrator {
		return true, nil
	}
	if member, err := s.member(product.Domain); member || err != nil {
		return member, err
	}
	return s.sees(catalog.Ref{Kind: catalog.KindProduct, ID: product.Successor})
}

// decide answers for a product and all that it is made from. Most refusals
// need no walk through the lineage.
func (s *sight) decide(product *catalog.Product) (marking.Decision, error) {
	if d, err := s.alone(product); err != nil || !d.Permit {
		return d, err
	}
	if member, err := s.member(product.Domain); err != nil || member {
		return marking.Decision{Permit: member}, err
	}
	id := product.Ref().ID
	if d, known := s.products[id]; known {
		return d, nil
	}
	err := ancestorsFirst(id, s.inputs, s.known, s.add)
	return s.products[id], err
}

func (s *sight) inputs(id string) ([]string, error) {
	product, err := find[*catalog.Product](s.world, catalog.KindProduct, id)
	if product == nil || err != nil {
		return nil, err
	}
	return product.Inputs, nil
}

func (s *sight) known(id string) bool {
	_, ok := s.products[id]
	return ok
}

// add settles one product after its inputs: a derived product shows what it is
// made of, so it is seen only by those who see all of that. Of products that
// are made from each other, none is.
func (s *sight) add(component []string) error {
	for _, id := range component {
		product, err := find[*catalog.Product](s.world, catalog.KindProduct, id)
		if err != nil {
			return err
		}
		if product == nil {
			s.products[id] = unknownMarking
			continue
		}
		if s.products[id], err = s.settle(product); err != nil {
			return err
		}
	}
	return nil
}

// unknownMarking is the decision on what has no marking that can be read, or
// is not there to have one.
var unknownMarking = marking.Decision{Code: marking.DenyUnknownMarking}

func (s *sight) settle(product *catalog.Product) (marking.Decision, error) {
	d, err := s.alone(product)
	if err != nil || !d.Permit {
		return d, err
	}
	if member, err := s.member(product.Domain); err != nil || member {
		return d, err
	}
	for _, id := range product.Inputs {
		input, settled := s.products[id]
		switch {
		case !settled:
			return unknownMarking, nil
		case !input.Permit:
			return input, nil
		}
	}
	return d, nil
}

// alone decides on the product's own marking and policy, or on membership.
func (s *sight) alone(product *catalog.Product) (marking.Decision, error) {
	if member, err := s.member(product.Domain); err != nil || member {
		return marking.Decision{Permit: member}, err
	}
	of := terms{product.EffectiveMarking, product.CaveatPolicy}
	if d, known := s.terms[of]; known {
		return d, nil
	}
	prepared, err := s.prepare(of)
	if err != nil {
		return marking.Decision{}, err
	}
	s.terms[of] = prepared.Decide(s.holder, s.action)
	return s.terms[of], nil
}

// prepare reads the terms. It fails closed: without a marking, or with one
// that this vocabulary does not know, nobody but the team sees a product, and
// neither does anybody under a policy that is not there.
func (s *sight) prepare(of terms) (*access.Terms, error) {
	var policy *catalog.CaveatPolicy
	if of.policy != "" {
		var err error
		if policy, err = find[*catalog.CaveatPolicy](s.world, catalog.KindCaveatPolicy, of.policy); err != nil {
			return nil, err
		}
		if policy == nil {
			return access.Closed(access.DenyExcluded), nil
		}
	}
	effective, err := s.system.Vocabulary.Parse(of.marking)
	if err != nil || of.marking == "" {
		effective = marking.Marking{}
	}
	return s.system.Terms(effective, policy), nil
}

// member reports whether the caller is in the domain's active team, whatever
// its role there. Membership shows the catalogue's entry of a product; its data
// is only for who is cleared for it.
func (s *sight) member(domain string) (bool, error) {
	if s.data {
		return false, nil
	}
	if member, known := s.roles[domain]; known {
		return member, nil
	}
	role, err := s.role(domain)
	if err != nil {
		return false, err
	}
	s.roles[domain] = role != ""
	return role != "", nil
}
