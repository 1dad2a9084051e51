package compat

import (
	"regexp"
	"strings"
	"unicode"
)

// A shape is what data of one type looks like, whatever language describes it:
// the neutral model in which a schema is held against a reference schema of
// another language. Types that lie deeper are looked at when they are asked for,
// so recursive types need no care.
type shape struct {
	name       string // of a record or message, or the title; without package
	classes    classes
	items      func() *shape // of a list, or the values of a map; nil when unknown
	properties []*property
	merge      merge    // how it was made of parts
	parts      []*shape // nil when it was made of none
}

// classes is a set: the kinds of values that a type lets through.
type classes uint

const (
	classText classes = 1 << iota
	classWrittenTime
	classCountedTime // an integer since an epoch
	classOtherTime   // a type of its own
	classInteger
	classFraction // a number that need not be whole
	classBoolean
	classBytes
	classList
	classObject
	classNull

	classTime   = classWrittenTime | classCountedTime | classOtherTime
	classNumber = classInteger | classFraction
	classAny    = classNull<<1 - 1
)

// classWords are the classes as messages name them, the wider ones first.
var classWords = []struct {
	class classes
	word  string
}{
	{classTime, "time"}, {classWrittenTime, "time"}, {classCountedTime, "time"}, {classOtherTime, "time"},
	{classNumber, "number"}, {classInteger, "integer"}, {classFraction, "number"},
	{classText, "text"}, {classBoolean, "boolean"}, {classBytes, "bytes"}, {classList, "list"}, {classObject, "object"},
}

func (c classes) String() string {
	if c == classAny {
		return "any value"
	}
	var words []string
	for _, w := range classWords {
		if c&w.class == w.class {
			words = append(words, w.word)
			c &^= w.class
		}
	}
	if words == nil {
		return "nothing"
	}
	return strings.Join(words, " or ")
}

// nullable reports whether null is one of the values, named as such.
func (c classes) nullable() bool { return c&classNull != 0 && c != classAny }

// accepted is the set that may stand where c is asked for: an integer where a
// number is, a written time where text is, any form of time where one is.
func (c classes) accepted() classes {
	if c&classText != 0 {
		c |= classWrittenTime
	}
	if c&classTime != 0 {
		c |= classTime
	}
	if c&classFraction != 0 {
		c |= classInteger
	}
	if c&classInteger != 0 {
		c |= classCountedTime
	}
	return c
}

// and is the set that both let through.
func (c classes) and(d classes) classes {
	switch {
	case c == classAny:
		return d
	case d == classAny:
		return c
	}
	return c.accepted()&d | d.accepted()&c
}

// property is one field of an object.
type property struct {
	Field
	asked     bool     // a reference demands it, unless its type has null
	given     bool     // all data has it; it may be null
	reference string   // the path in the reference that it is bound to, "" for none
	aliases   []string // other names that a reference lets it have

	load    func() *shape
	loaded  *shape
	classes classes
	plain   []string // of names, once asked for
}

// epochPhrase is how descriptions say that a number counts from a fixed time.
var epochPhrase = regexp.MustCompile(`(?i)\bepoch\b|\bunix time\b|\bsince\b.*\b(?:19|20)[0-9]{2}\b`)

var timeUnits = wordSet(`s ms us ns min h d`)

// shape is the type of the property. An integer with a unit of time that counts
// from an epoch is a time.
func (p *property) shape() *shape {
	if p.loaded == nil {
		p.loaded = p.load()
		p.classes = p.loaded.classes
		if p.classes&classNumber == classInteger && timeUnits[canonicalUnit(p.Unit)] && epochPhrase.MatchString(p.Description) {
			p.classes = p.classes&^classInteger | classCountedTime
		}
	}
	return p.loaded
}

// kinds is the classes of the property.
func (p *property) kinds() classes { p.shape(); return p.classes }

func (p *property) required() bool { return p.asked && !p.kinds().nullable() }
func (p *property) present() bool  { return p.given && !p.kinds().nullable() }

// isWrapper reports whether an object only groups properties of the one around
// it: it is no map.
func (s *shape) isWrapper() bool {
	return s.classes&classObject != 0 && len(s.properties) > 0 && s.items == nil
}

// unitSuffixes are the symbols at the end of a name that can be nothing but a
// unit. A field whose unit is another is found all the same, so that the
// contradiction comes to light.
var unitSuffixes = wordSet(`hz khz mhz ghz s ms us ns deg rad m km cm mm ft nmi kn kt kts mps kmh kph pct percent
	db dbm dbw kg v mv kv w kw mw pa hpa kpa mbar`)

// names are the names under which a property of an object can be found:
// plainly, without its unit ("observed_at_ms" in milliseconds), and as "id" when
// it is the id of the record ("emitter_id" of an Emitter).
func (p *property) names(in *shape) []string {
	if p.plain == nil {
		p.plain = p.findNames(in)
	}
	return p.plain
}

func (p *property) findNames(in *shape) []string {
	list := []string{plainFieldName(p.name)}
	words := nameWords(p.name)
	if len(words) < 2 {
		return list
	}
	last, before := words[len(words)-1], strings.Join(words[:len(words)-1], "")
	if unit := canonicalUnit(p.Unit); unit != "" && (strings.EqualFold(unit, last) || unitSuffixes[strings.ToLower(last)]) {
		list = append(list, strings.ToLower(before))
	}
	if strings.EqualFold(last, "id") && in.name != "" && strings.EqualFold(before, plainFieldName(in.name)) {
		list = append(list, "id")
	}
	return list
}

// nameWords splits a name at underscores, hyphens and capitals after small
// letters.
func nameWords(name string) []string {
	var b strings.Builder
	small := false
	for _, r := range name {
		if small && unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		small = unicode.IsLower(r)
		b.WriteRune(r)
	}
	return strings.FieldsFunc(b.String(), func(r rune) bool { return r == '_' || r == '-' })
}
