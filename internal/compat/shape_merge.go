package compat

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// merge is how types are put together.
type merge byte

const (
	mergeAll merge = '&' // what all let through
	mergeAny merge = '|' // what one of them lets through
)

// merger puts types together, the same ones once. A merged type is known by the
// set of its parts, so that a type whose parts lead to themselves comes to an
// end.
type merger struct {
	work  *budget
	ids   map[*shape]int
	known map[string]*shape
}

func newMerger(work *budget) *merger {
	return &merger{work: work, ids: map[*shape]int{}, known: map[string]*shape{}}
}

// of is the type made of a list of types, any type of none. Without budget it is
// any type too: whoever asks has to look whether there was some.
func (m *merger) of(how merge, list []*shape) *shape {
	for _, s := range list {
		if !m.work.spend(len(s.parts) + len(s.properties)) {
			return &shape{classes: classAny}
		}
	}
	parts := m.flatten(how, list)
	switch len(parts) {
	case 0:
		return &shape{classes: classAny}
	case 1:
		return parts[0]
	}
	key := m.key(how, parts)
	if s := m.known[key]; s != nil {
		return s
	}
	s := &shape{merge: how, parts: parts}
	m.known[key] = s
	for _, part := range parts {
		s.name = cmp.Or(s.name, part.name)
		if s.items == nil {
			s.items = part.items
		}
	}
	s.classes = how.classes(parts)
	s.properties = m.properties(how, parts)
	return s
}

// flatten puts the parts of parts in their place, each once.
func (m *merger) flatten(how merge, list []*shape) []*shape {
	var parts []*shape
	seen := map[*shape]bool{}
	add := func(s *shape) {
		if blank := how == mergeAll && s.says() == 0; !seen[s] && !blank {
			seen[s] = true
			parts = append(parts, s)
		}
	}
	for _, s := range list {
		if s.merge != how {
			add(s)
			continue
		}
		for _, part := range s.parts {
			add(part)
		}
	}
	return parts
}

// says counts what a type says about its values.
func (s *shape) says() int {
	n := len(s.name) + len(s.properties)
	if s.classes != classAny {
		n++
	}
	if s.items != nil {
		n++
	}
	return n
}

func (m *merger) key(how merge, parts []*shape) string {
	ids := make([]int, 0, len(parts))
	for _, part := range parts {
		id, known := m.ids[part]
		if !known {
			id = len(m.ids)
			m.ids[part] = id
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var b strings.Builder
	b.WriteByte(byte(how))
	for _, id := range ids {
		b.WriteString(strconv.Itoa(id))
		b.WriteByte(',')
	}
	return b.String()
}

func (how merge) classes(parts []*shape) classes {
	c := parts[0].classes
	for _, part := range parts[1:] {
		if how == mergeAll {
			c = c.and(part.classes)
		} else {
			c |= part.classes
		}
	}
	return c
}

// properties are those of all parts, by name. A property that only some of
// several alternatives have is optional.
func (m *merger) properties(how merge, parts []*shape) []*property {
	var names []string
	named := map[string][]*property{}
	objects := 0
	for _, part := range parts {
		if how == mergeAny && part.classes&classObject == 0 {
			continue
		}
		objects++
		for _, p := range part.properties {
			if named[p.name] == nil {
				names = append(names, p.name)
			}
			named[p.name] = append(named[p.name], p)
		}
	}
	list := make([]*property, 0, len(names))
	for _, name := range names {
		list = append(list, m.property(how, named[name], objects))
	}
	return list
}

// property is made of the descriptions that some of the objects have of it.
func (m *merger) property(how merge, list []*property, objects int) *property {
	everywhere := how == mergeAll || len(list) == objects
	if len(list) == 1 && everywhere {
		return list[0]
	}
	out := *list[0]
	for _, p := range list[1:] {
		if how == mergeAll {
			out.asked, out.given = out.asked || p.asked, out.given || p.given
		} else {
			out.asked, out.given = out.asked && p.asked, out.given && p.given
		}
		out.Description = cmp.Or(out.Description, p.Description)
		out.Unit = cmp.Or(out.Unit, p.Unit)
		out.reference = cmp.Or(out.reference, p.reference)
		out.aliases = append(slices.Clip(out.aliases), p.aliases...)
	}
	out.asked, out.given = out.asked && everywhere, out.given && everywhere
	out.loaded, out.plain = nil, nil
	out.load = func() *shape {
		shapes := make([]*shape, 0, len(list))
		for _, p := range list {
			shapes = append(shapes, p.shape())
		}
		return m.of(how, shapes)
	}
	return &out
}
