package platform

import (
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// shown reads what a query asks for, as far as the caller may know of it: what
// is hidden neither counts for the offset nor for the limit, and the latest
// version is the latest that is seen.
func (j *judge) shown(q catalog.RegistryQuery) ([]catalog.Registration, error) {
	looks, err := j.admission.looks()
	if err != nil {
		return nil, err
	}
	if !looks || j.admission.unlimited() {
		return j.before.registrations(q)
	}
	found, err := j.selected(q)
	if err != nil || q.WithoutText {
		return found, err
	}
	return j.before.withTexts(found)
}

// selected is shown without the texts. Rows come ordered by subject and version.
func (j *judge) selected(q catalog.RegistryQuery) ([]catalog.Registration, error) {
	s := selection{offset: q.Offset, left: catalog.MaxRegistrations, latest: q.LatestOnly}
	if q.Limit > 0 {
		s.left = min(s.left, q.Limit)
	}
	q.Offset, q.Limit, q.LatestOnly, q.WithoutText = 0, catalog.MaxLimit, false, true
	for {
		part, err := j.before.reader.Registrations(j.before.ctx, q)
		if err != nil {
			return nil, err
		}
		for _, r := range part {
			seen, err := j.sight.registered(r)
			if err != nil {
				return nil, err
			}
			if seen && s.take(r) {
				return s.found, nil
			}
		}
		if len(part) < q.Limit {
			s.flush()
			return s.found, nil
		}
		q.Offset += len(part)
	}
}

// selection cuts a part out of a list as it comes.
type selection struct {
	offset, left int
	latest       bool
	pending      *catalog.Registration // the latest of its subject so far
	found        []catalog.Registration
}

// take adds one and reports whether no more is wanted.
func (s *selection) take(r catalog.Registration) (full bool) {
	if !s.latest {
		return s.add(r)
	}
	if s.pending != nil && s.pending.Subject != r.Subject {
		full = s.flush()
	}
	s.pending = &r
	return full
}

func (s *selection) flush() (full bool) {
	if s.pending == nil || s.left == 0 {
		return s.left == 0
	}
	full = s.add(*s.pending)
	s.pending = nil
	return full
}

func (s *selection) add(r catalog.Registration) (full bool) {
	if s.offset > 0 {
		s.offset--
		return false
	}
	s.found, s.left = append(s.found, r), s.left-1
	return s.left == 0
}

// withTexts adds the texts, which have at most maxAnswer bytes together.
func (s *stored) withTexts(found []catalog.Registration) ([]catalog.Registration, error) {
	bytes := 0
	for i, r := range found {
		whole, _, err := s.version(r.Subject, r.Version)
		if err != nil {
			return nil, err
		}
		if bytes += len(whole.Schema.Definition); bytes > maxAnswer {
			return nil, tooMuch()
		}
		found[i] = whole
	}
	return found, nil
}

func tooMuch() error {
	return refuse(catalog.CodeTooLarge, "There is too much to answer with.", catalog.Problem{Rule: catalog.RuleLimit,
		Detail: fmt.Sprintf("The texts have more than %d bytes together.", maxAnswer), Fix: "Ask for fewer, or for no texts."})
}

// onlyShown leaves out what the caller may not know of.
func (j *judge) onlyShown(all []catalog.Registration) ([]catalog.Registration, error) {
	var err error
	seen := slices.DeleteFunc(all, func(r catalog.Registration) bool {
		if err != nil {
			return true
		}
		var ok bool
		ok, err = j.sight.registered(r)
		return !ok
	})
	return seen, err
}

// holds reports whether a schema is that of a version which the caller may know
// of, softly deleted or not.
func (j *judge) holds(s *sight, context string, id int) (bool, error) {
	q := catalog.RegistryQuery{Context: context, ID: id, Deleted: true, WithoutText: true, Limit: catalog.MaxLimit}
	for {
		part, err := j.before.reader.Registrations(j.before.ctx, q)
		if err != nil {
			return false, err
		}
		for _, r := range part {
			if seen, err := s.registered(r); seen || err != nil {
				return seen, err
			}
		}
		if len(part) < q.Limit {
			return false, nil
		}
		q.Offset += len(part)
	}
}

// everybody is the sight of a caller who has no claims, no team and no group:
// what it shows is shown to every other.
func (j *judge) everybody() *sight {
	nobody := &catalog.Caller{}
	return newSight(authority{caller: *nobody, world: j.before, days: j.days, admission: j.session.admission(j.before, nobody)})
}

// mayRefer reports whether a text may refer to a version: the caller sees it, or
// the subject referred to it before.
func (j *judge) mayRefer(c contract, target catalog.Registration) (bool, error) {
	if seen, err := j.sight.registered(target); seen || err != nil {
		return seen, err
	}
	ref, _ := c.subject.Schema()
	object, err := j.before.get(ref)
	before, _ := contractOf(object)
	return slices.ContainsFunc(before.text.References, func(r catalog.SubjectReference) bool { return r.Subject == target.Subject }), err
}
