package platform

import "github.com/meshwright/terraform-provider-datamesh/internal/catalog"

// refuses says why the caller may not make this change, see [authority.refuses].
// A member of a domain's team sees all that is in it, but not through every
// service: what is not shown through one is not changed through it either, or who
// has the service in hand would lower a product that it may not know of.
func (j *judge) refuses(ref catalog.Ref, next catalog.Object) ([]catalog.Problem, error) {
	problems, err := j.authority.refuses(ref, next)
	if problems != nil || err != nil {
		return problems, err
	}
	return j.eclipsed(ref)
}

// refusesSubject is refuses for a subject of the registry, see
// [authority.refusesSubject].
func (j *judge) refusesSubject(s catalog.Scope) ([]catalog.Problem, error) {
	problems, err := j.authority.refusesSubject(s)
	if problems != nil || err != nil {
		return problems, err
	}
	ref, ok := s.Schema()
	if !ok {
		return nil, nil
	}
	return j.eclipsed(ref)
}

// eclipsed refuses what is there and not shown through the service. That the name
// is taken is all that it tells.
func (j *judge) eclipsed(ref catalog.Ref) ([]catalog.Problem, error) {
	if j.caller.Via == nil {
		return nil, nil
	}
	object, err := j.before.get(ref)
	if object == nil || err != nil {
		return nil, err
	}
	seen, err := j.sight.sees(ref)
	if seen || err != nil {
		return nil, err
	}
	return forbidden("", "This name is not for use through the service that acts for you.", "Make the change without the service, or take another name."), nil
}
