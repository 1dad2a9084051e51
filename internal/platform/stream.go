package platform

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// maxGrants is how many grants run at once. All of them may have to be decided
// on, and recorded, in one transaction.
const maxGrants = 10_000

// streams are the grants that run. There is one writer at a time: a grant is
// added within the transaction that permits it, so each later transaction finds
// it, and each earlier one is what it was decided on. They are in memory only:
// no grant outlives the process that gave it.
type streams struct {
	age time.Duration // maxGrantAge

	mu      sync.Mutex
	running map[string]map[*grant]struct{} // by product
	count   int
	order   uint64
}

func newStreams() *streams {
	return &streams{age: maxGrantAge, running: map[string]map[*grant]struct{}{}}
}

// next numbers what comes after everything that was numbered before.
func (s *streams) next() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.order++
	return s.order
}

// add reports whether there was room for one more.
func (s *streams) add(g *grant) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count >= maxGrants {
		return false
	}
	id := g.asked.Resource.ID
	if s.running[id] == nil {
		s.running[id] = map[*grant]struct{}{}
	}
	s.running[id][g] = struct{}{}
	s.count++
	s.order++
	g.number = s.order
	return true
}

// remove takes a grant out. One that is not there, or nil, is nothing to it.
func (s *streams) remove(g *grant) {
	if g == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := g.asked.Resource.ID
	if _, running := s.running[id][g]; !running {
		return
	}
	s.count--
	if delete(s.running[id], g); len(s.running[id]) == 0 {
		delete(s.running, id)
	}
}

func (s *streams) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count == 0
}

// of lists the grants on the products that are chosen, in the order of opening.
func (s *streams) of(chosen func(product string) bool) []*grant {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*grant
	for id, grants := range s.running {
		if chosen(id) {
			found = slices.AppendSeq(found, maps.Keys(grants))
		}
	}
	slices.SortFunc(found, func(a, b *grant) int { return cmp.Compare(a.number, b.number) })
	return found
}

// aftermath is what a change means for the grants that run. The zero value is
// nothing.
type aftermath struct {
	ended   []*grant
	renewed []renewal
}

// renewal is a grant that stays in force, with the rules that now hold.
type renewal struct {
	grant *grant
	rules *rules
}

// takeEffect is called when the change has ended, with what Update answered.
// When that is an error although all had been written, nobody knows whether the
// change is there: a commit may fail once it has reached the disk. Everybody
// whom it touches is cut off then, and may ask again.
func (a aftermath) takeEffect(err error) {
	for _, g := range a.ended {
		g.cut()
	}
	for _, r := range a.renewed {
		if err != nil {
			r.grant.cut()
			continue
		}
		r.grant.renew(r.rules)
	}
}

// renew puts rules in force unless later ones are: changes that were committed
// together take effect in any order.
func (g *grant) renew(next *rules) {
	for {
		current := g.rules.Load()
		if current.order > next.order || g.rules.CompareAndSwap(current, next) {
			return
		}
	}
}

// recheck decides again on the grants that a change touches, in the
// transaction that makes it and after its writes. Two changes that share a
// commit may each record the end of one grant.
func (s *session) recheck(ctx context.Context, w store.Writer, writes []write) (aftermath, error) {
	if s.streams.idle() {
		return aftermath{}, nil
	}
	h := s.inquiry(ctx, w)
	touched, err := h.touched(writes)
	if err != nil {
		return aftermath{}, err
	}
	return h.redecide(w, s.streams.of(func(product string) bool { return touched[product] }))
}

// recheckAll decides again on every grant that runs, under what the session
// decides by: for a change of all that decisions rest on, such as another
// vocabulary. Like recheck it belongs into the transaction of that change, after
// its writes, and the caller has the aftermath take effect after Update.
func (s *session) recheckAll(ctx context.Context, w store.Writer) (aftermath, error) {
	if s.streams.idle() {
		return aftermath{}, nil
	}
	return s.inquiry(ctx, w).redecide(w, s.streams.of(func(string) bool { return true }))
}

// touched are the products on whose data another decision may be made: those
// written, and everything derived from one whose marking, policy or inputs are
// others. Who is let in to a product is let in to all that it is made from.
func (h *inquiry) touched(writes []write) (map[string]bool, error) {
	touched := map[string]bool{}
	var moved []string
	for _, w := range writes {
		ids, err := h.moving(w)
		if err != nil {
			return nil, err
		}
		moved = append(moved, ids...)
		if ref := w.ref(); ref.Kind == catalog.KindProduct {
			touched[ref.ID] = true
		}
	}
	derived, err := h.past.derived(moved)
	for _, id := range moved {
		touched[id] = true
	}
	for id := range derived {
		touched[id] = true
	}
	return touched, err
}

// moving lists the products whose decision may differ, and that of those
// derived from them.
func (h *inquiry) moving(w write) ([]string, error) {
	switch ref := w.ref(); ref.Kind {
	case catalog.KindProduct:
		was, _ := w.previous.(*catalog.Product)
		is, _ := w.next.(*catalog.Product)
		if was != nil && is != nil && sameLineage(was, is) {
			return nil, nil
		}
		return []string{ref.ID}, nil
	case catalog.KindCaveatPolicy:
		users, err := h.before.dependants(ref)
		return productIDs(users), err
	}
	return nil, nil
}

// redecide answers for each grant the question that it was given on, and
// records those that no longer pass.
func (h *inquiry) redecide(w store.Writer, grants []*grant) (aftermath, error) {
	var after aftermath
	for _, g := range grants {
		product, d, err := h.stands(g)
		if err != nil {
			return aftermath{}, err
		}
		if d.Permit {
			next, err := h.rules(g.demand, product)
			if err != nil {
				return aftermath{}, err
			}
			after.renewed = append(after.renewed, renewal{g, next})
			continue
		}
		if err := h.recordEnd(w, g, product, d); err != nil {
			return aftermath{}, err
		}
		after.ended = append(after.ended, g)
	}
	return after, nil
}

// stands decides whether a grant stays in force: for the same output port only.
func (h *inquiry) stands(g *grant) (*catalog.Product, marking.Decision, error) {
	product, d, err := h.opens(g.demand)
	if err == nil && d.Permit && product.OutputPorts[g.demand.port] != g.output {
		d = marking.Decision{Code: denyPortChanged}
	}
	return product, d, err
}

// recordEnd says that a grant does not pass any more. Whoever reads the entry
// is cleared for what was read under the grant, and for what it has become.
func (h *inquiry) recordEnd(w store.Writer, g *grant, product *catalog.Product, d marking.Decision) error {
	e := g.entry("end", audit.Deny)
	e.ReasonCodes, e.VocabularyVersion = []string{d.Code}, h.vocabulary.Version()
	if product != nil {
		was, is := h.past.parse(e.MarkingAccessed), h.past.parse(product.EffectiveMarking)
		if !was.IsZero() && !is.IsZero() {
			e.MarkingAccessed = h.vocabulary.Rollup(was, is).Banner()
		}
		var err error
		if e.PolicyVersion, err = h.policyVersion(g.asked.Resource, product, d); err != nil {
			return err
		}
	}
	return w.Append(h.before.ctx, e)
}
