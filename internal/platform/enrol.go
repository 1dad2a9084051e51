package platform

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// The actions of audit entries on the registry, beside those of the catalogue.
const (
	actionRegister  = "register"
	actionRemove    = "remove" // for ever
	actionConfigure = "configure"
)

// registryChange is what a change does to the registry.
type registryChange struct {
	additions []addition
	removals  []removal
	settings  []setting
	// markings are those of the domains concerned, for readers of the audit
	// entries, by the domain's name.
	markings map[string]string
}

// addition is a version to be registered, with its text when that is new in
// its context.
type addition struct {
	registration catalog.Registration
	text         *store.Schema
}

// removal deletes versions of one subject, softly or for ever.
type removal struct {
	subject   catalog.Subject
	versions  []int // ascending
	whole     bool  // none is left
	permanent bool
}

// setting replaces the settings of one scope.
type setting struct {
	scope     catalog.Scope
	was, will catalog.SubjectSettings
}

func (c registryChange) empty() bool {
	return len(c.additions) == 0 && len(c.removals) == 0 && len(c.settings) == 0
}

// apply writes the change and an audit entry for each part of it.
func (s *session) apply(ctx context.Context, w store.Writer, c registryChange) error {
	for _, a := range c.additions {
		if err := s.add(ctx, w, a, c.markings[a.registration.Subject.Domain()]); err != nil {
			return err
		}
	}
	for _, r := range c.removals {
		if err := s.remove(ctx, w, r, c.markings[r.subject.Domain()]); err != nil {
			return err
		}
	}
	for _, change := range c.settings {
		if err := s.set(ctx, w, change, c.markings[change.scope.Domain()]); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) add(ctx context.Context, w store.Writer, a addition, marking string) error {
	if a.text != nil {
		if err := w.AddSchema(ctx, *a.text); err != nil {
			return err
		}
	}
	if err := w.AddVersion(ctx, a.registration); err != nil {
		return err
	}
	entry := s.accountOf(actionRegister, versionObject(a.registration.Subject, a.registration.Version), audit.Permit)
	entry.MarkingAccessed = marking
	var err error
	if entry.After, err = digestOf(a.registration); err != nil {
		return err
	}
	return w.Append(ctx, entry)
}

func (s *session) remove(ctx context.Context, w store.Writer, r removal, marking string) error {
	action, one := actionDelete, w.DeleteVersion
	if r.permanent {
		action, one = actionRemove, w.RemoveVersion
	}
	for _, n := range r.versions {
		if err := one(ctx, r.subject, n); err != nil {
			return err
		}
	}
	objects := []string{subjectObject(r.subject)}
	if !r.whole {
		objects = nil
		for _, n := range r.versions {
			objects = append(objects, versionObject(r.subject, n))
		}
	}
	for _, object := range objects {
		entry := s.accountOf(action, object, audit.Permit)
		entry.MarkingAccessed = marking
		if err := w.Append(ctx, entry); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) set(ctx context.Context, w store.Writer, c setting, marking string) error {
	if err := w.PutSettings(ctx, c.scope, c.will); err != nil {
		return err
	}
	entry := s.accountOf(actionConfigure, subjectObject(c.scope), audit.Permit)
	entry.MarkingAccessed = marking
	var was, will error
	entry.Before, was = digestOf(c.was)
	entry.After, will = digestOf(c.will)
	if err := errors.Join(was, will); err != nil {
		return err
	}
	return w.Append(ctx, entry)
}

// subjectObject is a scope as the log names it: that of the whole registry is
// "subjects".
func subjectObject(s catalog.Scope) string {
	if s == (catalog.Scope{}) {
		return "subjects"
	}
	return "subjects/" + s.String()
}

func versionObject(s catalog.Subject, n int) string {
	return fmt.Sprintf("%s/versions/%d", subjectObject(s), n)
}

// accountOf is the audit entry of one decision on the registry.
func (s *session) accountOf(action, object, decision string) audit.Entry {
	entry := s.account(s.now().UTC(), action, catalog.Ref{}, decision)
	entry.Event, entry.Object = "schema", object
	return entry
}

// digestOf is that of the canonical JSON of a value.
func digestOf(value any) (string, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	canonical, err := audit.CanonicalJSON(body)
	if err != nil {
		return "", err
	}
	return audit.Digest(canonical), nil
}

// enrol makes the addition of a version. The same schema has one id in a
// context for all who may know of each other; wanted is the id that a copy asks for, 0 for
// none.
func (j *judge) enrol(c contract, n, wanted int) (addition, error) {
	r, err := j.read(c.text)
	if err != nil {
		return addition{}, err
	}
	if r.err != nil {
		return addition{}, fmt.Errorf("version %d of subject %q passed the rules and cannot be read: %w", n, c.subject, r.err)
	}
	if err := j.before.room(c.subject); err != nil {
		return addition{}, err
	}
	registration := catalog.Registration{Subject: c.subject, Version: n, Schema: c.text, Created: j.now.Format(time.RFC3339)}
	kept, found, err := j.kept(c.subject.Context, r.identity)
	if err != nil {
		return addition{}, err
	}
	if found {
		references := c.text.References
		registration.Schema = kept.RegisteredSchema
		registration.Schema.References = references
		return addition{registration: registration}, idTaken(wanted != 0 && wanted != kept.ID, "This schema has id %d in context %s already.", kept.ID, quote(c.subject.Context))
	}
	if registration.Schema.ID, err = j.id(c.subject.Context, wanted); err != nil {
		return addition{}, err
	}
	registration.Schema.GUID = r.identity.guid()
	fingerprint, err := j.freeFingerprint(c.subject.Context, r.identity, registration.Schema.ID)
	return addition{registration, &store.Schema{
		Context: c.subject.Context, Fingerprint: fingerprint, RegisteredSchema: registration.Schema,
	}}, err
}

// twins are the rows of one schema in a context, without its text, sorted by id.
// There are several when those who registered it could not know of each other.
func (j *judge) twins(context string, i identity) ([]store.Schema, error) {
	all, err := j.before.reader.SchemasByGUID(j.before.ctx, i.guid())
	twins := slices.DeleteFunc(all, func(s store.Schema) bool {
		return s.Context != context || !i.has(s)
	})
	slices.SortFunc(twins, func(a, b store.Schema) int { return a.ID - b.ID })
	return twins, err
}

// kept is the row of a schema that the caller may know of. One that it may not
// is not taken up: its id would come back after a removal, and its text in
// another layout, and tell that somebody has the schema.
func (j *judge) kept(context string, i identity) (store.Schema, bool, error) {
	twins, err := j.twins(context, i)
	if err != nil {
		return store.Schema{}, false, err
	}
	seen, err := j.seesAny(twins)
	if len(seen) == 0 || err != nil {
		return store.Schema{}, false, err
	}
	whole, err := j.before.reader.Schema(j.before.ctx, context, seen[0].ID)
	return whole, err == nil, err
}

// freeFingerprint is that of the schema, or of a twin when somebody has it.
func (j *judge) freeFingerprint(context string, i identity, id int) (string, error) {
	_, err := j.before.reader.SchemaByFingerprint(j.before.ctx, context, i.fingerprint())
	if errors.Is(err, store.ErrNotFound) {
		return i.fingerprint(), nil
	}
	return i.twin(id), err
}

// room refuses a version more than can be listed, and so deleted, at once.
func (s *stored) room(subject catalog.Subject) error {
	full, err := s.reader.Registrations(s.ctx, catalog.RegistryQuery{
		Subject: subject, Deleted: true, WithoutText: true, Offset: catalog.MaxRegistrations - 1, Limit: 1,
	})
	if len(full) == 0 || err != nil {
		return err
	}
	return refuse(catalog.CodeInvalid, "The schema was not registered.", catalog.Problem{Field: "/definition", Rule: catalog.RuleLimit,
		Detail: fmt.Sprintf("Subject %s has %d versions, which is the limit.", quote(subject.String()), catalog.MaxRegistrations),
		Fix:    "Remove for ever the versions that nobody reads any more."})
}

// maxID is the highest id: clients keep it in 32 bits with a sign.
const maxID = 1<<31 - 1

// randomID never fails: when the operating system has no random numbers, the
// process ends.
func randomID() int {
	n, err := rand.Int(rand.Reader, big.NewInt(maxID-1))
	if err != nil {
		panic(err) // crypto/rand: Reader never returns an error
	}
	return int(n.Int64()) + 1
}

// id is a free id: the one that is wanted, else a random one, so that it tells
// nothing of how many others there are.
func (j *judge) id(registry string, wanted int) (int, error) {
	for range 100 { // that all are taken takes 2^30 schemas
		id := wanted
		if id == 0 {
			id = j.session.newID()
		}
		_, err := j.before.reader.Schema(j.before.ctx, registry, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return id, nil
		case err != nil:
			return 0, err
		case wanted != 0:
			return 0, idTaken(true, "Id %d of context %s belongs to another schema.", wanted, quote(registry))
		}
	}
	return 0, fmt.Errorf("no free id in context %q after 100 tries", registry)
}

// idTaken is the refusal of a copy whose numbers belong to something else.
func idTaken(taken bool, format string, args ...any) error {
	if !taken {
		return nil
	}
	return refuse(catalog.CodeConflict, "The schema was not registered.", catalog.Problem{
		Rule: catalog.RuleIDTaken, Detail: fmt.Sprintf(format, args...), Fix: "Import into an empty context, or leave this one out.",
	})
}
