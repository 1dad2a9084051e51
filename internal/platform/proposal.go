package platform

import (
	"context"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Validate implements [catalog.Service]. It runs on one consistent state and
// holds no writer up.
func (s *session) Validate(ctx context.Context, p catalog.Proposal) (catalog.Verdict, error) {
	var verdict catalog.Verdict
	err := s.view(ctx, func(j *judge) error {
		h := &hearing{judge: j, refused: map[catalog.Ref][]catalog.Problem{}, objects: map[catalog.Ref]catalog.Object{}, deleted: map[catalog.Ref]bool{}}
		asked, err := s.receive(h, p)
		if err != nil {
			return err
		}
		if err := j.settle(); err != nil {
			return err
		}
		for _, ref := range asked {
			finding, err := h.find(ref)
			if err != nil {
				return err
			}
			verdict.Findings = append(verdict.Findings, finding)
		}
		return ctx.Err()
	})
	if err != nil {
		return catalog.Verdict{}, err
	}
	return verdict, nil
}

// hearing is the judgement of one proposal. What the caller may not do is not
// laid over the world: a forbidden change must not show what it would do.
type hearing struct {
	*judge
	refused map[catalog.Ref][]catalog.Problem // not laid over the world
	objects map[catalog.Ref]catalog.Object    // refused objects in normal form
	deleted map[catalog.Ref]bool
}

// receive takes in a proposal and returns what a finding is asked for.
func (s *session) receive(h *hearing, p catalog.Proposal) ([]catalog.Ref, error) {
	if n := len(p.Puts) + len(p.Deletes); n > catalog.MaxProposal || len(p.Only) > catalog.MaxProposal {
		return nil, refuse(catalog.CodeTooLarge, fmt.Sprintf("A proposal holds at most %d objects.", catalog.MaxProposal),
			catalog.Problem{Rule: catalog.RuleLimit, Detail: fmt.Sprintf("This one holds %d and asks for %d.", n, len(p.Only)), Fix: "Split it."})
	}
	var asked []catalog.Ref
	for i, object := range p.Puts {
		if missing(object) {
			return nil, malformed("puts", i, catalog.RuleRequired, "There is no object.")
		}
		object = object.Clone()
		object.Normalize(s.vocabulary)
		asked = append(asked, object.Ref())
		if err := h.receivePut(object); err != nil {
			return nil, err
		}
	}
	for i, ref := range p.Deletes {
		if err := wellFormed(ref); err != nil {
			return nil, malformed("deletes", i, catalog.RuleFormat, fmt.Sprintf("%s %s can name nothing.", quote(string(ref.Kind)), quote(ref.ID)))
		}
		asked = append(asked, ref)
		if err := h.receiveDelete(ref); err != nil {
			return nil, err
		}
	}
	if err := once(asked, len(p.Puts)); err != nil {
		return nil, err
	}
	return selected(p.Only, asked)
}

// once refuses a proposal that changes one object twice.
func once(refs []catalog.Ref, puts int) error {
	met := map[catalog.Ref]bool{}
	for i, ref := range refs {
		if !met[ref] {
			met[ref] = true
			continue
		}
		list, at := "puts", i
		if i >= puts {
			list, at = "deletes", i-puts
		}
		return malformed(list, at, catalog.RuleFormat, fmt.Sprintf("%s %s is in the proposal twice.", ref.Kind.Noun(), quote(ref.ID)))
	}
	return nil
}

func selected(only, all []catalog.Ref) ([]catalog.Ref, error) {
	if len(only) == 0 {
		return all, nil
	}
	for i, ref := range only {
		if ref.Kind.New() == nil {
			return nil, malformed("only", i, catalog.RuleUnknownValue, fmt.Sprintf("%s is not among %v.", quote(string(ref.Kind)), catalog.Kinds()))
		}
	}
	return only, nil
}

func malformed(list string, i int, rule, detail string) error {
	return refuse(catalog.CodeInvalid, "The proposal cannot be judged.",
		catalog.Problem{Field: catalog.PointerTo(list, fmt.Sprint(i)), Rule: rule, Detail: detail})
}

func (h *hearing) receivePut(object catalog.Object) error {
	ref := object.Ref()
	if !wellNamed(ref) {
		h.refused[ref], h.objects[ref] = object.Check(h.vocabulary), object
		return nil
	}
	refused, err := h.refuses(ref, object)
	if err != nil {
		return err
	}
	if refused != nil {
		h.refused[ref], h.objects[ref] = append(refused, object.Check(h.vocabulary)...), object
		return nil
	}
	h.propose(object)
	return nil
}

func (h *hearing) receiveDelete(ref catalog.Ref) error {
	h.deleted[ref] = true
	seen, err := h.sight.sees(ref)
	if err != nil {
		return err
	}
	if !seen {
		h.refused[ref] = []catalog.Problem{{Rule: catalog.RuleReference, Detail: fmt.Sprintf("There is no %s.", ref), Fix: "Leave it out."}}
		return nil
	}
	refused, err := h.refuses(ref, nil)
	if err != nil {
		return err
	}
	if refused != nil {
		h.refused[ref] = refused
		return nil
	}
	h.after.remove(ref)
	return nil
}

// find judges one object of the proposal, or one that it leaves alone.
func (h *hearing) find(ref catalog.Ref) (catalog.Finding, error) {
	finding := catalog.Finding{Ref: ref}
	if refused, ok := h.refused[ref]; ok {
		finding.Object, finding.Problems = h.objects[ref], sorted(refused)
		return finding, nil
	}
	if h.deleted[ref] {
		problems, err := h.deletion(ref)
		finding.Problems = problems
		return finding, err
	}
	if !wellNamed(ref) {
		return finding, nil // nothing can have this name
	}
	if visible, err := h.visible(ref); err != nil || !visible {
		return finding, err
	}
	return h.standing(finding)
}

// standing judges an object that would exist.
func (h *hearing) standing(finding catalog.Finding) (catalog.Finding, error) {
	object, err := h.after.get(finding.Ref)
	if object == nil || err != nil {
		return finding, err
	}
	finding.Object = object
	if _, proposed := h.given[finding.Ref]; !proposed {
		if finding.Object, err = h.withoutHidden(object); err != nil {
			return finding, err
		}
	}
	if finding.Problems, err = h.problems(finding.Ref); err != nil {
		return finding, err
	}
	finding.Warnings, err = h.warnings(object)
	return finding, err
}

// warnings are what would not refuse the change.
func (h *hearing) warnings(object catalog.Object) ([]catalog.Problem, error) {
	switch o := object.(type) {
	case *catalog.Product:
		return h.undocumentedPorts(o)
	case *catalog.ReferenceSchema:
		return h.nonconforming(o)
	case *catalog.Schema:
		warnings, err := h.undocumented(o)
		if err != nil {
			return nil, err
		}
		drifted, err := h.drifted(o)
		return append(warnings, drifted...), err
	}
	return nil, nil
}
