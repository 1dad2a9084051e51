package platform

import (
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
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

// selected is shown without the texts.
func (j *judge) selected(q catalog.RegistryQuery) ([]catalog.Registration, error) {
	s := selection{offset: q.Offset, left: catalog.MaxRegistrations, latest: q.LatestOnly}
	if q.Limit > 0 {
		s.left = min(s.left, q.Limit)
	}
	q.Offset, q.LatestOnly = 0, false
	err := j.each(j.sight, q, s.take)
	s.flush()
	return s.found, err
}

// firstPart is how many versions are read first, of a list and behind a hidden
// domain, and what then doubles up to catalog.MaxLimit.
const firstPart = 8

// each hands over the versions that a sight shows of what a query asks for, in
// order and without their texts, until take has enough. It does not read on behind
// the first version of a hidden domain: how many are read and dropped there would
// tell how many there are.
func (j *judge) each(s *sight, q catalog.RegistryQuery, take func(catalog.Registration) (enough bool)) error {
	if hidden, err := s.hidesSubject(q.Subject); hidden || err != nil {
		return err
	}
	q.Limit = firstPart
	if q.Subject != (catalog.Subject{}) {
		q.Limit = catalog.MaxLimit // there is no domain to pass over
	}
	for after := (store.Place{}); ; {
		part, err := j.before.reader.RegistrationsAfter(j.before.ctx, after, q)
		if err != nil {
			return err
		}
		last := len(part) < q.Limit
		behind, enough, err := s.through(part, last, take)
		switch {
		case err != nil, enough, last:
			return err
		case behind != nil:
			after, q.Limit = *behind, firstPart
		default:
			after, q.Limit = store.Place{Subject: part[len(part)-1].Subject, Version: part[len(part)-1].Version}, min(2*q.Limit, catalog.MaxLimit)
		}
	}
}

// through hands over those of a part that are seen. It stops at the first in a
// hidden domain, and says behind what to go on, unless all has been read.
func (s *sight) through(part []catalog.Registration, last bool, take func(catalog.Registration) (enough bool)) (behind *store.Place, enough bool, err error) {
	for _, r := range part {
		hidden, err := s.hidesSubject(r.Subject)
		if err != nil {
			return nil, false, err
		}
		if hidden && !last {
			return behindSubjects(r.Subject), false, nil
		}
		seen, err := s.registered(r)
		if err != nil || seen && take(r) {
			return nil, true, err
		}
	}
	return nil, false, nil
}

// behindSubjects is behind all subjects of a domain in one context, and before
// all others that follow: '/' is the character after '.'.
func behindSubjects(of catalog.Subject) *store.Place {
	return &store.Place{Subject: catalog.Subject{Context: of.Context, Name: of.Domain() + "/"}}
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
	found := false
	err := j.each(s, catalog.RegistryQuery{Context: context, ID: id, Deleted: true}, func(catalog.Registration) bool {
		found = true
		return true
	})
	return found, err
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
