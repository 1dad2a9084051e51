package platform

import (
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// maxNamed bounds the objects that one refusal names.
const maxNamed = 100

// consequences reports the products which the proposal does not name and
// which would break a policy because of this object. What was broken before is
// not held against a change that did not break it.
func (j *judge) consequences(object catalog.Object) ([]catalog.Problem, error) {
	broken, err := j.newlyBroken()
	if err != nil {
		return nil, err
	}
	var problems []catalog.Problem
	for _, b := range broken {
		if !slices.Contains(b.causes, object.Ref()) {
			continue
		}
		told, err := j.tell(b, object.Ref().Kind)
		if err != nil {
			return nil, err
		}
		problems = append(problems, told...)
		if len(problems) >= maxNamed {
			return problems[:maxNamed], nil
		}
	}
	return problems, nil
}

// breakage is a product that the proposal breaks without naming it.
type breakage struct {
	ref      catalog.Ref
	problems []catalog.Problem
	causes   []catalog.Ref // proposed ancestors and policies
}

// newlyBroken judges each affected product once.
func (j *judge) newlyBroken() ([]breakage, error) {
	if j.judged {
		return j.broken, nil
	}
	j.judged = true
	for _, n := range j.affected {
		ref := n.product.Ref()
		if _, proposed := j.given[ref]; proposed {
			continue
		}
		fresh, err := j.freshProblems(n)
		if err != nil {
			return nil, err
		}
		if len(fresh) == 0 {
			continue
		}
		causes, err := j.causes(ref.ID)
		if err != nil {
			return nil, err
		}
		j.broken = append(j.broken, breakage{ref, fresh, causes})
	}
	return j.broken, nil
}

func (j *judge) freshProblems(n *node) ([]catalog.Problem, error) {
	after, err := j.policyProblems(j.future, n)
	if len(after) == 0 || err != nil {
		return nil, err
	}
	was, err := j.past.node(n.product.Ref().ID)
	if was == nil || err != nil {
		return after, err
	}
	before, err := j.policyProblems(j.past, was)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(after, func(p catalog.Problem) bool {
		return slices.ContainsFunc(before, func(q catalog.Problem) bool { return p.Field == q.Field && p.Rule == q.Rule && p.Detail == q.Detail })
	}), nil
}

// causes lists what is proposed among a product's ancestors and their policies.
func (j *judge) causes(id string) ([]catalog.Ref, error) {
	var causes []catalog.Ref
	add := func(ref catalog.Ref) {
		if _, proposed := j.given[ref]; proposed {
			causes = append(causes, ref)
		}
	}
	none := func(string) bool { return false }
	err := ancestorsFirst(id, j.future.inputs, none, func(component []string) error {
		for _, ancestor := range component {
			product, err := find[*catalog.Product](j.after, catalog.KindProduct, ancestor)
			if product == nil || err != nil {
				return err
			}
			add(product.Ref())
			add(catalog.Ref{Kind: catalog.KindCaveatPolicy, ID: product.CaveatPolicy})
		}
		return nil
	})
	return causes, err
}

// tell turns a breakage into problems of the object that causes it. A product
// that the caller does not see is not named, and neither is what it carries.
func (j *judge) tell(b breakage, cause catalog.Kind) ([]catalog.Problem, error) {
	visible, err := j.visible(b.ref)
	if err != nil {
		return nil, err
	}
	var problems []catalog.Problem
	for _, p := range b.problems {
		told := catalog.Problem{Field: blamed(cause, p.Rule), Rule: p.Rule,
			Detail: "Other objects that depend on this one would break a caveat policy.",
			Fix:    "Ask an administrator which, or leave this as it was."}
		if visible {
			told.Detail = fmt.Sprintf("The %s would break its caveats: %s", b.ref, p.Detail)
			told.Fix = "Change that product first, or leave this as it was."
		}
		problems = append(problems, told)
	}
	return problems, nil
}

// blamed is the field of the cause that a consequence of the rule points at.
func blamed(cause catalog.Kind, rule string) string {
	switch {
	case cause == catalog.KindProduct && rule == catalog.RulePolicyInheritance:
		return "/caveat_policy"
	case cause == catalog.KindProduct:
		return "/marking"
	case rule == catalog.RulePolicyExcluded:
		return "/excluded"
	case rule == catalog.RulePolicyInheritance:
		return "/inheritance"
	}
	return "/releasable_to"
}

// deletion reports what stands against removing an object: its protection, the
// mode of its subject, and all that would still refer to it.
func (j *judge) deletion(ref catalog.Ref) ([]catalog.Problem, error) {
	object, err := j.before.get(ref)
	if err != nil {
		return nil, err
	}
	var problems []catalog.Problem
	if protected(object) {
		problems = append(problems, catalog.Problem{
			Field: "/deletion_protection", Rule: catalog.RuleDeletionProtection,
			Detail: fmt.Sprintf("Deletion of the %s is switched off.", ref),
			Fix:    "Set deletion_protection to false, apply that, and then delete.",
		})
	}
	dependants, err := j.after.dependants(ref)
	if err != nil {
		return nil, err
	}
	used, err := j.inUse(ref, dependants)
	if err != nil {
		return nil, err
	}
	versions, err := j.versionsHeld(ref, object, dependants)
	return append(append(problems, used...), versions...), err
}

// versionsHeld reports what stands against removing all versions of a schema:
// its mode, and the versions of other subjects that refer to one of them,
// though what is in force there may not.
func (j *judge) versionsHeld(ref catalog.Ref, object catalog.Object, dependants []catalog.Ref) ([]catalog.Problem, error) {
	c, ok := contractOf(object)
	if !ok {
		return nil, nil
	}
	stopped := j.removable
	if ref.Kind == catalog.KindReferenceSchema {
		stopped = j.boardStopped
	}
	problems, err := stopped(c.subject)
	if err != nil {
		return nil, err
	}
	used, err := j.referringTo(c.subject, catalog.AllVersions, false, dependants)
	return append(problems, used...), err
}

func protected(object catalog.Object) bool {
	switch o := object.(type) {
	case *catalog.Domain:
		return o.DeletionProtection
	case *catalog.Product:
		return o.DeletionProtection
	}
	return false
}

// inUse names the dependants that the caller sees, and says that there are
// others when there are.
func (j *judge) inUse(ref catalog.Ref, dependants []catalog.Ref) ([]catalog.Problem, error) {
	var problems []catalog.Problem
	others := false
	for _, dependant := range dependants {
		if len(problems) >= maxNamed {
			others = true
			break
		}
		visible, err := j.visible(dependant)
		if err != nil {
			return nil, err
		}
		if !visible {
			others = true
			continue
		}
		problems = append(problems, catalog.Problem{
			Rule:   catalog.RuleInUse,
			Detail: fmt.Sprintf("The %s depends on the %s.", dependant, ref),
			Fix:    fmt.Sprintf("Change or delete the %s first.", dependant),
		})
	}
	if others {
		problems = append(problems, catalog.Problem{
			Rule:   catalog.RuleInUse,
			Detail: fmt.Sprintf("Other objects depend on the %s.", ref),
			Fix:    "Ask an administrator which.",
		})
	}
	return problems, nil
}
