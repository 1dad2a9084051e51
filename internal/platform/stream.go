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

const (
	// maxGrants is how many grants run at once. All of them may have to be
	// decided on, and recorded, in one transaction.
	maxGrants = 10_000
	// maxWalk is how many objects a change is followed to. Beyond that it costs
	// less to decide again on every grant.
	maxWalk = 1000
)

// streams are the grants that run. There is one writer at a time: a grant is
// added within the transaction that permits it, so each later transaction finds
// it, and each earlier one is what it was decided on. They are in memory only:
// no grant outlives the process that gave it.
type streams struct {
	age  time.Duration // maxGrantAge
	walk int           // maxWalk

	mu      sync.Mutex
	running map[string]map[*grant]struct{} // by product
	count   int
	order   uint64
}

func newStreams() *streams {
	return &streams{age: maxGrantAge, walk: maxWalk, running: map[string]map[*grant]struct{}{}}
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
	return h.redecide(w, s.streams.of(touched))
}

// recheckAll decides again on every grant that runs, under what the session
// decides by: for a change of all that decisions rest on, such as another
// vocabulary. Like recheck it belongs into the transaction of that change, after
// its writes, and the caller has the aftermath take effect after Update.
func (s *session) recheckAll(ctx context.Context, w store.Writer) (aftermath, error) {
	if s.streams.idle() {
		return aftermath{}, nil
	}
	return s.inquiry(ctx, w).redecide(w, s.streams.of(anyProduct))
}

// touched chooses the products on whose data another decision may be made: what
// was written, and everything that refers to it at any depth. A decision on a
// product rests on what the product refers to and on nothing else of the
// catalogue. Where that would be a long walk, as from a domain, it is all of them.
func (h *inquiry) touched(writes []write) (func(product string) bool, error) {
	met := map[catalog.Ref]bool{}
	var queue []catalog.Ref
	for _, w := range writes {
		queue = append(queue, w.ref())
	}
	for len(queue) > 0 {
		ref := queue[0]
		queue = queue[1:]
		if met[ref] {
			continue
		}
		if ref.Kind == catalog.KindDomain || len(met) >= h.session.streams.walk {
			return anyProduct, nil
		}
		met[ref] = true
		next, err := h.before.dependants(ref)
		if err != nil {
			return nil, err
		}
		queue = append(queue, next...)
	}
	return func(product string) bool { return met[catalog.Ref{Kind: catalog.KindProduct, ID: product}] }, nil
}

func anyProduct(string) bool { return true }

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
	if err == nil && d.Permit && product.OutputPorts[g.port] != g.output {
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
