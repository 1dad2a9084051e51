package store

import (
	"context"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// Schema is one registered text as it is kept.
type Schema struct {
	Context string
	// Fingerprint is equal for texts that are one schema, and unique in a
	// context. One that starts with [UnknownFingerprint] belongs to a schema
	// that was registered before fingerprints were kept.
	Fingerprint string
	catalog.RegisteredSchema
}

// UnknownFingerprint starts the fingerprint of a schema that nobody has
// computed one for. No fingerprint of the platform has a colon.
const UnknownFingerprint = "unknown:"

// RegistryReader reads the schema registry in one consistent state.
type RegistryReader interface {
	SchemaReader
	SubjectReader
	PlaceReader
	NumberReader
	// Settings returns what is set at exactly this scope.
	Settings(context.Context, catalog.Scope) (catalog.SubjectSettings, error)
}

// SchemaReader reads texts by their own names.
type SchemaReader interface {
	// Schema returns the schema with an id in a context. ErrNotFound.
	Schema(ctx context.Context, registry string, id int) (Schema, error)
	// SchemaByFingerprint returns the schema with a fingerprint in a context.
	// ErrNotFound.
	SchemaByFingerprint(ctx context.Context, registry, fingerprint string) (Schema, error)
	// SchemasByGUID returns what has a GUID, without its text, sorted by context.
	SchemasByGUID(ctx context.Context, guid string) ([]Schema, error)
}

// SubjectReader reads the versions of subjects. What was removed for ever is
// in none of its answers.
type SubjectReader interface {
	// Contexts returns the contexts that hold a version, sorted; none when
	// there are none, and at most catalog.MaxRegistrations.
	Contexts(context.Context) ([]string, error)
	// Registrations returns what a query asks for, sorted by context, subject
	// and version (bytewise). The query has a Limit above 0.
	Registrations(context.Context, catalog.RegistryQuery) ([]catalog.Registration, error)
	// Registration returns one version, softly deleted or not. ErrNotFound.
	Registration(ctx context.Context, s catalog.Subject, version int) (catalog.Registration, error)
	// Referring returns the versions, without their texts, that refer to a
	// version of a subject, or to any of its versions when the version is
	// catalog.AllVersions; sorted as Registrations does, each once. At most
	// catalog.MaxRegistrations.
	Referring(ctx context.Context, s catalog.Subject, version int) ([]catalog.Registration, error)
}

// Place is one in the order of Registrations: behind a version, or behind all
// versions of what comes before a name. The zero Place is before everything.
type Place struct {
	Subject catalog.Subject
	Version int
}

// PlaceReader reads parts of long lists, and takes no longer however much is
// before or beside them.
type PlaceReader interface {
	// RegistrationsAfter returns those that Registrations does for a query
	// without an Offset, without their texts, that come after a place: the
	// zero Place, or one in a context, or of the subject, that is asked for.
	RegistrationsAfter(context.Context, Place, catalog.RegistryQuery) ([]catalog.Registration, error)
	// VersionsByGUID returns the versions of a subject, softly deleted ones
	// too, that have a GUID, without their texts; oldest first, at most
	// catalog.MaxRegistrations.
	VersionsByGUID(ctx context.Context, s catalog.Subject, guid string) ([]catalog.Registration, error)
}

// NumberReader reads which numbers a subject has used, those included that were
// removed for ever.
type NumberReader interface {
	// LastVersion returns the highest number, 0 for none.
	LastVersion(ctx context.Context, s catalog.Subject) (int, error)
	// Used reports whether a number was ever used.
	Used(ctx context.Context, s catalog.Subject, version int) (bool, error)
}

// RegistryWriter changes the schema registry within a transaction.
type RegistryWriter interface {
	// AddSchema keeps a text. Its id and its fingerprint are new in the context.
	AddSchema(context.Context, Schema) error
	// AddVersion adds a version of a schema that is kept. Its number must be
	// new, even among those that were removed; what it refers to exists.
	AddVersion(context.Context, catalog.Registration) error
	// DeleteVersion deletes a version softly. ErrNotFound when there is none
	// that is not deleted.
	DeleteVersion(ctx context.Context, s catalog.Subject, version int) error
	// RemoveVersion removes a version for ever, and its text when no other
	// version has it. Its number stays taken. ErrNotFound when there is none
	// that is softly deleted.
	RemoveVersion(ctx context.Context, s catalog.Subject, version int) error
	SettingsWriter
}

// SettingsWriter changes the settings of the registry.
type SettingsWriter interface {
	// PutSettings replaces the settings of a scope.
	PutSettings(context.Context, catalog.Scope, catalog.SubjectSettings) error
	// ScopesBelow returns the scopes with settings that lie below this one,
	// sorted: those of a context's subjects, or all others when it is the
	// whole registry. At most catalog.MaxRegistrations.
	ScopesBelow(context.Context, catalog.Scope) ([]catalog.Scope, error)
}
