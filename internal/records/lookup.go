package records

// lookup is the search for the mark along a path of names in one object.
type lookup struct {
	quoted []byte // the mark as it is written, nil for none
	twice  bool   // a name on the path stands twice: readers disagree on which counts
}

// mark is what was found, nil unless it is one text.
func (l lookup) mark() []byte {
	if l.twice || l.quoted == nil {
		return nil
	}
	return unquote(l.quoted)
}

// find takes an object and looks for the text at the path, which is not empty.
func (s *scanner) find(path []string, depth int, l *lookup) error {
	seen := false
	return s.members(depth, func(name []byte) error {
		if string(name) != path[0] {
			return s.value(depth + 1)
		}
		l.twice = l.twice || seen
		seen = true
		return s.follow(path[1:], depth+1, l)
	})
}

// follow takes the value of a member on the path.
func (s *scanner) follow(rest []string, depth int, l *lookup) error {
	c, err := s.peek()
	switch {
	case err != nil:
		return err
	case len(rest) > 0 && c == '{':
		return s.find(rest, depth, l)
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
	if err := s.find(path, 0, &l); err != nil {
		return nil
	}
	return l.mark()
}
