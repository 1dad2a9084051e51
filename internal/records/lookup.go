package records

import (
	"bytes"
	"slices"
)

// lookup is the search for the mark along a path of names in one object.
type lookup struct {
	quoted []byte // the mark as it is written, nil for none
	// closed says that readers disagree about the mark: a name on the path stands
	// twice, in whichever case, since many programs take names in any; or parts
	// of the record have marks of their own.
	closed bool
}

// mark is what was found, nil unless it is one text.
func (l lookup) mark() []byte {
	if l.closed || l.quoted == nil {
		return nil
	}
	return unquote(l.quoted)
}

// find takes an object and looks for the text at the path, which is not empty,
// and beside it for an array of one of the names, of parts with their own marks.
func (s *scanner) find(path, parts []string, depth int, l *lookup) error {
	seen := false
	return s.members(depth, func(name []byte) error {
		switch {
		case string(name) == path[0]:
			l.closed = l.closed || seen
			seen = true
			return s.follow(path[1:], depth+1, l)
		case bytes.EqualFold(name, []byte(path[0])):
			l.closed = true
		case slices.ContainsFunc(parts, func(part string) bool { return bytes.EqualFold(name, []byte(part)) }):
			c, _ := s.peek() // value says what is wrong
			l.closed = l.closed || c == '['
		}
		return s.value(depth + 1)
	})
}

// follow takes the value of a member on the path.
func (s *scanner) follow(rest []string, depth int, l *lookup) error {
	c, err := s.peek()
	switch {
	case err != nil:
		return err
	case len(rest) > 0 && c == '{':
		return s.find(rest, nil, depth, l)
	case len(rest) > 0 || c != '"':
		return s.value(depth)
	}
	l.quoted, err = s.raw(depth)
	return err
}

// markAt is the text at the path of an object that has been read before, nil
// for none.
func markAt(object []byte, path []string) []byte {
	s, l := scanner{b: object}, lookup{}
	if err := s.find(path, nil, 0, &l); err != nil {
		return nil
	}
	return l.mark()
}
