package platform

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// ownNation holds what it owns: no policy keeps it out by not naming it.
const ownNation = "USA"

// bounds is a caveat policy with its codes expanded. An opaque tetragraph
// stands for itself.
type bounds struct {
	policy                        *catalog.CaveatPolicy
	releasable, display, excluded []string // sorted; display holds releasable too
	name                          string   // in running text: its id, if the caller may know it
}

// bounds expands a policy; nil when it does not exist for the caller or its
// codes are unknown, which Check and references report.
func (l *lineage) bounds(id string) (*bounds, error) {
	if l.unseenPolicies[id] {
		return nil, nil
	}
	policy, err := find[*catalog.CaveatPolicy](l.world, catalog.KindCaveatPolicy, id)
	if policy == nil || err != nil {
		return nil, err
	}
	releasable, known1 := l.nations(append([]string{ownNation}, policy.ReleasableTo...))
	display, known2 := l.nations(policy.DisplayOnlyTo)
	excluded, known3 := l.nations(policy.Excluded)
	if !known1 || !known2 || !known3 {
		return nil, nil
	}
	display = append(slices.Clone(display), releasable...)
	return &bounds{policy, releasable, display, excluded, fmt.Sprintf("caveat policy %q", id)}, nil
}

// bounds are those of a lineage, without the name of a policy that the caller
// may not know of: it holds all the same.
func (j *judge) bounds(l *lineage, id string) (*bounds, error) {
	b, err := l.bounds(id)
	if b == nil || err != nil {
		return nil, err
	}
	known, err := j.visible(b.policy.Ref())
	if !known {
		b.name = "a caveat policy"
	}
	return b, err
}

// nations expands codes; false when the vocabulary does not know one.
func (l *lineage) nations(codes []string) ([]string, bool) {
	nations, err := l.vocabulary.Nations(codes)
	return nations, err == nil
}

// policyProblems holds a product against its own policy and those of all its
// ancestors.
func (j *judge) policyProblems(l *lineage, n *node) ([]catalog.Problem, error) {
	var problems []catalog.Problem
	var own *bounds
	if n.product.CaveatPolicy != "" {
		var err error
		if own, err = j.bounds(l, n.product.CaveatPolicy); err != nil {
			return nil, err
		}
		problems = append(problems, j.audience(n, own, "")...)
	}
	for _, id := range slices.Sorted(maps.Keys(n.policies)) {
		carried, err := j.bounds(l, id)
		if err != nil {
			return nil, err
		}
		if carried == nil {
			continue
		}
		via, err := j.ancestor(n.policies[id])
		if err != nil {
			return nil, err
		}
		if id != n.product.CaveatPolicy {
			problems = append(problems, j.audience(n, carried, via)...)
		}
		problems = append(problems, stricter(own, carried, via)...)
		problems = append(problems, l.approval(n, carried)...)
	}
	return problems, nil
}

// ancestor names a product in running text, if the caller sees it.
func (j *judge) ancestor(id string) (string, error) {
	visible, err := j.visible(catalog.Ref{Kind: catalog.KindProduct, ID: id})
	if !visible {
		return "an ancestor", err
	}
	return fmt.Sprintf("ancestor %q", id), err
}

// audience holds what the effective marking releases against one policy. via
// names the ancestor that carries the policy, "" for the product's own.
func (j *judge) audience(n *node, b *bounds, via string) []catalog.Problem {
	if b == nil || n.effective.IsZero() {
		return nil
	}
	audience := j.vocabulary.Audience(n.effective)
	name := b.name
	if via != "" {
		name += " of " + via
	}
	if audience.Everybody {
		return []catalog.Problem{{
			Field: "/marking", Rule: catalog.RulePolicyReleasable,
			Detail: fmt.Sprintf("%q releases the product to everybody, which is wider than %s allows.", n.effective.Banner(), name),
			Fix:    fmt.Sprintf("Declare a marking with a release statement for at most %s.", list(b.allowed())),
		}}
	}
	shutOut, outside := b.beyond(audience.Release, b.releasable)
	shutOutDisplay, outsideDisplay := b.beyond(audience.Display, b.display)
	return b.refusals(n.effective.Banner(), name, union(shutOut, shutOutDisplay), union(outside, outsideDisplay))
}

// beyond splits the nations that the policy does not let in into those that it
// excludes and those that it does not name. An opaque code beside an exclusion
// counts as excluded: its members are unknown, so the excluded nation may be
// one of them.
func (b *bounds) beyond(nations, allowed []string) (shutOut, outside []string) {
	for _, nation := range nations {
		switch {
		case slices.Contains(b.excluded, nation), len(b.excluded) > 0 && opaque(nation):
			shutOut = append(shutOut, nation)
		case !slices.Contains(allowed, nation):
			outside = append(outside, nation)
		}
	}
	return shutOut, outside
}

// opaque reports whether an expanded code is no nation (GENC trigraph).
func opaque(code string) bool { return len(code) != len(ownNation) }

func (b *bounds) refusals(banner, name string, shutOut, outside []string) []catalog.Problem {
	var problems []catalog.Problem
	if len(shutOut) > 0 {
		problems = append(problems, catalog.Problem{
			Field: "/marking", Rule: catalog.RulePolicyExcluded,
			Detail: fmt.Sprintf("%q releases the product to %s, which %s excludes (%s).", banner, list(shutOut), name, list(b.excluded)),
			Fix:    fmt.Sprintf("Release it to at most %s.", list(b.allowed())),
		})
	}
	if len(outside) > 0 {
		problems = append(problems, catalog.Problem{
			Field: "/marking", Rule: catalog.RulePolicyReleasable,
			Detail: fmt.Sprintf("%q releases the product to %s, which %s does not allow.", banner, list(outside), name),
			Fix:    fmt.Sprintf("Release it to at most %s.", list(b.allowed())),
		})
	}
	return problems
}

// allowed lists who may hold the data under the policy.
func (b *bounds) allowed() []string { return without(b.releasable, b.excluded) }

// stricter: under carry_or_stricter a derived product's own policy lets in
// nobody whom the ancestor's does not, excludes whom it excludes, and is for no
// purpose that the ancestor's is not for.
func stricter(own, carried *bounds, via string) []catalog.Problem {
	if own == nil || carried.policy.Inheritance != catalog.InheritCarryOrStricter {
		return nil
	}
	var wider []string
	if more := without(own.allowed(), carried.allowed()); len(more) > 0 {
		wider = append(wider, "releases to "+list(more))
	}
	if more := without(without(own.display, own.excluded), without(carried.display, carried.excluded)); len(more) > 0 {
		wider = append(wider, "shows to "+list(more))
	}
	if missing := without(carried.excluded, own.excluded); len(missing) > 0 {
		wider = append(wider, "does not exclude "+list(missing))
	}
	if more := morePurposes(own.policy.Purposes, carried.policy.Purposes); more != "" {
		wider = append(wider, more)
	}
	if len(wider) == 0 {
		return nil
	}
	return []catalog.Problem{{
		Field: "/caveat_policy", Rule: catalog.RulePolicyInheritance,
		Detail: fmt.Sprintf("%q is less strict than %s, which %s carries: it %s.",
			own.policy.Ref().ID, carried.name, via, strings.Join(wider, " and ")),
		Fix: "Name a policy at least as strict, or none.",
	}}
}

// morePurposes says in which purposes one limit is wider than another, "" when
// it is not. No purposes are no limit.
func morePurposes(own, carried []string) string {
	if len(carried) == 0 {
		return ""
	}
	if len(own) == 0 {
		return "does not limit purposes"
	}
	if more := without(own, carried); len(more) > 0 {
		return "allows the purposes " + list(more)
	}
	return ""
}

// approval: under owner_approval a product of another domain is active only
// when the policy lists it. Each input that carries the policy is reported.
func (l *lineage) approval(n *node, carried *bounds) []catalog.Problem {
	product, policy := n.product, carried.policy
	if policy.Inheritance != catalog.InheritOwnerApproval || product.Status != catalog.StatusActive ||
		product.Domain == policy.Domain || slices.Contains(policy.ApprovedDependants, product.Ref().ID) {
		return nil
	}
	var problems []catalog.Problem
	for i, id := range product.Inputs {
		input := l.input(product, id)
		if input == nil {
			continue
		}
		if _, carried := input.policies[policy.Ref().ID]; !carried && input.product.CaveatPolicy != policy.Ref().ID {
			continue
		}
		problems = append(problems, catalog.Problem{
			Field: catalog.PointerTo("inputs", fmt.Sprint(i)), Rule: catalog.RulePolicyInheritance,
			Detail: fmt.Sprintf("On this input lies %s, which asks for its owner's approval, and does not list %q.", carried.name, product.Ref().ID),
			Fix:    "Ask an owner of the policy's domain to add it to approved_dependants, or keep the product in draft.",
		})
	}
	return problems
}

func without(all, less []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(less, s) })
}

func union(a, b []string) []string {
	both := append(slices.Clone(a), b...)
	slices.Sort(both)
	return slices.Compact(both)
}

// list shows codes for people, in the order of a REL TO: at most twenty, then
// how many more.
func list(codes []string) string {
	codes = union(codes, nil)
	if own := slices.Index(codes, ownNation); own > 0 {
		codes = slices.Insert(slices.Delete(codes, own, own+1), 0, ownNation)
	}
	if len(codes) == 0 {
		return "nobody"
	}
	if len(codes) > 20 {
		return fmt.Sprintf("%s and %d more", strings.Join(codes[:20], ", "), len(codes)-20)
	}
	return strings.Join(codes, ", ")
}
