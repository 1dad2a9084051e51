package platform

import (
	"maps"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// around lists the domains whose markings decide on a product beside its own
// marking: that in which it lies, and those of all that it names, at any depth.
// Inputs are judged with the lineage. None, as long as no domain has a marking.
func (c *census) around(product *catalog.Product) ([]string, error) {
	if looks, err := c.admission.looks(); !looks || err != nil {
		return nil, err
	}
	domains, met := map[string]bool{product.Domain: true}, map[catalog.Ref]bool{}
	for waiting := referred(product); len(waiting) > 0; {
		ref := waiting[0]
		if waiting = waiting[1:]; met[ref] {
			continue
		}
		met[ref], domains[ref.Domain()] = true, true
		next, err := c.namedBy(ref)
		if err != nil {
			return nil, err
		}
		waiting = append(waiting, next...)
	}
	delete(domains, "")
	return slices.Sorted(maps.Keys(domains)), nil
}

// referred are the references of an object that are no inputs.
func referred(object catalog.Object) (refs []catalog.Ref) {
	for _, reference := range object.References() {
		if reference.To.Kind != catalog.KindProduct {
			refs = append(refs, reference.To)
		}
	}
	return refs
}

// namedBy is referred for what is stored. It keeps the references and not the
// object, whose text may be large.
func (c *census) namedBy(ref catalog.Ref) ([]catalog.Ref, error) {
	if refs, known := c.names[ref]; known {
		return refs, nil
	}
	object, err := newStored(c.before.ctx, c.before.reader).get(ref)
	if err != nil {
		return nil, err
	}
	c.names[ref] = nil
	if object != nil {
		c.names[ref] = referred(object)
	}
	return c.names[ref], nil
}

// into is whom a domain exists for.
func (c *census) into(side *reaches, domain string) (*reach, error) {
	if known := side.in[domain]; known != nil {
		return known, nil
	}
	joined, err := joinedMarking(c.before, side.by.vocabulary, domain)
	if err != nil {
		return nil, err
	}
	admits := func(holder *marking.Holder) (marking.Decision, error) {
		one := &admission{stored: c.before, system: side.by.system, marks: side.by.marks, domains: map[string]standing{}, holders: []*marking.Holder{holder}}
		return one.admits(domain)
	}
	nobody, err := admits(nil)
	if err != nil {
		return nil, err
	}
	r := c.empty()
	r.closed = !nobody.Permit && nobody.Code != marking.DenyMissingClaim
	for i, code := range c.codes {
		d, err := admits(side.by.vocabulary.Holder(official(code, joined.ReadIns())))
		if err != nil {
			return nil, err
		}
		if d.Permit {
			r.read[i/64] |= 1 << (i % 64)
			r.display[i/64] |= 1 << (i % 64)
		}
	}
	side.in[domain] = c.share(r)
	return side.in[domain], nil
}

// official is for whom a census asks: a member of the government of a nation, or
// of the staff of an organisation, with everything but a nationality that counts.
func official(code string, readIns []string) *marking.Subject {
	subject := &marking.Subject{Clearance: "TS", CountryOfAffiliation: []string{code}, FineAccessControls: readIns,
		DutyOrganization: otherOrganization, EmploymentType: "gov"}
	if code == ownNation {
		subject.DutyOrganization = americanOrganization
	}
	return subject
}
