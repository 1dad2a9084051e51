package spec

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictyaml"
)

// MarkingError says that something is marked higher than what it would be in.
type MarkingError struct {
	What    string // the bundle, or the name of an item
	Marking string // its banner, or the text that is none
	Within  string // "ceiling" or "bundle"
	Limit   string // the banner that does not dominate
	Cause   error  // why Marking is no banner; nil when it is one
}

// Error is what is wrong and what to do.
func (e *MarkingError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: its marking %s is not valid: %v; have the bundle made again", e.What, strictyaml.Printable(e.Marking), e.Cause)
	}
	if e.Within == "ceiling" {
		return fmt.Sprintf("%s is marked %s, above the policy's ceiling %s; leave it out or ask for a policy with a higher one", e.What, e.Marking, e.Limit)
	}
	return fmt.Sprintf("%s is marked %s, above the bundle's %s; have the bundle made again", e.What, e.Marking, e.Limit)
}

// Unwrap is the cause.
func (e *MarkingError) Unwrap() error { return e.Cause }

// Admits reports whether what is so marked may be below the ceiling. The error
// is a [*MarkingError]. No marking at all is above every ceiling.
func (p *Policy) Admits(m marking.Marking) error {
	if p.vocabulary == nil || p.Ceiling.IsZero() || m.IsZero() || !p.vocabulary.Dominates(p.Ceiling, m) {
		return &MarkingError{What: "the bundle", Marking: m.Banner(), Within: "ceiling", Limit: p.Ceiling.Banner()}
	}
	return nil
}

// AdmitsLock reports whether a lock's bundle is below the ceiling and each of
// its items below the bundle, as the markings in it say. The error is a
// [*MarkingError].
func (p *Policy) AdmitsLock(l *lock.Lock) error {
	if p.vocabulary == nil { // it was not parsed, and has no ceiling
		return p.Admits(marking.Marking{})
	}
	banner, err := p.parse("the bundle", l.Marking)
	if err != nil {
		return err
	}
	if err := p.Admits(banner); err != nil {
		return err
	}
	fits := map[string]bool{l.Marking: true} // most items have one of a few markings
	for i := range l.Items {
		item := &l.Items[i]
		if fits[item.Marking] {
			continue
		}
		m, err := p.parse(item.Name, item.Marking)
		if err != nil {
			return err
		}
		if !p.vocabulary.Dominates(banner, m) {
			return &MarkingError{What: item.Name, Marking: m.Banner(), Within: "bundle", Limit: banner.Banner()}
		}
		fits[item.Marking] = true
	}
	return nil
}

func (p *Policy) parse(what, text string) (marking.Marking, error) {
	m, err := p.vocabulary.Parse(text)
	if err != nil {
		return m, &MarkingError{What: what, Marking: text, Cause: err}
	}
	return m, nil
}

// Source is the first source whose pattern matches the name of an item. Without
// one the item is refused.
func (p *Policy) Source(name string) (Source, bool) {
	for _, s := range p.Sources {
		if s.Match.Matches(name) {
			return s, true
		}
	}
	return Source{}, false
}

// AllowsUnsigned is the entry that lets an item through although nobody signed
// it: the one with its name and the digest of its root.
func (p *Policy) AllowsUnsigned(name string, root artifact.Digest) (Unsigned, bool) {
	i := slices.IndexFunc(p.Unsigned, func(u Unsigned) bool {
		return u.Digest == root && (u.Name == name || u.String() == name)
	})
	if i < 0 {
		return Unsigned{}, false
	}
	return p.Unsigned[i], true
}

// AllowsMediaType reports whether a config or layer may have the media type.
func (p *Policy) AllowsMediaType(mediaType string) bool {
	return len(p.MediaTypes) == 0 || slices.Contains(p.MediaTypes, mediaType)
}

// parseUnsigned reads host/path:tag@digest, host/path@digest or
// files/name@digest.
func parseUnsigned(text string) (Unsigned, error) {
	name, digest, ok := strings.Cut(text, "@")
	if !ok {
		return Unsigned{}, fmt.Errorf("%.120q has no digest: write %.120s@sha256:… so that only these bytes pass", text, name)
	}
	if file, isFile := strings.CutPrefix(name, lock.FilePrefix); isFile {
		d, err := artifact.ParseDigest(digest)
		if err == nil {
			err = lock.CheckFileName(file)
		}
		return Unsigned{name, d}, err
	}
	ref, err := ParseReference(text)
	if err != nil {
		return Unsigned{}, err
	}
	return Unsigned{name, ref.Digest}, nil
}
