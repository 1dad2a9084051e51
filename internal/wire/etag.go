package wire

import (
	"fmt"
	"net/http"
	"strings"
)

// Bounds of a conditional header. Real clients send one tag.
const (
	maxRevision = 128 // bytes
	maxTags     = 32
)

// FormatETag is the strong entity tag of a revision. A revision is 1 to 128
// bytes of visible ASCII without the double quote.
func FormatETag(revision string) (string, error) {
	if revision == "" || len(revision) > maxRevision {
		return "", fmt.Errorf("a revision has 1 to %d bytes, this one has %d", maxRevision, len(revision))
	}
	for i := range len(revision) {
		if !tagByte(revision[i]) {
			return "", fmt.Errorf("a revision holds a byte that an entity tag cannot")
		}
	}
	return `"` + revision + `"`, nil
}

// ParseETag is the revision of the entity tag of an answer. A weak tag is read
// as well: proxies that compress answers weaken the tags of them.
func ParseETag(tag string) (string, error) {
	revision, rest, ok := cutTag(tag)
	if !ok || rest != "" {
		return "", fmt.Errorf("the ETag is not one entity tag in double quotes")
	}
	return revision, nil
}

// tagByte reports whether an entity tag may hold the byte: RFC 9110 section
// 8.8.3 without obs-text.
func tagByte(c byte) bool { return c > ' ' && c < 0x7f && c != '"' }

// parseTags reads a list of entity tags; nil when the header is absent, "*"
// alone for any. A tag that can never be equal to a revision, because it is
// weak or reads "*" in quotes, is kept with its quotes: no revision has any, so
// it matches nothing.
func parseTags(h http.Header, name string) ([]string, error) {
	lines := h.Values(name)
	if len(lines) == 0 {
		return nil, nil
	}
	rest := strings.Trim(strings.Join(lines, ","), " \t")
	if rest == "*" {
		return []string{"*"}, nil
	}
	var tags []string
	for rest != "" {
		revision, after, ok := cutTag(rest)
		if !ok || len(tags) == maxTags {
			return nil, badRequest(name + ` is malformed: write "revision" in double quotes, as ETag gives it, or *.`)
		}
		if revision == "*" || strings.HasPrefix(rest, "W/") {
			revision = rest[:len(rest)-len(after)]
		}
		tags = append(tags, revision)
		after = strings.TrimLeft(after, " \t")
		if after != "" && after[0] != ',' {
			return nil, badRequest(name + " is malformed: separate entity tags with commas.")
		}
		rest = strings.TrimLeft(after, ", \t")
	}
	if tags == nil {
		return nil, badRequest(name + " is empty.")
	}
	return tags, nil
}

// cutTag takes one entity tag, weak or strong, from the front of the text.
func cutTag(text string) (revision, rest string, ok bool) {
	text = strings.TrimPrefix(text, "W/")
	if !strings.HasPrefix(text, `"`) {
		return "", "", false
	}
	end := 1
	for end < len(text) && tagByte(text[end]) {
		end++
	}
	if end == len(text) || text[end] != '"' || end == 1 || end-1 > maxRevision {
		return "", "", false
	}
	return text[1:end], text[end+1:], true
}
