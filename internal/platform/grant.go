package platform

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// The limits of one grant.
const (
	// maxGrantAge is how long a grant lasts. It runs on a clock that nobody can
	// set, so that setting the machine's back lengthens nothing.
	maxGrantAge = 24 * time.Hour
	// closeTimeout is how long the recording of an end may take.
	closeTimeout = 10 * time.Second
	// maxMarks and maxMarkText bound the marks whose answers a grant remembers:
	// how many, and the length of one in bytes. Others are decided each time.
	// The marks come from upstream: 200 KB a grant are what it can fill.
	maxMarks, maxMarkText = 1024, 128
)

// grant implements [catalog.Grant].
type grant struct {
	demand
	platform *Platform
	number   uint64 // in the order of opening
	product  *catalog.Product
	output   catalog.OutputPort
	record   audit.Entry // of the permit
	rules    atomic.Pointer[rules]
	over     atomic.Bool // ended or closed: nothing is admitted any more
	ended    chan struct{}
	end      sync.Once
	closed   atomic.Bool
	limit    atomic.Pointer[time.Timer]
}

var _ catalog.Grant = (*grant)(nil)

// grant is a permit as decided, not yet in force.
func (d data) grant(h *inquiry, q demand, product *catalog.Product) (*grant, error) {
	shown, err := h.withoutHidden(product)
	if err != nil {
		return nil, err
	}
	g := &grant{demand: q, platform: d.Platform, output: product.OutputPorts[q.port], ended: make(chan struct{})}
	g.product, _ = shown.(*catalog.Product)
	first, err := h.rules(q, product)
	g.rules.Store(first)
	return g, err
}

// begin starts the time that the grant lasts.
func (g *grant) begin() {
	g.limit.Store(time.AfterFunc(g.platform.streams.age, g.expire))
	if g.over.Load() { // ended already, by a change that shared our commit
		g.limit.Load().Stop()
	}
}

// Product implements [catalog.Grant].
func (g *grant) Product() *catalog.Product { return g.product }

// Port implements [catalog.Grant].
func (g *grant) Port() catalog.OutputPort { return g.output }

// Admits implements [catalog.Grant]. A mark is read under the vocabulary in
// force: a portion mark in parentheses, or a banner line. It is judged as a
// product of that marking under the same caveat policy would be.
func (g *grant) Admits(mark string) bool { return !g.over.Load() && g.rules.Load().admit(mark) }

// Ended implements [catalog.Grant].
func (g *grant) Ended() <-chan struct{} { return g.ended }

// Close implements [catalog.Grant]. An error means that the delivery is not
// recorded, though the permit is; it goes to the log as well.
func (g *grant) Close(d catalog.Delivery) error {
	if g.closed.Swap(true) {
		return nil
	}
	g.stop()
	e := g.entry("close", audit.Permit)
	e.Delivery = &audit.Delivery{Outcome: string(d.Outcome), Bytes: d.Bytes, Records: d.Records, Withheld: d.Withheld}
	return g.append(e)
}

// cut ends the grant: whoever streams is told.
func (g *grant) cut() {
	g.stop()
	g.end.Do(func() { close(g.ended) })
}

func (g *grant) stop() {
	g.over.Store(true)
	if limit := g.limit.Load(); limit != nil {
		limit.Stop()
	}
	g.platform.streams.remove(g)
}

// expire ends a grant that has lasted too long. It does not wait for the log.
func (g *grant) expire() {
	if g.over.Load() {
		return
	}
	g.cut()
	e := g.entry("end", audit.Deny)
	e.ReasonCodes = []string{denyTooLong}
	_ = g.append(e) // it is in the platform's log
}

// entry is that of the permit with what became of it.
func (g *grant) entry(action, decision string) audit.Entry {
	e := g.record
	e.Time, e.Action, e.Decision, e.Salt = g.platform.now().UTC().Format(time.RFC3339Nano), action, decision, rand.Text()
	return e
}

// append records on the grant's own time: the request may be gone.
func (g *grant) append(e audit.Entry) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := g.platform.store.Append(ctx, e)
	if err == nil {
		return nil
	}
	g.platform.log.LogAttrs(ctx, slog.LevelError, "the end of a stream of data was not recorded", slog.String("cause", err.Error()),
		slog.String("object", e.Object), slog.String("port", e.Port), slog.String("action", e.Action), slog.String("request_id", e.RequestID))
	return &catalog.Error{Code: catalog.CodeUnavailable, Message: "What was delivered could not be recorded.", RequestID: e.RequestID}
}

// rules decide on single records. They are replaced as a whole when a change
// leaves the grant in force.
type rules struct {
	order   uint64 // of two, the later is the one with the larger number
	system  access.System
	policy  *catalog.CaveatPolicy // nil for none
	parties []party

	mu    sync.RWMutex
	known map[string]bool
}

// party is one of those who must all be let in.
type party struct {
	holder        *marking.Holder
	administrator bool
	use           access.Use
}

// rules are those for the records of a product on one state.
func (h *inquiry) rules(q demand, product *catalog.Product) (*rules, error) {
	r := &rules{order: h.session.streams.next(), system: h.session.system, known: map[string]bool{}}
	for i := range q.parties {
		r.parties = append(r.parties, party{r.system.Vocabulary.Holder(&q.parties[i].Attributes), q.parties[i].Administrator,
			access.Use{Action: marking.Action(q.asked.Action.Name), Purpose: q.asked.Purpose, Given: q.parties[i].Purposes}})
	}
	if product.CaveatPolicy == "" {
		return r, nil
	}
	var err error
	r.policy, err = find[*catalog.CaveatPolicy](h.before, catalog.KindCaveatPolicy, product.CaveatPolicy)
	return r, err
}

func (r *rules) admit(mark string) bool {
	r.mu.RLock()
	admitted, known := r.known[mark]
	r.mu.RUnlock()
	if known {
		return admitted
	}
	admitted = r.decide(mark)
	r.remember(mark, admitted)
	return admitted
}

func (r *rules) remember(mark string, admitted bool) {
	if len(mark) > maxMarkText {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.known) < maxMarks {
		r.known[strings.Clone(mark)] = admitted // it may lie in a large buffer
	}
}

func (r *rules) decide(mark string) bool {
	m, err := r.system.Vocabulary.Parse(mark)
	if err != nil {
		return false
	}
	terms := r.system.Terms(m, r.policy)
	for _, p := range r.parties {
		if !eased(terms.Decide(p.holder, p.use), p.administrator).Permit {
			return false
		}
	}
	return len(r.parties) > 0
}
