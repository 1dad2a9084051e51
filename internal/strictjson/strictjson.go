// Package strictjson reads JSON (RFC 8259) the way a security boundary must:
// one meaning for each text or none at all.
//
// Two readers that disagree about a text are an attack: one checks it, the
// other acts on it. So [Parse] refuses whatever readers are known to disagree
// about: duplicate keys, invalid UTF-8, a byte order mark, a NUL byte, escapes
// of half a surrogate pair, numbers that no IEEE 754 double can hold, and text
// after the value. Size, nesting and the number of values are limited before
// memory is spent on them.
//
// The tree keeps the order of keys and the place of each value in the text.
// [Value.Print] writes the canonical layout of RFC 8785; how numbers are
// written is the caller's choice between [ES6] and [Decimal].
package strictjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is the kind of a JSON value.
type Kind int

// The kinds.
const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

// Value is one JSON value and where it stands in the text.
type Value struct {
	Kind    Kind
	Text    string   // of a string its meaning, of a number its literal, of a Bool "true" or "false"
	Items   []*Value // of an array
	Members []Member // of an object, in the order of the text
	Start   int      // offset of the first byte in the text
}

// Member is one key of an object and its value.
type Member struct {
	Key   string
	Start int // offset of the key's opening quote
	Value *Value
}

// Limits bound what Parse accepts.
type Limits struct {
	Bytes  int // longest text
	Depth  int // deepest nesting of arrays and objects; a scalar is at depth 0
	Values int // most values in total, the root, items and members' values alike
}

// MaxNumber is the longest literal of a number, in bytes, and MaxExponent the
// largest exponent in either direction that may be written. Big-number
// arithmetic on a text such as 1e-999999999 would take gigabytes.
const (
	MaxNumber   = 128
	MaxExponent = 400
)

// Error says why a text was refused and where.
type Error struct {
	Offset int    // of the byte in the text
	Path   string // JSON pointer (RFC 6901) of the value, "" for the root
	Reason string
}

// Error is the reason with the path.
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

// Parse reads one JSON text. The error is an *[Error].
func Parse(text string, limits Limits) (*Value, error) {
	if err := checkBytes(text, limits.Bytes); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	p := &parser{text: text, limits: limits, dec: dec}
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	end := int(dec.InputOffset())
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, &Error{Offset: p.skip(end, blanks), Reason: "text after the end of the JSON value"}
	}
	return v, nil
}

// CheckText refuses what no text of any format may hold: a byte order mark,
// NUL, invalid UTF-8. The error is an *[Error].
func CheckText(text string) error {
	if strings.HasPrefix(text, "\ufeff") {
		return &Error{Reason: "starts with a byte order mark: save the text without one"}
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		return &Error{Offset: i, Reason: "holds a NUL byte"}
	}
	if !utf8.ValidString(text) {
		return &Error{Offset: invalidAt(text), Reason: "is not valid UTF-8"}
	}
	return nil
}

// Locate turns an offset into a line and a column, both counted from one; a
// column is a character, not a byte.
func Locate(text string, offset int) (line, column int) {
	before := text[:max(0, min(offset, len(text)))]
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// Escape is a key as a part of a JSON pointer (RFC 6901, section 3).
func Escape(key string) string { return pointerEscapes.Replace(key) }

// Get returns the value of a key of an object, nil when there is none.
func (v *Value) Get(key string) *Value {
	if v == nil {
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Key == key {
			return v.Members[i].Value
		}
	}
	return nil
}

// StringAt returns the string under a key of an object, "" when there is none.
func (v *Value) StringAt(key string) string {
	if s := v.Get(key); s != nil && s.Kind == String {
		return s.Text
	}
	return ""
}

// Any is the tree as encoding/json would decode it with UseNumber.
func (v *Value) Any() any {
	switch v.Kind {
	case Bool:
		return v.Text == "true"
	case Number:
		return json.Number(v.Text)
	case String:
		return v.Text
	case Array:
		items := make([]any, len(v.Items))
		for i, item := range v.Items {
			items[i] = item.Any()
		}
		return items
	case Object:
		members := make(map[string]any, len(v.Members))
		for _, m := range v.Members {
			members[m.Key] = m.Value.Any()
		}
		return members
	}
	return nil
}

const (
	blanks     = " \t\r\n"
	separators = blanks + ",:"
)

func checkBytes(text string, limit int) error {
	if len(text) > limit {
		return &Error{Offset: limit, Reason: fmt.Sprintf("is %d bytes long, the limit is %d", len(text), limit)}
	}
	return CheckText(text)
}

func invalidAt(text string) int {
	for i, r := range text {
		if r != utf8.RuneError {
			continue
		}
		if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
			return i
		}
	}
	return len(text)
}

type parser struct {
	text   string
	limits Limits
	dec    *json.Decoder
	path   []string
	values int
}

func (p *parser) skip(offset int, what string) int {
	for offset < len(p.text) && strings.IndexByte(what, p.text[offset]) >= 0 {
		offset++
	}
	return offset
}

func (p *parser) fail(offset int, format string, args ...any) error {
	e := &Error{Offset: offset, Reason: fmt.Sprintf(format, args...)}
	if len(p.path) > 0 {
		e.Path = "/" + strings.Join(p.path, "/")
	}
	return e
}

func (p *parser) token() (json.Token, int, error) {
	start := p.skip(int(p.dec.InputOffset()), separators)
	tok, err := p.dec.Token()
	if err == nil {
		return tok, start, nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, start, p.fail(len(p.text), "ends too early")
	}
	return nil, start, p.fail(start, "is not JSON: %s", err.Error())
}

func (p *parser) value(depth int) (*Value, error) {
	tok, start, err := p.token()
	if err != nil {
		return nil, err
	}
	return p.valueOf(tok, start, depth)
}

func (p *parser) valueOf(tok json.Token, start, depth int) (*Value, error) {
	if p.values++; p.values > p.limits.Values {
		return nil, p.fail(start, "holds more than %d values", p.limits.Values)
	}
	v := &Value{Start: start}
	switch t := tok.(type) {
	case bool:
		v.Kind, v.Text = Bool, strconv.FormatBool(t)
	case json.Number:
		v.Kind, v.Text = Number, string(t)
		return v, p.checkNumber(v)
	case string:
		v.Kind, v.Text = String, t
		return v, p.checkSurrogates(start)
	case json.Delim:
		return p.compound(v, t, depth)
	}
	return v, nil
}

func (p *parser) compound(v *Value, open json.Delim, depth int) (*Value, error) {
	if depth >= p.limits.Depth {
		return nil, p.fail(v.Start, "is nested deeper than %d levels", p.limits.Depth)
	}
	switch open {
	case '[':
		v.Kind = Array
		return v, p.items(v, depth+1)
	case '{':
		v.Kind = Object
		return v, p.members(v, depth+1)
	}
	return nil, p.fail(v.Start, "is not JSON: unexpected %q", open.String())
}

func (p *parser) items(v *Value, depth int) error {
	for {
		tok, start, err := p.token()
		if err != nil {
			return err
		}
		if tok == json.Delim(']') {
			return nil
		}
		p.path = append(p.path, strconv.Itoa(len(v.Items)))
		item, err := p.valueOf(tok, start, depth)
		if err != nil {
			return err
		}
		p.path = p.path[:len(p.path)-1]
		v.Items = append(v.Items, item)
	}
}

func (p *parser) members(v *Value, depth int) error {
	seen := map[string]struct{}{}
	for {
		tok, start, err := p.token()
		if err != nil {
			return err
		}
		key, ok := tok.(string)
		if !ok {
			return nil // the decoder lets nothing but a key or the closing brace through
		}
		if err := p.checkSurrogates(start); err != nil {
			return err
		}
		p.path = append(p.path, Escape(key))
		if _, twice := seen[key]; twice {
			return p.fail(start, "key %q stands here twice", key)
		}
		seen[key] = struct{}{}
		member, err := p.value(depth)
		if err != nil {
			return err
		}
		p.path = p.path[:len(p.path)-1]
		v.Members = append(v.Members, Member{Key: key, Start: start, Value: member})
	}
}

func (p *parser) checkNumber(v *Value) error {
	if len(v.Text) > MaxNumber {
		return p.fail(v.Start, "a number of %d characters, the limit is %d", len(v.Text), MaxNumber)
	}
	if i := strings.IndexAny(v.Text, "eE"); i >= 0 {
		exponent, err := strconv.Atoi(v.Text[i+1:])
		if err != nil || exponent > MaxExponent || exponent < -MaxExponent {
			return p.fail(v.Start, "number %s: its exponent is out of bounds (%d in either direction)", v.Text, MaxExponent)
		}
	}
	if f, err := strconv.ParseFloat(v.Text, 64); err != nil || math.IsInf(f, 0) {
		return p.fail(v.Start, "number %s does not fit a 64-bit floating-point number", v.Text)
	}
	return nil
}

// checkSurrogates refuses an escape of half a surrogate pair in the string
// that starts here: decoders replace it by U+FFFD, so that different texts
// would become the same string.
func (p *parser) checkSurrogates(start int) error {
	raw := p.text[start:p.dec.InputOffset()]
	for i := 0; i+1 < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		if i++; raw[i] != 'u' {
			continue
		}
		switch unit := hex4(raw, i+1); {
		case unit >= 0xdc00 && unit <= 0xdfff:
			return p.fail(start+i-1, "holds half of a surrogate pair")
		case unit >= 0xd800 && unit <= 0xdbff:
			low := -1
			if strings.HasPrefix(raw[i+5:], `\u`) {
				low = hex4(raw, i+7)
			}
			if low < 0xdc00 || low > 0xdfff {
				return p.fail(start+i-1, "holds half of a surrogate pair")
			}
			i += 6
		}
	}
	return nil
}

func hex4(s string, at int) int {
	if at+4 > len(s) {
		return -1
	}
	n, err := strconv.ParseUint(s[at:at+4], 16, 32)
	if err != nil {
		return -1
	}
	return int(n)
}
