package sqlstore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

const (
	schemaColumns   = `context, id, guid, fingerprint, type, definition, links`
	textlessColumns = `context, id, guid, fingerprint, type, '', links`
)

// link is a reference as it is kept. The names of its fields stay.
type link struct {
	Name    string `json:"name"`
	Context string `json:"context"`
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

func encodeLinks(references []catalog.SubjectReference) ([]byte, error) {
	links := []link{}
	for _, r := range references {
		links = append(links, link{r.Name, r.Subject.Context, r.Subject.Name, r.Version})
	}
	return json.Marshal(links)
}

func decodeLinks(text []byte) ([]catalog.SubjectReference, error) {
	var links []link
	if err := json.Unmarshal(text, &links); err != nil {
		return nil, fmt.Errorf("stored references: %w", err)
	}
	var references []catalog.SubjectReference
	for _, l := range links {
		references = append(references, catalog.SubjectReference{
			Name: l.Name, Subject: catalog.Subject{Context: l.Context, Name: l.Subject}, Version: l.Version,
		})
	}
	return references, nil
}

func scanSchema(row scanner) (store.Schema, error) {
	var s store.Schema
	var links []byte
	if err := row.Scan(&s.Context, &s.ID, &s.GUID, &s.Fingerprint, &s.Type, &s.Definition, &links); err != nil {
		return s, err
	}
	var err error
	s.References, err = decodeLinks(links)
	return s, err
}

// Schema implements [store.SchemaReader].
func (s *session) Schema(ctx context.Context, registry string, id int) (store.Schema, error) {
	return only(collect(ctx, s, scanSchema, selectSchema, registry, id))
}

// SchemaByFingerprint implements [store.SchemaReader].
func (s *session) SchemaByFingerprint(ctx context.Context, registry, fingerprint string) (store.Schema, error) {
	return only(collect(ctx, s, scanSchema, selectFingerprint, registry, fingerprint))
}

// SchemasByGUID implements [store.SchemaReader].
func (s *session) SchemasByGUID(ctx context.Context, guid string) ([]store.Schema, error) {
	found, err := collect(ctx, s, scanSchema, selectGUID, guid)
	if err != nil {
		return nil, fmt.Errorf("schemas of GUID %q: %w", guid, err)
	}
	return found, nil
}

// only is the one row that a key finds.
func only[T any](found []T, err error) (T, error) {
	var none T
	if err != nil {
		return none, fmt.Errorf("read the registry: %w", err)
	}
	if len(found) == 0 {
		return none, fmt.Errorf("read the registry: %w", store.ErrNotFound)
	}
	return found[0], nil
}

// Contexts implements [store.SubjectReader]. It asks for one after the other,
// because DISTINCT would read the rows of them all.
func (s *session) Contexts(ctx context.Context) ([]string, error) {
	var all []string
	for query, args := selectFirstContext, []any(nil); ; query, args = selectNextContext, []any{all[len(all)-1]} {
		next, err := collect(ctx, s, scanText, query, args...)
		if err != nil {
			return nil, fmt.Errorf("contexts: %w", err)
		}
		if len(next) == 0 || len(all) == catalog.MaxRegistrations {
			return all, nil
		}
		all = append(all, next[0])
	}
}

func scanText(row scanner) (string, error) {
	var text string
	err := row.Scan(&text)
	return text, err
}

// The columns of a registration, with its text and without.
const (
	versionColumns = `v.context, v.subject, v.version, v.state, v.created`
	wholeColumns   = versionColumns + `, r.id, r.guid, r.type, r.links, r.definition`
	shortColumns   = versionColumns + `, r.id, r.guid, r.type, r.links, ''`
	fromVersions   = ` FROM subject_versions v` + joinSchemas
	joinSchemas    = ` JOIN registered_schemas r ON r.context = v.context AND r.id = v.schema_id`
	// For the versions whose keys k are found in the index by schema. The
	// database would rather read the whole context, in the order of the answer.
	joinVersions = ` JOIN subject_versions v ON v.context = k.context AND v.subject = k.subject AND v.version = k.version` + joinSchemas
)

func scanRegistration(row scanner) (catalog.Registration, error) {
	var r catalog.Registration
	var state string
	var links []byte
	err := row.Scan(&r.Subject.Context, &r.Subject.Name, &r.Version, &state, &r.Created,
		&r.Schema.ID, &r.Schema.GUID, &r.Schema.Type, &links, &r.Schema.Definition)
	if err != nil {
		return r, err
	}
	r.Deleted = state == stateDeleted
	r.Schema.References, err = decodeLinks(links)
	return r, err
}

// The states of a version.
const (
	stateLive    = "live"
	stateDeleted = "deleted"
)

// Registrations implements [store.SubjectReader].
func (s *session) Registrations(ctx context.Context, q catalog.RegistryQuery) ([]catalog.Registration, error) {
	if q.Limit <= 0 || q.Offset < 0 {
		return nil, fmt.Errorf("registrations: the limit is %d and the offset %d, they must be above and not below zero", q.Limit, q.Offset)
	}
	query, args := registrationsQuery(store.Place{}, q)
	found, err := collect(ctx, s, scanRegistration, query, args...)
	if err != nil {
		return nil, fmt.Errorf("registrations: %w", err)
	}
	return found, nil
}

// RegistrationsAfter implements [store.PlaceReader].
func (s *session) RegistrationsAfter(ctx context.Context, after store.Place, q catalog.RegistryQuery) ([]catalog.Registration, error) {
	if q.Limit <= 0 || q.Offset != 0 {
		return nil, fmt.Errorf("registrations after a place: the limit is %d and the offset %d, they must be above zero and zero", q.Limit, q.Offset)
	}
	q.WithoutText = true
	query, args := registrationsQuery(after, q)
	found, err := collect(ctx, s, scanRegistration, query, args...)
	if err != nil {
		return nil, fmt.Errorf("registrations after %q: %w", after.Subject, err)
	}
	return found, nil
}

// VersionsByGUID implements [store.PlaceReader].
func (s *session) VersionsByGUID(ctx context.Context, subject catalog.Subject, guid string) ([]catalog.Registration, error) {
	found, err := collect(ctx, s, scanRegistration, selectByGUID, guid, subject.Context, subject.Context, subject.Name, catalog.MaxRegistrations)
	if err != nil {
		return nil, fmt.Errorf("versions of subject %q by GUID: %w", subject, err)
	}
	return found, nil
}

// registrationsQuery puts a bound on the context always, so that the rows are
// met in the order of the key, from the place on.
func registrationsQuery(after store.Place, q catalog.RegistryQuery) (string, []any) {
	w, from, order := &conditions{}, fromVersions, `v`
	w.from(after, q)
	if q.ID != 0 {
		w.and(`v.schema_id = ?`, q.ID)
		from, order = ` FROM (SELECT v.context, v.subject, v.version FROM subject_versions v WHERE `+w.text()+`) AS k`+joinVersions, `k`
		w.terms = nil
	}
	if q.Prefix != "" {
		w.and(`substr(v.subject, 1, length(?)) = ?`, q.Prefix, q.Prefix)
	}
	w.states(q)
	columns := wholeColumns
	if q.WithoutText {
		columns = shortColumns
	}
	return `SELECT ` + columns + from + ` WHERE ` + w.text() + strings.ReplaceAll(` ORDER BY v.context, v.subject, v.version LIMIT ? OFFSET ?`, `v.`, order+`.`),
		append(w.args, q.Limit, q.Offset)
}

// conditions are the terms of a WHERE and their arguments.
type conditions struct {
	terms []string
	args  []any
}

func (c *conditions) text() string { return strings.Join(c.terms, ` AND `) }

func (c *conditions) and(term string, args ...any) {
	c.terms, c.args = append(c.terms, term), append(c.args, args...)
}

// from asks for what comes after a place in the contexts and the subject of a
// query. It sets one bound, since of two the database might search by the other.
func (c *conditions) from(after store.Place, q catalog.RegistryQuery) {
	name := after.Subject.Name
	switch {
	case q.Subject != catalog.Subject{}:
		c.and(`v.context = ? AND v.subject = ? AND v.version > ?`, q.Subject.Context, q.Subject.Name, after.Version)
	case q.Context == "*":
		c.and(`(v.context, v.subject, v.version) > (?, ?, ?)`, after.Subject.Context, name, after.Version)
	case q.Context != after.Subject.Context || name < q.Prefix:
		c.and(`v.context = ? AND v.subject >= ?`, q.Context, q.Prefix)
	default:
		c.and(`v.context = ? AND (v.subject, v.version) > (?, ?)`, q.Context, name, after.Version)
	}
}

// states asks for versions by their state, and for the highest of each subject
// among those that are asked for.
func (c *conditions) states(q catalog.RegistryQuery) {
	switch {
	case q.OnlyDeleted:
		c.and(`v.state = 'deleted'`)
	case q.Deleted:
		c.and(`v.state <> 'removed'`)
	default:
		c.and(`v.state = 'live'`)
	}
	if !q.LatestOnly {
		return
	}
	state := strings.ReplaceAll(c.terms[len(c.terms)-1], `v.`, `w.`)
	c.and(`NOT EXISTS (SELECT 1 FROM subject_versions w WHERE w.context = v.context AND w.subject = v.subject
		AND w.version > v.version AND ` + state + `)`)
}

// Registration implements [store.SubjectReader].
func (s *session) Registration(ctx context.Context, subject catalog.Subject, version int) (catalog.Registration, error) {
	return only(collect(ctx, s, scanRegistration, selectVersion, subject.Context, subject.Name, version))
}

// LastVersion implements [store.NumberReader].
func (s *session) LastVersion(ctx context.Context, subject catalog.Subject) (int, error) {
	return only(collect(ctx, s, scanNumber, selectLast, subject.Context, subject.Name))
}

func scanNumber(row scanner) (int, error) {
	var n int
	err := row.Scan(&n)
	return n, err
}

// Used implements [store.NumberReader].
func (s *session) Used(ctx context.Context, subject catalog.Subject, version int) (bool, error) {
	n, err := only(collect(ctx, s, scanNumber, selectUsed, subject.Context, subject.Name, version))
	return n > 0, err
}

// Referring implements [store.SubjectReader].
func (s *session) Referring(ctx context.Context, subject catalog.Subject, version int) ([]catalog.Registration, error) {
	query, args := selectReferring, []any{subject.Context, subject.Name, version}
	if version == catalog.AllVersions {
		query, args = selectReferringAny, args[:2]
	}
	found, err := collect(ctx, s, scanRegistration, query, append(args, catalog.MaxRegistrations)...)
	if err != nil {
		return nil, fmt.Errorf("what refers to version %d of subject %q: %w", version, subject, err)
	}
	return found, nil
}

// AddSchema implements [store.RegistryWriter].
func (s *session) AddSchema(ctx context.Context, schema store.Schema) error {
	links, err := encodeLinks(schema.References)
	if err != nil {
		return s.fail(fmt.Errorf("references of schema %d: %w", schema.ID, err))
	}
	_, err = s.exec(ctx, `INSERT INTO registered_schemas (`+schemaColumns+`) VALUES `+tuples(1, 7),
		schema.Context, schema.ID, schema.GUID, schema.Fingerprint, string(schema.Type), schema.Definition, string(links))
	if err != nil {
		return fmt.Errorf("add schema %d to context %q: %w", schema.ID, schema.Context, err)
	}
	return nil
}

// AddVersion implements [store.RegistryWriter].
func (s *session) AddVersion(ctx context.Context, r catalog.Registration) error {
	from := []any{r.Subject.Context, r.Subject.Name, r.Version}
	_, err := s.exec(ctx, `INSERT INTO subject_versions (context, subject, version, schema_id, state, created) VALUES `+tuples(1, 6),
		append(slices.Clone(from), r.Schema.ID, stateLive, r.Created)...)
	if err != nil {
		return fmt.Errorf("add version %d of subject %q: %w", r.Version, r.Subject, err)
	}
	for _, use := range distinct(r.Schema.References) {
		_, err := s.exec(ctx, `INSERT INTO schema_uses (context, subject, version, to_context, to_subject, to_version) VALUES `+tuples(1, 6),
			append(slices.Clone(from), use.Subject.Context, use.Subject.Name, use.Version)...)
		if err != nil {
			return fmt.Errorf("add what version %d of subject %q refers to: %w", r.Version, r.Subject, err)
		}
	}
	return nil
}

// distinct are the references without their names, each once: two names may
// stand for one version.
func distinct(references []catalog.SubjectReference) []catalog.SubjectReference {
	var all []catalog.SubjectReference
	for _, r := range references {
		r.Name = ""
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

// DeleteVersion implements [store.RegistryWriter].
func (s *session) DeleteVersion(ctx context.Context, subject catalog.Subject, version int) error {
	n, err := s.exec(ctx, `UPDATE subject_versions SET state = 'deleted'
		WHERE context = ? AND subject = ? AND version = ? AND state = 'live'`, subject.Context, subject.Name, version)
	return s.affected(n, err, "delete", subject, version)
}

// RemoveVersion implements [store.RegistryWriter].
func (s *session) RemoveVersion(ctx context.Context, subject catalog.Subject, version int) error {
	r, err := s.Registration(ctx, subject, version)
	if err != nil {
		return err
	}
	key := []any{subject.Context, subject.Name, version}
	n, err := s.exec(ctx, `UPDATE subject_versions SET state = 'removed', schema_id = NULL
		WHERE context = ? AND subject = ? AND version = ? AND state = 'deleted'`, key...)
	if err := s.affected(n, err, "remove", subject, version); err != nil {
		return err
	}
	if _, err := s.exec(ctx, `DELETE FROM schema_uses WHERE context = ? AND subject = ? AND version = ?`, key...); err != nil {
		return fmt.Errorf("remove what version %d of subject %q refers to: %w", version, subject, err)
	}
	_, err = s.exec(ctx, `DELETE FROM registered_schemas WHERE context = ? AND id = ?
		AND NOT EXISTS (SELECT 1 FROM subject_versions v WHERE v.context = ? AND v.schema_id = ?)`,
		subject.Context, r.Schema.ID, subject.Context, r.Schema.ID)
	if err != nil {
		return fmt.Errorf("remove schema %d of context %q: %w", r.Schema.ID, subject.Context, err)
	}
	return nil
}

func (s *session) affected(n int64, err error, verb string, subject catalog.Subject, version int) error {
	if err == nil && n == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("%s version %d of subject %q: %w", verb, version, subject, err)
	}
	return nil
}
