package catalog

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// MaxSubject is the longest name of a subject, in bytes.
const MaxSubject = 255

// ReferenceContext is the context of the board's reference schemas: subject
// ":.reference:track" is the reference schema "track". The registry's API reads
// it and does not write it.
const ReferenceContext = "reference"

// contextGrammar is what may stand between ":." and ":" of a qualified name.
var contextGrammar = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)

// Subject names a line of schema versions in the registry, as the Confluent
// Schema Registry does. Each context has ids of its own.
//
// # Mapping
//
// In the default context a name of the form "domain.name", both parts after
// [CheckName], is the schema "domain/name" of the catalogue: the two are one
// object. Every other subject is the registry's alone, and no product can
// refer to it. A subject whose name has that form in another context belongs
// to the same domain; a subject of any other name belongs to nobody, and only
// administrators write it.
type Subject struct {
	Context string // "" is the default context, which Confluent writes "."
	Name    string // "" with a context stands for the whole context
}

// ParseSubject reads a name as clients write it: "name", ":.context:name", or
// ":.:name" for the default context. A name has 1 to [MaxSubject] bytes, none
// of them a control character; "__GLOBAL" and "__EMPTY" are reserved.
func ParseSubject(text string) (Subject, error) {
	s := Subject{Name: text}
	if rest, qualified := strings.CutPrefix(text, ":."); qualified {
		context, name, closed := strings.Cut(rest, ":")
		if !closed {
			return Subject{}, fmt.Errorf("%s has no second colon: write :.context:name", shown(text))
		}
		if context != "" && !contextGrammar.MatchString(context) {
			return Subject{}, fmt.Errorf("%s is not a context: use 1 to 63 letters, digits, hyphens and underscores", shown(context))
		}
		s = Subject{Context: context, Name: name}
	}
	return s, s.checkName()
}

func (s Subject) checkName() error {
	switch {
	case s.Name == "" && s.Context == "":
		return fmt.Errorf("the name of a subject is missing")
	case len(s.Name) > MaxSubject:
		return fmt.Errorf("a subject has at most %d bytes, this one has %d", MaxSubject, len(s.Name))
	case s.Name == "__GLOBAL" || s.Name == "__EMPTY":
		return fmt.Errorf("%s is reserved", s.Name)
	case strings.HasPrefix(s.Name, ":"):
		return fmt.Errorf("%s starts with a colon, which only a context may", shown(s.Name))
	}
	for _, r := range s.Name {
		if r == unicode.ReplacementChar || hidden(r) || r == '\n' || r == '\r' || r == '\t' {
			return fmt.Errorf("%s has a character that does not print", shown(s.Name))
		}
	}
	return nil
}

// SubjectOf is the subject of the catalogue's schema with this id.
func SubjectOf(id string) Subject { return Subject{Name: strings.Replace(id, "/", ".", 1)} }

// String is the name as clients write it.
func (s Subject) String() string {
	if s.Context == "" {
		return s.Name
	}
	return ":." + s.Context + ":" + s.Name
}

// Schema is the object of the catalogue that the subject is one with: a schema,
// or a reference schema. False when the catalogue has none for such a name.
func (s Subject) Schema() (Ref, bool) {
	switch {
	case s.Context == ReferenceContext && CheckName(s.Name) == nil:
		return Ref{KindReferenceSchema, s.Name}, true
	case s.Context == "" && s.id() != "":
		return Ref{KindSchema, s.id()}, true
	}
	return Ref{}, false
}

// Domain is the domain that the subject belongs to, "" for none.
func (s Subject) Domain() string {
	domain, _, _ := strings.Cut(s.id(), "/")
	return domain
}

// id is "domain/name", "" for a name of another form.
func (s Subject) id() string {
	if s.Context == ReferenceContext {
		return ""
	}
	domain, name, _ := strings.Cut(s.Name, ".")
	if CheckName(domain) != nil || CheckName(name) != nil {
		return ""
	}
	return domain + "/" + name
}
