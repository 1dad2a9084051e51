package platform

import (
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// sight decides what a caller may see of what is stored. What a proposal would
// change does not count, or a proposal could be used to look behind a marking.
type sight struct {
	authority
	vocabulary *marking.Vocabulary
	products   map[string]bool
	terms      map[terms]bool  // what they permit
	roles      map[string]bool // domain to whether the caller is in its active team
}

func newSight(a authority, v *marking.Vocabulary) *sight {
	return &sight{a, v, map[string]bool{}, map[terms]bool{}, map[string]bool{}}
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
	// Most refusals need no walk through the lineage.
	if allowed, err := s.alone(product); err != nil || !allowed {
		return false, err
	}
	if member, err := s.member(product.Domain); err != nil || member {
		return member, err
	}
	if seen, known := s.products[ref.ID]; known {
		return seen, nil
	}
	err = ancestorsFirst(ref.ID, s.inputs, s.known, s.add)
	return s.products[ref.ID], err
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
// made of, so it is seen only by those who see all of that.
func (s *sight) add(component []string) error {
	for _, id := range component {
		product, err := find[*catalog.Product](s.world, catalog.KindProduct, id)
		if err != nil {
			return err
		}
		if product == nil {
			s.products[id] = false
			continue
		}
		seen, err := s.alone(product)
		if err != nil {
			return err
		}
		member, err := s.member(product.Domain)
		if err != nil {
			return err
		}
		s.products[id] = member || seen && !slices.ContainsFunc(product.Inputs, func(in string) bool { return !s.products[in] })
	}
	return nil
}

// alone decides on the product's own marking and policy, or on membership.
func (s *sight) alone(product *catalog.Product) (bool, error) {
	if member, err := s.member(product.Domain); err != nil || member {
		return member, err
	}
	of := terms{product.EffectiveMarking, product.CaveatPolicy}
	permitted, known := s.terms[of]
	if known {
		return permitted, nil
	}
	permitted, err := s.permit(of)
	s.terms[of] = permitted
	return permitted, err
}

// permit decides for a stranger. It fails closed: without a marking, or with
// one that this vocabulary does not know, nobody but the team sees a product.
func (s *sight) permit(of terms) (bool, error) {
	policy := &catalog.CaveatPolicy{}
	if of.policy != "" {
		var err error
		if policy, err = find[*catalog.CaveatPolicy](s.world, catalog.KindCaveatPolicy, of.policy); err != nil || policy == nil {
			return false, err
		}
	}
	effective, ok := s.understood(of.marking)
	if !ok || s.excluded(policy) {
		return false, nil
	}
	request := marking.Request{Action: marking.ActionRead, DisseminationList: policy.DisseminationList}
	return s.vocabulary.Access(effective, &s.caller.Attributes, request).Permit, nil
}

// understood parses a stored marking; false for none and for an unknown one.
func (s *sight) understood(text string) (marking.Marking, bool) {
	m, err := s.vocabulary.Parse(text)
	return m, text != "" && err == nil
}

// excluded reports whether a country of the caller is shut out by the policy. A
// policy that the vocabulary cannot expand shuts everybody out.
func (s *sight) excluded(policy *catalog.CaveatPolicy) bool {
	if len(policy.Excluded) == 0 {
		return false
	}
	nations, err := s.vocabulary.Nations(policy.Excluded)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(s.caller.Attributes.CountryOfAffiliation, func(country string) bool {
		return slices.Contains(nations, country)
	})
}

// member reports whether the caller is in the domain's active team, whatever
// its role there.
func (s *sight) member(domain string) (bool, error) {
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
