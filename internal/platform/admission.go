package platform

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/meshwright/terraform-provider-datamesh/internal/access"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// admission decides for which callers a marked domain exists, see
// [catalog.Domain]. A domain lets in whom its own marking lets in, joined with
// those of all domains above it, and only whom the domain above lets in: whoever
// is shown a domain may be told its parent.
type admission struct {
	stored  *stored
	system  access.System
	marks   *marks
	holders []*marking.Holder // who all must be let in, see session.admission
	domains map[string]standing
}

// standing is what is known of one domain.
type standing struct {
	exists   bool
	decision marking.Decision
	joined   marking.Marking // with those above, of one that lets in; the zero Marking when none has one
}

// admission is for a caller and the service that acts for it, save those of the
// two who are administrators and see every domain.
func (s *session) admission(state *stored, c *catalog.Caller) *admission {
	a := &admission{stored: state, system: s.system, marks: s.marks, domains: map[string]standing{}}
	for ; c != nil; c = c.Via {
		a.admit(c)
	}
	return a
}

// admit adds one who must be let in.
func (a *admission) admit(c *catalog.Caller) {
	if !c.Administrator {
		a.holders = append(a.holders, a.system.Vocabulary.Holder(&c.Attributes))
	}
}

// alone is the admission of one caller on its own, on the same state.
func (a *admission) alone(c *catalog.Caller) *admission {
	one := &admission{stored: a.stored, system: a.system, marks: a.marks, domains: map[string]standing{}}
	one.admit(c)
	return one
}

// unlimited reports whether every domain exists for the caller.
func (a *admission) unlimited() bool { return len(a.holders) == 0 }

// looks reports whether the markings of domains have to be looked at.
func (a *admission) looks() (bool, error) { return a.marks.any(a.stored) }

// admits decides whether a domain exists for the holders.
func (a *admission) admits(domain string) (marking.Decision, error) {
	if looks, err := a.looks(); !looks || err != nil {
		return marking.Decision{Permit: err == nil}, err
	}
	standing, err := a.of(domain)
	return standing.decision, err
}

// of is the standing of a domain.
func (a *admission) of(name string) (standing, error) {
	if settled, known := a.domains[name]; known {
		return settled, nil
	}
	a.domains[name] = standing{exists: true, decision: unknownMarking} // what a loop of parents meets
	settled, err := a.settle(name)
	a.domains[name] = settled
	return settled, err
}

// settle looks no further than it has to: for a domain whose own marking does
// not let in, no more is read than for one that is not there. One that is not
// there has no marking.
func (a *admission) settle(name string) (standing, error) {
	domain, err := find[*catalog.Domain](a.stored, catalog.KindDomain, name)
	if domain == nil || err != nil {
		return standing{decision: marking.Decision{Permit: err == nil}}, err
	}
	if looks, err := a.looks(); !looks || err != nil {
		return standing{exists: true, decision: marking.Decision{Permit: err == nil}}, err
	}
	own := a.parse(domain.Marking)
	if domain.Marking != "" {
		if d := a.decide(own); !d.Permit {
			return standing{exists: true, decision: d}, nil
		}
	}
	above := standing{decision: marking.Decision{Permit: true}}
	if domain.Parent != "" {
		if above, err = a.of(domain.Parent); err != nil {
			return standing{}, err
		}
	}
	return a.below(above, own), nil
}

// below is the standing of a domain of some marking under one that is settled.
func (a *admission) below(above standing, own marking.Marking) standing {
	s := standing{exists: true, decision: above.decision, joined: join(a.system.Vocabulary, above.joined, own)}
	if s.decision.Permit && !s.joined.IsZero() {
		s.decision = a.decide(s.joined)
	}
	return s
}

// parse is the zero Marking for none and for one that is unknown.
func (a *admission) parse(text string) marking.Marking {
	if text == "" {
		return marking.Marking{}
	}
	m, err := a.system.Vocabulary.Parse(text)
	if err != nil {
		return marking.Marking{}
	}
	return m
}

// decide lets in when each of the holders is.
func (a *admission) decide(m marking.Marking) marking.Decision {
	terms := a.system.Terms(m, nil)
	d := marking.Decision{Permit: true}
	for _, holder := range a.holders {
		if d = terms.Decide(holder, access.Use{Action: marking.ActionRead}); !d.Permit {
			return d
		}
	}
	return d
}

// join is the roll-up of those that are markings.
func join(v *marking.Vocabulary, markings ...marking.Marking) marking.Marking {
	var given []marking.Marking
	for _, m := range markings {
		given = appendMarked(given, m)
	}
	if len(given) == 0 {
		return marking.Marking{}
	}
	return v.Rollup(given...)
}

// joinedMarking is the marking of a domain joined with those above it, as they
// stand in a world, whoever asks.
func joinedMarking(w world, v *marking.Vocabulary, name string) (marking.Marking, error) {
	var markings []marking.Marking
	for met := map[string]bool{}; name != "" && !met[name]; {
		met[name] = true
		domain, err := find[*catalog.Domain](w, catalog.KindDomain, name)
		if err != nil {
			return marking.Marking{}, err
		}
		if domain == nil {
			break
		}
		if m, err := v.Parse(domain.Marking); err == nil && domain.Marking != "" {
			markings = append(markings, m)
		}
		name = domain.Parent
	}
	return join(v, markings...), nil
}

// marks says whether any domain may have a marking. As long as none has,
// nothing is read for the sake of them. It never goes back: once there was one,
// every answer takes the way that looks. One Platform at a time writes to a
// store.
type marks struct{ state atomic.Int32 }

// The states.
const (
	marksUnknown int32 = iota
	marksNone
	marksSome
)

// note is called before a domain is written, so that whoever can read its
// marking finds it noted.
func (m *marks) note(object catalog.Object) {
	if domain, ok := object.(*catalog.Domain); ok && domain.Marking != "" {
		m.state.Store(marksSome)
	}
}

// any reports whether there may be one. The first to ask reads every domain.
func (m *marks) any(s *stored) (bool, error) {
	if m.state.Load() == marksUnknown {
		found, err := anyMarked(s)
		if err != nil {
			return false, err
		}
		next := marksNone
		if found {
			next = marksSome
		}
		m.state.CompareAndSwap(marksUnknown, next)
	}
	return m.state.Load() == marksSome, nil
}

func anyMarked(s *stored) (bool, error) {
	query := store.Query{Kind: catalog.KindDomain, Limit: catalog.MaxLimit}
	for {
		records, err := s.reader.List(s.ctx, query)
		if err != nil {
			return false, err
		}
		for _, record := range records {
			var domain catalog.Domain
			if err := json.Unmarshal(record.Body, &domain); err != nil {
				return false, fmt.Errorf("stored body of %s: %w", record.Ref, err)
			}
			if domain.Marking != "" {
				return true, nil
			}
		}
		if len(records) < query.Limit {
			return false, nil
		}
		query.After = records[len(records)-1].Ref.ID
	}
}
