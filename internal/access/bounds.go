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
	vocabulary *marking.Vocabulary
	standings  []standing // by number
	excluding  bool       // somebody is excluded
}

// boundsOf expands a policy. The error names an exclusion that is unknown; an
// unknown code of those let in is nobody.
func (s System) boundsOf(policy *catalog.CaveatPolicy) (*bounds, error) {
	shut, err := s.Vocabulary.Nations(policy.Excluded)
	if err != nil {
		return nil, err
	}
	b := &bounds{vocabulary: s.Vocabulary, standings: make([]standing, s.Vocabulary.Affiliated()), excluding: len(shut) > 0}
	b.rank(viewer, s.known(policy.DisplayOnlyTo))
	b.rank(receiver, s.known(append([]string{ownNation}, policy.ReleasableTo...)))
	b.rank(excluded, shut)
	return b, nil
}

func (b *bounds) rank(as standing, codes []string) {
	for _, code := range codes {
		if n, ok := b.vocabulary.Affiliation(code); ok {
			b.standings[n] = as
		}
	}
}

// known expands the codes that the vocabulary knows.
func (s System) known(codes []string) []string {
	nations, err := s.Vocabulary.Nations(codes)
	if err == nil {
		return nations
	}
	nations, _ = s.Vocabulary.Nations(slices.DeleteFunc(slices.Clone(codes), func(code string) bool {
		_, known := s.Vocabulary.Affiliation(code)
		return !known
	}))
	return nations
}

// check returns the code by which the policy denies a holder of its vocabulary,
// "" for none, and whether it lets the holder look only. To be excluded comes
// before all else; of the rest, the first country that is not let in decides.
func (b *bounds) check(h *marking.Holder, action marking.Action) (code string, looks bool) {
	for _, n := range h.Affiliations() {
		switch b.standing(n) {
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

func (b *bounds) standing(n marking.Affiliation) standing {
	if b.vocabulary.IsNation(n) {
		return b.standings[n]
	}
	return b.organization(n)
}

// organization is the standing of whoever is known by an organisation, of whom
// nobody can tell the nation: what it is named as, or that of all its members.
// One member that is shut out is enough, and so is any exclusion where the
// members are unknown.
func (b *bounds) organization(n marking.Affiliation) standing {
	worst, known := receiver, false
	for _, m := range b.vocabulary.Members(n) {
		if b.standings[m] == excluded {
			return excluded
		}
		worst, known = min(worst, b.standings[m]), known || b.vocabulary.IsNation(m)
	}
	if b.excluding && !known {
		return excluded
	}
	return max(b.standings[n], worst)
}
