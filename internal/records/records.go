// Package records takes a stream of records that each carry a portion mark of
// their own, and leaves out those that a reader may not see. It is pure: bytes
// in, bytes out, in constant memory, one record at a time.
//
// # What is a record
//
//	GeoJSON     each feature of a FeatureCollection (RFC 7946), or a Feature by itself
//	STIX        each object of a STIX 2.1 bundle
//	JSON Lines  each line that is not blank
//	Avro        each record of an object container file (Avro 1.12)
//
// A record is passed on byte for byte as it was sent or not at all.
//
// # Closed by default
//
// The caller says which property holds the mark. A record without it, with a
// mark that is no text, with a name on the way to the mark standing twice, be it
// in another case, or with a list of parts that have marks of their own, is
// withheld. Input that is not of the format, or that readers are known to
// disagree about (invalid UTF-8, a byte order mark, half a surrogate pair, text
// after the end), ends the stream with an error, for nothing after it can be
// trusted.
//
// What is around the records tells of those that are left out, so it is not
// passed on as it was but written anew: punctuation, whitespace, blank lines
// and the blocks of a container follow from the delivered records alone, and a
// member of a collection passes only if it is known to count or summarise
// nothing, in a form that holds nothing else. These are, beside "type": "crs" of
// a FeatureCollection, by its name or null, "spec_version" of a bundle, 2.0 or
// 2.1, and the schema and codec of a container. No other foreign member
// (RFC 7946, section 6.1) and no "bbox" (section 5) passes beside the features:
// sources compute them from all. Within a feature they are its own. What writers choose anew each time, the id of a bundle and the
// marker of a container, would tell that something was written that does not
// show: they follow from what passes. So two sources that differ in withheld
// records alone give the same bytes, and a source whose records are all withheld
// gives an empty collection. What remains is time: withheld records are read too.
//
// # Errors and whole answers
//
// A stream that ends with an error may have written a part of the answer. Cut
// off, a collection is no JSON, but lines and containers look whole, so the
// caller must break off the connection. An error says where in the source it
// is, which tells how much was withheld: it is for the operator, not for the
// reader. It never holds content of a record.
package records

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"slices"
	"strings"
)

// Format is a way to write records.
type Format string

// The formats.
const (
	GeoJSON   Format = "geojson"
	STIX      Format = "stix"
	JSONLines Format = "jsonlines"
	Avro      Format = "avro"
)

// The limits on what is read. What exceeds one is [ErrMalformed]; arrays,
// objects and Avro values may be nested 100 deep.
const (
	// MaxRecord is the longest record in bytes: a feature, an object of a
	// bundle, a line with its end, or an Avro block, compressed or not.
	MaxRecord = 16 << 20
	// MaxMark is the longest portion mark in bytes. A record with a longer
	// one is withheld.
	MaxMark = 4 << 10
	// MaxDefinitions is how many marking definitions a bundle may have.
	MaxDefinitions = 4096
)

// MarkingRefs is the property of a STIX object that refers to its marks: each
// reference must be to a marking-definition of type "statement" that the bundle
// itself carries and that was delivered, its statement being a portion mark.
// The stream is read once, so a definition counts for what comes after it: an
// object before its definition is withheld, and so is one with
// granular_markings, whose parts cannot be told apart. A definition is itself a
// record, admitted by its own statement and by what it refers to.
const MarkingRefs = "object_marking_refs"

// ErrMalformed is returned, wrapped, for input that is not of the format or
// exceeds a limit.
var ErrMalformed = errors.New("the records cannot be read")

// Tally counts records.
type Tally struct{ Delivered, Withheld int64 }

var formats = map[string]Format{
	"application/geo+json":        GeoJSON,
	"application/vnd.geo+json":    GeoJSON,
	"application/stix+json":       STIX,
	"application/jsonl":           JSONLines,
	"application/jsonlines":       JSONLines,
	"application/x-jsonlines":     JSONLines,
	"application/ndjson":          JSONLines,
	"application/x-ndjson":        JSONLines,
	"application/avro":            Avro,
	"application/vnd.apache.avro": Avro,
}

// ContentTypes are the media types that FormatOf finds a format for, sorted.
func ContentTypes() []string { return slices.Sorted(maps.Keys(formats)) }

// FormatOf finds the format of a media type (RFC 9110, section 8.3.1), whatever
// its parameters; a charset other than UTF-8 is no format.
func FormatOf(contentType string) (Format, bool) {
	media, parameters, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", false
	}
	if charset, given := parameters["charset"]; given && !strings.EqualFold(charset, "utf-8") {
		return "", false
	}
	f, known := formats[media]
	return f, known
}

// Rules say which records pass, and in how much memory.
type Rules struct {
	// Property names the text that holds the mark, with dots between the names
	// on the way to it: below "properties" of a feature, from the top of a line,
	// of an object of a bundle and of an Avro record. For a bundle it may be
	// [MarkingRefs]. An Avro mark may be a string or an enum, or a union with
	// one. It has at most [MaxMark] bytes.
	Property string
	// Admits lets the records of a mark pass.
	Admits func(mark string) bool
	// Memory is where the stream has its memory from; nil for a stream that is
	// bounded by [MaxMemory] alone.
	Memory Memory
}

// Filter copies from src to dst the records that the rules let pass.
//
// Filter reads src in pieces of 64 KiB or more and writes dst in pieces of
// about that size. It stops at the first error: [ErrMalformed], one of src, dst
// or memory, or that of the context, which is looked at between reads; whoever
// ends the context must also end a read that blocks. The tally counts up to there.
func (f Format) Filter(ctx context.Context, dst io.Writer, src io.Reader, rules Rules) (Tally, error) {
	path := strings.Split(rules.Property, ".")
	if slices.Contains(path, "") || len(rules.Property) > MaxMark {
		return Tally{}, fmt.Errorf("filtering records: %.80q names no property: give names with dots between them", rules.Property)
	}
	r := &room{ctx: ctx, memory: rules.Memory}
	if err := r.take(MinMemory); err != nil {
		return Tally{}, err
	}
	s := &stream{room: r, in: newInput(r, src, MaxRecord), out: bufio.NewWriterSize(dst, firstWindow), admits: rules.Admits, marks: map[string]string{}}
	err := s.filter(f, path)
	if flushed := s.out.Flush(); err == nil {
		err = flushed
	}
	if err != nil {
		return s.tally, fmt.Errorf("filtering %s near byte %d, after %d records: %w", f, s.in.offset(), s.tally.Delivered+s.tally.Withheld, err)
	}
	return s.tally, nil
}

// maxMarks is how many marks are kept as text. Few streams have more, and one
// with a new mark on each record must not fill the memory.
const maxMarks = 64

// stream is one call of Filter.
type stream struct {
	*room
	in     *input
	out    *bufio.Writer // its first error stays
	admits func(mark string) bool
	marks  map[string]string // some marks as text, so that most cost no allocation
	tally  Tally
}

func (s *stream) filter(f Format, path []string) error {
	switch f {
	case GeoJSON:
		return s.geoJSON(path)
	case STIX:
		return s.stix(path)
	case JSONLines:
		return s.lines(path)
	case Avro:
		return s.avro(path)
	}
	return fmt.Errorf("%q is no format of records: ask FormatOf", f)
}

// admitted decides on one mark; nil is none.
func (s *stream) admitted(mark []byte) bool {
	if mark == nil || len(mark) > MaxMark {
		return false
	}
	text, known := s.marks[string(mark)]
	if !known {
		text = string(mark)
		s.remember(text)
	}
	return s.admits(text)
}

func (s *stream) remember(mark string) {
	if len(s.marks) >= maxMarks {
		clear(s.marks)
	}
	s.marks[mark] = mark
}

// count takes note of what became of one record.
func (s *stream) count(delivered bool) {
	if delivered {
		s.tally.Delivered++
	} else {
		s.tally.Withheld++
	}
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}
