package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Register implements [catalog.SubjectWriter].
func (r registry) Register(ctx context.Context, s catalog.Subject, asked catalog.Registering) (catalog.Registration, error) {
	if err := r.asked(s); err != nil {
		return catalog.Registration{}, r.fail(ctx, err)
	}
	if known, found, err := r.registered(ctx, s, asked); found || err != nil {
		return known, err
	}
	out, err := r.carryOut(ctx, false, func(j *judge) (outcome, error) { return j.decideRegister(s, asked) })
	return out.version, r.fail(ctx, err)
}

// registered answers what is registered already without holding a writer up:
// producers register what they have with every start. Whatever else there is to
// say is left to a transaction that can record it.
func (r registry) registered(ctx context.Context, s catalog.Subject, asked catalog.Registering) (known catalog.Registration, found bool, err error) {
	err = r.view(ctx, func(j *judge) error {
		if refused, err := j.refusesSubject(s); err != nil || refused != nil {
			return err
		}
		c, problems, err := j.received(s, asked)
		if err != nil || len(problems) > 0 {
			return err
		}
		known, found, err = j.holding(c, false)
		found = found && asked.ID == 0 && asked.Version == 0
		return err
	})
	return known, found, err
}

// decideRegister judges a registration in the order of a Put: who may not write
// learns nothing, what is there already is the answer, then the rules speak.
func (j *judge) decideRegister(s catalog.Subject, asked catalog.Registering) (outcome, error) {
	if out, err := j.mayWrite(s, actionRegister); out.refused() || err != nil {
		return out, err
	}
	c, problems, err := j.received(s, asked)
	if err != nil {
		return outcome{}, err
	}
	if len(problems) > 0 {
		return unregistered(problems), nil
	}
	existing, found, err := j.holding(c, false)
	if err != nil {
		return outcome{}, err
	}
	if found && (asked.ID == 0 || asked.ID == existing.Schema.ID) && (asked.Version == 0 || asked.Version == existing.Version) {
		return outcome{version: existing}, nil
	}
	return j.decideVersion(c, asked)
}

// decideVersion judges a version that is not there yet.
func (j *judge) decideVersion(c contract, asked catalog.Registering) (outcome, error) {
	j.importing, j.wanted = asked.ID != 0, asked.ID
	problems, err := j.writable(c.subject, j.importing)
	if err != nil {
		return outcome{}, err
	}
	if len(problems) > 0 {
		return unregistered(problems), nil
	}
	if j.importing && !j.admission.unlimited() {
		return j.deniedID(c.subject)
	}
	if j.importing && (asked.ID < 0 || asked.ID > maxID || asked.Version < 0 || asked.Version > maxID) {
		return outcome{}, idTaken(true, "Ids and versions are 1 to %d.", maxID)
	}
	if err := j.place(c.subject, asked.Version); err != nil {
		return outcome{}, err
	}
	behind, err := j.behind(c.subject, j.numbers[c.subject].n)
	if err != nil {
		return outcome{}, err
	}
	ref, ok := c.subject.Schema()
	if !ok || behind {
		return j.decideBare(c)
	}
	return j.decideContract(ref, c)
}

// deniedID refuses who wants a certain id and is no administrator: that it is
// taken would tell what others have that the caller may not know of.
func (j *judge) deniedID(s catalog.Subject) (outcome, error) {
	entry := j.session.accountOf(actionRegister, subjectObject(s), audit.Deny)
	entry.ReasonCodes = []string{catalog.RuleForbidden}
	var err error
	entry.MarkingAccessed, err = j.attempted(s.Domain())
	return outcome{denial: &entry, refusal: refuse(catalog.CodeForbidden, "The schema was not registered.",
		forbidden("", "Only administrators choose the id of a schema.", "Leave the id out, or ask an administrator of the platform to import the schema.")...)}, err
}

// place gives a fresh version its number: the next one, or in an import the one
// that is asked for, unless anything ever had it.
func (j *judge) place(s catalog.Subject, wanted int) error {
	last, err := j.before.reader.LastVersion(j.before.ctx, s)
	if err != nil {
		return err
	}
	j.numbers[s] = numbering{cmp.Or(wanted, last+1), true}
	if wanted == 0 || wanted == last+1 {
		return nil
	}
	if !j.importing {
		return refuse(catalog.CodeInvalid, "The schema was not registered.", catalog.Problem{Rule: catalog.RuleMode,
			Detail: fmt.Sprintf("The next version is %d, and only an import takes another number.", last+1), Fix: "Leave the version out."})
	}
	used, err := j.before.reader.Used(j.before.ctx, s, wanted)
	if err != nil {
		return err
	}
	return idTaken(used, "Version %d of subject %s is or was another schema.", wanted, quote(s.String()))
}

// behind reports whether a subject has a live version above a number, which
// then stays in force.
func (j *judge) behind(s catalog.Subject, n int) (bool, error) {
	live, err := j.before.live(s)
	return len(live) > 0 && live[len(live)-1] > n, err
}

// enrolled is the outcome of a registration that changes no object.
func (j *judge) enrolled(c contract) (outcome, error) {
	added, err := j.enrol(c, j.numbers[c.subject].n, j.wanted)
	return outcome{version: added.registration, registry: registryChange{additions: []addition{added}}}, err
}

// decideBare judges a version that the catalogue knows nothing of: one of a
// subject of the registry's alone, or an imported one that is not in force.
func (j *judge) decideBare(c contract) (outcome, error) {
	if j.importing {
		return j.enrolled(c)
	}
	held, err := j.before.effective(c.subject)
	if err != nil {
		return outcome{}, err
	}
	problems, err := j.follows(held.Compatibility, c)
	if err != nil {
		return outcome{}, err
	}
	if len(problems) > 0 {
		return unregistered(problems), nil
	}
	return j.enrolled(c)
}

// decideContract judges a version as the change of the catalogue that it is.
func (j *judge) decideContract(ref catalog.Ref, c contract) (outcome, error) {
	current, err := j.before.entry(ref)
	if err != nil {
		return outcome{}, err
	}
	if problems := sameType(current.Object, c); problems != nil {
		return unregistered(problems), nil
	}
	next, err := j.contractOver(ref, current, c)
	if err != nil {
		return outcome{}, err
	}
	out, err := j.decidePut(next, current)
	if out.refused() {
		out = unregistered(out.refusal.Problems)
	}
	return out, err
}

// sameType refuses a text of another type than the schema of the catalogue has:
// whatever its level, no client of the one can read the other.
func sameType(object catalog.Object, c contract) []catalog.Problem {
	current, ok := contractOf(object)
	if !ok || current.text.Type == c.text.Type {
		return nil
	}
	return []catalog.Problem{{Field: "/type", Rule: catalog.RuleCompatibility,
		Detail: fmt.Sprintf("The type of a schema of the catalogue cannot change; this one is %s.", current.text.Type),
		Fix:    "Register the schema under another name."}}
}

// contractOver is the object of the catalogue with another text. One that does
// not exist yet has the level that was set for its subject, else it follows the
// registry.
func (j *judge) contractOver(ref catalog.Ref, current catalog.Entry, c contract) (catalog.Object, error) {
	var next catalog.Object = &catalog.Schema{Domain: ref.Domain(), Name: ref.Name(), Compatibility: catalog.CompatibilityGlobal}
	if current.Object != nil {
		next = current.Object.Clone()
	} else if schema, ok := next.(*catalog.Schema); ok {
		own, err := j.before.settings(c.subject)
		if err != nil {
			return nil, err
		}
		schema.Compatibility = cmp.Or(own.Compatibility, schema.Compatibility)
	}
	inForce(next, catalog.Registration{Version: j.numbers[c.subject].n, Schema: c.text})
	next.Normalize(j.vocabulary)
	return next, nil
}

// mayWrite refuses who may not write a subject: the outcome is a denial, or
// empty.
func (j *judge) mayWrite(s catalog.Scope, action string) (outcome, error) {
	problems, err := j.refusesSubject(s)
	if err != nil || problems == nil {
		return outcome{}, err
	}
	entry := j.session.accountOf(action, subjectObject(s), audit.Deny)
	entry.ReasonCodes = []string{catalog.RuleForbidden}
	entry.MarkingAccessed, err = j.attempted(s.Domain())
	return outcome{denial: &entry, refusal: refuse(catalog.CodeForbidden, fmt.Sprintf("You may not write %s.", inWords(s)), problems...)}, err
}

// inWords is a scope in running text.
func inWords(s catalog.Scope) string {
	switch {
	case s == catalog.Scope{}:
		return "the registry"
	case s.Name == "":
		return "context " + quote(s.Context)
	}
	return "subject " + quote(s.String())
}

// refusesSubject says why the caller may not write a subject, or configure a
// scope.
func (a *authority) refusesSubject(s catalog.Scope) ([]catalog.Problem, error) {
	switch domain := s.Domain(); {
	case a.caller.Administers():
		return nil, nil
	case domain != "":
		return a.refusesIn(domain)
	}
	return forbidden("", fmt.Sprintf("Only administrators write %s, which belongs to no domain.", inWords(s)),
		"Use a subject of the form domain.name, or ask an administrator of the platform."), nil
}

// received takes in what a client sends: the references have numbers, and the
// text can be read with all that it refers to.
func (j *judge) received(s catalog.Subject, asked catalog.Registering) (contract, []catalog.Problem, error) {
	c := contract{subject: s, text: catalog.RegisteredSchema{Type: asked.Type, Definition: asked.Definition}}
	if problems := acceptable(asked); problems != nil {
		return c, problems, nil
	}
	references, problems := checkReferences(asked.References)
	if problems != nil {
		return c, problems, nil
	}
	c.text.References = references
	for i, reference := range references {
		if reference.Version != catalog.LatestVersion {
			continue
		}
		latest, err := j.one(reference.Subject, catalog.LatestVersion, false)
		if err != nil && !errors.Is(err, catalog.ErrNotFound) {
			return c, nil, err
		}
		references[i].Version = latest.Version
	}
	problems, err := j.legible(c)
	if err != nil || len(problems) > 0 {
		return c, problems, err
	}
	return c, nil, j.normalize(&c, asked.Normalize)
}

// acceptable says what is wrong with a text before anything reads it.
func acceptable(asked catalog.Registering) []catalog.Problem {
	if !readable(catalog.RegisteredSchema{Type: asked.Type, Definition: asked.Definition}) {
		return []catalog.Problem{{Field: "/definition", Rule: catalog.RuleSchemaText,
			Detail: fmt.Sprintf("A schema is of type AVRO, JSON or PROTOBUF and has a text of 1 to %d bytes.", catalog.MaxDefinition), Fix: "Send such a schema."}}
	}
	text := catalog.ReferenceSchema{Name: "text", Type: asked.Type, Definition: asked.Definition}
	problems := text.Check(nil)
	for i := range problems {
		problems[i].Rule = catalog.RuleSchemaText
	}
	return problems
}

// normalize puts the canonical text in the place of the text, if the client or
// the settings ask for it.
func (j *judge) normalize(c *contract, asked bool) error {
	held, err := j.heldSettings(c.subject)
	if err != nil || !asked && !*held.Normalize {
		return err
	}
	r, err := j.read(c.text)
	if err == nil {
		c.text.Definition = r.schema.Canonical()
	}
	return err
}

// holding is the highest version of a subject that is this schema. It looks at
// the subject alone: who else has the schema is not to take time.
func (j *judge) holding(c contract, deleted bool) (catalog.Registration, bool, error) {
	r, err := j.read(c.text)
	if err != nil {
		return catalog.Registration{}, false, err
	}
	found, err := j.before.reader.VersionsByGUID(j.before.ctx, c.subject, r.identity.guid())
	if err != nil {
		return catalog.Registration{}, false, err
	}
	for _, one := range slices.Backward(found) {
		if one.Deleted && !deleted {
			continue
		}
		kept, err := j.before.reader.Schema(j.before.ctx, c.subject.Context, one.Schema.ID)
		if err != nil {
			return catalog.Registration{}, false, err
		}
		if r.identity.has(kept) {
			return j.before.version(c.subject, one.Version)
		}
	}
	return j.holdingUnknown(c)
}

// holdingUnknown looks at what is in force, which may be of a time before
// fingerprints were kept.
func (j *judge) holdingUnknown(c contract) (catalog.Registration, bool, error) {
	ref, _ := c.subject.Schema()
	object, err := j.before.get(ref)
	if err != nil {
		return catalog.Registration{}, false, err
	}
	current, ok := contractOf(object)
	if !ok {
		return catalog.Registration{}, false, nil
	}
	same, err := j.same(current.text, c.text)
	if !same || err != nil {
		return catalog.Registration{}, false, err
	}
	return j.before.version(c.subject, current.version)
}

// ranks are the rules that a client of the registry looks for first.
var ranks = []string{
	catalog.RuleSchemaText, catalog.RuleSchemaReference, catalog.RuleMode, catalog.RuleCompatibility, catalog.RuleTooComplex,
}

// unregistered refuses a registration, with the problem first that says most to
// a client of the registry.
func unregistered(problems []catalog.Problem) outcome {
	rank := func(p catalog.Problem) int {
		if i := slices.Index(ranks, p.Rule); i >= 0 {
			return i
		}
		return len(ranks)
	}
	slices.SortStableFunc(problems, func(a, b catalog.Problem) int { return rank(a) - rank(b) })
	code := catalog.CodeInvalid
	if problems[0].Rule == catalog.RuleCompatibility {
		code = catalog.CodeConflict
	}
	return outcome{refusal: refuse(code, "The schema was not registered.", problems...)}
}
