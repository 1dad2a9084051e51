package spec

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// Reference names one manifest in a registry: by tag, by digest, or by a tag
// that must have the digest.
type Reference struct {
	Repository artifact.Repository
	Tag        string
	Digest     artifact.Digest
}

// ParseReference reads host/path:tag, host/path@digest or
// host/path:tag@digest. Neither host nor tag is guessed: "app" would be
// somebody's public registry, and "latest" a tag that nobody wrote.
func ParseReference(text string) (Reference, error) {
	name, digest, pinned := strings.Cut(text, "@")
	var ref Reference
	var err error
	if pinned {
		if ref.Digest, err = artifact.ParseDigest(digest); err != nil {
			return Reference{}, err
		}
	}
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, ref.Tag = name[:i], name[i+1:]
		if err = artifact.CheckTag(ref.Tag); err != nil {
			return Reference{}, err
		}
	}
	if ref.Repository, err = artifact.ParseRepository(name); err != nil {
		return Reference{}, err
	}
	if ref.Tag == "" && ref.Digest == "" {
		return Reference{}, fmt.Errorf("%.120q has neither tag nor digest: write %.120s:TAG", text, name)
	}
	return ref, nil
}

// Name is what the item is called: with its tag, or with its digest when it has
// no tag.
func (r Reference) Name() string {
	if r.Tag != "" {
		return r.Repository.String() + ":" + r.Tag
	}
	return r.Repository.String() + "@" + string(r.Digest)
}

// String is the reference as [ParseReference] reads it.
func (r Reference) String() string {
	if r.Tag != "" && r.Digest != "" {
		return r.Name() + "@" + string(r.Digest)
	}
	return r.Name()
}

// Single reports whether one reference is wanted, not a set of tags.
func (s *Selection) Single() bool { return s.Ref != Reference{} }

// Selects reports whether a tag is wanted by the range or expression.
//
// A tag is a version when it is one by Semantic Versioning 2.0.0, an initial v
// and missing minor and patch numbers allowed: v1.4, 1.4.2. A pre-release such
// as 1.4.2-rc1 is in a range only when the range names a pre-release.
func (s *Selection) Selects(tag string) bool {
	switch {
	case s.expression != nil:
		return s.expression.MatchString(tag)
	case s.constraint != nil:
		version, err := semver.NewVersion(tag)
		return err == nil && s.constraint.Check(version)
	}
	return false
}

// Select is those of the tags that are wanted: versions ascending by precedence,
// tags of an expression as text.
func (s *Selection) Select(tags []string) []string {
	wanted := slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return !s.Selects(tag) })
	slices.SortFunc(wanted, s.compare)
	return slices.Compact(wanted)
}

func (s *Selection) compare(a, b string) int {
	if s.constraint == nil {
		return strings.Compare(a, b)
	}
	va, errA := semver.NewVersion(a)
	vb, errB := semver.NewVersion(b)
	if errA != nil || errB != nil || va.Equal(vb) {
		return strings.Compare(a, b)
	}
	return va.Compare(vb)
}

// String is the selection as written.
func (s *Selection) String() string {
	switch {
	case s.Single():
		return s.Ref.String()
	case s.Versions != "":
		return s.Repository.String() + " versions " + s.Versions
	}
	return s.Repository.String() + " tags " + s.Tags
}

// maxVersions is the longest range, in bytes.
const maxVersions = 256

// rangeGrammar is what ranges are made of. The library reads more than it
// documents; what it would read as something else never gets there.
var rangeGrammar = regexp.MustCompile(`^[0-9A-Za-z.+*~^<>=!|, -]+$`)

func parseRange(text string) (*semver.Constraints, error) {
	if rangeGrammar.MatchString(text) {
		if constraint, err := semver.NewConstraint(text); err == nil {
			return constraint, nil
		}
	}
	return nil, errors.New("is not a range of versions")
}
