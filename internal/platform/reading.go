package platform

import (
	"errors"
	"fmt"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/compat"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// reading is a text as it was understood, with all that it refers to.
type reading struct {
	schema   *compat.Schema // nil when err is set
	identity identity
	err      error // errLoose, or of the text; that one names line and column
}

// errLoose is the error of a text that refers to what is not there or cannot
// be read: the rules say which.
var errLoose = errors.New("it refers to what cannot be read")

// read understands a text, once for each text. The error is the store's.
func (j *judge) read(s catalog.RegisteredSchema) (*reading, error) {
	key := readingKey(s)
	if r, known := j.readings[key]; known {
		return r, nil
	}
	j.readings[key] = &reading{err: errLoose} // what a loop of references meets
	r, err := j.understand(s)
	if err != nil {
		delete(j.readings, key)
		return nil, err
	}
	j.readings[key] = r
	return r, nil
}

// readingKey is the text itself: the same text is met often, another one of the
// same digest is not worth the thought.
func readingKey(s catalog.RegisteredSchema) string {
	var b strings.Builder
	b.WriteString(string(s.Type))
	for _, r := range s.References {
		fmt.Fprintf(&b, "\n%q %q %d", r.Name, r.Subject.String(), r.Version)
	}
	return b.String() + "\n\n" + s.Definition
}

// understand reads a text, once for all callers when it refers to nothing: what
// it means then depends on nothing else, so it is never out of date.
func (j *judge) understand(s catalog.RegisteredSchema) (*reading, error) {
	if len(s.References) > 0 {
		return j.understandReferring(s)
	}
	key := readingKey(s)
	kept, known, generation := j.session.understood.recall(key)
	if r, ok := kept.(*reading); known && ok {
		return r, nil
	}
	schema, err := compat.Parse(s.Type, s.Definition)
	if err != nil {
		return &reading{err: err}, nil //nolint:nilerr // it is the answer
	}
	r := &reading{schema: schema, identity: identify(schema.Canonical(), s)}
	j.session.understood.remember(key, r, sizeOf(s), generation)
	return r, nil
}

func (j *judge) understandReferring(s catalog.RegisteredSchema) (*reading, error) {
	var uses []compat.Reference
	for _, reference := range s.References {
		target, found, err := j.version(reference.Subject, reference.Version)
		if err != nil {
			return nil, err
		}
		if !found {
			return &reading{err: errLoose}, nil
		}
		use, err := j.read(target.Schema)
		if err != nil {
			return nil, err
		}
		if use.schema == nil || target.Schema.Type != s.Type {
			return &reading{err: errLoose}, nil
		}
		uses = append(uses, compat.Reference{Name: reference.Name, Schema: use.schema})
	}
	schema, err := compat.ParseReferring(s.Type, s.Definition, uses)
	if err != nil {
		return &reading{err: err}, nil //nolint:nilerr // it is the answer
	}
	return &reading{schema: schema, identity: identify(schema.Canonical(), s)}, nil
}

// version returns a version of a subject as it would stand, softly deleted ones
// marked as such: what is proposed counts as registered, and what is to be
// removed as deleted.
func (j *judge) version(s catalog.Subject, n int) (catalog.Registration, bool, error) {
	ref, ok := s.Schema()
	object, changed := j.after.changed[ref]
	if ok && changed && object != nil {
		r, found, err := j.proposed(object, n)
		if found || err != nil {
			return r, found, err
		}
	}
	r, found, err := j.before.version(s, n)
	r.Deleted = r.Deleted || ok && changed && object == nil
	return r, found, err
}

// proposed is the version that a proposed object would register, if its number
// is n.
func (j *judge) proposed(object catalog.Object, n int) (catalog.Registration, bool, error) {
	c, ok := contractOf(object)
	if !ok {
		return catalog.Registration{}, false, nil
	}
	number, err := j.number(c)
	if err != nil || number.n != n || !number.fresh {
		return catalog.Registration{}, false, err
	}
	return catalog.Registration{Subject: c.subject, Version: n, Schema: c.text}, true, nil
}

// version returns a stored version, softly deleted or not.
func (s *stored) version(subject catalog.Subject, n int) (catalog.Registration, bool, error) {
	key := versionKey{subject, n}
	if r, known := s.versions[key]; known {
		return r, r.Version != 0, nil
	}
	r, err := s.reader.Registration(s.ctx, subject, n)
	if errors.Is(err, store.ErrNotFound) {
		r, err = catalog.Registration{}, nil
	}
	if err != nil {
		return catalog.Registration{}, false, err
	}
	s.versions[key] = r
	return r, r.Version != 0, nil
}

// live are the numbers of a subject's versions that are not deleted, ascending.
func (s *stored) live(subject catalog.Subject) ([]int, error) {
	return s.versionNumbers(catalog.RegistryQuery{Subject: subject})
}

// versionNumbers are those of the versions of one subject that a query asks for.
func (s *stored) versionNumbers(q catalog.RegistryQuery) ([]int, error) {
	q.WithoutText = true
	found, err := s.registrations(q)
	var numbers []int
	for _, r := range found {
		numbers = append(numbers, r.Version)
	}
	return numbers, err
}

// maxAnswer bounds the texts of one answer, in bytes.
const maxAnswer = 64 << 20

// registrations reads what a query asks for in parts, at most
// catalog.MaxRegistrations.
func (s *stored) registrations(q catalog.RegistryQuery) ([]catalog.Registration, error) {
	left := catalog.MaxRegistrations
	if q.Limit > 0 {
		left = min(left, q.Limit)
	}
	var all []catalog.Registration
	for bytes := 0; left > 0; {
		q.Limit = min(left, catalog.MaxLimit)
		part, err := s.reader.Registrations(s.ctx, q)
		if err != nil {
			return nil, err
		}
		for _, r := range part {
			bytes += len(r.Schema.Definition)
		}
		if bytes > maxAnswer {
			return nil, tooMuch()
		}
		all = append(all, part...)
		if len(part) < q.Limit {
			break
		}
		q.Offset, left = q.Offset+len(part), left-len(part)
	}
	return all, nil
}

type versionKey struct {
	subject catalog.Subject
	version int
}

// looseEnds reports what is wrong with the references of a text that is to be
// registered under a subject. A subject of the catalogue refers to the
// catalogue alone.
func (j *judge) looseEnds(c contract) ([]catalog.Problem, error) {
	var problems []catalog.Problem
	for _, reference := range c.text.References {
		detail, field, err := j.looseEnd(c, reference)
		if err != nil {
			return nil, err
		}
		if detail != "" {
			problems = append(problems, catalog.Problem{
				Field: catalog.PointerTo("references", reference.Name, field), Rule: catalog.RuleSchemaReference, Detail: detail,
				Fix: "Name a version that exists, is of the same type and does not lead back here.",
			})
		}
	}
	if len(problems) > 0 {
		// The text is not read with what it may not refer to, or it would
		// show what that is.
		j.readings[readingKey(c.text)] = &reading{err: errLoose}
		return problems, nil
	}
	if len(c.text.References) == 0 {
		return nil, nil
	}
	return j.tangles(c)
}

// looseEnd is what is wrong with one reference, and the part of it that is.
func (j *judge) looseEnd(c contract, reference catalog.SubjectReference) (detail, field string, err error) {
	target, isObject := reference.Subject.Schema()
	own, ofCatalogue := c.subject.Schema()
	switch {
	case reference.Subject == c.subject:
		return "A schema cannot refer to a version of itself.", "schema", nil
	case ofCatalogue && own.Kind == catalog.KindSchema && (!isObject || target.Kind != catalog.KindSchema):
		return fmt.Sprintf("A schema of the catalogue refers to schemas of the catalogue only, and %s is none.", quote(reference.Subject.String())), "schema", nil
	}
	r, found, err := j.version(reference.Subject, reference.Version)
	if found && err == nil {
		found, err = j.mayRefer(c, r)
	}
	switch name := quote(reference.Subject.String()); {
	case err != nil:
		return "", "", err
	case !found:
		return fmt.Sprintf("Subject %s has no version %d.", name, reference.Version), "version", nil
	case r.Deleted:
		return fmt.Sprintf("Version %d of subject %s is deleted.", reference.Version, name), "version", nil
	case r.Schema.Type != c.text.Type:
		return fmt.Sprintf("Subject %s is %s, this schema is %s.", name, r.Schema.Type, c.text.Type), "schema", nil
	}
	return "", "", nil
}

// tangles walks through all that a text refers to, and reports a way back to
// its own subject, whatever the version, and a walk that is too long.
func (j *judge) tangles(c contract) ([]catalog.Problem, error) {
	w := walk{judge: j, home: c.subject, met: map[versionKey]bool{}, bytes: len(c.text.Definition)}
	detail, err := w.through(c.text.References)
	if detail == "" || err != nil {
		return nil, err
	}
	return []catalog.Problem{{Field: "/references", Rule: catalog.RuleSchemaReference, Detail: detail,
		Fix: "Refer to fewer schemas, each of which stands without this one."}}, nil
}

// walk is one walk through references, level by level.
type walk struct {
	*judge
	home  catalog.Subject
	met   map[versionKey]bool
	bytes int
}

func (w *walk) through(level []catalog.SubjectReference) (string, error) {
	for depth := 0; len(level) > 0; depth++ {
		if depth >= compat.MaxReferenceDepth {
			return fmt.Sprintf("The chain of references is longer than %d schemas.", compat.MaxReferenceDepth), nil
		}
		var next []catalog.SubjectReference
		for _, reference := range level {
			detail, below, err := w.visit(reference)
			if detail != "" || err != nil {
				return detail, err
			}
			next = append(next, below...)
		}
		level = next
	}
	return "", nil
}

// visit returns what one version refers to. A version that is not there, and
// one that cannot be read, ends the walk: it has problems of its own.
func (w *walk) visit(reference catalog.SubjectReference) (detail string, below []catalog.SubjectReference, err error) {
	key := versionKey{reference.Subject, reference.Version}
	switch {
	case reference.Subject == w.home:
		return "The schema would refer to itself through others.", nil, nil
	case w.met[key]:
		return "", nil, nil
	}
	w.met[key] = true
	r, found, err := w.version(reference.Subject, reference.Version)
	if !found || err != nil {
		return "", nil, err
	}
	w.bytes += len(r.Schema.Definition)
	if len(w.met) > compat.MaxReferenced || w.bytes > compat.MaxReferencedBytes {
		return fmt.Sprintf("The schema refers to more than %d schemas or %d bytes, directly and through others.",
			compat.MaxReferenced, compat.MaxReferencedBytes), nil, nil
	}
	return "", r.Schema.References, nil
}

// unread is the problem of a text that refers to versions that are there, and
// yet cannot be read because of them.
func unread(r *reading, ends []catalog.Problem) []catalog.Problem {
	if len(ends) > 0 || !errors.Is(r.err, errLoose) {
		return ends
	}
	return []catalog.Problem{{Field: "/references", Rule: catalog.RuleSchemaReference,
		Detail: "A schema that this one refers to cannot be read itself.", Fix: "Correct that schema first."}}
}
