package platform

import (
	"context"
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Remove implements [catalog.SubjectWriter].
func (r registry) Remove(ctx context.Context, s catalog.Subject, version int, permanent bool) ([]int, error) {
	if err := r.asked(s); err != nil {
		return nil, r.fail(ctx, err)
	}
	out, err := r.carryOut(ctx, false, func(j *judge) (outcome, error) { return j.decideRemove(s, version, permanent) })
	return out.removed, r.fail(ctx, err)
}

func (j *judge) decideRemove(s catalog.Subject, version int, permanent bool) (outcome, error) {
	action := actionDelete
	if permanent {
		action = actionRemove
	}
	if out, err := j.mayWrite(s, action); out.refused() || err != nil {
		return out, err
	}
	r, err := j.removal(s, version, permanent)
	if err != nil {
		return outcome{}, err
	}
	problems, err := j.removable(s)
	if err != nil {
		return outcome{}, err
	}
	if len(problems) > 0 {
		return unremoved(problems), nil
	}
	if problems, err = j.versionsInUse(r); len(problems) > 0 || err != nil {
		return unremoved(problems), err
	}
	if permanent {
		return outcome{removed: r.versions, registry: registryChange{removals: []removal{r}}}, nil
	}
	return j.decideWithdrawal(r)
}

func unremoved(problems []catalog.Problem) outcome {
	return outcome{refusal: refuse(catalog.CodeConflict, "Nothing was removed.", problems...)}
}

// removal is what a request removes.
func (j *judge) removal(s catalog.Subject, version int, permanent bool) (removal, error) {
	if version == catalog.AllVersions {
		return j.wholeSubject(s, permanent)
	}
	one, err := j.one(s, version, true)
	if err != nil {
		return removal{}, err
	}
	if version == catalog.LatestVersion && !permanent { // the latest that is not deleted
		if one, err = j.one(s, version, false); err != nil {
			return removal{}, err
		}
	}
	switch {
	case one.Deleted && !permanent:
		return removal{}, refuse(catalog.CodeNotFound, "Nothing was removed.", catalog.Problem{Rule: catalog.RuleVersionDeleted,
			Detail: fmt.Sprintf("Version %d of subject %s is deleted already.", one.Version, quote(s.String())), Fix: "Remove it for ever, or leave it."})
	case !one.Deleted && permanent:
		return removal{}, notYet(fmt.Sprintf("Version %d of subject %s", one.Version, quote(s.String())))
	}
	return removal{subject: s, versions: []int{one.Version}, permanent: permanent}, nil
}

func (j *judge) wholeSubject(s catalog.Subject, permanent bool) (removal, error) {
	live, err := j.before.live(s)
	if err != nil {
		return removal{}, err
	}
	all, err := j.before.versionNumbers(catalog.RegistryQuery{Subject: s, Deleted: true})
	switch {
	case err != nil:
		return removal{}, err
	case len(all) == 0:
		return removal{}, noSubject(s)
	case !permanent && len(live) == 0:
		return removal{}, refuse(catalog.CodeNotFound, "Nothing was removed.", catalog.Problem{Rule: catalog.RuleSubjectDeleted,
			Detail: fmt.Sprintf("Subject %s is deleted already.", quote(s.String())), Fix: "Remove it for ever, or register a schema under it again."})
	case permanent && len(live) > 0:
		return removal{}, notYet("Subject " + quote(s.String()))
	case permanent:
		live = all
	}
	return removal{subject: s, versions: live, whole: true, permanent: permanent}, nil
}

func notYet(what string) error {
	return refuse(catalog.CodeConflict, "Nothing was removed.", catalog.Problem{Rule: catalog.RuleNotYetDeleted,
		Detail: what + " is not deleted, and only what is can be removed for ever.", Fix: "Delete it first."})
}

// versionsInUse names what refers to a version that is to go. What is softly
// deleted counts as long as its text can still be asked for, which is when the
// version goes for ever.
func (j *judge) versionsInUse(r removal) ([]catalog.Problem, error) {
	if r.whole {
		return j.referringTo(r.subject, catalog.AllVersions, r.permanent, nil)
	}
	var problems []catalog.Problem
	for _, n := range r.versions {
		found, err := j.referringTo(r.subject, n, r.permanent, nil)
		if err != nil {
			return nil, err
		}
		problems = append(problems, found...)
	}
	return problems, nil
}

// referringTo names the versions that refer to one of a subject, each subject
// once, but for the objects that are known to and those that go with it. What
// the caller does not see is neither named nor counted.
func (j *judge) referringTo(s catalog.Subject, version int, deleted bool, known []catalog.Ref) ([]catalog.Problem, error) {
	found, err := j.before.reader.Referring(j.before.ctx, s, version)
	if err != nil {
		return nil, err
	}
	var problems []catalog.Problem
	others := false
	met := map[catalog.Subject]bool{s: true}
	for _, use := range found {
		if use.Deleted && !deleted || met[use.Subject] || j.goes(use.Subject, known) {
			continue
		}
		seen, err := j.sight.registered(use)
		if err != nil {
			return nil, err
		}
		if !seen || len(problems) == maxNamed {
			others = true
			continue
		}
		met[use.Subject] = true
		problems = append(problems, catalog.Problem{Rule: catalog.RuleInUse,
			Detail: fmt.Sprintf("Version %d of subject %s refers to subject %s.", use.Version, quote(use.Subject.String()), quote(s.String())),
			Fix:    fmt.Sprintf("Delete that version of subject %s first.", quote(use.Subject.String()))})
	}
	if others {
		problems = append(problems, catalog.Problem{Rule: catalog.RuleInUse,
			Detail: fmt.Sprintf("Other subjects refer to subject %s.", quote(s.String())), Fix: "Delete those that are named, or ask an administrator which."})
	}
	return problems, nil
}

// goes reports whether a subject is one of the known objects, or of one that
// the proposal removes.
func (j *judge) goes(s catalog.Subject, known []catalog.Ref) bool {
	ref, ok := s.Schema()
	if !ok {
		return false
	}
	object, changed := j.after.changed[ref]
	return slices.Contains(known, ref) || changed && object == nil
}

// decideWithdrawal deletes versions softly. The catalogue's object goes with
// the last one, and goes back to the version before when the one in force goes.
func (j *judge) decideWithdrawal(r removal) (outcome, error) {
	plain := outcome{removed: r.versions, registry: registryChange{removals: []removal{r}}}
	ref, ok := r.subject.Schema()
	if !ok {
		return plain, nil
	}
	current, err := j.before.entry(ref)
	if current.Object == nil || err != nil {
		return plain, err
	}
	live, err := j.before.live(r.subject)
	if err != nil {
		return outcome{}, err
	}
	left := slices.DeleteFunc(live, func(n int) bool { return slices.Contains(r.versions, n) })
	if len(left) == 0 {
		return j.decideDelete(ref, current)
	}
	if c, _ := contractOf(current.Object); !slices.Contains(r.versions, c.version) {
		return plain, nil
	}
	return j.goBack(plain, current, left[len(left)-1])
}

// goBack puts an earlier version in force.
func (j *judge) goBack(out outcome, current catalog.Entry, n int) (outcome, error) {
	c, _ := contractOf(current.Object)
	earlier, _, err := j.before.version(c.subject, n)
	if err != nil {
		return outcome{}, err
	}
	next := current.Object.Clone()
	inForce(next, earlier)
	out.writes = []write{{action: actionReplace, previous: current.Object, next: next, revision: j.session.newRevision()}}
	return out, nil
}
