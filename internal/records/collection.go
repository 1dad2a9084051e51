package records

import (
	"bytes"
	"errors"
	"fmt"
	"hash"
	"slices"
)

// collection is a JSON object with an array of records among its members.
type collection struct {
	*stream
	kind    string          // what "type" must be
	list    string          // the member with the records
	passing map[string]form // members beside it that pass
	// renamed is the member that names this version of the collection, "" for
	// none: it is written anew from the delivered records.
	renamed string
	records decider
	// whole writes an object that has no such array, up to its last byte; nil
	// refuses it.
	whole func(object []byte) error

	seen    []string  // the members of passing that were there
	named   bool      // renamed was among them, a text
	sum     hash.Hash // of the delivered records, nil when nothing is renamed
	scanner scanner   // of element
}

// form is how a member that may pass is written, whatever the source has written:
// nil when it does not pass. An error ends the stream.
type form func(value []byte) (written []byte, err error)

// decider decides on records one by one.
type decider interface {
	// read takes one record from the scanner, from its first byte, and keeps
	// what admit needs. It may be called again for the same record.
	read(*scanner) error
	// admit decides on the record that was read last.
	admit() (bool, error)
}

// member is one beside the array.
type member struct {
	name  string
	value []byte
}

// errList says that the array of records begins.
var errList = errors.New("the array of records begins")

// filter reads the members before the array in one piece, then the records one
// by one, then the members after it in one piece.
func (c *collection) filter() error {
	object, before, err := c.before()
	switch {
	case err != nil:
		return err
	case object != nil && c.whole == nil:
		return malformed("%q is missing", c.list)
	case object != nil:
		if err := c.whole(object); err != nil {
			return err
		}
		return c.end()
	}
	if err := c.begin(before); err != nil {
		return err
	}
	if err := c.elements(); err != nil {
		return err
	}
	return c.after()
}

// before reads up to the array, or the whole object if it has none.
func (c *collection) before() (object []byte, found []member, err error) {
	listed := false
	piece, err := c.in.scan(func(b []byte) (int, error) {
		s := scanner{b: b}
		found, listed = nil, false
		err := s.members(0, func(name []byte) error {
			if string(name) == c.list {
				listed = true
				return errList
			}
			return c.keep(&s, name, &found)
		})
		if listed {
			err = nil
		}
		return s.i, err
	})
	if err != nil || listed {
		return nil, found, err
	}
	return bytes.TrimLeft(piece, " \t\r\n"), nil, nil
}

// keep takes a member beside the array, and keeps those that may pass: of each
// name one, or they would take more room than the text that they stand in.
func (c *collection) keep(s *scanner, name []byte, found *[]member) error {
	value, err := s.raw(1)
	if _, known := c.passing[string(name)]; !known || err != nil {
		return err
	}
	if slices.ContainsFunc(*found, func(m member) bool { return m.name == string(name) }) {
		return malformed("%q stands twice", name)
	}
	*found = append(*found, member{string(name), value})
	return nil
}

// begin writes what comes before the records.
func (c *collection) begin(before []member) error {
	passing, err := c.sift(before)
	if err != nil {
		return err
	}
	_ = c.out.WriteByte('{') // the error stays
	for _, m := range passing {
		c.write(m)
		_ = c.out.WriteByte(',')
	}
	c.write(member{c.list, []byte{'['}})
	return nil
}

// sift leaves of the members beside the array those that pass.
func (c *collection) sift(found []member) (passing []member, err error) {
	for _, m := range found {
		if slices.Contains(c.seen, m.name) {
			return nil, malformed("%q stands twice", m.name)
		}
		c.seen = append(c.seen, m.name)
		written, err := c.passing[m.name](m.value)
		switch {
		case err != nil:
			return nil, err
		case written != nil && m.name == c.renamed:
			c.named = true
		case written != nil:
			passing = append(passing, member{m.name, written})
		}
	}
	return passing, nil
}

// only is the form of a text that must be this one.
func only(kind string) form {
	return func(value []byte) ([]byte, error) {
		if value[0] != '"' || string(unquote(value)) != kind {
			return nil, malformed("it is no %s", kind)
		}
		return []byte(`"` + kind + `"`), nil
	}
}

func (c *collection) write(m member) {
	_, _ = c.out.WriteString(`"` + m.name + `":`) // the error stays
	_, _ = c.out.Write(m.value)
}

// elements filters the array.
func (c *collection) elements() error {
	more := false
	_, err := c.in.scan(func(b []byte) (int, error) {
		s := scanner{b: b}
		empty, err := s.open('[', ']', 1)
		more = !empty
		return s.i, err
	})
	for more && err == nil {
		more, err = c.element()
	}
	return err
}

// element filters one record and takes the comma or bracket after it.
func (c *collection) element() (more bool, err error) {
	start, end := 0, 0
	piece, err := c.in.scan(func(b []byte) (int, error) {
		s := &c.scanner
		*s = scanner{b: b}
		if _, err := s.peek(); err != nil {
			return 0, err
		}
		start = s.i
		if err := c.records.read(s); err != nil {
			return 0, err
		}
		end = s.i
		var err error
		more, err = s.separator(']')
		return s.i, err
	})
	if err != nil {
		return false, err
	}
	return more, c.decide(piece[start:end])
}

func (c *collection) decide(record []byte) error {
	delivered, err := c.records.admit()
	if err != nil {
		return err
	}
	first := c.tally.Delivered == 0
	c.count(delivered)
	if !delivered {
		return nil
	}
	if !first {
		_ = c.out.WriteByte(',') // the error stays
	}
	_ = c.out.WriteByte('\n')
	if c.sum != nil {
		_, _ = c.sum.Write(record) // never fails
		_, _ = c.sum.Write(between)
	}
	_, err = c.out.Write(record)
	return err
}

// after reads the members behind the array, and the end.
func (c *collection) after() error {
	var found []member
	_, err := c.in.scan(func(b []byte) (int, error) {
		s := scanner{b: b}
		found = nil
		for {
			more, err := s.separator('}')
			if err != nil || !more {
				return s.i, err
			}
			if err := s.member(0, func(name []byte) error { return c.keepAfter(&s, name, &found) }); err != nil {
				return 0, err
			}
		}
	})
	if err != nil {
		return err
	}
	return c.finish(found)
}

func (c *collection) keepAfter(s *scanner, name []byte, found *[]member) error {
	if string(name) == c.list {
		return malformed("%q stands twice", c.list)
	}
	return c.keep(s, name, found)
}

// finish writes what comes after the records.
func (c *collection) finish(after []member) error {
	passing, err := c.sift(after)
	if err != nil {
		return err
	}
	if !slices.Contains(c.seen, "type") {
		return malformed("it has no type")
	}
	_, _ = c.out.WriteString("\n]") // the error stays
	if c.named {
		passing = append(passing, member{c.renamed, c.name()})
	}
	for _, m := range passing {
		_ = c.out.WriteByte(',')
		c.write(m)
	}
	return c.end()
}

// between is what no record ends in, so that two lists of records are two texts.
var between = []byte{'\n'}

// name is the text of renamed: kind and a UUID. Its bits look like random ones
// (RFC 9562, version 4), and are the same for the same delivered records.
func (c *collection) name() []byte {
	id := c.sum.Sum(nil)
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Appendf(nil, `"%s--%x-%x-%x-%x-%x"`, c.kind, id[:4], id[4:6], id[6:8], id[8:10], id[10:16])
}

// end writes the last byte of the object once nothing is known to follow: what
// is cut off before it is no JSON.
func (c *collection) end() error {
	for more := true; more; {
		if len(bytes.TrimLeft(c.in.window(), " \t\r\n")) > 0 {
			return malformed("something follows the end of the %s", c.kind)
		}
		c.in.pull(len(c.in.window()))
		var err error
		if more, err = c.in.more(); err != nil {
			return err
		}
	}
	_, err := c.out.WriteString("}\n")
	return err
}
