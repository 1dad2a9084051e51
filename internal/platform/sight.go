package platform

import (
	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// sight decides what a caller may see of what is stored. What a proposal would
// change does not count, or a proposal could be used to look behind a marking.
//
// Where a service acts for the caller, both must be let in, each by its own
// claims and by its own teams.
type sight struct {
	authority                 // of the caller itself
	via       *sight          // of the service that acts for it, nil for none
	holder    *marking.Holder // the caller
	use       access.Use
	data      bool                        // it is about the data: no team lets anybody in, and purposes count
	lists     []string                    // organisations that are on every dissemination list
	products  map[string]marking.Decision // with all that they are made from
	terms     map[terms]marking.Decision
	named     map[catalog.Ref]marking.Decision // objects by what they name
	versions  map[versionKey]bool
	roles     map[string]bool // domain to whether the caller is in its active team
}

func newSight(a authority) *sight {
	parties := a.caller.Parties()
	if len(parties) == 1 {
		return ownSight(a)
	}
	s := ownSight(a.of(parties[0]))
	s.via = ownSight(a.of(parties[1]))
	return s
}

func ownSight(a authority) *sight {
	return &sight{
		authority: a, holder: a.admission.system.Vocabulary.Holder(&a.caller.Attributes), use: access.Use{Action: marking.ActionRead},
		products: map[string]marking.Decision{}, terms: map[terms]marking.Decision{}, roles: map[string]bool{},
		named: map[catalog.Ref]marking.Decision{}, versions: map[versionKey]bool{},
	}
}

// terms are all of a product that decides whether a stranger may read it.
type terms struct{ marking, policy string }

// sees reports whether the object exists as far as the caller is concerned. The
// domain comes first, so that nothing is read of what lies in a hidden one.
func (s *sight) sees(ref catalog.Ref) (bool, error) {
	seen, err := s.seesItself(ref)
	if s.via == nil || !seen || err != nil {
		return seen, err
	}
	return s.via.sees(ref)
}

func (s *sight) seesItself(ref catalog.Ref) (bool, error) {
	if hidden, err := s.hides(ref); hidden || err != nil {
		return false, err
	}
	object, err := s.world.get(ref)
	if object == nil || err != nil {
		return false, err
	}
	if s.admission.unlimited() {
		return true, nil
	}
	var d marking.Decision
	if product, ok := object.(*catalog.Product); ok {
		d, err = s.decide(product)
	} else {
		d, err = s.naming(object)
	}
	return d.Permit, err
}

// hides reports whether the domain of an object does not exist as far as the
// caller is concerned.
func (s *sight) hides(ref catalog.Ref) (bool, error) {
	if s.admission.unlimited() || ref.Domain() == "" {
		return false, nil
	}
	if looks, err := s.admission.looks(); !looks || err != nil {
		return false, err
	}
	known, err := s.knows(ref.Domain())
	if !known || err != nil || s.via == nil {
		return !known, err
	}
	return s.via.hides(ref)
}

// naming decides by what an object names: it shows that its targets exist, so
// it is seen only by those who see each of them. The team of its domain sees it
// all the same: it wrote the names, or knew them before they were hidden.
func (s *sight) naming(object catalog.Object) (marking.Decision, error) {
	permit := marking.Decision{Permit: true}
	looks, err := s.admission.looks()
	if !looks || err != nil {
		return marking.Decision{Permit: err == nil}, err
	}
	ref := object.Ref()
	if d, known := s.named[ref]; known {
		return d, nil
	}
	s.named[ref] = unknownMarking // what a loop meets
	d := permit
	if member, err := s.member(ref.Domain()); err != nil {
		return marking.Decision{}, err
	} else if !member {
		if d, err = s.targets(object); err != nil {
			return marking.Decision{}, err
		}
	}
	s.named[ref] = d
	return d, nil
}

// targets decides by the first target that is not seen. Inputs of products are
// judged with the lineage.
func (s *sight) targets(object catalog.Object) (marking.Decision, error) {
	for _, reference := range object.References() {
		if reference.To.Kind == catalog.KindProduct {
			continue
		}
		if d, err := s.admission.admits(reference.To.Domain()); err != nil || !d.Permit {
			return d, err
		}
		target, err := s.world.get(reference.To)
		if target == nil || err != nil {
			return marking.Decision{Permit: err == nil}, err
		}
		if d, err := s.naming(target); err != nil || !d.Permit {
			return d, err
		}
	}
	return marking.Decision{Permit: true}, nil
}

// registered reports whether a version of a subject exists as far as the caller
// is concerned: its domain does, the object of the catalogue that it is one
// with, and all that it refers to.
func (s *sight) registered(r catalog.Registration) (bool, error) {
	if looks, err := s.admission.looks(); s.admission.unlimited() || !looks || err != nil {
		return err == nil, err
	}
	key := versionKey{r.Subject, r.Version}
	if seen, known := s.versions[key]; known {
		return seen, nil
	}
	s.versions[key] = false // what a loop meets
	seen, err := s.registration(r)
	if seen && err == nil && s.via != nil {
		seen, err = s.via.registered(r)
	}
	s.versions[key] = seen
	return seen, err
}

func (s *sight) registration(r catalog.Registration) (bool, error) {
	if hidden, err := s.hidesSubject(r.Subject); hidden || err != nil {
		return false, err
	}
	if role, err := s.role(r.Subject.Domain()); role != "" || err != nil {
		return err == nil, err
	}
	if ref, ok := r.Subject.Schema(); ok {
		object, err := s.world.get(ref)
		if err != nil {
			return false, err
		}
		if object != nil {
			if d, err := s.naming(object); err != nil || !d.Permit {
				return false, err
			}
		}
	}
	for _, reference := range r.Schema.References {
		seen, err := s.version(reference)
		if !seen || err != nil {
			return false, err
		}
	}
	return true, nil
}

// version reports whether what a version refers to is seen.
func (s *sight) version(reference catalog.SubjectReference) (bool, error) {
	target, found, err := s.admission.stored.version(reference.Subject, reference.Version)
	if err != nil {
		return false, err
	}
	if !found { // removed for ever
		hidden, err := s.hidesSubject(reference.Subject)
		return !hidden, err
	}
	return s.registered(target)
}

// hidesSubject reports whether a subject belongs to a domain that is hidden. A
// subject may have the name of a domain that the catalogue does not know.
func (s *sight) hidesSubject(subject catalog.Subject) (bool, error) {
	if s.admission.unlimited() || subject.Domain() == "" {
		return false, nil
	}
	d, err := s.admission.admits(subject.Domain())
	if !d.Permit || err != nil || s.via == nil {
		return !d.Permit, err
	}
	return s.via.hidesSubject(subject)
}

// knowsSuccessor reports whether the caller may be told what a product names as
// its successor: the team that wrote it down may, and who sees the successor. To
// anybody else it would tell that the successor exists, to a service as well.
func (s *sight) knowsSuccessor(product *catalog.Product) (bool, error) {
	known, err := s.knowsSuccessorItself(product)
	if s.via == nil || !known || err != nil {
		return known, err
	}
	return s.via.knowsSuccessor(product)
}

func (s *sight) knowsSuccessorItself(product *catalog.Product) (bool, error) {
	if s.caller.Administers() {
		return true, nil
	}
	if member, err := s.member(product.Domain); member || err != nil {
		return member, err
	}
	return s.seesItself(catalog.Ref{Kind: catalog.KindProduct, ID: product.Successor})
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
		d.Obligations = obliged(d.Obligations, input.Obligations)
	}
	return d, nil
}

// alone decides on the product's domain and then on its own marking and policy
// and on what it names, or on membership.
func (s *sight) alone(product *catalog.Product) (marking.Decision, error) {
	if d, err := s.admission.admits(product.Domain); err != nil || !d.Permit {
		return d, err
	}
	if member, err := s.member(product.Domain); err != nil || member {
		return marking.Decision{Permit: member}, err
	}
	d, err := s.by(terms{product.EffectiveMarking, product.CaveatPolicy})
	if err != nil || !d.Permit {
		return d, err
	}
	if named, err := s.naming(product); err != nil || !named.Permit {
		return named, err
	}
	return d, nil
}

// by decides on terms, once for all products that have them.
func (s *sight) by(of terms) (marking.Decision, error) {
	if d, known := s.terms[of]; known {
		return d, nil
	}
	prepared, err := s.prepare(of)
	if err != nil {
		return marking.Decision{}, err
	}
	s.terms[of] = prepared.Decide(s.holder, s.use)
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
	if s.lists != nil {
		on := catalog.CaveatPolicy{ReleasableTo: s.admission.system.Vocabulary.Affiliations()} // no bound
		if policy != nil {
			on = *policy
		}
		on.DisseminationList = s.lists
		policy = &on
	}
	if policy != nil && !s.data {
		shown := *policy
		shown.Purposes = nil // they say what data is for, not who knows of it
		policy = &shown
	}
	effective, err := s.admission.system.Vocabulary.Parse(of.marking)
	if err != nil || of.marking == "" {
		effective = marking.Marking{}
	}
	return s.admission.system.Terms(effective, policy), nil
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
