package platform

import (
	"errors"
	"maps"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// maxLineage bounds the products that one walk through the lineage visits.
const maxLineage = 100_000

var errLineageSize = errors.New("the lineage is larger than 100,000 products")

// node is what follows for a product from all that it is made of.
type node struct {
	product              *catalog.Product
	inherited, effective marking.Marking
	// policies maps the caveat policies of ancestors to the product that
	// names each, the one of the smallest id when several do.
	policies map[string]string
	rank     int // ancestors have smaller ranks
	loop     int // equal for products that are ancestors of each other
}

// lineage computes nodes over one world and remembers them. The world's
// markings, inputs and policies must not change meanwhile.
type lineage struct {
	world      world
	vocabulary *marking.Vocabulary
	nodes      map[string]*node
	parsed     map[string]marking.Marking
	loops      int
	// unseen are inputs that the caller named and may not know of. They count
	// as not there, or what is computed would tell their marking.
	unseen map[edge]bool
	// unseenPolicies are caveat policies of which the same holds.
	unseenPolicies map[string]bool
}

// edge is one use of an input.
type edge struct{ product, input string }

func newLineage(w world, v *marking.Vocabulary) *lineage {
	return &lineage{world: w, vocabulary: v, nodes: map[string]*node{}, parsed: map[string]marking.Marking{}, unseen: map[edge]bool{}, unseenPolicies: map[string]bool{}}
}

// node returns the node of a product, nil when the product does not exist.
func (l *lineage) node(id string) (*node, error) {
	if n, ok := l.nodes[id]; ok {
		return n, nil
	}
	err := ancestorsFirst(id, l.inputs, l.known, l.add)
	return l.nodes[id], err
}

func (l *lineage) inputs(id string) ([]string, error) {
	product, err := find[*catalog.Product](l.world, catalog.KindProduct, id)
	if product == nil || err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Clone(product.Inputs), func(input string) bool { return l.unseen[edge{id, input}] }), nil
}

// input returns the node of an input, nil when there is none to count.
func (l *lineage) input(product *catalog.Product, id string) *node {
	if l.unseen[edge{product.Ref().ID, id}] {
		return nil
	}
	return l.nodes[id]
}

func (l *lineage) known(id string) bool {
	_, ok := l.nodes[id]
	return ok
}

// add computes the nodes of one component. Within a loop, which is refused
// elsewhere, an input that has no node yet contributes nothing.
func (l *lineage) add(component []string) error {
	l.loops++
	for _, id := range component {
		product, err := find[*catalog.Product](l.world, catalog.KindProduct, id)
		if err != nil {
			return err
		}
		if product == nil {
			l.nodes[id] = nil
			continue
		}
		l.nodes[id] = l.derive(product)
	}
	return nil
}

func (l *lineage) derive(product *catalog.Product) *node {
	n := &node{product: product, rank: len(l.nodes), loop: l.loops}
	var markings []marking.Marking
	for _, id := range product.Inputs {
		input := l.input(product, id)
		if input == nil {
			continue
		}
		markings = appendMarked(markings, input.effective)
		n.inherit(input)
	}
	n.inherited = l.rollup(markings)
	n.effective = l.rollup(appendMarked(markings, l.parse(product.Marking)))
	return n
}

// inherit takes over the policies of an input and of its ancestors.
func (n *node) inherit(input *node) {
	carried := maps.Clone(input.policies)
	if policy := input.product.CaveatPolicy; policy != "" {
		if carried == nil {
			carried = map[string]string{}
		}
		carried[policy] = input.product.Ref().ID
	}
	if n.policies == nil {
		n.policies = carried
		return
	}
	for policy, via := range carried {
		if known, ok := n.policies[policy]; !ok || via < known {
			n.policies[policy] = via
		}
	}
}

func appendMarked(markings []marking.Marking, m marking.Marking) []marking.Marking {
	if m.IsZero() {
		return markings
	}
	return append(markings, m)
}

// rollup is the join; no marking at all when there is nothing to join, which
// is less than the UNCLASSIFIED of an empty Rollup.
func (l *lineage) rollup(markings []marking.Marking) marking.Marking {
	if len(markings) == 0 {
		return marking.Marking{}
	}
	return l.vocabulary.Rollup(markings...)
}

// parse returns the zero Marking for none and for an invalid one, which Check
// reports.
func (l *lineage) parse(text string) marking.Marking {
	if text == "" {
		return marking.Marking{}
	}
	m, ok := l.parsed[text]
	if !ok {
		m, _ = l.vocabulary.Parse(text)
		l.parsed[text] = m
	}
	return m
}

// downstream returns the products derived from any of these at any depth,
// ancestors before descendants, themselves left out unless they loop.
func (l *lineage) downstream(from []string) ([]*node, error) {
	met, err := l.derived(from)
	if err != nil {
		return nil, err
	}
	return l.ordered(slices.Sorted(maps.Keys(met)))
}

// derived is downstream by ids alone, and without the bodies being read. It
// may hold more: a product that names another as its successor depends on it
// too, and what depends on that.
func (l *lineage) derived(from []string) (map[string]struct{}, error) {
	met := map[string]struct{}{}
	for queue := from; len(queue) > 0; {
		next, err := l.world.dependants(catalog.Ref{Kind: catalog.KindProduct, ID: queue[0]})
		if err != nil {
			return nil, err
		}
		queue = queue[1:]
		for _, ref := range next {
			if _, ok := met[ref.ID]; ok || ref.Kind != catalog.KindProduct {
				continue
			}
			if len(met) >= maxLineage {
				return nil, errLineageSize
			}
			met[ref.ID] = struct{}{}
			queue = append(queue, ref.ID)
		}
	}
	return met, nil
}

func (l *lineage) ordered(ids []string) ([]*node, error) {
	nodes := make([]*node, 0, len(ids))
	for _, id := range ids {
		n, err := l.node(id)
		if err != nil {
			return nil, err
		}
		if n != nil {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, func(a, b *node) int { return a.rank - b.rank })
	return nodes, nil
}

// ancestorsFirst visits a product and its ancestors and emits each after all
// its inputs; products that are ancestors of each other are emitted together.
// It is Tarjan's algorithm with the stack on the heap: a chain of 100,000
// products costs memory, not the process. What is known is not entered again.
func ancestorsFirst(start string, inputs func(string) ([]string, error), known func(string) bool, emit func([]string) error) error {
	t := tarjan{inputs: inputs, index: map[string]int{}, low: map[string]int{}, open: map[string]bool{}}
	if err := t.enter(start); err != nil {
		return err
	}
	for len(t.path) > 0 {
		top := &t.path[len(t.path)-1]
		if len(top.left) > 0 {
			input := top.left[0]
			top.left = top.left[1:]
			if err := t.follow(top.id, input, known); err != nil {
				return err
			}
			continue
		}
		if component := t.leave(); component != nil {
			if err := emit(component); err != nil {
				return err
			}
		}
	}
	return nil
}

type tarjan struct {
	inputs     func(string) ([]string, error)
	index, low map[string]int
	open       map[string]bool // on stack: no component yet
	stack      []string
	path       []step
}

type step struct {
	id   string
	left []string // inputs still to follow
}

func (t *tarjan) enter(id string) error {
	if len(t.index) >= maxLineage {
		return errLineageSize
	}
	left, err := t.inputs(id)
	if err != nil {
		return err
	}
	t.index[id] = len(t.index) + 1
	t.low[id] = t.index[id]
	t.open[id] = true
	t.stack = append(t.stack, id)
	t.path = append(t.path, step{id, left})
	return nil
}

func (t *tarjan) follow(from, to string, known func(string) bool) error {
	switch {
	case t.open[to]:
		t.low[from] = min(t.low[from], t.index[to])
	case t.index[to] == 0 && !known(to):
		return t.enter(to)
	}
	return nil
}

// leave ends the newest step and returns its component when it is complete.
func (t *tarjan) leave() []string {
	id := t.path[len(t.path)-1].id
	t.path = t.path[:len(t.path)-1]
	if len(t.path) > 0 {
		parent := t.path[len(t.path)-1].id
		t.low[parent] = min(t.low[parent], t.low[id])
	}
	if t.low[id] != t.index[id] {
		return nil
	}
	first := len(t.stack) - 1 // from the end: members of a component lie there
	for t.stack[first] != id {
		first--
	}
	component := slices.Clone(t.stack[first:])
	t.stack = t.stack[:first]
	for _, member := range component {
		t.open[member] = false
	}
	return component
}
