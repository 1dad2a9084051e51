package compat

import "strconv"

// unwrapped reports whether a combination on one side only is compatible
// through one of its branches: the only one; any one of the reader's anyOf or
// oneOf; any one of the writer's allOf.
func (w *jsonWalk) unwrapped(o, u *jsonNode) bool {
	switch {
	case o.kind != nodeCombined && u.kind == nodeCombined:
		if len(u.parts) != 1 && u.criterion == "allOf" {
			return false
		}
		for _, part := range u.parts {
			if w.compatible(o, part) {
				return true
			}
		}
	case o.kind == nodeCombined && u.kind != nodeCombined:
		if len(o.parts) != 1 && o.criterion != "allOf" {
			return false
		}
		for _, part := range o.parts {
			if w.compatible(part, u) {
				return true
			}
		}
	}
	return false
}

func (w *jsonWalk) combinations(at spot, o, u *jsonNode) bool {
	if !sameOrWider(o, u) {
		return w.say(at, "COMBINED_TYPE_CHANGED", o.criterion, u.criterion)
	}
	old, new := w.distinct(o), w.distinct(u)
	ok := true
	switch {
	case len(old) < len(new) && u.criterion == "allOf":
		ok = w.say(at, "PRODUCT_TYPE_EXTENDED", branches(o, old), branches(u, new))
	case len(old) > len(new) && o.criterion != "allOf":
		ok = w.say(at, "SUM_TYPE_NARROWED", branches(o, old), branches(u, new))
	}
	if at.enough(ok) {
		return false
	}
	m := w.match(at, old, new)
	if m.size >= min(len(old), len(new)) {
		return ok
	}
	w.unmatched(at, o, m)
	return false
}

func branches(n *jsonNode, list []*jsonNode) string {
	return n.criterion + " of " + strconv.Itoa(len(list))
}

// sameOrWider reports whether the reader combines its branches as the writer
// did, or so that one branch is enough.
func sameOrWider(o, u *jsonNode) bool {
	single, singleReader := len(o.parts) == 1, len(u.parts) == 1
	return o.criterion == u.criterion || u.criterion == "anyOf" ||
		single && (singleReader || u.criterion == "oneOf") || singleReader && o.criterion == "allOf"
}

// distinct is the branches without repetition.
func (w *jsonWalk) distinct(n *jsonNode) []*jsonNode {
	if n.implied {
		return n.parts
	}
	var list []*jsonNode
	seen := map[int]bool{}
	for _, part := range n.parts {
		if id := w.ids.of(part.src); !seen[id] {
			seen[id] = true
			list = append(list, part)
		}
	}
	return list
}

// matching pairs branches of the writer with branches of the reader that can
// read them, each at most once.
type matching struct {
	old, new []*jsonNode
	size     int
	partOf   []int // index of the writer's branch for each of the reader's, -1 for none
	taken    []bool
	edges    [][]int // the reader's branches that can read each of the writer's, nil before they are looked for
	tried    []int   // the writer's branch that tried each of the reader's last
}

// match finds a largest matching by augmenting paths. Quietly it stops when
// the matching cannot cover the smaller side any more.
func (w *jsonWalk) match(at spot, old, new []*jsonNode) matching {
	m := matching{old: old, new: new, partOf: make([]int, len(new)), taken: make([]bool, len(old)), edges: make([][]int, len(old)), tried: make([]int, len(new))}
	for j := range new {
		m.partOf[j], m.tried[j] = -1, -1
	}
	w.matchLikely(&m)
	spare := len(old) - min(len(old), len(new))
	for i := 0; i < len(old) && m.size < len(new) && !w.exhausted(); i++ {
		switch {
		case m.taken[i]:
		case w.augment(&m, i, i):
			m.taken[i] = true
			m.size++
		case spare == 0 && !at.loud:
			return m
		default:
			spare--
		}
	}
	return m
}

// matchLikely pairs the branches that are written alike, then those at the same
// position: a schema of many branches is compared with its next version
// without comparing all with all.
func (w *jsonWalk) matchLikely(m *matching) {
	byID := make(map[int]int, len(m.new))
	for j, part := range m.new {
		byID[w.ids.of(part.src)] = j
	}
	for i, part := range m.old {
		if j, alike := byID[w.ids.of(part.src)]; alike {
			w.pair(m, i, j)
		}
	}
	for i := range min(len(m.old), len(m.new)) {
		w.pair(m, i, i)
	}
}

// pair pairs two branches if both are free and the one can be read with the
// other.
func (w *jsonWalk) pair(m *matching, i, j int) {
	if !m.taken[i] && m.partOf[j] < 0 && w.compatible(m.old[i], m.new[j]) && !w.exhausted() {
		m.partOf[j], m.taken[i] = i, true
		m.size++
	}
}

func (w *jsonWalk) augment(m *matching, i, start int) bool {
	for _, j := range w.readersOf(m, i) {
		if !w.step() {
			return false
		}
		if m.tried[j] == start {
			continue
		}
		m.tried[j] = start
		if m.partOf[j] < 0 || w.augment(m, m.partOf[j], start) {
			m.partOf[j] = i
			return true
		}
	}
	return false
}

// readersOf is the reader's branches that can read one of the writer's.
func (w *jsonWalk) readersOf(m *matching, i int) []int {
	if m.edges[i] != nil {
		return m.edges[i]
	}
	m.edges[i] = []int{}
	for j, candidate := range m.new {
		if w.exhausted() {
			break
		}
		if w.compatible(m.old[i], candidate) {
			m.edges[i] = append(m.edges[i], j)
		}
	}
	return m.edges[i]
}

// unmatched reports the first branch of the writer that no branch of the
// reader is left for, and what differs where only one can be meant.
func (w *jsonWalk) unmatched(at spot, o *jsonNode, m matching) {
	if !at.loud {
		return
	}
	const kind = "COMBINED_TYPE_SUBSCHEMAS_CHANGED"
	for i, part := range m.old {
		if m.taken[i] {
			continue
		}
		var left []*jsonNode
		for j, candidate := range m.new {
			if m.partOf[j] < 0 && (candidate.kind == part.kind || len(m.new) == 1) {
				left = append(left, candidate)
			}
		}
		here := at
		if !o.implied {
			here = at.in(o.criterion, strconv.Itoa(i))
		}
		if len(left) != 1 {
			w.fail(at, kind, part.src, nil)
			return
		}
		w.fail(at, kind, part.src, left[0].src)
		w.compare(here, part, left[0])
		return
	}
}
