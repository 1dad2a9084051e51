package records

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects may be nested.
const maxDepth = 100

// scanner reads JSON (RFC 8259) from the front of b as strictly as package
// strictjson, save for what it leaves to the reader: it knows no limits on
// numbers, and a name may stand twice in an object that no mark lies in. It
// returns errShort where b ends inside a value.
type scanner struct {
	b []byte
	i int
}

// peek skips whitespace and shows the next byte.
func (s *scanner) peek() (byte, error) {
	for s.i < len(s.b) {
		switch c := s.b[s.i]; c {
		case ' ', '\n', '\r', '\t':
			s.i++
		default:
			return c, nil
		}
	}
	return 0, errShort
}

// expect takes one byte of punctuation.
func (s *scanner) expect(want byte) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	if c != want {
		return malformed("%q is missing", want)
	}
	s.i++
	return nil
}

// value takes one value. depth counts the arrays and objects around it.
func (s *scanner) value(depth int) error {
	c, err := s.peek()
	if err != nil {
		return err
	}
	switch {
	case c == '"':
		return s.text()
	case c == '{':
		return s.members(depth, nil)
	case c == '[':
		return s.elements(depth, nil)
	case c == '-' || isDigit(c):
		return s.number()
	default:
		return s.literal()
	}
}

// raw takes one value and returns its bytes, without whitespace around it.
func (s *scanner) raw(depth int) ([]byte, error) {
	if _, err := s.peek(); err != nil {
		return nil, err
	}
	start := s.i
	if err := s.value(depth); err != nil {
		return nil, err
	}
	return s.b[start:s.i], nil
}

// members takes an object. each is shown the name of every member and takes
// its value; nil takes them all.
func (s *scanner) members(depth int, each func(name []byte) error) error {
	empty, err := s.open('{', '}', depth)
	for more := !empty; err == nil && more; {
		if err = s.member(depth, each); err == nil {
			more, err = s.separator('}')
		}
	}
	return err
}

func (s *scanner) member(depth int, each func(name []byte) error) error {
	if c, err := s.peek(); err != nil {
		return err
	} else if c != '"' {
		return malformed("a member has no name")
	}
	start := s.i
	if err := s.text(); err != nil {
		return err
	}
	name := s.b[start:s.i]
	if err := s.expect(':'); err != nil {
		return err
	}
	if each == nil {
		return s.value(depth + 1)
	}
	return each(unquote(name))
}

// elements takes an array. each takes every element; nil takes them all.
func (s *scanner) elements(depth int, each func() error) error {
	empty, err := s.open('[', ']', depth)
	for more := !empty; err == nil && more; {
		if each != nil {
			err = each()
		} else {
			err = s.value(depth + 1)
		}
		if err == nil {
			more, err = s.separator(']')
		}
	}
	return err
}

// open takes the bracket and, if nothing is inside, the closing one.
func (s *scanner) open(left, right byte, depth int) (empty bool, err error) {
	if depth >= maxDepth {
		return false, malformed("values are nested deeper than %d", maxDepth)
	}
	if err := s.expect(left); err != nil {
		return false, err
	}
	c, err := s.peek()
	if err == nil && c == right {
		s.i++
		return true, nil
	}
	return false, err
}

// separator takes what follows an element: a comma, or the closing bracket.
func (s *scanner) separator(right byte) (more bool, err error) {
	c, err := s.peek()
	if err != nil {
		return false, err
	}
	if c != ',' && c != right {
		return false, malformed("a comma or %q is missing", right)
	}
	s.i++
	return c == ',', nil
}

// plain are the bytes of a string that need no second look.
var plain = func() (table [256]bool) {
	for c := 0x20; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// text takes a string.
func (s *scanner) text() error {
	b, i := s.b, s.i+1
	for i < len(b) {
		c := b[i]
		if plain[c] {
			i++
			continue
		}
		if c == '"' {
			s.i = i + 1
			return nil
		}
		n, err := special(b[i:])
		if err != nil {
			return err
		}
		i += n
	}
	return errShort
}

// special measures an escape or a character beyond ASCII.
func special(b []byte) (int, error) {
	switch {
	case b[0] == '\\':
		return escape(b)
	case b[0] < utf8.RuneSelf:
		return 0, malformed("a string holds a control character")
	case !utf8.FullRune(b):
		return 0, errShort
	}
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n == 1 {
		return 0, malformed("a string is not valid UTF-8")
	}
	return n, nil
}

// escape measures an escape; both halves of a surrogate pair are one.
func escape(b []byte) (int, error) {
	if len(b) < 2 {
		return 0, errShort
	}
	if b[1] != 'u' {
		if strings.IndexByte(`"\/bfnrt`, b[1]) < 0 {
			return 0, malformed("a string holds an escape that JSON does not know")
		}
		return 2, nil
	}
	unit, err := codeUnit(b)
	if err != nil {
		return 0, err
	}
	if unit < 0xd800 || unit > 0xdfff {
		return 6, nil
	}
	return pair(unit, b)
}

// pair measures an escaped surrogate pair, of which unit is the first half.
func pair(unit int, b []byte) (int, error) {
	const half = "a string holds half a surrogate pair"
	if unit > 0xdbff {
		return 0, malformed(half)
	}
	if len(b) < 8 {
		return 0, errShort
	}
	if b[6] != '\\' || b[7] != 'u' {
		return 0, malformed(half)
	}
	low, err := codeUnit(b[6:])
	if err == nil && (low < 0xdc00 || low > 0xdfff) {
		err = malformed(half)
	}
	return 12, err
}

// codeUnit reads \uXXXX.
func codeUnit(b []byte) (int, error) {
	if len(b) < 6 {
		return 0, errShort
	}
	unit := 0
	for _, c := range b[2:6] {
		switch lower := c | 0x20; {
		case isDigit(c):
			unit = unit<<4 | int(c-'0')
		case 'a' <= lower && lower <= 'f':
			unit = unit<<4 | int(lower-'a'+10)
		default:
			return 0, malformed("a string holds an escape that JSON does not know")
		}
	}
	return unit, nil
}

// number takes a number. Its end shows only by what follows.
func (s *scanner) number() error {
	if s.b[s.i] == '-' {
		s.i++
	}
	if s.i < len(s.b) && s.b[s.i] == '0' {
		s.i++
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.has(".") {
		if err := s.digits(); err != nil {
			return err
		}
	}
	if s.has("eE") {
		s.has("+-")
		return s.digits()
	}
	if s.i == len(s.b) {
		return errShort
	}
	return nil
}

// has takes the next byte if it is one of these.
func (s *scanner) has(these string) bool {
	if s.i < len(s.b) && strings.IndexByte(these, s.b[s.i]) >= 0 {
		s.i++
		return true
	}
	return false
}

// digits takes one digit at least.
func (s *scanner) digits() error {
	start := s.i
	for s.i < len(s.b) && isDigit(s.b[s.i]) {
		s.i++
	}
	switch {
	case s.i == len(s.b):
		return errShort
	case s.i == start:
		return malformed("a number has no digits where it needs them")
	}
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// literal takes true, false or null.
func (s *scanner) literal() error {
	rest := s.b[s.i:]
	for _, word := range []string{"true", "false", "null"} {
		n := min(len(word), len(rest))
		if string(rest[:n]) != word[:n] {
			continue
		}
		if n < len(word) {
			return errShort
		}
		s.i += n
		return nil
	}
	return malformed("a value is none that JSON knows")
}

// maxQuoted is the longest text that is decoded, in bytes: nothing that is looked
// for is longer than MaxMark, or written with more than six bytes for one.
const maxQuoted = 6*MaxMark + 2

// unquote is what a valid string means. A longer one than may be looked for is
// returned as it is written, which is too long as well.
func unquote(quoted []byte) []byte {
	inner := quoted[1 : len(quoted)-1]
	if len(quoted) > maxQuoted || bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	var text string
	_ = json.Unmarshal(quoted, &text) // the scanner has read it
	return []byte(text)
}
