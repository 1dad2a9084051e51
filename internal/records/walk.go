package records

import (
	"errors"
	"math"
	"unicode/utf8"

	"github.com/hamba/avro/v2"
)

// walk goes over values in Avro's binary encoding. It returns errShort where b
// ends inside a value. Numbers are only taken in the one shortest form that
// every writer uses: readers disagree about others.
type walk struct {
	b     []byte
	i     int
	mark  []byte // the last portion mark that was passed
	marks int    // how many there were
}

// closed is the error where nothing more can come.
func closed(err error) error {
	if errors.Is(err, errShort) {
		return malformed("a value is longer than what holds it")
	}
	return err
}

// value walks over one value of the shape.
func (w *walk) value(s *shape, depth int) error {
	if s.empty {
		return nil
	}
	if depth > maxDepth {
		return malformed("values are nested deeper than %d", maxDepth)
	}
	switch s.kind {
	case avro.Record, avro.Error:
		return w.fields(s, depth)
	case avro.Union:
		return w.branch(s, depth)
	case avro.Array:
		return w.items(func() error { return w.value(s.parts[0], depth+1) })
	case avro.Map:
		return w.items(func() error { return w.entry(s.parts[0], depth) })
	}
	return w.scalar(s)
}

func (w *walk) fields(s *shape, depth int) error {
	for _, field := range s.parts {
		if err := w.value(field, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) branch(s *shape, depth int) error {
	k, err := w.below(len(s.parts), "a branch of its union")
	if err != nil {
		return err
	}
	return w.value(s.parts[k], depth+1)
}

func (w *walk) entry(s *shape, depth int) error {
	key, err := w.counted()
	switch {
	case err != nil:
		return err
	case !utf8.Valid(key):
		return malformed("the key of a map is not valid UTF-8")
	}
	return w.value(s, depth+1)
}

// items walks over the blocks of an array or map. Items of no bytes are not
// counted through: a block may claim any number of them.
func (w *walk) items(each func() error) error {
	for {
		count, size, err := w.blockHead()
		if err != nil || count == 0 {
			return err
		}
		start := w.i
		for n := count; n > 0; n-- {
			before := w.i
			if err := each(); err != nil {
				return err
			}
			if w.i == before {
				break
			}
		}
		if size >= 0 && int64(w.i-start) != size {
			return malformed("a block of items has not the size that it states")
		}
	}
}

// blockHead reads how many items follow and, behind a negative count, how many
// bytes they take; size is -1 otherwise.
func (w *walk) blockHead() (count, size int64, err error) {
	count, err = w.long()
	if err != nil || count >= 0 {
		return count, -1, err
	}
	if count == math.MinInt64 {
		return 0, 0, malformed("a block of items has too many")
	}
	size, err = w.long()
	if err == nil && size < 0 {
		err = malformed("a block of items has less than nothing")
	}
	return -count, size, err
}

func (w *walk) scalar(s *shape) error {
	switch s.kind {
	case avro.Boolean:
		return w.boolean()
	case avro.Int:
		return w.int()
	case avro.Long:
		_, err := w.long()
		return err
	case avro.Float:
		return w.skip(4)
	case avro.Double:
		return w.skip(8)
	case avro.Fixed:
		return w.skip(s.size)
	case avro.Bytes:
		_, err := w.counted()
		return err
	case avro.String:
		return w.text(s)
	case avro.Enum:
		return w.symbol(s)
	}
	return malformed("the schema has a type that Avro does not know")
}

func (w *walk) skip(n int) error {
	_, err := w.bytes(n)
	return err
}

func (w *walk) boolean() error {
	b, err := w.bytes(1)
	if err == nil && b[0] > 1 {
		err = malformed("a boolean is neither true nor false")
	}
	return err
}

func (w *walk) int() error {
	n, err := w.long()
	if err == nil && (n < math.MinInt32 || n > math.MaxInt32) {
		err = malformed("an int has more than 32 bits")
	}
	return err
}

func (w *walk) text(s *shape) error {
	text, err := w.counted()
	if err != nil {
		return err
	}
	if !utf8.Valid(text) {
		return malformed("a string is not valid UTF-8")
	}
	if s.mark {
		w.mark, w.marks = text, w.marks+1
	}
	return nil
}

func (w *walk) symbol(s *shape) error {
	k, err := w.below(len(s.symbols), "a symbol of its enum")
	if err == nil && s.mark {
		w.mark, w.marks = []byte(s.symbols[k]), w.marks+1
	}
	return err
}

// below reads an index into n choices.
func (w *walk) below(n int, what string) (int, error) {
	k, err := w.long()
	if err == nil && (k < 0 || k >= int64(n)) {
		err = malformed("an index is none of %s", what)
	}
	return int(k), err
}

// counted takes a length and so many bytes.
func (w *walk) counted() ([]byte, error) {
	n, err := w.long()
	switch {
	case err != nil:
		return nil, err
	case n < 0:
		return nil, malformed("a length is less than nothing")
	case n > MaxRecord:
		return nil, malformed("a value is longer than %d bytes", MaxRecord)
	}
	return w.bytes(int(n))
}

func (w *walk) bytes(n int) ([]byte, error) {
	if n > len(w.b)-w.i {
		return nil, errShort
	}
	w.i += n
	return w.b[w.i-n : w.i : w.i], nil
}

// long takes a number: groups of seven bits, lowest first, zigzag.
func (w *walk) long() (int64, error) {
	var n uint64
	for shift := 0; shift < 64; shift += 7 {
		if w.i == len(w.b) {
			return 0, errShort
		}
		c := w.b[w.i]
		w.i++
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if c == 0 && shift > 0 || shift == 63 && c > 1 {
				break
			}
			return int64(n>>1) ^ -int64(n&1), nil
		}
	}
	return 0, malformed("a number is not in its shortest form or has more than 64 bits")
}
