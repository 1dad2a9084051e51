package compat

import "slices"

// match is the candidate's field for one of the reference.
type match struct {
	property *property // nil when there is none
	in       *shape    // the object that it stands in
	path     string    // from the record
	given    bool      // it and all that it stands in are always there
}

// scope is the fields that can be found in an object: its own, and those of the
// plain objects in it, the nearer ones first.
type scope struct {
	exact map[string]match // as they are written
	named map[string]match // by names, plainly
	bound map[string]match // by what they are bound to
}

func newScope() *scope {
	return &scope{exact: map[string]match{}, named: map[string]match{}, bound: map[string]match{}}
}

// find looks for the field of a name: one that is bound to it, one of the object
// itself, or one of the objects in it. path is what it may be bound to.
func (c *conformance) find(given, asked *shape, p *property, path string) match {
	if c.binds {
		all := c.scope(given)
		for _, name := range []string{path, p.name} {
			if m := all.bound[bindingName(name)]; m.property != nil {
				return m
			}
		}
	}
	own := c.ownScope(given)
	if m := own.exact[p.name]; m.property != nil {
		return m
	}
	names := slices.Clip(p.names(asked))
	for _, alias := range p.aliases {
		names = append(names, plainFieldName(alias))
	}
	if m := own.first(names); m.property != nil {
		return m
	}
	return c.scope(given).first(names)
}

func (s *scope) first(names []string) match {
	for _, name := range names {
		if m := s.named[name]; m.property != nil {
			return m
		}
	}
	return match{}
}

// ownScope is the fields of an object itself, most of what is asked for.
func (c *conformance) ownScope(of *shape) *scope {
	s := c.own[of]
	if s == nil {
		s = newScope()
		c.own[of] = s
		c.level(s, match{in: of, given: true})
	}
	return s
}

// scope looks through an object and those in it once.
func (c *conformance) scope(of *shape) *scope {
	if s := c.scopes[of]; s != nil {
		return s
	}
	s := newScope()
	c.scopes[of] = s
	queue := []match{{in: of, given: true}}
	seen := map[*shape]bool{of: true}
	for i := 0; i < len(queue) && c.step(); i++ {
		for _, m := range c.level(s, queue[i]) {
			if inner := m.property.shape(); inner.isWrapper() && !seen[inner] {
				seen[inner] = true
				queue = append(queue, match{in: inner, path: m.path, given: m.given})
			}
		}
	}
	return s
}

// level adds the fields of one object, at.in, and returns them. A name that is
// there already stands nearer; of one object, a field's own name comes before
// what it is short for.
func (c *conformance) level(s *scope, at match) []match {
	found := make([]match, 0, len(at.in.properties))
	for _, p := range at.in.properties {
		if !c.step() {
			break
		}
		m := match{p, at.in, join(at.path, p.name), at.given && p.present()}
		found = append(found, m)
		s.take(m)
	}
	for _, m := range found {
		if m.property.reference != "" {
			continue
		}
		for _, name := range m.property.names(m.in) {
			keep(s.named, name, m)
		}
	}
	return found
}

func (s *scope) take(m match) {
	if m.property.reference != "" {
		keep(s.bound, bindingName(m.property.reference), m)
		return
	}
	keep(s.exact, m.property.name, m)
	keep(s.named, plainFieldName(m.property.name), m)
}

func keep(table map[string]match, name string, m match) {
	if table[name].property == nil {
		table[name] = m
	}
}
