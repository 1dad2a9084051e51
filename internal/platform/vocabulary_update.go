package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// vocabularies is the platform's answer to one caller's use of its vocabularies.
type vocabularies struct{ *session }

var _ catalog.Vocabularies = vocabularies{}

// Vocabularies are the marking vocabularies of the mesh, as this caller may use
// them. A caller without a subject is nobody: catalog.CodeUnauthenticated.
func (p *Platform) Vocabularies(caller catalog.Caller) catalog.Vocabularies {
	return vocabularies{&session{Platform: p, caller: caller}}
}

// The action and object of audit entries on vocabularies.
const (
	eventPolicy      = "policy"
	actionEnact      = "enact"
	vocabularyObject = "vocabularies/"
)

// Vocabulary implements [catalog.Vocabularies].
func (v vocabularies) Vocabulary(ctx context.Context, version string) (catalog.VocabularyText, error) {
	var found catalog.VocabularyText
	err := v.view(ctx, func(j *judge) error {
		_, e, err := v.inForce(ctx, j.before.reader)
		if err != nil {
			return err
		}
		if version == "" || version == e.Version {
			found = catalog.VocabularyText{Text: j.vocabulary.Canonical(), Revision: e.Revision}
			return nil
		}
		old, err := v.old(ctx, j.before.reader, version)
		found.Text = old.Text
		return err
	})
	return found, err
}

// old is a vocabulary that was in force. CodeNotFound.
func (v vocabularies) old(ctx context.Context, r store.Reader, version string) (store.Vocabulary, error) {
	found, err := store.Vocabulary{}, store.ErrNotFound
	if marking.CheckVersion(version) == nil {
		found, err = r.Vocabulary(ctx, version)
	}
	if errors.Is(err, store.ErrNotFound) {
		return found, refuse(catalog.CodeNotFound, fmt.Sprintf("No vocabulary %s was ever in force.", quote(version)))
	}
	return found, err
}

// VocabularyHistory implements [catalog.Vocabularies].
func (v vocabularies) VocabularyHistory(ctx context.Context) ([]catalog.VocabularyChange, error) {
	var history []catalog.VocabularyChange
	err := v.view(ctx, func(j *judge) error {
		enactments, err := j.before.reader.Enactments(ctx, catalog.MaxLimit)
		for i, e := range enactments {
			one := catalog.VocabularyChange{Version: e.Version, Digest: e.Digest, Time: e.Time, InForce: i == 0}
			if v.caller.Administers() {
				one.By = e.Subject
			}
			history = append(history, one)
		}
		return err
	})
	return history, err
}

// DerivationUnder implements [catalog.Vocabularies].
func (v vocabularies) DerivationUnder(ctx context.Context, id, version string) (catalog.Derivation, error) {
	var answer catalog.Derivation
	err := v.view(ctx, func(j *judge) error {
		old, err := v.old(ctx, j.before.reader, version)
		if err != nil {
			return err
		}
		e, err := v.pastEdition(ctx, j.before.reader, old.Version, old.Digest)
		if err != nil {
			return err
		}
		then := j.session.under(e).judgeOf(ctx, j.before.reader)
		then.sight = j.sight // who sees what is decided by what is in force
		answer, err = then.explain(id)
		return err
	})
	return answer, err
}

// PutVocabulary implements [catalog.Vocabularies].
func (v vocabularies) PutVocabulary(ctx context.Context, text []byte, options catalog.WriteOptions) (catalog.VocabularyImpact, string, error) {
	impact, revision, err := v.put(ctx, text, options)
	return impact, revision, v.fail(ctx, err)
}

func (v vocabularies) put(ctx context.Context, text []byte, options catalog.WriteOptions) (impact catalog.VocabularyImpact, revision string, err error) {
	if err := v.authenticated(); err != nil {
		return impact, "", err
	}
	if options.DryRun && !v.caller.Administers() {
		return impact, "", refuse(catalog.CodeForbidden, "You may not preview a vocabulary.", onlyAdministrators()...)
	}
	proposed, err := v.proposed(text)
	if err != nil {
		return impact, "", err
	}
	u := update{next: proposed, options: options}
	if options.DryRun {
		if err := v.takePreview(ctx); err != nil {
			return impact, "", err
		}
		defer v.givePreview()
		err := v.store.View(ctx, func(r store.Reader) error {
			return v.judged(ctx, r, u.decide)
		})
		return u.impact, "", err
	}
	err = v.store.Update(ctx, func(w store.Writer) error {
		u.after = aftermath{}
		return v.judged(ctx, w, func(j *judge) error { return u.carryOut(j, w) })
	})
	u.after.takeEffect(err)
	if err == nil && u.refusal != nil {
		return impact, "", u.refusal
	}
	return u.impact, u.revision, err
}

// onlyAdministrators is why others are refused. A preview is for them as well:
// it judges what is hidden, and how long that takes would tell how much it is.
func onlyAdministrators() []catalog.Problem {
	return forbidden("", "Only administrators put a vocabulary in force, or preview it.", "Ask an administrator of the platform.")
}

// proposed reads what is to come into force.
func (p *Platform) proposed(text []byte) (*edition, error) {
	next, err := marking.ReadVocabulary(bytes.NewReader(text))
	if err != nil {
		return nil, refuse(catalog.CodeInvalid, "The vocabulary was refused.", catalog.Problem{Rule: catalog.RuleFormat,
			Detail: fmt.Sprintf("It cannot be read: %.500s.", err), Fix: "Start from the vocabulary in force, and change that."})
	}
	e, err := newEdition(next, p.systemHigh)
	if err != nil {
		return nil, refuse(catalog.CodeInvalid, "The vocabulary was refused.", catalog.Problem{Rule: catalog.RuleUnknownValue,
			Detail: "The marking that this system is accredited for means nothing under it, so that nothing would be too high.",
			Fix:    "Leave in what that marking needs, or have the operator change it."})
	}
	return e, nil
}

// A preview reads the whole catalogue: one at a time, so that callers who ask
// for many take no more than one processor.
func (p *Platform) takePreview(ctx context.Context) error {
	select {
	case p.previews <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Platform) givePreview() { <-p.previews }

// update is one change of the vocabulary in force.
type update struct {
	next     *edition
	options  catalog.WriteOptions
	census   *census // nil when nothing is to be done
	impact   catalog.VocabularyImpact
	revision string
	refusal  *catalog.Error // after its entry was recorded
	then     *judge         // under the vocabulary that has come into force
	after    aftermath      // for the streams that run
}

// decide judges the update and computes what it changes.
func (u *update) decide(j *judge) error {
	_, current, err := j.session.inForce(j.before.ctx, j.before.reader)
	if err != nil {
		return err
	}
	if err := u.precondition(current); err != nil {
		return err
	}
	will := kept(u.next.vocabulary)
	taken, err := j.before.reader.Vocabulary(j.before.ctx, will.Version)
	switch {
	case err == nil && taken.Digest != will.Digest:
		return refuse(catalog.CodeConflict, "The vocabulary was refused.", catalog.Problem{Field: "/version", Rule: catalog.RuleVersionTaken,
			Detail: fmt.Sprintf("Version %s is another vocabulary, by which decisions were made.", will.Version), Fix: "Give this one a version of its own."})
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	}
	u.revision = current.Revision
	c, err := j.census(j.session.under(u.next))
	if err != nil {
		return err
	}
	if will.Digest != current.Digest {
		u.census = c
	}
	u.impact, err = c.impact()
	return err
}

func (u *update) precondition(current store.Enactment) error {
	var detail, fix string
	switch match := u.options.IfMatch; {
	case u.options.IfNoneMatch:
		detail, fix = "There is always a vocabulary in force.", "Send If-Match with its entity tag."
	case match == "" && !u.options.DryRun:
		detail, fix = "The request does not say which vocabulary it replaces.", "Read the one in force, preview the change, and send its entity tag as If-Match."
	case match != "" && match != "*" && match != current.Revision:
		detail, fix = "Another vocabulary has come into force since it was read.", "Read it again, and preview the change against it."
	default:
		return nil
	}
	return refuse(catalog.CodePreconditionFailed, "A condition on the vocabulary in force does not hold.",
		catalog.Problem{Rule: catalog.RulePreconditionUnknown, Detail: detail, Fix: fix})
}

// carryOut decides, records and acts in one transaction.
func (u *update) carryOut(j *judge, w store.Writer) error {
	s, ctx := j.session, j.before.ctx
	if problems := u.authorize(s); problems != nil {
		u.refusal = refuse(catalog.CodeForbidden, "You may not put this vocabulary in force.", problems...)
		return w.Append(ctx, u.entry(s, audit.Deny, problems[0].Rule))
	}
	err := u.decide(j)
	if err != nil || u.census == nil {
		return err
	}
	u.revision = s.newRevision()
	if err := u.enact(j, w); err != nil {
		return err
	}
	u.then = u.census.next.judgeOf(ctx, w)
	for _, id := range slices.Sorted(maps.Keys(u.census.products)) {
		if err := u.apply(id, w); err != nil {
			return err
		}
	}
	u.after, err = s.recheckAll(ctx, w)
	return err
}

// authorize says why the caller may not do this, nil when it may. Where there
// are vocabulary authorities, an administrator needs one of them: whoever takes
// over an administrator's account changes no meaning of a marking.
func (u *update) authorize(s *session) []catalog.Problem {
	if !s.caller.Administers() {
		return onlyAdministrators()
	}
	if !s.keys.Required() {
		return nil
	}
	if err := s.keys.Check(u.next.vocabulary, []byte(u.options.Endorsement)); err != nil {
		return []catalog.Problem{{Rule: catalog.RuleEndorsement,
			Detail: fmt.Sprintf("Vocabularies of this platform are signed by an authority: %.300s.", err),
			Fix:    "Have the authority sign it with \"datamesh vocabulary sign\", and send the signature with it."}}
	}
	return nil
}

func (u *update) entry(s *session, decision string, reasons ...string) audit.Entry {
	entry := s.account(s.now().UTC(), actionEnact, catalog.Ref{}, decision)
	entry.Event, entry.Object, entry.ReasonCodes = eventPolicy, vocabularyObject+u.next.vocabulary.Version(), reasons
	entry.Before, entry.After = kept(s.vocabulary).Digest, kept(u.next.vocabulary).Digest
	return entry
}

func (u *update) enact(j *judge, w store.Writer) error {
	s, ctx := j.session, j.before.ctx
	err := w.Enact(ctx, kept(u.next.vocabulary), store.Enactment{
		Revision: u.revision, Subject: s.caller.Subject, Issuer: s.caller.Issuer, Time: s.now().UTC().Format(time.RFC3339Nano),
	})
	if err != nil {
		return err
	}
	entry := u.entry(s, audit.Permit)
	entry.Revision = u.revision
	return w.Append(ctx, entry)
}

// apply writes and records what changes for one product. Who is let in may
// change though no text does; that is recorded too.
func (u *update) apply(id string, w store.Writer) error {
	c := u.census
	ctx, next := c.before.ctx, c.next
	told, changes := c.product(id)
	stored, n := c.products[id], c.future.nodes[id]
	declared := stored.Marking
	if m, err := next.vocabulary.Parse(declared); err == nil && declared != "" {
		declared = m.Banner()
	}
	if declared == stored.Marking && n.inheritedText() == stored.InheritedMarking && n.effectiveText() == stored.EffectiveMarking {
		if !changes {
			return nil
		}
		entry := next.account(next.now().UTC(), actionRecompute, stored.Ref(), audit.Permit)
		var err error
		if entry.MarkingAccessed, err = u.then.labelOf(stored.Domain, &catalog.Product{EffectiveMarking: told.EffectiveMarking.To}); err != nil {
			return err
		}
		return w.Append(ctx, entry)
	}
	record, err := w.Get(ctx, stored.Ref())
	if err != nil {
		return err
	}
	before, err := newStored(ctx, w).keep(record)
	if err != nil {
		return err
	}
	after, ok := before.Object.Clone().(*catalog.Product)
	if !ok {
		return fmt.Errorf("stored body of %s: it is no product", stored.Ref())
	}
	after.Marking, after.InheritedMarking, after.EffectiveMarking = declared, n.inheritedText(), n.effectiveText()
	label, err := u.then.labelOf(stored.Domain, before.Object, after)
	if err != nil {
		return err
	}
	wr := write{actionRecompute, before.Object, after, next.newRevision(), label}
	if err := save(ctx, w, wr); err != nil {
		return err
	}
	return next.recordWrite(ctx, w, wr)
}
