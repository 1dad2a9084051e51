package catalog

import "context"

// Registry is the schema registry as one caller sees it: what the Confluent
// Schema Registry's API asks for, without HTTP. It is another door to the same
// objects as [Service]: see [Subject]. All methods are safe for concurrent use.
//
// Errors are an *[Error] whose first [Problem] names one of the registry's
// rules, from which the API takes its error code.
type Registry interface {
	SubjectReader
	SchemaReader
	SubjectWriter
	RegistrySettings
}

// LatestVersion stands for the highest version that is not deleted.
const LatestVersion = 0

// SubjectReader reads subjects.
type SubjectReader interface {
	// Contexts returns the contexts that hold a subject, sorted; the default
	// context "" is always among them.
	Contexts(context.Context) ([]string, error)
	// Registrations returns what a query asks for, sorted by context, subject
	// and version.
	Registrations(context.Context, RegistryQuery) ([]Registration, error)
	// Registration returns one version of a subject. RuleSubjectNotFound,
	// RuleVersionNotFound.
	Registration(ctx context.Context, s Subject, version int, deleted bool) (Registration, error)
	// ReferencedBy returns the registrations that refer to a version of a
	// subject. RuleSubjectNotFound, RuleVersionNotFound.
	ReferencedBy(ctx context.Context, s Subject, version int) ([]Registration, error)
}

// SchemaReader reads schemas by their own names. It is what serializers call
// for every new id they meet, and answers from memory.
type SchemaReader interface {
	// SchemaByID returns the schema with an id in the context of the subject.
	// RuleSchemaNotFound.
	SchemaByID(ctx context.Context, in Subject, id int) (RegisteredSchema, error)
	// SchemaByGUID returns the schema with a GUID, in whichever context, and
	// the ids that it has, by context. RuleSchemaNotFound.
	SchemaByGUID(ctx context.Context, guid string) (RegisteredSchema, map[string]int, error)
}

// SubjectWriter registers schemas and removes them. Who may write a schema of
// the catalogue may write its subject.
type SubjectWriter interface {
	// Register adds a version, or returns the one that has this schema
	// already. RuleSchemaText, RuleCompatibility with a problem for each
	// incompatibility, RuleMode, RuleIDTaken, RuleForbidden.
	Register(context.Context, Subject, Registering) (Registration, error)
	// Find returns the version of a subject that has this schema.
	// RuleSubjectNotFound, RuleSchemaNotFound, RuleSchemaText.
	Find(ctx context.Context, s Subject, r Registering, deleted bool) (Registration, error)
	// Compatible returns what would stop the schema from being registered
	// after the version, or after those that the mode of the subject looks at
	// when the version is AllVersions. Nothing stops the first of a subject.
	Compatible(ctx context.Context, s Subject, version int, r Registering) ([]Incompatibility, error)
	// Remove deletes a version, or the whole subject when the version is
	// AllVersions, and returns the numbers that it removed. permanent removes
	// for ever what was deleted before. Numbers are never used again.
	// RuleInUse, RuleSubjectDeleted, RuleVersionDeleted, RuleNotYetDeleted.
	Remove(ctx context.Context, s Subject, version int, permanent bool) ([]int, error)
}

// AllVersions stands for every version of a subject.
const AllVersions = -2

// RegistrySettings are the compatibility level and the mode of the registry, of
// a context or of one subject. A subject without its own follows its context,
// and a context without its own follows the registry.
type RegistrySettings interface {
	// Settings returns what is set at exactly this scope, empty fields for
	// what is not.
	Settings(context.Context, Scope) (SubjectSettings, error)
	// Effective returns what holds there.
	Effective(context.Context, Scope) (SubjectSettings, error)
	// Configure changes the fields that are set in the change. Fields named in
	// Clear are removed. The scope of the whole registry and those of contexts
	// are for administrators.
	Configure(context.Context, Scope, SettingsChange) error
}

// Scope is what settings belong to: the zero Scope is the whole registry, a
// Subject without a name its context, a Subject with one itself.
type Scope = Subject

// SubjectSettings are the settings at one scope.
type SubjectSettings struct {
	Compatibility Compatibility // "" for none
	Mode          RegistryMode  // "" for none
	Normalize     *bool         // nil for none
}

// SettingsChange is a change of settings.
type SettingsChange struct {
	Set SubjectSettings
	// ClearCompatibility removes the compatibility level and Normalize,
	// ClearMode the mode.
	ClearCompatibility, ClearMode bool
	// Force permits IMPORT where versions exist already.
	Force bool
	// Recursive removes the settings of all subjects of the scope as well.
	Recursive bool
}

// RegistryMode is what may be done to subjects.
type RegistryMode string

// The modes of the Confluent Schema Registry.
const (
	// ModeReadWrite is the default.
	ModeReadWrite RegistryMode = "READWRITE"
	// ModeReadOnly refuses every change of subjects and settings save that of
	// the mode itself.
	ModeReadOnly RegistryMode = "READONLY"
	// ModeReadOnlyOverride is read-only for all subjects, whatever their own
	// mode says; only for the whole registry.
	ModeReadOnlyOverride RegistryMode = "READONLY_OVERRIDE"
	// ModeImport takes ids and version numbers from the caller and checks no
	// compatibility: for copying another registry.
	ModeImport RegistryMode = "IMPORT"
)

// Registering is a schema as a client sends it.
type Registering struct {
	Type       SchemaType
	Definition string
	References []SubjectReference // at most MaxReferences
	// Normalize stores the canonical text.
	Normalize bool
	// ID and Version are those of the copied registry, in mode IMPORT only; 0
	// for none. Only administrators choose an ID.
	ID, Version int
}

// SubjectReference is a schema's need of another, under the name by which its
// text refers to it: the full name of an Avro type, the URI of a $ref, the path
// of a Protobuf import.
type SubjectReference struct {
	Name    string
	Subject Subject
	Version int // LatestVersion is replaced by its number when it is registered
}

// RegisteredSchema is a text and its identities. It never changes.
type RegisteredSchema struct {
	// ID is unique in its context, random, and above 0. Those who may not
	// know of each other have several for one schema.
	ID int
	// GUID follows from the schema itself, so it is the same everywhere.
	GUID       string
	Type       SchemaType
	Definition string
	References []SubjectReference
}

// Registration is one version of a subject.
type Registration struct {
	Subject Subject
	Version int
	Schema  RegisteredSchema
	Deleted bool   // softly: hidden unless it is asked for
	Created string // RFC 3339, UTC
}

// RegistryQuery asks for registrations. Empty fields ask for nothing.
type RegistryQuery struct {
	// Subject asks for one subject; the zero Subject for all.
	Subject Subject
	// Context asks for one context, "*" for all; "" is the default context.
	Context string
	// Prefix is what the subject's name starts with.
	Prefix string
	// ID asks for the registrations of one schema; 0 for all.
	ID int
	// Deleted adds those that are softly deleted, OnlyDeleted leaves the rest out.
	Deleted, OnlyDeleted bool
	// LatestOnly leaves out all but the highest version of each subject.
	LatestOnly bool
	// WithoutText leaves Schema.Definition empty, for lists of names.
	WithoutText bool
	// Offset and Limit cut the answer; Limit 0 is no limit but MaxRegistrations.
	Offset, Limit int
}

// MaxRegistrations is the most registrations in one answer, and MaxReferences
// the most references of one schema.
const (
	MaxRegistrations = 10_000
	MaxReferences    = 100
)
