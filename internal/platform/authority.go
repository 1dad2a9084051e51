package platform

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// authority decides what a caller may write. It looks at what is stored, never
// at what is proposed: nobody gains a right through the change that needs it.
type authority struct {
	caller    catalog.Caller
	world     world // as stored
	admission *admission
	days
}

// of is the authority of one party of the caller on its own.
func (a authority) of(party catalog.Caller) authority {
	a.caller, a.admission = party, a.admission.alone(&party)
	return a
}

// knows reports whether a domain exists as far as the caller is concerned.
func (a *authority) knows(domain string) (bool, error) {
	standing, err := a.admission.of(domain)
	return standing.exists && standing.decision.Permit, err
}

// days are what dates are compared with, RFC 3339 full-dates in UTC.
type days struct {
	today  string // by the clock
	latest string // the latest day that the clock has shown since the platform was made
}

// calendar remembers the latest day: a clock that is set back gives nobody the
// rights of yesterday again. Safe for concurrent use.
type calendar struct {
	mu     sync.Mutex
	latest string
}

func (c *calendar) days(now time.Time) days {
	today := now.UTC().Format(time.DateOnly)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.latest = max(c.latest, today)
	return days{today, c.latest}
}

// role is the caller's role in the domain today, "" for none. Whom the domain's
// marking does not let in is nobody there. A service that acts for the caller
// needs no role of its own: that it may act is what the operator said.
func (a *authority) role(domain string) (catalog.Role, error) {
	if known, err := a.knows(domain); !known || err != nil {
		return "", err
	}
	found, err := find[*catalog.Domain](a.world, catalog.KindDomain, domain)
	if found == nil || err != nil {
		return "", err
	}
	member, ok := found.Team[a.caller.Subject]
	if !ok || !a.active(member) {
		return "", nil
	}
	return member.Role, nil
}

// active reports whether a membership counts: it has begun by the clock as it
// stands, and has not ended on any day that there was. Full-dates of RFC 3339
// compare as text.
func (d days) active(m catalog.Member) bool {
	return (m.From == "" || m.From <= d.today) && (m.Until == "" || d.latest <= m.Until)
}

// hasActiveOwner reports whether somebody answers for the domain.
func (d days) hasActiveOwner(domain *catalog.Domain) bool {
	for _, member := range domain.Team {
		if member.Role == catalog.RoleOwner && d.active(member) {
			return true
		}
	}
	return false
}

// refuses says why the caller may not make this change; nothing when it may.
// A nil object is a deletion.
func (a *authority) refuses(ref catalog.Ref, next catalog.Object) ([]catalog.Problem, error) {
	if a.caller.Administers() {
		return nil, nil
	}
	switch {
	case ref.Kind == catalog.KindDomain:
		return a.refusesDomain(ref, next)
	case ref.Kind == catalog.KindReferenceSchema && a.onBoard():
		return nil, nil
	case ref.Kind == catalog.KindReferenceSchema:
		return forbidden("", "Only the stewardship board writes reference schemas.",
			fmt.Sprintf("Ask a member of group %s, or an administrator of the platform.", catalog.BoardGroup)), nil
	}
	return a.refusesIn(ref.Domain())
}

// refusesIn says why the caller may not write what is in a domain.
func (a *authority) refusesIn(domain string) ([]catalog.Problem, error) {
	role, err := a.role(domain)
	if err != nil || slices.Contains([]catalog.Role{catalog.RoleOwner, catalog.RoleSteward}, role) {
		return nil, err
	}
	return forbidden("", fmt.Sprintf("Only active owners and stewards of domain %q may write what is in it.", domain),
		"Ask an owner of the domain to make the change or to add you to its team."), nil
}

func (a *authority) refusesDomain(ref catalog.Ref, next catalog.Object) ([]catalog.Problem, error) {
	current, err := find[*catalog.Domain](a.world, ref.Kind, ref.ID)
	if err != nil {
		return nil, err
	}
	known, err := a.knows(ref.ID)
	if err != nil {
		return nil, err
	}
	proposed, _ := next.(*catalog.Domain)
	if !known || proposed == nil {
		return forbidden("", "Only administrators create and delete domains.", "Ask an administrator of the platform."), nil
	}
	role, err := a.role(ref.ID)
	switch {
	case err != nil:
		return nil, err
	case role != catalog.RoleOwner:
		return forbidden("", fmt.Sprintf("Only active owners of domain %q may change it.", ref.ID), "Ask an owner of the domain."), nil
	case current.Parent != proposed.Parent:
		return forbidden("/parent", "Only administrators move a domain below another parent.", "Leave parent as it was, or ask an administrator of the platform."), nil
	}
	return a.refusesMarking(current, proposed)
}

// refusesMarking: an owner raises the marking of a domain, as far as it still
// lets the owner in. Lowering shows names that were hidden, and an owner who is
// not let in could not undo it.
func (a *authority) refusesMarking(current, proposed *catalog.Domain) ([]catalog.Problem, error) {
	if proposed.Marking == current.Marking {
		return nil, nil
	}
	was, will := a.admission.parse(current.Marking), a.admission.parse(proposed.Marking)
	switch {
	case will.IsZero() && proposed.Marking != "":
		return nil, nil // Check reports it
	case !was.IsZero() && (will.IsZero() || !a.admission.system.Vocabulary.Dominates(will, was)):
		return forbidden("/marking", "Only administrators lower the marking of a domain.",
			fmt.Sprintf("Write one that is at least %s, or ask an administrator of the platform.", was.Banner())), nil
	}
	above, err := a.admission.of(current.Parent)
	if err != nil || a.admission.below(above, will).decision.Permit {
		return nil, err
	}
	return forbidden("/marking", "This marking would not let you in to the domain, and you could not undo it.",
		"Ask an administrator of the platform, or an owner whom it lets in."), nil
}

func forbidden(field, detail, fix string) []catalog.Problem {
	return []catalog.Problem{{Field: field, Rule: catalog.RuleForbidden, Detail: detail, Fix: fix}}
}
