package witness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
)

// How long a witness that gave no cosignature is left alone: the first time
// and at most.
const (
	firstPause   = time.Second
	longestPause = 5 * time.Minute
)

// Group is the witnesses of one log. Round is called once at a time.
type Group struct {
	members []*member
	policy  audit.Witnesses
	now     func() time.Time
}

// member is a witness with how long to leave it alone.
type member struct {
	*Witness
	pause time.Duration
	until time.Time
	last  error // why it gave no cosignature, nil when it did
}

// NewGroup makes a group in which quorum of the witnesses are enough. Now may
// be nil for time.Now.
func NewGroup(quorum int, now func() time.Time, witnesses ...*Witness) (*Group, error) {
	if now == nil {
		now = time.Now
	}
	g := &Group{policy: audit.Witnesses{Quorum: quorum}, now: now}
	for _, w := range witnesses {
		g.members = append(g.members, &member{Witness: w})
		g.policy.Keys = append(g.policy.Keys, w.Key)
	}
	if quorum < 1 {
		return nil, fmt.Errorf("a quorum of %d witnesses asks for none: name at least one", quorum)
	}
	return g, g.policy.Check()
}

// Policy is whose cosignatures count, and how many are needed.
func (g *Group) Policy() audit.Witnesses { return g.policy }

// Round asks the witnesses, all at once, and returns the checkpoint with the
// cosignatures that it got. It is an error when they are too few, which names
// what each of the others did. Failures are those of this round, whether there
// are enough or not.
func (g *Group) Round(ctx context.Context, c audit.Checkpoint, signed []byte) (cosigned []byte, failures []error, err error) {
	asked := 0
	answers := make(chan answer, len(g.members))
	for _, m := range g.members {
		if g.now().Before(m.until) {
			continue
		}
		asked++
		go func() {
			text, _, err := m.Cosign(ctx, c, signed)
			answers <- answer{m, text, err}
		}()
	}
	cosigned = signed
	for range asked {
		a := <-answers
		a.settle(g.now())
		if a.err != nil {
			failures = append(failures, a.err)
			continue
		}
		cosigned = append(cosigned[:len(cosigned):len(cosigned)], bytes.TrimPrefix(a.text, signed)...)
	}
	if _, err := g.policy.Satisfied(cosigned); err != nil {
		return nil, failures, errors.Join(append([]error{err}, g.failed()...)...)
	}
	return cosigned, failures, nil
}

type answer struct {
	member *member
	text   []byte
	err    error
}

// settle remembers how a witness answered. The pause doubles each time.
func (a answer) settle(now time.Time) {
	m := a.member
	m.last = a.err
	if a.err == nil {
		m.pause, m.until = 0, time.Time{}
		return
	}
	m.pause = min(max(2*m.pause, firstPause), longestPause)
	m.until = now.Add(m.pause)
}

// failed is what keeps the witnesses from cosigning, as far as they were asked.
func (g *Group) failed() []error {
	var all []error
	for _, m := range g.members {
		if m.last != nil {
			all = append(all, m.last)
		}
	}
	return all
}
