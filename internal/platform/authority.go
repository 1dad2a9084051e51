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
	caller catalog.Caller
	world  world // as stored
	days
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

// role is the caller's role in the domain today, "" for none.
func (a *authority) role(domain string) (catalog.Role, error) {
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
	if a.caller.Administrator {
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
	proposed, _ := next.(*catalog.Domain)
	if current == nil || proposed == nil {
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
	return nil, nil
}

func forbidden(field, detail, fix string) []catalog.Problem {
	return []catalog.Problem{{Field: field, Rule: catalog.RuleForbidden, Detail: detail, Fix: fix}}
}
