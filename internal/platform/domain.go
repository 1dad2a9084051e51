package platform

import (
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// domainRules: somebody answers for the domain today, and it is not its own
// ancestor.
func (j *judge) domainRules(d *catalog.Domain) ([]catalog.Problem, error) {
	var problems []catalog.Problem
	if hasOwner(d) && !j.hasActiveOwner(d) { // Check reports a team without any owner
		problems = append(problems, catalog.Problem{
			Field: "/team", Rule: catalog.RuleOwner,
			Detail: fmt.Sprintf("No owner of domain %q is active on %s.", d.Name, j.today),
			Fix:    "Give one owner a from and until that include today, or leave both out.",
		})
	}
	looped, err := j.underItself(d)
	if looped {
		problems = append(problems, catalog.Problem{
			Field: "/parent", Rule: catalog.RuleDomainCycle,
			Detail: fmt.Sprintf("Domain %q would lie below itself through %q.", d.Name, d.Parent),
			Fix:    "Name a parent that is not below this domain.",
		})
	}
	return problems, err
}

func hasOwner(d *catalog.Domain) bool {
	for _, member := range d.Team {
		if member.Role == catalog.RoleOwner {
			return true
		}
	}
	return false
}

// underItself walks up to a root, and remembers the way so that a proposal of
// a deep tree is walked once.
func (j *judge) underItself(d *catalog.Domain) (bool, error) {
	way := map[string]bool{d.Name: true}
	for above := d.Parent; above != "" && !j.rooted[above]; {
		if above == d.Name {
			return true, nil
		}
		if way[above] {
			return false, nil // a loop above, reported where it is
		}
		way[above] = true
		parent, err := find[*catalog.Domain](j.after, catalog.KindDomain, above)
		if err != nil {
			return false, err
		}
		if parent == nil {
			break // dangling, reported as such
		}
		above = parent.Parent
	}
	for name := range way {
		j.rooted[name] = true
	}
	return false, nil
}
