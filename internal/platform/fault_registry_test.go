package platform

import (
	"context"
	"errors"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// faultyRegistry is the reader of a registry whose calls fail from the n-th on.
type faultyRegistry struct {
	f *faulty
	r store.RegistryReader
}

// failing calls unless it is time to fail.
func failing[T any](f *faulty, call func() (T, error)) (T, error) {
	if err := f.fails(); err != nil {
		var none T
		return none, err
	}
	return call()
}

func (f faultyRegistry) Schema(ctx context.Context, registry string, id int) (store.Schema, error) {
	return failing(f.f, func() (store.Schema, error) { return f.r.Schema(ctx, registry, id) })
}

func (f faultyRegistry) SchemaByFingerprint(ctx context.Context, registry, fingerprint string) (store.Schema, error) {
	return failing(f.f, func() (store.Schema, error) { return f.r.SchemaByFingerprint(ctx, registry, fingerprint) })
}

func (f faultyRegistry) SchemasByGUID(ctx context.Context, guid string) ([]store.Schema, error) {
	return failing(f.f, func() ([]store.Schema, error) { return f.r.SchemasByGUID(ctx, guid) })
}

func (f faultyRegistry) Contexts(ctx context.Context) ([]string, error) {
	return failing(f.f, func() ([]string, error) { return f.r.Contexts(ctx) })
}

func (f faultyRegistry) Registrations(ctx context.Context, q catalog.RegistryQuery) ([]catalog.Registration, error) {
	return failing(f.f, func() ([]catalog.Registration, error) { return f.r.Registrations(ctx, q) })
}

func (f faultyRegistry) RegistrationsAfter(ctx context.Context, after store.Place, q catalog.RegistryQuery) ([]catalog.Registration, error) {
	return failing(f.f, func() ([]catalog.Registration, error) { return f.r.RegistrationsAfter(ctx, after, q) })
}

func (f faultyRegistry) VersionsByGUID(ctx context.Context, s catalog.Subject, guid string) ([]catalog.Registration, error) {
	return failing(f.f, func() ([]catalog.Registration, error) { return f.r.VersionsByGUID(ctx, s, guid) })
}

func (f faultyRegistry) Registration(ctx context.Context, s catalog.Subject, version int) (catalog.Registration, error) {
	return failing(f.f, func() (catalog.Registration, error) { return f.r.Registration(ctx, s, version) })
}

func (f faultyRegistry) LastVersion(ctx context.Context, s catalog.Subject) (int, error) {
	return failing(f.f, func() (int, error) { return f.r.LastVersion(ctx, s) })
}

func (f faultyRegistry) Used(ctx context.Context, s catalog.Subject, version int) (bool, error) {
	return failing(f.f, func() (bool, error) { return f.r.Used(ctx, s, version) })
}

func (f faultyRegistry) Referring(ctx context.Context, s catalog.Subject, version int) ([]catalog.Registration, error) {
	return failing(f.f, func() ([]catalog.Registration, error) { return f.r.Referring(ctx, s, version) })
}

func (f faultyRegistry) Settings(ctx context.Context, scope catalog.Scope) (catalog.SubjectSettings, error) {
	return failing(f.f, func() (catalog.SubjectSettings, error) { return f.r.Settings(ctx, scope) })
}

// faultyShelf is the writer of a registry whose calls fail from the n-th on:
// what it should write is written, and then the call fails.
type faultyShelf struct {
	f *faulty
	w store.RegistryWriter
}

func (f faultyShelf) AddSchema(ctx context.Context, s store.Schema) error {
	return errors.Join(f.f.fails(), f.w.AddSchema(ctx, s))
}

func (f faultyShelf) AddVersion(ctx context.Context, r catalog.Registration) error {
	return errors.Join(f.f.fails(), f.w.AddVersion(ctx, r))
}

func (f faultyShelf) DeleteVersion(ctx context.Context, s catalog.Subject, version int) error {
	return errors.Join(f.f.fails(), f.w.DeleteVersion(ctx, s, version))
}

func (f faultyShelf) RemoveVersion(ctx context.Context, s catalog.Subject, version int) error {
	return errors.Join(f.f.fails(), f.w.RemoveVersion(ctx, s, version))
}

func (f faultyShelf) PutSettings(ctx context.Context, scope catalog.Scope, settings catalog.SubjectSettings) error {
	return errors.Join(f.f.fails(), f.w.PutSettings(ctx, scope, settings))
}

func (f faultyShelf) ScopesBelow(ctx context.Context, scope catalog.Scope) ([]catalog.Scope, error) {
	return failing(f.f, func() ([]catalog.Scope, error) { return f.w.ScopesBelow(ctx, scope) })
}
