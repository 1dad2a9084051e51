package platform

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// censusPage is how many records a census has in memory whole.
const censusPage = 500

// census is the catalogue under the vocabulary in force and under another. It
// keeps of each product what decides, which is about a kilobyte, and asks the
// function that decides on data who is let in by either: what it tells is what
// will be.
type census struct {
	*judge
	next     *session // under the other vocabulary
	products map[string]*catalog.Product
	future   *lineage // under the other vocabulary
	codes    []string // of nations and organisations that either knows, sorted
	was      reaches  // under the vocabulary in force
	will     reaches  // under the other
	shared   map[string]*reach
	domains  map[string][]string           // by product, those whose markings decide, see around
	names    map[catalog.Ref][]catalog.Ref // what is named by what products name
}

// take reads the catalogue.
func (j *judge) census(next *session) (*census, error) {
	c := &census{judge: j, next: next, products: map[string]*catalog.Product{}, shared: map[string]*reach{},
		domains: map[string][]string{}, names: map[catalog.Ref][]catalog.Ref{}}
	c.codes = union(j.vocabulary.Affiliations(), next.vocabulary.Affiliations())
	c.was, c.will = newReaches(j.session), newReaches(next)
	c.future = newLineage(c, next.vocabulary)
	c.future.bare = true
	for _, step := range []func() error{c.read, c.derive, c.reach} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// read takes in every product, without what does not decide.
func (c *census) read() error {
	return c.each(catalog.KindProduct, func(r store.Record) error {
		var p catalog.Product
		if err := json.Unmarshal(r.Body, &p); err != nil {
			return fmt.Errorf("stored body of %s: %w", r.Ref, err)
		}
		c.products[r.Ref.ID] = &catalog.Product{Domain: p.Domain, Name: p.Name, Marking: p.Marking, CaveatPolicy: p.CaveatPolicy,
			Inputs: p.Inputs, InheritedMarking: p.InheritedMarking, EffectiveMarking: p.EffectiveMarking}
		var err error
		c.domains[r.Ref.ID], err = c.around(&p)
		return err
	})
}

// each goes through the records of a kind, a page at a time.
func (c *census) each(kind catalog.Kind, do func(store.Record) error) error {
	query := store.Query{Kind: kind, Limit: censusPage}
	for {
		records, err := c.before.reader.List(c.before.ctx, query)
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := do(r); err != nil {
				return err
			}
		}
		if len(records) < query.Limit {
			return nil
		}
		query.After = records[len(records)-1].Ref.ID
	}
}

// get implements world: products as they were read, all else as it is stored.
func (c *census) get(ref catalog.Ref) (catalog.Object, error) {
	if ref.Kind != catalog.KindProduct {
		return c.before.get(ref)
	}
	if p := c.products[ref.ID]; p != nil {
		return p, nil
	}
	return nil, nil
}

func (c *census) dependants(ref catalog.Ref) ([]catalog.Ref, error) { return c.before.dependants(ref) }

func (c *census) derive() error {
	for id := range c.products {
		if _, err := c.future.node(id); err != nil {
			return err
		}
	}
	return c.before.ctx.Err()
}

// reach finds for each product, ancestors first, whom either vocabulary lets
// in.
func (c *census) reach() error {
	nodes := slices.Collect(maps.Values(c.future.nodes))
	nodes = slices.DeleteFunc(nodes, func(n *node) bool { return n == nil })
	slices.SortFunc(nodes, func(a, b *node) int { return cmp.Compare(a.rank, b.rank) })
	for _, n := range nodes {
		if err := c.before.ctx.Err(); err != nil {
			return err
		}
		id := n.product.Ref().ID
		for _, side := range []struct {
			*reaches
			text string
		}{{&c.was, n.product.EffectiveMarking}, {&c.will, n.effectiveText()}} {
			own, err := c.own(side.reaches, terms{side.text, n.product.CaveatPolicy})
			if err != nil {
				return err
			}
			for _, domain := range c.domains[id] {
				in, err := c.into(side.reaches, domain)
				if err != nil {
					return err
				}
				own = c.both(own, in)
			}
			side.of[id] = c.through(side.of, own, n.product.Inputs)
		}
	}
	return nil
}

// reach is who is let in to a product: a bit for each code of the census.
type reach struct {
	read, display []uint64
	closed        bool // whoever asks
}

// reaches are those under one vocabulary.
type reaches struct {
	by *session
	of map[string]*reach // by product, through all that it is made from
	on map[terms]*reach  // by what a product itself says
	in map[string]*reach // by domain
}

func newReaches(by *session) reaches {
	return reaches{by: by, of: map[string]*reach{}, on: map[terms]*reach{}, in: map[string]*reach{}}
}

// The organisations of those for whom a census asks.
const (
	americanOrganization = "USA.GOV"
	otherOrganization    = "GOV"
)

// own is who is let in by a marking and a policy alone.
func (c *census) own(side *reaches, of terms) (*reach, error) {
	if known := side.on[of]; known != nil {
		return known, nil
	}
	under := c.authority
	under.admission = side.by.admission(c.before, &c.caller)
	s := ownSight(under)
	s.lists = []string{americanOrganization, otherOrganization}
	prepared, err := s.prepare(of)
	if err != nil {
		return nil, err
	}
	effective, _ := side.by.vocabulary.Parse(of.marking) // none: closed
	r := c.empty()
	r.closed = prepared.Decide(nil, access.Use{Action: marking.ActionRead}).Code != marking.DenyMissingClaim
	for i, code := range c.codes {
		holder := side.by.vocabulary.Holder(official(code, effective.ReadIns()))
		if prepared.Decide(holder, access.Use{Action: marking.ActionRead}).Permit {
			r.read[i/64] |= 1 << (i % 64)
		}
		if prepared.Decide(holder, access.Use{Action: marking.ActionDisplay}).Permit {
			r.display[i/64] |= 1 << (i % 64)
		}
	}
	side.on[of] = c.share(r)
	return side.on[of], nil
}

// through takes from a reach whom an input does not let in. Of products that are
// made from each other, nobody is let in to any.
func (c *census) through(of map[string]*reach, own *reach, inputs []string) *reach {
	for _, id := range inputs {
		input := of[id]
		if input == nil {
			input = c.empty()
			input.closed = true
		}
		own = c.both(own, input)
	}
	return own
}

// both is who is let in by each of two.
func (c *census) both(a, b *reach) *reach {
	if a == b {
		return a
	}
	both := &reach{read: slices.Clone(a.read), display: slices.Clone(a.display), closed: a.closed || b.closed}
	for i := range both.read {
		both.read[i] &= b.read[i]
		both.display[i] &= b.display[i]
	}
	return c.share(both)
}

func (c *census) empty() *reach {
	words := (len(c.codes) + 63) / 64
	return &reach{read: make([]uint64, words), display: make([]uint64, words)}
}

// share keeps one of those that are equal: there are many products and few
// audiences.
func (c *census) share(r *reach) *reach {
	key := fmt.Sprint(r.read, r.display, r.closed)
	if known := c.shared[key]; known != nil {
		return known
	}
	c.shared[key] = r
	return r
}

// moved lists the codes that leave and enter a set.
func (c *census) moved(was, will []uint64) catalog.Shift {
	s := catalog.Shift{Lose: []string{}, Gain: []string{}}
	for i, code := range c.codes {
		before, after := was[i/64]>>(i%64)&1, will[i/64]>>(i%64)&1
		switch {
		case before > after:
			s.Lose = append(s.Lose, code)
		case before < after:
			s.Gain = append(s.Gain, code)
		}
	}
	return s
}

// product is what changes for one product; false when nothing does.
func (c *census) product(id string) (catalog.ProductImpact, bool) {
	n, was, will := c.future.nodes[id], c.was.of[id], c.will.of[id]
	p := catalog.ProductImpact{
		Product: id, EffectiveMarking: catalog.VersionStep{From: n.product.EffectiveMarking, To: n.effectiveText()},
		Read: c.moved(was.read, will.read), Display: c.moved(was.display, will.display),
		Closed: will.closed && !was.closed, Opened: was.closed && !will.closed,
	}
	changes := p.EffectiveMarking.From != p.EffectiveMarking.To || was != will
	return p, changes
}

// impact is what the caller is told.
func (c *census) impact() (catalog.VocabularyImpact, error) {
	told := catalog.VocabularyImpact{
		Version:  catalog.VersionStep{From: c.vocabulary.Version(), To: c.next.vocabulary.Version()},
		Products: []catalog.ProductImpact{}, Policies: []catalog.PolicyImpact{},
		Vocabulary: append([]marking.Difference{}, c.vocabulary.Differences(c.next.vocabulary)...),
	}
	for _, id := range slices.Sorted(maps.Keys(c.products)) {
		p, changes := c.product(id)
		switch {
		case !changes:
			told.Unchanged++
		case len(told.Products) == catalog.MaxImpact:
			told.Omitted++
		default:
			told.Products = append(told.Products, p)
		}
	}
	return told, c.policies(&told)
}

// policies tells which caveat policies mean something else.
func (c *census) policies(told *catalog.VocabularyImpact) error {
	return c.each(catalog.KindCaveatPolicy, func(r store.Record) error {
		var policy catalog.CaveatPolicy
		if err := json.Unmarshal(r.Body, &policy); err != nil {
			return fmt.Errorf("stored body of %s: %w", r.Ref, err)
		}
		p := catalog.PolicyImpact{Policy: r.Ref.ID, Unknown: []string{}}
		p.ReleasableTo = c.expanded(policy.ReleasableTo, &p.Unknown)
		p.DisplayOnlyTo = c.expanded(policy.DisplayOnlyTo, &p.Unknown)
		p.Excluded = c.expanded(policy.Excluded, &p.Unknown)
		p.Unknown = listed(p.Unknown)
		switch {
		case p.ReleasableTo.Empty() && p.DisplayOnlyTo.Empty() && p.Excluded.Empty() && len(p.Unknown) == 0:
		case len(told.Policies) == catalog.MaxImpact:
			told.Omitted++
		default:
			told.Policies = append(told.Policies, p)
		}
		return nil
	})
}

// expanded is how the meaning of a list of codes changes.
func (c *census) expanded(codes []string, unknown *[]string) catalog.Shift {
	var was, will []string
	for _, code := range codes {
		before, err := c.vocabulary.Nations([]string{code})
		was = append(was, before...)
		after, gone := c.next.vocabulary.Nations([]string{code})
		if err == nil && gone != nil {
			*unknown = append(*unknown, code)
		}
		will = append(will, after...)
	}
	return catalog.Shift{Lose: listed(without(was, will)), Gain: listed(without(will, was))}
}

// listed is a set as it is told: sorted, each once, never nil.
func listed(codes []string) []string { return append([]string{}, union(codes, nil)...) }
