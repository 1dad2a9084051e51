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
	named map[string]match // by names, plainly
	exact map[string]match // of the object itself, as they are written
	bound map[string]match // by what they are bound to
}

// find looks for the field of a name: one that is bound to it, one of the object
// itself, or one of the objects in it. path is what it may be bound to.
func (c *conformance) find(given, asked *shape, p *property, path string) match {
	s := c.scope(given)
	for _, name := range []string{path, p.name} {
		if m := s.bound[bindingName(name)]; m.property != nil {
			return m
		}
	}
	if m := s.exact[p.name]; m.property != nil {
		return m
	}
	names := p.names(asked)
	for _, alias := range p.aliases {
		names = append(names, plainFieldName(alias))
	}
	for _, name := range names {
		if m := s.named[name]; m.property != nil {
			return m
		}
	}
	return match{}
}

// scope looks through an object once.
func (c *conformance) scope(of *shape) *scope {
	if s := c.scopes[of]; s != nil {
		return s
	}
	s := &scope{named: map[string]match{}, exact: map[string]match{}, bound: map[string]match{}}
	c.scopes[of] = s
	type level struct {
		in    *shape
		path  string
		given bool
	}
	queue := []level{{of, "", true}}
	seen := map[*shape]bool{of: true}
	for i := 0; i < len(queue) && c.step(); i++ {
		at := queue[i]
		var found []match
		for _, p := range at.in.properties {
			if !c.step() {
				break
			}
			m := match{p, at.in, join(at.path, p.name), at.given && p.present()}
			found = append(found, m)
			if inner := p.shape(); inner.isWrapper() && !seen[inner] {
				seen[inner] = true
				queue = append(queue, level{inner, m.path, m.given})
			}
		}
		s.take(found, i == 0)
	}
	return s
}

// take adds the fields of one object. A name that is there already stands
// nearer; of one object, a field's own name comes before what it is short for.
func (s *scope) take(found []match, own bool) {
	keep := func(table map[string]match, name string, m match) {
		if table[name].property == nil {
			table[name] = m
		}
	}
	for _, m := range found {
		switch {
		case m.property.reference != "":
			keep(s.bound, bindingName(m.property.reference), m)
			continue
		case own:
			keep(s.exact, m.property.name, m)
		}
		keep(s.named, plainFieldName(m.property.name), m)
	}
	for _, m := range found {
		if m.property.reference == "" {
			for _, name := range slices.Compact(m.property.names(m.in)) {
				keep(s.named, name, m)
			}
		}
	}
}
