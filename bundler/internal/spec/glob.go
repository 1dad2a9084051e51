package spec

import (
	"fmt"
	"regexp"
	"strings"
)

// Pattern matches names by segments between slashes. "*" stands for any run of
// characters within a segment. A segment "**" stands for any number of segments,
// at the end of the pattern for at least one.
//
// A pattern whose last segment holds neither ":" nor "@" is matched against the
// name without its tag and digest: "registry.example/team/app" means every
// version of it. Everything else is matched against the whole name. Case
// matters.
type Pattern struct {
	text     string
	segments []string
}

var patternGrammar = regexp.MustCompile(`^[A-Za-z0-9._:@+*\[\]-]+(/[A-Za-z0-9._:@+*\[\]-]+)*$`)

// maxPattern is the longest pattern, in bytes.
const maxPattern = 512

// ParsePattern reads a pattern.
func ParsePattern(text string) (Pattern, error) {
	if len(text) > maxPattern || !patternGrammar.MatchString(text) {
		return Pattern{}, fmt.Errorf("%.120q is not a pattern: write segments with slashes between them, * for a part of one, ** for many", text)
	}
	segments := strings.Split(text, "/")
	for i, s := range segments {
		if s != "**" && strings.Contains(s, "**") || s == "**" && i > 0 && segments[i-1] == "**" {
			return Pattern{}, fmt.Errorf("%.120q: ** must be a segment of its own, and once", text)
		}
	}
	return Pattern{text, segments}, nil
}

// String is the pattern as written.
func (p Pattern) String() string { return p.text }

// Matches reports whether a name matches, in time bounded by the product of
// their lengths. The zero Pattern matches nothing.
func (p Pattern) Matches(name string) bool {
	if len(p.segments) == 0 || name == "" {
		return false
	}
	if !strings.ContainsAny(p.segments[len(p.segments)-1], ":@") {
		name = withoutVersion(name)
	}
	return p.matchSegments(strings.Split(name, "/"))
}

// withoutVersion cuts tag and digest off; a colon before the last slash is that
// of a port.
func withoutVersion(name string) string {
	last := strings.LastIndexByte(name, '/') + 1
	if i := strings.IndexAny(name[last:], ":@"); i >= 0 {
		return name[:last+i]
	}
	return name
}

// matchSegments keeps, for each number of name segments, whether the pattern so
// far can have used up exactly these.
func (p Pattern) matchSegments(name []string) bool {
	reached := make([]bool, len(name)+1)
	reached[0] = true
	for i, segment := range p.segments {
		next := make([]bool, len(name)+1)
		least := 0
		if i == len(p.segments)-1 {
			least = 1
		}
		for used, ok := range reached {
			switch {
			case !ok:
			case segment == "**":
				for j := used + least; j <= len(name); j++ {
					next[j] = true
				}
			case used < len(name) && matchSegment(segment, name[used]):
				next[used+1] = true
			}
		}
		reached = next
	}
	return reached[len(name)]
}

// matchSegment matches the parts between stars: the first at the start, the
// last at the end, the others each as early as possible.
func matchSegment(pattern, segment string) bool {
	parts := strings.Split(pattern, "*")
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return pattern == segment
	}
	if !strings.HasPrefix(segment, first) || !strings.HasSuffix(segment[len(first):], last) {
		return false
	}
	middle := segment[len(first) : len(segment)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(middle, part)
		if i < 0 {
			return false
		}
		middle = middle[i+len(part):]
	}
	return true
}
