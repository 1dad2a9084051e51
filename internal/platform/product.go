package platform

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// productRules: what a product owes to the products that it is made from, to
// its domain and to its own past.
func (j *judge) productRules(p *catalog.Product) ([]catalog.Problem, error) {
	n, err := j.future.node(p.Ref().ID)
	if err != nil {
		return nil, err
	}
	problems, err := j.underMarked(p, n)
	if err != nil {
		return nil, err
	}
	problems = append(problems, j.lineageCycle(p, n)...)
	for _, rule := range []func(*catalog.Product) ([]catalog.Problem, error){
		j.statusOrder, j.ownerOfActive, j.unmarkedInputs, j.rawFeed,
	} {
		found, err := rule(p)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	found, err := j.policyProblems(j.future, n)
	return append(problems, found...), err
}

// underMarked: what is declared dominates what is inherited.
func (j *judge) underMarked(p *catalog.Product, n *node) ([]catalog.Problem, error) {
	declared := j.future.parse(p.Marking)
	if declared.IsZero() || n.inherited.IsZero() || j.vocabulary.Dominates(declared, n.inherited) {
		return nil, nil
	}
	forcing, err := j.forcing(p, declared)
	return []catalog.Problem{{
		Field: "/marking", Rule: catalog.RuleUnderMarked,
		Detail: fmt.Sprintf("%s is below what the inputs carry, which is %s%s. It lacks %s.", quote(declared.Banner()),
			n.inherited.Banner(), forcing, strings.Join(lacking(declared.Banner(), n.effective.Banner()), ", ")),
		Fix: fmt.Sprintf("Declare %q, or remove the inputs that force it.", n.effective.Banner()),
	}}, err
}

// forcing names the inputs that force a marking each on its own, with their
// markings, as far as the caller sees them. There may be none: two release
// lists without a common nation force NOFORN only together.
func (j *judge) forcing(p *catalog.Product, declared marking.Marking) (string, error) {
	var inputs []string
	for _, id := range p.Inputs {
		input := j.future.input(p, id)
		if input == nil || input.effective.IsZero() || j.vocabulary.Dominates(declared, input.effective) {
			continue
		}
		visible, err := j.visible(input.product.Ref())
		if err != nil {
			return "", err
		}
		if visible {
			inputs = append(inputs, fmt.Sprintf("%q is %s", id, input.effective.Banner()))
		}
	}
	if len(inputs) == 0 {
		return "", nil
	}
	return " (" + strings.Join(inputs, "; ") + ")", nil
}

// lacking lists the parts of the needed banner that the declared one does not
// have, in the order of the banner.
func lacking(declared, needed string) []string {
	has := banner(declared)
	var parts []string
	for _, part := range banner(needed) {
		if !slices.Contains(has, part) {
			parts = append(parts, part)
		}
	}
	return parts
}

// banner splits a banner line into its values: categories are parted by //,
// values within one by a single slash (CAPCO 2016 A.6).
func banner(line string) []string {
	return strings.FieldsFunc(line, func(r rune) bool { return r == '/' })
}

// lineageCycle reports the inputs that are derived from the product itself.
func (j *judge) lineageCycle(p *catalog.Product, n *node) []catalog.Problem {
	var problems []catalog.Problem
	for i, id := range p.Inputs {
		input := j.future.input(p, id)
		if input == nil || input.loop != n.loop {
			continue
		}
		problems = append(problems, catalog.Problem{
			Field: catalog.PointerTo("inputs", fmt.Sprint(i)), Rule: catalog.RuleLineageCycle,
			Detail: fmt.Sprintf("Product %q would be made from itself: %q is derived from it.", p.Ref().ID, id),
			Fix:    "Remove this input.",
		})
	}
	return problems
}

var statusOrder = []catalog.Status{
	catalog.StatusProposed, catalog.StatusDraft, catalog.StatusActive, catalog.StatusDeprecated, catalog.StatusRetired,
}

// statusOrder: a product's life moves forward.
func (j *judge) statusOrder(p *catalog.Product) ([]catalog.Problem, error) {
	previous, err := find[*catalog.Product](j.before, catalog.KindProduct, p.Ref().ID)
	if previous == nil || err != nil {
		return nil, err
	}
	was, will := slices.Index(statusOrder, previous.Status), slices.Index(statusOrder, p.Status)
	returns := previous.Status == catalog.StatusDeprecated && p.Status == catalog.StatusActive
	if will < 0 || will >= was || returns {
		return nil, nil
	}
	permitted := slices.Clone(statusOrder[was:])
	if previous.Status == catalog.StatusDeprecated {
		permitted = append(permitted, catalog.StatusActive)
	}
	return []catalog.Problem{{
		Field: "/status", Rule: catalog.RuleStatusOrder,
		Detail: fmt.Sprintf("A product's status only moves forward; this one is %s and cannot become %s.", previous.Status, p.Status),
		Fix:    fmt.Sprintf("Choose one of %v, or publish a new product.", permitted),
	}}, nil
}

// ownerOfActive: somebody answers today for what others rely on.
func (j *judge) ownerOfActive(p *catalog.Product) ([]catalog.Problem, error) {
	domain, err := find[*catalog.Domain](j.after, catalog.KindDomain, p.Domain)
	if p.Status != catalog.StatusActive || domain == nil || err != nil || j.hasActiveOwner(domain) {
		return nil, err
	}
	return []catalog.Problem{{
		Field: "/domain", Rule: catalog.RuleActive,
		Detail: fmt.Sprintf("Domain %q has no owner who is active on %s, so nobody answers for the product.", p.Domain, j.today),
		Fix:    "Give the domain an active owner first.",
	}}, nil
}

// unmarkedInputs: what an active product is made of is marked, or its effective
// marking would say less than it contains.
func (j *judge) unmarkedInputs(p *catalog.Product) ([]catalog.Problem, error) {
	if p.Status != catalog.StatusActive {
		return nil, nil
	}
	var problems []catalog.Problem
	for i, id := range p.Inputs {
		input := j.future.input(p, id)
		if input == nil || !input.effective.IsZero() {
			continue
		}
		problems = append(problems, catalog.Problem{
			Field: catalog.PointerTo("inputs", fmt.Sprint(i)), Rule: catalog.RuleActive,
			Detail: fmt.Sprintf("Input %q has no marking yet, so nobody knows what this product inherits.", id),
			Fix:    "Ask its owner to declare a marking, or keep this product in draft.",
		})
	}
	return problems, nil
}

// rawFeed: a pipeline that reads a product derives from it, and has to say so.
// A product that the caller cannot see is no product to it.
func (j *judge) rawFeed(p *catalog.Product) ([]catalog.Problem, error) {
	if p.Pipeline == nil {
		return nil, nil
	}
	ref := catalog.Ref{Kind: catalog.KindProduct, ID: p.Pipeline.Source}
	visible, err := j.visible(ref)
	if !visible || err != nil {
		return nil, err
	}
	return []catalog.Problem{{
		Field: "/pipeline/source", Rule: catalog.RuleRawFeed,
		Detail: fmt.Sprintf("%q is a product, not a raw feed.", ref.ID),
		Fix:    "List it in inputs, so that its marking is carried on.",
	}}, nil
}
