package catalog

import "context"

// Decisions answers who may do what with which product, as one caller may ask
// it. All methods are safe for concurrent use.
//
// Whatever is not known (a type, an action, a product, a claim) is denied, and
// so is what the caller may not know of: the two cannot be told apart. A permit
// is recorded durably before it is returned; what cannot be recorded is denied.
//
// Every method may return an *[Error] with code [CodeUnauthenticated] or
// [CodeInvalid] beside what it lists; a search also [CodeUnavailable], because
// an empty answer would say that there is nothing.
type Decisions interface {
	// Evaluate answers one question.
	Evaluate(context.Context, Evaluation) (Decision, error)
	// EvaluateMany answers questions in their order, all on one state, and
	// stops where the semantic says so: the answers are as many as were
	// decided. CodeTooLarge above [MaxEvaluations].
	EvaluateMany(context.Context, []Evaluation, Semantic) ([]Decision, error)
	DecisionSearch
}

// DecisionSearch finds what would be permitted. Each answer is one page.
type DecisionSearch interface {
	// SearchSubjects finds who may; the question names no subject id.
	SearchSubjects(context.Context, Search) (Found[Entity], error)
	// SearchResources finds on what; the question names no resource id.
	SearchResources(context.Context, Search) (Found[Entity], error)
	// SearchActions finds the names of what may be done; the question names
	// no action.
	SearchActions(context.Context, Search) (Found[string], error)
}

// MaxEvaluations is the most questions of one [Decisions.EvaluateMany].
const MaxEvaluations = 256

// The types of entities that the mesh knows. Every other is unknown.
const (
	EntityUser    = "user"    // a subject
	EntityService = "service" // a subject
	EntityProduct = "product" // a resource, named by the product's id
	EntityDomain  = "domain"  // what holds products, for operations that give out no data
)

// Entity is a subject or a resource as a question names it.
type Entity struct {
	Type, ID string
	// Properties are what the question says of it, as encoding/json decodes
	// them with UseNumber. Of a subject they count only from an enforcement
	// point: clearance, countryOfAffiliation, fineAccessControls,
	// dutyOrganization and employmentType, as in marking.Subject, and purposes,
	// as in Caller.
	Properties map[string]any
}

// Operation is an action as a question names it: read, display or download.
type Operation struct {
	Name       string
	Properties map[string]any
}

// Evaluation is one question: may the subject do this with the resource? The
// zero Evaluation is denied.
type Evaluation struct {
	Subject  Entity
	Action   Operation
	Resource Entity
	// Purpose is what the data is wanted for, as the asker states it; "" for
	// none. It counts where a caveat policy limits purposes.
	Purpose string
	// Whole says that whoever asks passes on what a product gives out as it is.
	// A product with a port whose records carry marks of their own is denied
	// then: some of the records may be for others.
	Whole bool
}

// Decision is the answer to an [Evaluation].
type Decision struct {
	Permit bool
	// Reason is the deny code, for those who may know it: administrators, and
	// active owners of the product's domain and auditors who see the product.
	// "" for everybody else, and on a permit.
	Reason string
	// Obligations are what a permitted subject must not do; [FilterRecords] is
	// what whoever hands out the data has to do.
	Obligations []string
}

// FilterRecords is the obligation of a product with a port whose records carry
// marks of their own: records of marks that the subject is not let in to are to
// be left out, or nothing is to be handed out.
const FilterRecords = "filter_records"

// AuditGroup is the group, in a caller's verified token, of those who are told
// why access was denied to what they see.
const AuditGroup = "auditors"

// Semantic says when many questions have been answered (AuthZEN 1.0).
type Semantic string

// The semantics.
const (
	ExecuteAll          Semantic = "execute_all" // the default
	DenyOnFirstDeny     Semantic = "deny_on_first_deny"
	PermitOnFirstPermit Semantic = "permit_on_first_permit"
)

// Known reports whether there is such a semantic.
func (s Semantic) Known() bool {
	return s == ExecuteAll || s == DenyOnFirstDeny || s == PermitOnFirstPermit
}

// Ends reports whether this decision is the last one to be made.
func (s Semantic) Ends(permit bool) bool {
	return s == DenyOnFirstDeny && !permit || s == PermitOnFirstPermit && permit
}

// Search is a question with one part left open.
type Search struct {
	Evaluation
	Limit  int    // 0 for DefaultLimit, at most MaxLimit
	Cursor string // Found.Next of the page before
}

// Found is one page of what a search found.
type Found[T any] struct {
	Items []T
	Next  string // "" on the last page
}
