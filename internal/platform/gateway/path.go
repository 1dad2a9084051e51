package gateway

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// The limits of a path, in bytes and in segments below a port. Decoded, what is
// below the port is no longer than the log holds: [catalog.MaxResource].
const (
	maxPath     = 4096
	maxSegment  = 255
	maxSegments = 64
)

// target is what the path of a request names.
type target struct {
	product, port string
	below         []string // decoded segments below the port
	folder        bool     // the path ends with a slash
}

// parseTarget reads a path as it was sent, with its escapes, so that nothing
// that stands in front of us can have read it in another way.
func parseTarget(escaped string) (target, bool) {
	rest, ok := strings.CutPrefix(escaped, Prefix)
	if !ok || len(escaped) > maxPath {
		return target{}, false
	}
	parts := strings.SplitN(rest, "/", 4)
	if len(parts) < 3 || !allNames(parts[:3]) { // no name needs an escape
		return target{}, false
	}
	t := target{product: parts[0] + "/" + parts[1], port: parts[2]}
	if len(parts) == 4 {
		t.below, t.folder, ok = segments(parts[3])
	}
	return t, ok && len(t.below) <= maxSegments && len(t.resource()) <= catalog.MaxResource
}

// resource is what is below the port as the log has it. No name in it has a
// slash, so it is read in one way only.
func (t target) resource() string {
	path := strings.Join(t.below, "/")
	if t.folder {
		path += "/"
	}
	return path
}

func allNames(parts []string) bool {
	return !slices.ContainsFunc(parts, func(name string) bool { return catalog.CheckName(name) != nil })
}

// segments splits and decodes a path without the slash at its start. A slash at
// its end makes a folder of it. It fails when one of the segments could be taken
// for something else by anybody.
func segments(escaped string) (names []string, folder bool, ok bool) {
	if escaped == "" {
		return nil, true, true
	}
	escaped, folder = strings.CutSuffix(escaped, "/")
	for part := range strings.SplitSeq(escaped, "/") {
		name, err := url.PathUnescape(part)
		if err != nil || !plain(name) {
			return nil, false, false
		}
		names = append(names, name)
	}
	return names, folder, true
}

// plain reports whether a decoded segment is a name and nothing but a name: not
// empty, not "." or ".." with or without the spaces and parameters that some
// servers drop, without separators and control characters, valid UTF-8, and
// without an escape that a server which decodes twice would find in it.
func plain(name string) bool {
	stem, _, _ := strings.Cut(name, ";")
	return len(name) <= maxSegment && strings.Trim(stem, ". ") != "" && utf8.ValidString(name) &&
		!strings.ContainsAny(name, `/\`) && !strings.ContainsFunc(name, unicode.IsControl) && !hasEscape(name)
}

func hasEscape(name string) bool {
	for i := 0; i+2 < len(name); i++ {
		if name[i] == '%' && isHex(name[i+1]) && isHex(name[i+2]) {
			return true
		}
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// escapedPath is the path of the segments, with a slash at its start.
func escapedPath(names []string, folder bool) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteString("/" + url.PathEscape(name))
	}
	if folder || len(names) == 0 {
		b.WriteByte('/')
	}
	return b.String()
}
