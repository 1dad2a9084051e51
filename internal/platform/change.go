package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// The actions of audit entries.
const (
	actionCreate    = "create"
	actionReplace   = "replace"
	actionDelete    = "delete"
	actionRecompute = "recompute"
)

// errStop rolls a transaction back that has nothing to commit.
var errStop = errors.New("nothing to commit")

// Put implements [catalog.Writer].
func (s *session) Put(ctx context.Context, object catalog.Object, opts catalog.WriteOptions) (catalog.Entry, error) {
	if err := s.authenticated(); err != nil {
		return catalog.Entry{}, s.fail(ctx, err)
	}
	out, err := s.carryOut(ctx, opts.DryRun, func(j *judge) (outcome, error) {
		admitted, err := j.session.admit(object)
		if err != nil {
			return outcome{}, err
		}
		return change{admitted.Ref(), admitted, opts}.decide(j)
	})
	return out.entry, s.fail(ctx, err)
}

// Delete implements [catalog.Writer].
func (s *session) Delete(ctx context.Context, ref catalog.Ref, opts catalog.WriteOptions) error {
	if err := s.authenticated(); err != nil {
		return s.fail(ctx, err)
	}
	if err := wellFormed(ref); err != nil {
		return s.fail(ctx, err)
	}
	_, err := s.carryOut(ctx, opts.DryRun, change{ref, nil, opts}.decide)
	return s.fail(ctx, err)
}

// admit takes an object in: a copy in normal form, with a name that may be
// looked up and written to the log.
func (s *session) admit(object catalog.Object) (catalog.Object, error) {
	if missing(object) {
		return nil, refuse(catalog.CodeInvalid, "There is no object.", catalog.Problem{Rule: catalog.RuleRequired, Detail: "The body is empty.", Fix: "Send an object."})
	}
	object = object.Clone()
	object.Normalize(s.vocabulary)
	if err := object.Ref().Kind.CheckID(object.Ref().ID); err != nil {
		return nil, refuse(catalog.CodeInvalid, fmt.Sprintf("The %s was refused.", object.Ref().Kind.Noun()), sorted(object.Check(s.vocabulary))...)
	}
	return object, nil
}

// missing reports whether there is no object, not even behind the interface.
func missing(object catalog.Object) bool {
	switch o := object.(type) {
	case *catalog.Domain:
		return o == nil
	case *catalog.ReferenceSchema:
		return o == nil
	case *catalog.Schema:
		return o == nil
	case *catalog.CaveatPolicy:
		return o == nil
	case *catalog.SLA:
		return o == nil
	case *catalog.Product:
		return o == nil
	}
	return true
}

// wellFormed refuses a reference that can name nothing.
func wellFormed(ref catalog.Ref) error {
	if ref.Kind.New() == nil {
		return refuse(catalog.CodeInvalid, fmt.Sprintf("%s is not a kind of object.", quote(string(ref.Kind))),
			catalog.Problem{Field: "/kind", Rule: catalog.RuleUnknownValue, Detail: fmt.Sprintf("%s is not among %v.", quote(string(ref.Kind)), catalog.Kinds())})
	}
	if !wellNamed(ref) {
		return notFound(catalog.Ref{Kind: ref.Kind, ID: clip(ref.ID)})
	}
	return nil
}

// change is one Put, or one Delete when it has no object.
type change struct {
	ref    catalog.Ref
	object catalog.Object
	opts   catalog.WriteOptions
}

// outcome is what a change comes to: a refusal, or what is to be written.
type outcome struct {
	refusal  *catalog.Error
	denial   *audit.Entry  // what a refusal for lack of permission leaves behind
	entry    catalog.Entry // the answer of a Put
	writes   []write
	registry registryChange
	version  catalog.Registration // the answer of a Register
	removed  []int                // the answer of a Remove
}

// write is one object to be stored, or removed when next is nil.
type write struct {
	action   string
	previous catalog.Object
	next     catalog.Object
	revision string
	marking  string // what a reader of its audit entry needs to be cleared for
}

// carryOut is the one way to a change: decide, record, act, and decide again on
// the data that is being read, in a single transaction. A dry run decides, in a
// transaction that cannot write. The error is the refusal, if that is what it
// comes to.
func (s *session) carryOut(ctx context.Context, dry bool, decide func(*judge) (outcome, error)) (outcome, error) {
	var out outcome
	at := s
	look := func(r store.Reader) error {
		return s.judged(ctx, r, func(j *judge) (err error) {
			at = j.session
			if out, err = decide(j); err == nil {
				err = j.label(&out)
			}
			return err
		})
	}
	if dry {
		if err := s.store.View(ctx, look); err != nil {
			return outcome{}, err
		}
		return out.answer()
	}
	var after aftermath
	err := s.store.Update(ctx, func(w store.Writer) (err error) {
		if err := look(w); err != nil {
			return err
		}
		if err := at.act(ctx, w, out); err != nil {
			return err
		}
		after, err = at.recheck(ctx, w, out.writes)
		return err
	})
	after.takeEffect(err)
	if !out.registry.empty() || out.movesDomains() {
		s.memory.forget() // a transaction that failed may be there all the same
	}
	if err != nil && !errors.Is(err, errStop) {
		return outcome{}, err
	}
	return out.answer()
}

// movesDomains reports whether others may see other things afterwards.
func (o outcome) movesDomains() bool {
	return slices.ContainsFunc(o.writes, func(w write) bool { return w.ref().Kind == catalog.KindDomain })
}

func (w write) ref() catalog.Ref {
	if w.next == nil {
		return w.previous.Ref()
	}
	return w.next.Ref()
}

func (o outcome) refused() bool { return o.refusal != nil }

func (o outcome) answer() (outcome, error) {
	if o.refusal != nil {
		return outcome{}, o.refusal
	}
	return o, nil
}

// act records and writes what was decided.
func (s *session) act(ctx context.Context, w store.Writer, out outcome) error {
	if out.refusal != nil {
		if out.denial == nil {
			return errStop
		}
		return w.Append(ctx, *out.denial)
	}
	if len(out.writes) == 0 && out.registry.empty() {
		return errStop
	}
	for _, write := range out.writes {
		if err := save(ctx, w, write); err != nil {
			return err
		}
	}
	for _, write := range out.writes {
		if err := s.recordWrite(ctx, w, write); err != nil {
			return err
		}
	}
	return s.apply(ctx, w, out.registry)
}

func save(ctx context.Context, w store.Writer, wr write) error {
	if wr.next == nil {
		return w.Delete(ctx, wr.previous.Ref())
	}
	r, err := record(wr.next, wr.revision)
	if err != nil {
		return err
	}
	return w.Put(ctx, r)
}

func (s *session) recordWrite(ctx context.Context, w store.Writer, wr write) error {
	object := wr.next
	if object == nil {
		object = wr.previous
	}
	entry := s.account(s.now().UTC(), wr.action, object.Ref(), audit.Permit)
	var err error
	if entry.Before, err = digest(wr.previous); err != nil {
		return err
	}
	if entry.After, err = digest(wr.next); err != nil {
		return err
	}
	entry.Revision = wr.revision
	entry.MarkingAccessed = wr.marking
	return w.Append(ctx, entry)
}

// decide judges a change against one state. The order matters: who may not
// write learns nothing of what is there, and who writes over something newer
// is told so before the rules speak of it.
func (c change) decide(j *judge) (outcome, error) {
	current, err := j.before.entry(c.ref)
	if err != nil {
		return outcome{}, err
	}
	if c.object == nil {
		seen, err := j.sight.sees(c.ref)
		if err != nil {
			return outcome{}, err
		}
		if !seen {
			return outcome{refusal: notFound(c.ref)}, nil
		}
	}
	refused, err := j.refuses(c.ref, c.object)
	if err != nil {
		return outcome{}, err
	}
	if refused != nil {
		return j.denied(c, current, refused)
	}
	if out := (outcome{refusal: precondition(c, current)}); out.refused() {
		return out, nil
	}
	if c.object == nil {
		return j.decideDelete(c.ref, current)
	}
	return j.decidePut(c.object, current)
}

func (c change) action(current catalog.Entry) string {
	switch {
	case c.object == nil:
		return actionDelete
	case current.Object == nil:
		return actionCreate
	}
	return actionReplace
}

// precondition compares the revision that the caller asks for with the one
// that is there. Revisions are no secrets: plain comparison.
func precondition(c change, current catalog.Entry) *catalog.Error {
	exists := current.Object != nil
	var detail, fix string
	switch {
	case c.opts.IfNoneMatch && exists:
		detail, fix = fmt.Sprintf("The %s exists already.", c.ref), "Read it, or import it, and change that."
	case c.opts.IfMatch != "" && !exists:
		detail, fix = fmt.Sprintf("The %s does not exist.", c.ref), "Create it without a condition on its revision."
	case c.opts.IfMatch != "" && c.opts.IfMatch != "*" && c.opts.IfMatch != current.Revision:
		detail, fix = fmt.Sprintf("The %s was changed since it was read.", c.ref), "Read it again and repeat the change on what is there now."
	default:
		return nil
	}
	return refuse(catalog.CodePreconditionFailed, fmt.Sprintf("A condition on the %s does not hold.", c.ref),
		catalog.Problem{Rule: catalog.RulePreconditionUnknown, Detail: detail, Fix: fix})
}

func (j *judge) decideDelete(ref catalog.Ref, current catalog.Entry) (outcome, error) {
	j.after.remove(ref)
	problems, err := j.deletion(ref)
	if err != nil {
		return outcome{}, err
	}
	if len(problems) > 0 {
		return outcome{refusal: refuse(catalog.CodeConflict, fmt.Sprintf("The %s was not deleted.", ref), problems...)}, nil
	}
	out := outcome{writes: []write{{action: actionDelete, previous: current.Object}}}
	if c, ok := contractOf(current.Object); ok {
		gone, err := j.before.live(c.subject)
		if err != nil {
			return outcome{}, err
		}
		out.removed = gone
		out.registry.removals = []removal{{subject: c.subject, versions: gone, whole: true}}
	}
	return out, nil
}

func (j *judge) decidePut(object catalog.Object, current catalog.Entry) (outcome, error) {
	j.propose(object)
	if err := j.settle(); err != nil {
		return outcome{}, err
	}
	ref := object.Ref()
	next := j.after.changed[ref]
	same, err := j.unchanged(next, current)
	if err != nil {
		return outcome{}, err
	}
	if same {
		return outcome{entry: current}, nil
	}
	problems, err := j.problems(ref)
	if err != nil {
		return outcome{}, err
	}
	if len(problems) > 0 {
		return outcome{refusal: refuse(catalog.CodeInvalid, fmt.Sprintf("The %s was refused.", ref), problems...)}, nil
	}
	return j.writes(current, next)
}

// unchanged reports whether a Put would store what is stored: then there is
// nothing to refuse either, and a repeated request gets the answer of the first.
func (j *judge) unchanged(next catalog.Object, current catalog.Entry) (bool, error) {
	if current.Object == nil {
		return false, nil
	}
	if problems, err := j.readOnly(next); err != nil || len(problems) > 0 {
		return false, err
	}
	was, err := record(current.Object, "")
	if err != nil {
		return false, err
	}
	will, err := record(next, "")
	return bytes.Equal(was.Body, will.Body), err
}

// writes lists the change and then what follows from it, ancestors first.
func (j *judge) writes(current catalog.Entry, next catalog.Object) (outcome, error) {
	first := write{action: actionReplace, previous: current.Object, next: next, revision: j.session.newRevision()}
	if current.Object == nil {
		first.action = actionCreate
	}
	out := outcome{entry: catalog.Entry{Object: next, Revision: first.revision}, writes: []write{first}}
	for _, n := range j.affected {
		ref := n.product.Ref()
		if changed, ok := j.after.changed[ref]; ok && ref != next.Ref() {
			out.writes = append(out.writes, write{action: actionRecompute, previous: n.product, next: changed, revision: j.session.newRevision()})
		}
	}
	c, ok := contractOf(next)
	if !ok {
		return out, nil
	}
	number, err := j.number(c)
	if err != nil || !number.fresh {
		return out, err
	}
	added, err := j.enrol(c, number.n, j.wanted)
	out.registry.additions, out.version = []addition{added}, added.registration
	return out, err
}
