package registryapi

import (
	"errors"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// subjects lists the names of all contexts, unless the prefix names one.
func (c *call) subjects() ([]byte, error) {
	q := c.query()
	deleted, only, page := q.flag("deleted"), q.flag("deletedOnly"), q.page()
	query, err := c.prefixed(anyContext)
	if err = errors.Join(q.err, err); err != nil {
		return nil, err
	}
	query.LatestOnly, query.WithoutText, query.Deleted = true, true, deleted
	if only {
		return c.deletedSubjects(query, page)
	}
	found, err := c.registrations(query, page)
	if err != nil {
		return nil, err
	}
	return list(names(found))
}

// prefixed is the query for what subjectPrefix asks for; byDefault stands for
// it in a path of no context.
func (c *call) prefixed(byDefault string) (q catalog.RegistryQuery, err error) {
	prefix := c.values.Get("subjectPrefix")
	if !c.values.Has("subjectPrefix") && !c.within {
		prefix = byDefault
	}
	q.Context, q.Prefix, err = parsePrefix(prefix, c.subject.Context)
	return q, err
}

// deletedSubjects lists the subjects of which no version is left.
func (c *call) deletedSubjects(query catalog.RegistryQuery, p page) ([]byte, error) {
	query.Deleted = false
	live, err := c.registrations(query, page{})
	if err != nil {
		return nil, err
	}
	query.Deleted = true
	all, err := c.registrations(query, page{})
	if err != nil {
		return nil, err
	}
	kept := make(map[catalog.Subject]bool, len(live))
	for _, r := range live {
		kept[r.Subject] = true
	}
	gone := slices.DeleteFunc(all, func(r catalog.Registration) bool { return kept[r.Subject] })
	return list(cut(names(gone), p))
}

// names are the subjects of the registrations, each once.
func names(found []catalog.Registration) []string {
	list := make([]string, 0, len(found))
	seen := make(map[catalog.Subject]bool, len(found))
	for _, r := range found {
		if !seen[r.Subject] {
			seen[r.Subject] = true
			list = append(list, r.Subject.String())
		}
	}
	return list
}

// versions lists the numbers of a subject's versions.
func (c *call) versions() ([]byte, error) {
	q := c.query()
	deleted, only, negative, page := q.flag("deleted"), q.flag("deletedOnly"), q.flag("deletedAsNegative"), q.page()
	if q.err != nil {
		return nil, q.err
	}
	query := catalog.RegistryQuery{Subject: c.subject, Deleted: deleted || negative, OnlyDeleted: only && !negative, WithoutText: true}
	found, err := c.registrations(query, page)
	if err == nil && len(found) == 0 {
		err = c.mustExist(query.Deleted || only)
	}
	if err != nil {
		return nil, err
	}
	numbers := make([]int, len(found))
	for i, r := range found {
		numbers[i] = r.Version
		if negative && r.Deleted {
			numbers[i] = -r.Version
		}
	}
	return list(numbers)
}

// mustExist refuses a subject that has no version.
func (c *call) mustExist(deleted bool) error {
	query := catalog.RegistryQuery{Subject: c.subject, Deleted: deleted, WithoutText: true, Limit: 1}
	found, err := c.registry.Registrations(c.ctx, query)
	if err == nil && len(found) == 0 {
		err = refuse(codeSubjectNotFound, c.message(codeSubjectNotFound, nil))
	}
	return err
}

// lookUp answers with the version of a subject that has the schema.
func (c *call) lookUp() ([]byte, error) {
	q := c.query()
	deleted := q.flag("deleted")
	if q.err != nil {
		return nil, q.err
	}
	schema, err := c.schema()
	if err != nil {
		return nil, err
	}
	found, err := c.registry.Find(c.ctx, c.subject, schema, deleted)
	if err != nil {
		return nil, err
	}
	return encode(encodeRegistration(found))
}

// register adds a version.
func (c *call) register() ([]byte, error) {
	schema, err := c.schema()
	if err != nil {
		return nil, err
	}
	done, err := c.registry.Register(c.ctx, c.subject, schema)
	if err != nil {
		return nil, c.incompatible(schema, err)
	}
	return encode(encodeRegistration(done))
}

// registration answers with one version.
func (c *call) registration() ([]byte, error) {
	found, err := c.get()
	if err != nil {
		return nil, err
	}
	return encode(encodeRegistration(found))
}

// registrationText answers with the text of one version, as it is.
func (c *call) registrationText() ([]byte, error) {
	found, err := c.get()
	return []byte(found.Schema.Definition), err
}

func (c *call) get() (catalog.Registration, error) {
	q := c.query()
	q.plain()
	deleted := q.flag("deleted")
	if q.err != nil {
		return catalog.Registration{}, q.err
	}
	return c.registry.Registration(c.ctx, c.subject, c.version, deleted)
}

// referencedBy lists the ids of the schemas that refer to a version.
func (c *call) referencedBy() ([]byte, error) {
	q := c.query()
	deleted, page := q.flag("deleted"), q.page()
	if q.err != nil {
		return nil, q.err
	}
	found, err := c.registry.ReferencedBy(c.ctx, c.subject, c.version)
	if err != nil {
		return nil, err
	}
	var ids []int
	met := map[int]bool{}
	for _, r := range found {
		if (deleted || !r.Deleted) && !met[r.Schema.ID] {
			met[r.Schema.ID] = true
			ids = append(ids, r.Schema.ID)
		}
	}
	return list(cut(ids, page))
}

// deleteSubject answers with the numbers of the versions that are gone.
func (c *call) deleteSubject() ([]byte, error) {
	c.version = catalog.AllVersions
	gone, err := c.remove()
	if err != nil {
		return nil, err
	}
	return list(gone)
}

// deleteVersion answers with the number of the version that is gone.
func (c *call) deleteVersion() ([]byte, error) {
	gone, err := c.remove()
	if err != nil {
		return nil, err
	}
	if len(gone) != 1 {
		return nil, errors.New("the registry removed another count of versions than one")
	}
	return encode(gone[0])
}

func (c *call) remove() ([]int, error) {
	q := c.query()
	permanent := q.flag("permanent")
	if q.err != nil {
		return nil, q.err
	}
	return c.registry.Remove(c.ctx, c.subject, c.version, permanent)
}
