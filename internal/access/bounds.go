package access

import (
	"cmp"
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

// standing is how a caveat policy takes somebody.
type standing uint8

const (
	outsider standing = iota // not named
	viewer                   // may look
	receiver                 // may have it
	excluded
)

// bounds say whom a caveat policy lets in at most. A marking is held against it
// when it is declared; when a group of the marking has other members since, only
// a decision can tell.
type bounds struct {
	vocabulary                   *marking.Vocabulary
	nations                      map[string]standing // who is not in it is an outsider
	excluded, receivers, viewers []string            // sorted codes, for organisations; receivers may look, too
}

// boundsOf expands a policy. The error names an exclusion that is unknown; an
// unknown code of those let in is nobody.
func (s System) boundsOf(policy *catalog.CaveatPolicy) (*bounds, error) {
	shut, err := s.Vocabulary.Nations(policy.Excluded)
	if err != nil {
		return nil, err
	}
	receivers := append([]string{ownNation}, policy.ReleasableTo...)
	viewers := append(slices.Clone(receivers), policy.DisplayOnlyTo...)
	b := &bounds{vocabulary: s.Vocabulary, excluded: shut, receivers: s.known(receivers), viewers: s.known(viewers)}
	b.nations = make(map[string]standing, len(b.excluded)+len(b.viewers))
	b.rank(viewer, b.viewers)
	b.rank(receiver, b.receivers)
	b.rank(excluded, b.excluded)
	return b, nil
}

func (b *bounds) rank(as standing, codes []string) {
	for _, code := range codes {
		b.nations[code] = as
	}
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
// "" for none, and whether it lets them look only. To be excluded comes before
// all else; of the rest, the first country that is not let in decides.
func (b *bounds) check(countries []string, action marking.Action) (code string, looks bool) {
	for _, c := range countries {
		switch b.standing(c) {
		case excluded:
			return DenyExcluded, false
		case outsider:
			code = cmp.Or(code, marking.DenyNotReleasable)
		case viewer:
			if looks = true; action != marking.ActionDisplay {
				code = cmp.Or(code, marking.DenyDisplayOnly)
			}
		}
	}
	return code, looks
}

func (b *bounds) standing(code string) standing {
	switch {
	case isNation(code):
		return b.nations[code]
	case b.excludes(code):
		return excluded
	case b.all(b.receivers, code):
		return receiver
	case b.all(b.viewers, code):
		return viewer
	}
	return outsider
}

// excludes reports whether an organisation is shut out. Of whoever is known by
// one nobody can tell the nation: one member that is shut out is enough, and so
// is any exclusion where the members are unknown.
func (b *bounds) excludes(code string) bool {
	if len(b.excluded) == 0 || contains(b.excluded, code) {
		return len(b.excluded) > 0
	}
	members := b.members(code)
	return !slices.ContainsFunc(members, isNation) || slices.ContainsFunc(members, func(c string) bool { return contains(b.excluded, c) })
}

// all reports whether an organisation is in a list, or each of its members.
func (b *bounds) all(list []string, code string) bool {
	if contains(list, code) {
		return true
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
