package lock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Decode reads a canonical text and refuses every other: what [Encode] would
// not have written has been made by something else, and might mean something
// else to another reader. Duplicate keys, case variants of keys, other orders,
// blanks and escapes are all found by writing the lock again.
func Decode(text []byte) (*Lock, error) {
	if err := checkText(text); err != nil {
		return nil, fmt.Errorf("bundle.lock: %w", err)
	}
	l, err := read(text)
	if err != nil {
		return nil, fmt.Errorf("bundle.lock: %w", err)
	}
	return l, nil
}

func read(text []byte) (*Lock, error) {
	l, err := decode(text)
	if err != nil {
		return nil, err
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	again, err := write(l)
	if err != nil {
		return nil, err
	}
	return l, sameText(text, again)
}

// decode counts the items before it makes any.
func decode(text []byte) (*Lock, error) {
	var l Lock
	document := struct {
		*Lock
		Items []json.RawMessage `json:"items"` // hides those of the lock
	}{Lock: &l}
	if err := strictly(text, &document); err != nil {
		return nil, err
	}
	if len(document.Items) > MaxItems {
		return nil, fmt.Errorf("holds %d items, the limit is %d", len(document.Items), MaxItems)
	}
	l.Items = make([]Item, len(document.Items))
	for i, item := range document.Items {
		if err := strictly(item, &l.Items[i]); err != nil {
			return nil, fmt.Errorf("item %d: %w", i+1, err)
		}
	}
	return &l, nil
}

func strictly(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("is not a lock: %w", err)
	}
	return nil
}

// sameText names the first line that differs.
func sameText(text, canonical []byte) error {
	if bytes.Equal(text, canonical) {
		return nil
	}
	same := 0
	for same < min(len(text), len(canonical)) && text[same] == canonical[same] {
		same++
	}
	return fmt.Errorf("line %d is not in canonical form: have the lock made again, it is not to be edited", bytes.Count(text[:same], []byte("\n"))+1)
}

// The bounds of a text that are checked before anything is decoded. A value
// takes up to some hundred bytes of memory for the three bytes of "{},", so
// values are counted first. A canonical text spends more than this on each.
const (
	maxDepth       = 8
	bytesPerValue  = 28
	bytesPerMember = 80 // of items and blobs
)

func checkText(text []byte) error {
	if len(text) > MaxBytes {
		return fmt.Errorf("is %d bytes long, the limit is %d", len(text), MaxBytes)
	}
	if !utf8.Valid(text) {
		return errors.New("is not valid UTF-8")
	}
	s := scan{values: len(text)/bytesPerValue + 64, members: len(text)/bytesPerMember + 64}
	for _, c := range text {
		if err := s.next(c); err != nil {
			return err
		}
	}
	return nil
}

// scan counts values and nesting without decoding: whatever stands outside of
// strings.
type scan struct {
	text, escaped   bool
	depth           int
	values, members int // that may still come
}

func (s *scan) next(c byte) error {
	switch {
	case s.escaped:
		s.escaped = false
	case c == '\\':
		s.escaped = s.text
	case c == '"':
		s.text = !s.text
	case s.text:
	case c == '{' || c == '[':
		s.depth++
		return s.value()
	case c == '}' || c == ']':
		s.depth--
	case c == ',':
		return s.value()
	}
	return nil
}

// value counts one more; those of items and blobs stand at depth 2.
func (s *scan) value() error {
	s.values--
	if s.depth == 2 {
		s.members--
	}
	switch {
	case s.depth > maxDepth:
		return fmt.Errorf("is nested deeper than %d levels", maxDepth)
	case s.values < 0 || s.members < 0:
		return errors.New("holds more values than a lock of its length can")
	}
	return nil
}
