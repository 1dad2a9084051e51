package catalog

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Normalize implements [Object]. ReleasableTo and Excluded are never nil. Codes
// stand in the order of a REL TO: USA, then nations, then tetragraphs.
func (c *CaveatPolicy) Normalize(*marking.Vocabulary) {
	c.ReleasableTo = normalCodes(c.ReleasableTo)
	c.Excluded = normalCodes(c.Excluded)
	if c.DisplayOnlyTo = normalCodes(c.DisplayOnlyTo); len(c.DisplayOnlyTo) == 0 {
		c.DisplayOnlyTo = nil
	}
	c.DisseminationList = normalSet(c.DisseminationList)
	c.ApprovedDependants = normalSet(c.ApprovedDependants)
	if c.Inheritance == "" {
		c.Inheritance = InheritCarryAll
	}
}

func normalCodes(codes []string) []string {
	codes = append([]string{}, codes...)
	slices.SortFunc(codes, func(a, b string) int {
		return cmp.Or(codeRank(a)-codeRank(b), strings.Compare(a, b))
	})
	return slices.Compact(codes)
}

func codeRank(code string) int {
	switch {
	case code == "USA":
		return 0
	case len(code) == 3:
		return 1
	}
	return 2
}

// Check implements [Object].
func (c *CaveatPolicy) Check(v *marking.Vocabulary) []Problem {
	f := &findings{}
	f.owned(c.Domain, c.Name)
	f.text("/description", c.Description, MaxText)
	if c.Inheritance != "" {
		oneOf(f, "/inheritance", c.Inheritance, InheritCarryAll, InheritCarryOrStricter, InheritOwnerApproval)
	}
	releasable := f.codes(v, "releasable_to", c.ReleasableTo)
	f.codes(v, "display_only_to", c.DisplayOnlyTo)
	excluded := f.codes(v, "excluded", c.Excluded)
	if len(releasable) > 0 && !slices.ContainsFunc(releasable, func(code string) bool { return !slices.Contains(excluded, code) }) {
		f.add("/excluded", RulePolicyConsistent, "Leave one nation of releasable_to out of excluded.", "The policy excludes everybody to whom it releases.")
	}
	c.checkLists(f)
	return f.sorted()
}

// codes checks a list of codes and returns the nations behind those known.
func (f *findings) codes(v *marking.Vocabulary, name string, codes []string) []string {
	f.count(PointerTo(name), len(codes), MaxCodes)
	var nations []string
	for i, code := range codes[:min(len(codes), MaxCodes)] {
		expanded, err := v.Nations([]string{code})
		if err != nil {
			f.add(PointerTo(name, strconv.Itoa(i)), RuleUnknownValue, "Use a GENC trigraph such as GBR or a tetragraph of the vocabulary such as FVEY.",
				"%s is not a code of vocabulary %s.", shown(code), v.Version())
			continue
		}
		nations = append(nations, expanded...)
	}
	return nations
}

// organisationGrammar is that of dutyOrganization.
var organisationGrammar = regexp.MustCompile(`^[A-Za-z0-9._@:-]{1,128}$`)

func (c *CaveatPolicy) checkLists(f *findings) {
	f.count("/dissemination_list", len(c.DisseminationList), MaxCodes)
	for i, organisation := range c.DisseminationList[:min(len(c.DisseminationList), MaxCodes)] {
		if !organisationGrammar.MatchString(organisation) {
			f.add(PointerTo("dissemination_list", strconv.Itoa(i)), RuleFormat, "Use the name in the tokens' dutyOrganization, such as GBR.MOD.",
				"%s is not an organisation: 1 to 128 of the ASCII letters, digits and . _ - @ :.", shown(organisation))
		}
	}
	f.count("/approved_dependants", len(c.ApprovedDependants), MaxCodes)
	for i, id := range c.ApprovedDependants[:min(len(c.ApprovedDependants), MaxCodes)] {
		f.id(PointerTo("approved_dependants", strconv.Itoa(i)), KindProduct, id)
	}
}
