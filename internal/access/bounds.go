package access

import (
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// ownNation holds what it owns: no policy keeps it out by not naming it.
const ownNation = "USA"

// The obligations of whom a policy lets look only. Shared: do not change.
var (
	displayed           = []string{"no_copy", "no_export"}
	displayedControlled = []string{"no_copy", "no_export", noOnwardRelease}
)

const noOnwardRelease = "no_onward_release"

// looking adds to the obligations of a marking those of whom a policy lets look.
func looking(obligations []string) []string {
	if slices.Contains(obligations, noOnwardRelease) {
		return displayedControlled
	}
	return displayed
}

// bounds say whom a caveat policy lets in at most, in sorted codes. A marking is
// held against it when it is declared; when a group of the marking has other
// members since, only a decision can tell.
type bounds struct {
	vocabulary                 *marking.Vocabulary
	excluded, holders, viewers []string // holders may look, too
}

// boundsOf expands a policy. The error names an exclusion that is unknown; an
// unknown code of those let in is nobody.
func (s System) boundsOf(policy *catalog.CaveatPolicy) (*bounds, error) {
	excluded, err := s.Vocabulary.Nations(policy.Excluded)
	if err != nil {
		return nil, err
	}
	holders := append([]string{ownNation}, policy.ReleasableTo...)
	viewers := append(slices.Clone(holders), policy.DisplayOnlyTo...)
	return &bounds{s.Vocabulary, excluded, s.known(holders), s.known(viewers)}, nil
}

// known expands the codes that the vocabulary knows.
func (s System) known(codes []string) []string {
	nations, err := s.Vocabulary.Nations(codes)
	if err == nil {
		return nations
	}
	nations, _ = s.Vocabulary.Nations(slices.DeleteFunc(slices.Clone(codes), func(code string) bool {
		_, err := s.Vocabulary.Nations([]string{code})
		return err != nil
	}))
	return nations
}

// check returns the code by which the policy denies the countries of a subject,
// "" for none, and whether it lets them look only.
func (b *bounds) check(countries []string, action marking.Action) (code string, looks bool) {
	for _, c := range countries {
		if b.excludes(c) {
			return DenyExcluded, false
		}
	}
	for _, c := range countries {
		switch {
		case b.all(b.holders, c):
		case !b.all(b.viewers, c):
			return marking.DenyNotReleasable, false
		case action != marking.ActionDisplay:
			return marking.DenyDisplayOnly, false
		default:
			looks = true
		}
	}
	return "", looks
}

// excludes reports whether a country is shut out. Of whoever is known by an
// organisation nobody can tell the nation: one member that is shut out is
// enough, and so is any exclusion where the members are unknown.
func (b *bounds) excludes(code string) bool {
	if len(b.excluded) == 0 {
		return false
	}
	if isNation(code) || contains(b.excluded, code) {
		return contains(b.excluded, code)
	}
	members := b.members(code)
	return !slices.ContainsFunc(members, isNation) || slices.ContainsFunc(members, func(c string) bool { return contains(b.excluded, c) })
}

// all reports whether a country is in a list, or each member of an organisation.
func (b *bounds) all(list []string, code string) bool {
	if isNation(code) || contains(list, code) {
		return contains(list, code)
	}
	members := b.members(code)
	return len(members) > 0 && !slices.ContainsFunc(members, func(c string) bool { return !contains(list, c) })
}

// members are those of an organisation, itself where it is kept whole.
func (b *bounds) members(code string) []string {
	nations, _ := b.vocabulary.Nations([]string{code}) // unknown: none, and it was denied for that
	return nations
}

// isNation reports whether a code is a GENC trigraph.
func isNation(code string) bool { return len(code) == len(ownNation) }

func contains(sorted []string, code string) bool {
	_, found := slices.BinarySearch(sorted, code)
	return found
}
