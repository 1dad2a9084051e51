package platform

import (
	"context"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// session is the platform bound to one caller.
type session struct {
	*Platform
	caller catalog.Caller
}

var _ catalog.Service = (*session)(nil)

// view runs f on one consistent state, for a caller that is known.
func (s *session) view(ctx context.Context, f func(*judge) error) error {
	err := s.authenticated()
	if err == nil {
		err = s.store.View(ctx, func(r store.Reader) error { return f(s.judge(ctx, r)) })
	}
	return s.fail(ctx, err)
}

// Get implements [catalog.Reader].
func (s *session) Get(ctx context.Context, ref catalog.Ref) (catalog.Entry, error) {
	var entry catalog.Entry
	err := s.view(ctx, func(j *judge) error {
		if err := wellFormed(ref); err != nil {
			return err
		}
		seen, err := j.sight.sees(ref)
		if err != nil {
			return err
		}
		if !seen {
			return notFound(ref)
		}
		if entry, err = j.before.entry(ref); err != nil {
			return err
		}
		entry.Object, err = j.withoutHidden(entry.Object)
		return err
	})
	return entry, err
}

// withoutHidden is an object that the caller sees, as it is shown: without the
// successor of a product that the caller may not know of.
func (j *judge) withoutHidden(object catalog.Object) (catalog.Object, error) {
	product, ok := object.(*catalog.Product)
	if !ok || product.Successor == "" {
		return object, nil
	}
	known, err := j.sight.knowsSuccessor(product)
	if known || err != nil {
		return object, err
	}
	told := *product
	told.Successor = ""
	return &told, nil
}

// SchemaVersions implements [catalog.Reader].
func (s *session) SchemaVersions(ctx context.Context, id string) ([]catalog.SchemaVersion, error) {
	var versions []catalog.SchemaVersion
	err := s.view(ctx, func(j *judge) error {
		if _, err := j.schema(id); err != nil {
			return err
		}
		found, err := j.before.registrations(catalog.RegistryQuery{Subject: catalog.SubjectOf(id)})
		for _, r := range found {
			versions = append(versions, catalog.SchemaVersion{
				Version: r.Version, ID: r.Schema.ID, Definition: r.Schema.Definition,
				Dependencies: asDependencies(r.Schema.References), Created: r.Created,
			})
		}
		return err
	})
	return versions, err
}

// SchemaReport implements [catalog.Reader].
func (s *session) SchemaReport(ctx context.Context, id string) (catalog.SchemaReport, error) {
	var report catalog.SchemaReport
	err := s.view(ctx, func(j *judge) error {
		schema, err := j.schema(id)
		if err != nil {
			return err
		}
		c, _ := contractOf(schema)
		found, fields, err := j.documentation(c.text)
		if err != nil {
			return err
		}
		gaps, _, err := j.gaps(j.before, schema)
		report = catalog.SchemaReport{
			Schema: id, Version: schema.Version, Fields: fields,
			Undescribed: found.Undescribed, WithoutUnit: found.WithoutUnit, Unmarked: found.Unmarked, Nonconforming: gaps,
		}
		return err
	})
	return report, err
}

// schema is a stored schema. CodeNotFound.
func (j *judge) schema(id string) (*catalog.Schema, error) {
	ref := catalog.Ref{Kind: catalog.KindSchema, ID: id}
	if err := wellFormed(ref); err != nil {
		return nil, err
	}
	schema, err := find[*catalog.Schema](j.before, ref.Kind, id)
	if err == nil && schema == nil {
		err = notFound(ref)
	}
	return schema, err
}

// clip bounds an ill-formed id that goes into a message, which quotes it.
func clip(id string) string {
	if len(id) > 80 {
		return strings.ToValidUTF8(id[:80], "") + "..."
	}
	return id
}
