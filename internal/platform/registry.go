package platform

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// registry is the schema registry bound to one caller: the other door to the
// schemas of the catalogue, and the only one to the subjects that are none.
type registry struct{ *session }

var _ catalog.Registry = registry{}

// Registry is the schema registry as this caller sees it: the subjects whose
// domains it knows, and of them the versions that refer to nothing hidden. A
// caller without a subject
// is nobody, and every method answers with catalog.CodeUnauthenticated.
func (p *Platform) Registry(caller catalog.Caller) catalog.Registry {
	return registry{&session{Platform: p, caller: caller}}
}

// Contexts implements [catalog.SubjectReader].
func (r registry) Contexts(ctx context.Context) ([]string, error) {
	var found []string
	err := r.view(ctx, func(j *judge) (err error) {
		found, err = j.contexts()
		if !slices.Contains(found, "") {
			found = slices.Insert(found, 0, "")
		}
		return err
	})
	return found, err
}

// contexts are those that hold a version which the caller may know of.
func (j *judge) contexts() ([]string, error) {
	all, err := j.before.reader.Contexts(j.before.ctx)
	looks, trouble := j.admission.looks()
	if err = errors.Join(err, trouble); err != nil || !looks || j.admission.unlimited() {
		return all, err
	}
	var seen []string
	for _, name := range all {
		found, err := j.shown(catalog.RegistryQuery{Context: name, Deleted: true, WithoutText: true, Limit: 1})
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			seen = append(seen, name)
		}
	}
	return seen, nil
}

// Registrations implements [catalog.SubjectReader]. The texts of one answer have
// at most 64 MiB together: CodeTooLarge.
func (r registry) Registrations(ctx context.Context, q catalog.RegistryQuery) ([]catalog.Registration, error) {
	var found []catalog.Registration
	err := r.view(ctx, func(j *judge) (err error) {
		if q.Limit < 0 || q.Offset < 0 {
			return refuse(catalog.CodeInvalid, "The query makes no sense.", catalog.Problem{Rule: catalog.RuleLimit,
				Detail: "Limit and offset are not below zero.", Fix: "Leave them out, or count from zero."})
		}
		found, err = j.shown(q)
		return err
	})
	return found, err
}

// Registration implements [catalog.SubjectReader].
func (r registry) Registration(ctx context.Context, s catalog.Subject, version int, deleted bool) (catalog.Registration, error) {
	if err := r.asked(s); err != nil {
		return catalog.Registration{}, r.fail(ctx, err)
	}
	key := askedKey{versionKey{s, version}, deleted}
	kept, known, generation := r.memory.recall(key)
	if one, ok := kept.(catalog.Registration); known && ok {
		return copied(one), nil
	}
	var found catalog.Registration
	var public bool
	err := r.view(ctx, func(j *judge) (err error) {
		if found, err = j.one(s, version, deleted); err == nil {
			public, err = j.everybody().registered(found)
		}
		return err
	})
	if err == nil && public {
		r.memory.remember(key, found, sizeOf(found.Schema), generation)
	}
	return copied(found), err
}

// one is a version of a subject that is there for who does or does not ask for
// deleted ones. RuleSubjectNotFound, RuleVersionNotFound.
func (j *judge) one(s catalog.Subject, n int, deleted bool) (catalog.Registration, error) {
	if n == catalog.LatestVersion {
		found, err := j.shown(catalog.RegistryQuery{Subject: s, LatestOnly: true, Deleted: deleted, Limit: 1})
		if err != nil || len(found) > 0 {
			return first(found), err
		}
		return catalog.Registration{}, noSubject(s)
	}
	found, exists, err := j.before.version(s, n)
	if exists && err == nil {
		exists, err = j.sight.registered(found)
	}
	if err != nil || exists && (deleted || !found.Deleted) {
		return found, err
	}
	return catalog.Registration{}, j.absent(s, n, deleted)
}

func first(found []catalog.Registration) catalog.Registration {
	if len(found) == 0 {
		return catalog.Registration{}
	}
	return found[0]
}

// absent tells a subject that is not there from a version that is not.
func (j *judge) absent(s catalog.Subject, n int, deleted bool) error {
	any, err := j.shown(catalog.RegistryQuery{Subject: s, Deleted: deleted, WithoutText: true, Limit: 1})
	switch {
	case err != nil:
		return err
	case len(any) == 0:
		return noSubject(s)
	}
	return refuse(catalog.CodeNotFound, "There is no such version.", catalog.Problem{Rule: catalog.RuleVersionNotFound,
		Detail: fmt.Sprintf("Subject %s has no version %d.", quote(s.String()), n), Fix: "Ask for one that it lists."})
}

func noSubject(s catalog.Subject) error {
	return refuse(catalog.CodeNotFound, "There is no such subject.", catalog.Problem{Rule: catalog.RuleSubjectNotFound,
		Detail: fmt.Sprintf("There is no subject %s.", quote(s.String())), Fix: "Register a schema under it first."})
}

// ReferencedBy implements [catalog.SubjectReader].
func (r registry) ReferencedBy(ctx context.Context, s catalog.Subject, version int) ([]catalog.Registration, error) {
	if err := r.asked(s); err != nil {
		return nil, r.fail(ctx, err)
	}
	var found []catalog.Registration
	err := r.view(ctx, func(j *judge) error {
		target, err := j.one(s, version, false)
		if err != nil {
			return err
		}
		found, err = j.before.reader.Referring(ctx, s, target.Version)
		if err != nil {
			return err
		}
		found, err = j.onlyShown(slices.DeleteFunc(found, func(r catalog.Registration) bool { return r.Deleted }))
		return err
	})
	return found, err
}

// What the memory keeps answers under.
type (
	askedKey struct {
		version versionKey
		deleted bool
	}
	idKey struct {
		context string
		id      int
	}
	guidKey string
)

// SchemaByID implements [catalog.SchemaReader].
func (r registry) SchemaByID(ctx context.Context, in catalog.Subject, id int) (catalog.RegisteredSchema, error) {
	if err := r.authenticated(); err != nil {
		return catalog.RegisteredSchema{}, r.fail(ctx, err)
	}
	key := idKey{in.Context, id}
	kept, known, generation := r.memory.recall(key)
	if one, ok := kept.(catalog.RegisteredSchema); known && ok {
		return copiedSchema(one), nil
	}
	var found store.Schema
	var public bool
	err := r.view(ctx, func(j *judge) (err error) {
		if found, err = j.before.reader.Schema(ctx, in.Context, id); err == nil {
			public, err = j.schemaShown(in.Context, id)
		}
		return missingSchema(err, fmt.Sprintf("There is no schema with id %d in context %s.", id, quote(in.Context)))
	})
	if err == nil && public {
		r.memory.remember(key, found.RegisteredSchema, sizeOf(found.RegisteredSchema), generation)
	}
	return copiedSchema(found.RegisteredSchema), err
}

// schemaShown is store.ErrNotFound for a schema that the caller may not know of.
// It reports whether everybody may.
func (j *judge) schemaShown(context string, id int) (public bool, err error) {
	if looks, err := j.admission.looks(); !looks || err != nil {
		return true, err
	}
	if public, err = j.holds(j.everybody(), context, id); public || err != nil || j.admission.unlimited() {
		return public, err
	}
	seen, err := j.holds(j.sight, context, id)
	if err == nil && !seen {
		err = store.ErrNotFound
	}
	return false, err
}

// seesSchema is schemaShown without a word on everybody else: it reads less for
// what is hidden.
func (j *judge) seesSchema(context string, id int) (bool, error) {
	if looks, err := j.admission.looks(); j.admission.unlimited() || !looks || err != nil {
		return err == nil, err
	}
	return j.holds(j.sight, context, id)
}

// noID is an id that no schema has, in the place of one that is looked for.
const noID = -1

// everywhere is a schema and the ids that it has, by context.
type everywhere struct {
	schema catalog.RegisteredSchema
	ids    map[string]int
}

// SchemaByGUID implements [catalog.SchemaReader].
func (r registry) SchemaByGUID(ctx context.Context, guid string) (catalog.RegisteredSchema, map[string]int, error) {
	if err := r.authenticated(); err != nil {
		return catalog.RegisteredSchema{}, nil, r.fail(ctx, err)
	}
	kept, known, generation := r.memory.recall(guidKey(guid))
	if one, ok := kept.(everywhere); known && ok {
		return one.answer()
	}
	var found everywhere
	var looks bool
	err := r.view(ctx, func(j *judge) (err error) {
		if looks, err = j.admission.looks(); err == nil {
			found, err = j.everywhere(guid)
		}
		return missingSchema(err, fmt.Sprintf("There is no schema with GUID %s.", quote(guid)))
	})
	if err != nil {
		return catalog.RegisteredSchema{}, nil, err
	}
	if !looks { // else time would tell whether somebody hidden has it too
		r.memory.remember(guidKey(guid), found, sizeOf(found.schema), generation)
	}
	return found.answer()
}

// everywhere finds a schema by its GUID, as far as the caller may know of it. A
// context in which it has several ids is given with the lowest.
func (j *judge) everywhere(guid string) (everywhere, error) {
	all, err := j.before.reader.SchemasByGUID(j.before.ctx, guid)
	if err != nil {
		return everywhere{}, err
	}
	seen, err := j.seesAny(all)
	if err != nil {
		return everywhere{}, err
	}
	if len(seen) == 0 {
		return everywhere{}, store.ErrNotFound
	}
	whole, err := j.before.reader.Schema(j.before.ctx, seen[0].Context, seen[0].ID)
	found := everywhere{schema: whole.RegisteredSchema, ids: map[string]int{}}
	for _, one := range seen {
		if known, ok := found.ids[one.Context]; !ok || one.ID < known {
			found.ids[one.Context] = one.ID
		}
	}
	return found, err
}

// seesAny leaves out the schemas that the caller may not know of. For none, as
// much is read as for one that one hidden subject has.
func (j *judge) seesAny(all []store.Schema) (seen []store.Schema, err error) {
	if len(all) == 0 {
		_, err = j.seesSchema("", noID)
	}
	for _, one := range all {
		known, err := j.seesSchema(one.Context, one.ID)
		if err != nil {
			return nil, err
		}
		if known {
			seen = append(seen, one)
		}
	}
	return seen, err
}

func missingSchema(err error, detail string) error {
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return refuse(catalog.CodeNotFound, "There is no such schema.", catalog.Problem{Rule: catalog.RuleSchemaNotFound, Detail: detail})
}

// asked refuses a caller that is nobody, and a subject whose name is none.
func (r registry) asked(s catalog.Subject) error {
	if err := r.authenticated(); err != nil {
		return err
	}
	parsed, err := catalog.ParseSubject(s.String())
	if err == nil && parsed == s && s.Name != "" {
		return nil
	}
	detail := "The name of a subject is missing."
	if err != nil {
		detail = err.Error()
	}
	return refuse(catalog.CodeInvalid, "The subject has no name that a subject can have.",
		catalog.Problem{Rule: catalog.RuleSubject, Detail: detail, Fix: "Write name, or :.context:name."})
}
