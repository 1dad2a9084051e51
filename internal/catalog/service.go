package catalog

import "context"

// Service is the catalogue as one caller sees it. Who asks was settled when
// the Service was made, so no method takes it and none can forget it. All
// methods are safe for concurrent use.
//
// Every method may return an *[Error] with code [CodeUnauthenticated],
// [CodeUnavailable] or [CodeInternal] beside those that it lists.
type Service interface {
	Reader
	Writer

	// Validate judges a proposal as if all of it were carried out at once,
	// in an order in which it can be, and changes nothing. What is wrong is
	// in the verdict; the error is for a proposal that could not be judged.
	Validate(context.Context, Proposal) (Verdict, error)
}

// Reader reads what the caller may see. What it may not see does not exist.
type Reader interface {
	// Get returns one object. CodeNotFound.
	Get(context.Context, Ref) (Entry, error)

	// List returns one page of objects of a kind in the order of their ids.
	// CodeInvalid for a query that makes no sense, field named after the
	// query parameter.
	List(context.Context, Query) (Page, error)

	// SchemaVersions returns every version of a schema that is not deleted,
	// oldest first. CodeNotFound.
	SchemaVersions(ctx context.Context, id string) ([]SchemaVersion, error)

	// SchemaReport returns what the documentation of a schema leaves out.
	// CodeNotFound.
	SchemaReport(ctx context.Context, id string) (SchemaReport, error)

	// Derivation returns where the effective marking of a product comes
	// from. CodeNotFound.
	Derivation(ctx context.Context, id string) (Derivation, error)
}

// Writer changes objects. Each change, the audit entry that records it and
// all that follows from it (effective markings downstream) are one transaction.
type Writer interface {
	// Put creates or replaces an object and returns it as stored, the same
	// entry when nothing changed. CodeInvalid with every problem,
	// CodeForbidden, CodePreconditionFailed.
	Put(context.Context, Object, WriteOptions) (Entry, error)

	// Delete removes an object. CodeNotFound, CodeForbidden,
	// CodePreconditionFailed, and CodeConflict with a problem for each
	// object that still depends on it or for its deletion protection.
	Delete(context.Context, Ref, WriteOptions) error
}

// WriteOptions are the conditions of a change. The zero value is none.
type WriteOptions struct {
	// IfMatch is the revision that the object must have; "*" for any, which
	// asks only that it exists.
	IfMatch string
	// IfNoneMatch asks that the object does not exist.
	IfNoneMatch bool
	// DryRun runs every rule and changes nothing. No audit entry is made.
	DryRun bool
	// Endorsement is the signed note of a vocabulary authority on what
	// [Vocabularies.PutVocabulary] puts in force, "" for none. Nothing else
	// reads it.
	Endorsement string
}

// MaxEndorsement is the longest endorsement of a vocabulary, in bytes.
const MaxEndorsement = 4 << 10

// DefaultLimit and MaxLimit bound the objects of one [Page].
const (
	DefaultLimit = 100
	MaxLimit     = 500
)

// Query asks for objects of one kind. Empty fields ask for nothing.
type Query struct {
	Kind   Kind
	Domain string // only objects of this domain
	Text   string // words that must all occur in id, title, display name or description, in any case
	Status Status // products only
	Limit  int    // 0 for DefaultLimit, at most MaxLimit
	Cursor string // Page.Next of the page before
}

// Page is a part of a list.
type Page struct {
	Entries []Entry
	Next    string // "" on the last page
}

// SchemaVersion is one registered definition.
type SchemaVersion struct {
	Version      int                         `json:"version"`
	ID           int                         `json:"id"` // in the registry
	Definition   string                      `json:"definition"`
	Dependencies map[string]SchemaDependency `json:"references,omitempty"`
	Created      string                      `json:"created"` // RFC 3339, UTC
}

// MaxProposal is the most objects that one [Proposal] may hold.
const MaxProposal = 10_000

// Proposal is a set of changes to be judged together, such as a plan.
type Proposal struct {
	Puts    []Object
	Deletes []Ref
	// Only names the objects to report on; all of the proposal when empty.
	// An object named here that the proposal does not change is judged as
	// it would stand afterwards.
	Only []Ref
}

// Verdict answers a [Proposal], in the order of the objects asked about.
type Verdict struct {
	Findings []Finding
}

// Finding is the judgement on one object.
type Finding struct {
	Ref Ref
	// Object is the object as it would be stored, computed fields included;
	// nil when it would be deleted or does not exist.
	Object Object
	// Problems would refuse the change.
	Problems []Problem
	// Warnings would not: undocumented fields, for instance.
	Warnings []Problem
}

// Get returns the object of type O named by id, for callers that know its type.
func Get[O Object](ctx context.Context, r Reader, id string) (O, string, error) {
	var zero O
	entry, err := r.Get(ctx, Ref{Kind: kindOf(zero), ID: id})
	if err != nil {
		return zero, "", err
	}
	object, ok := entry.Object.(O)
	if !ok {
		return zero, "", &Error{Code: CodeInternal, Message: "the answer for " + id + " is an object of another kind"}
	}
	return object, entry.Revision, nil
}

func kindOf(o Object) Kind {
	switch o.(type) {
	case *Domain:
		return KindDomain
	case *ReferenceSchema:
		return KindReferenceSchema
	case *Schema:
		return KindSchema
	case *CaveatPolicy:
		return KindCaveatPolicy
	case *SLA:
		return KindSLA
	default:
		return KindProduct
	}
}
