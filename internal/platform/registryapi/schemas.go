package registryapi

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// listLimit is the longest list of schemas, in bytes; listStep is how many
// schemas are asked for first, so that their texts are never much more. Ten
// thousand texts of a megabyte would be an answer of ten gigabytes. As many again
// as there were follow, since each step passes over those before it; the registry
// bounds the texts of a step as well.
const (
	listLimit = 32 << 20
	listStep  = 50
)

// schemas lists registrations with their texts.
func (c *call) schemas() ([]byte, error) {
	q := c.query()
	deleted, latest, page := q.flag("deleted"), q.flag("latestOnly"), q.page()
	query, err := c.prefixed("")
	if err = errors.Join(q.err, err); err != nil {
		return nil, err
	}
	query.Deleted, query.LatestOnly = deleted, latest
	return c.fetch(query, page)
}

// fetch encodes what the query finds, step by step.
func (c *call) fetch(query catalog.RegistryQuery, p page) ([]byte, error) {
	left := p.limit
	if left == 0 {
		left = catalog.MaxRegistrations
	}
	body := []byte("[")
	for query.Offset = p.offset; left > 0; query.Offset += query.Limit {
		query.Limit = min(left, max(listStep, query.Offset-p.offset))
		found, err := c.registry.Registrations(c.ctx, query)
		if err != nil {
			return nil, err
		}
		if body, err = appendRegistrations(body, found); err != nil {
			return nil, err
		}
		if len(found) < query.Limit {
			break
		}
		if left -= len(found); left == 0 && p.limit == 0 {
			return nil, tooLong()
		}
	}
	return append(body, ']'), nil
}

func appendRegistrations(body []byte, found []catalog.Registration) ([]byte, error) {
	for _, r := range found {
		encoded, err := encode(encodeRegistration(r))
		if err != nil {
			return nil, err
		}
		if len(body)+len(encoded) >= listLimit {
			return nil, refuse(codeSchemaTooLarge, fmt.Sprintf("The list is longer than %d bytes: ask for a part of it with limit and offset, subjectPrefix or latestOnly.", listLimit))
		}
		if len(body) > 1 {
			body = append(body, ',')
		}
		body = append(body, encoded...)
	}
	return body, nil
}

// schemaTypes lists the languages of schemas.
func (c *call) schemaTypes() ([]byte, error) {
	return list([]catalog.SchemaType{catalog.SchemaJSON, catalog.SchemaProtobuf, catalog.SchemaAvro})
}

// schemaByID answers with the schema of an id: what deserializers ask for.
func (c *call) schemaByID() ([]byte, error) {
	found, in, err := c.schemaOfID()
	if err != nil {
		return nil, err
	}
	q := c.query()
	body := encodeSchema(found, in.Context)
	if q.flag("fetchMaxId") {
		body.MaxID = math.MaxInt32 // ids are random: each up to the last may exist
	}
	if q.err != nil {
		return nil, q.err
	}
	return encode(body)
}

// schemaText answers with the text of an id, as it is.
func (c *call) schemaText() ([]byte, error) {
	found, _, err := c.schemaOfID()
	return []byte(found.Definition), err
}

// schemaOfID finds the schema of the id in the path, in the context of the
// subject in the query, which it returns.
func (c *call) schemaOfID() (found catalog.RegisteredSchema, in catalog.Subject, err error) {
	q := c.query()
	q.plain()
	if q.err != nil {
		return found, in, q.err
	}
	id, ok := parseNumber(c.key)
	if !ok {
		return found, in, schemaNotFound()
	}
	in.Context = c.subject.Context
	if subject := c.values.Get("subject"); subject != "" {
		if in, err = parseScope(subject, c.subject.Context); err != nil {
			return found, in, err
		}
	}
	found, err = c.registry.SchemaByID(c.ctx, in, id)
	return found, in, err
}

func schemaNotFound() error { return refuse(codeSchemaNotFound, "Schema not found") }

// subjectsOfID lists the subjects that have a version with the schema.
func (c *call) subjectsOfID() ([]byte, error) {
	found, page, err := c.usesOfID()
	if err != nil {
		return nil, err
	}
	return list(cut(names(found), page))
}

// versionsOfID lists the versions that have the schema.
func (c *call) versionsOfID() ([]byte, error) {
	found, page, err := c.usesOfID()
	if err != nil {
		return nil, err
	}
	type use struct {
		Subject string `json:"subject"`
		Version int    `json:"version"`
	}
	var uses []use
	for _, r := range cut(found, page) {
		uses = append(uses, use{r.Subject.String(), r.Version})
	}
	return list(uses)
}

func (c *call) usesOfID() ([]catalog.Registration, page, error) {
	q := c.query()
	deleted, p := q.flag("deleted"), q.page()
	if q.err != nil {
		return nil, p, q.err
	}
	schema, in, err := c.schemaOfID()
	if err != nil {
		return nil, p, err
	}
	query := catalog.RegistryQuery{Context: in.Context, ID: schema.ID, Deleted: deleted, WithoutText: true}
	if in.Name != "" {
		query.Subject = in
	}
	found, err := c.registrations(query, page{})
	return found, p, err
}

// schemaByGUID answers with the schema of a GUID.
func (c *call) schemaByGUID() ([]byte, error) {
	q := c.query()
	q.plain()
	if q.err != nil {
		return nil, q.err
	}
	found, _, err := c.schemaOfGUID()
	if err != nil {
		return nil, err
	}
	return encode(encodeSchema(found, ""))
}

// idsOfGUID lists the ids that a schema has, by context.
func (c *call) idsOfGUID() ([]byte, error) {
	_, ids, err := c.schemaOfGUID()
	if err != nil {
		return nil, err
	}
	type contextID struct {
		Context string `json:"context"`
		ID      int    `json:"id"`
	}
	var found []contextID
	for context, id := range ids {
		found = append(found, contextID{contextName(context), id})
	}
	slices.SortFunc(found, func(a, b contextID) int { return strings.Compare(a.Context, b.Context) })
	return list(found)
}

func (c *call) schemaOfGUID() (catalog.RegisteredSchema, map[string]int, error) {
	const longest = 64
	if len(c.key) > longest || strings.Trim(c.key, "0123456789abcdefABCDEF-") != "" {
		return catalog.RegisteredSchema{}, nil, schemaNotFound()
	}
	return c.registry.SchemaByGUID(c.ctx, strings.ToLower(c.key))
}
