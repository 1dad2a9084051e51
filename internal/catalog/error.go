package catalog

import (
	"strings"
)

// Code says what kind of failure an [Error] is. It is the same on both sides
// of the network.
type Code string

// The codes.
const (
	CodeInvalid            Code = "invalid"
	CodeUnauthenticated    Code = "unauthenticated"
	CodeForbidden          Code = "forbidden"
	CodeNotFound           Code = "not_found"
	CodeConflict           Code = "conflict"
	CodePreconditionFailed Code = "precondition_failed"
	CodeTooLarge           Code = "too_large"
	CodeTooManyRequests    Code = "too_many_requests"
	CodeUnavailable        Code = "unavailable"
	CodeInternal           Code = "internal"
)

// Errors to compare with: errors.Is(err, catalog.ErrNotFound) holds for every
// [Error] of that code, however it was made and whichever side made it.
var (
	ErrInvalid            = &Error{Code: CodeInvalid}
	ErrUnauthenticated    = &Error{Code: CodeUnauthenticated}
	ErrForbidden          = &Error{Code: CodeForbidden}
	ErrNotFound           = &Error{Code: CodeNotFound}
	ErrConflict           = &Error{Code: CodeConflict}
	ErrPreconditionFailed = &Error{Code: CodePreconditionFailed}
	ErrTooLarge           = &Error{Code: CodeTooLarge}
	ErrTooManyRequests    = &Error{Code: CodeTooManyRequests}
	ErrUnavailable        = &Error{Code: CodeUnavailable}
	ErrInternal           = &Error{Code: CodeInternal}
)

// Error is a refusal or failure of a [Service].
type Error struct {
	Code Code
	// Message is one sentence: what happened and where. It never carries
	// anything that the caller may not see.
	Message string
	// Problems hold one entry for each thing that is wrong.
	Problems []Problem
	// RequestID is that of the request which failed, "" when there was none.
	RequestID string
}

// Error is the message followed by each problem on a line of its own.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Message == "" {
		b.WriteString(string(e.Code))
	}
	for _, p := range e.Problems {
		b.WriteString("\n  ")
		b.WriteString(p.String())
	}
	return b.String()
}

// Is reports whether target is an *Error of the same code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Problem is one thing that is wrong, and the way out.
type Problem struct {
	Field  string `json:"field"`         // JSON pointer (RFC 6901) into the object, "" for the whole of it
	Rule   string `json:"rule"`          // stable name of the rule that was broken
	Detail string `json:"detail"`        // what is wrong, in one sentence
	Fix    string `json:"fix,omitempty"` // what to do next, in one sentence; "" where the problem tells of others before it, such as how many are left out
}

// String is the problem on one line.
func (p Problem) String() string {
	var b strings.Builder
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Detail)
	if p.Fix != "" {
		b.WriteString(" " + p.Fix)
	}
	return b.String()
}

// Rules that a [Problem] can name. A marking that is invalid carries the rule
// of the marking package instead, such as "ISM-ID-00319".
const (
	RuleRequired            = "required"                    // a mandatory field is missing
	RuleFormat              = "format"                      // a value does not follow its grammar
	RuleUnknownValue        = "unknown_value"               // a value is not among those permitted
	RuleUnknownField        = "unknown_field"               // the body has a field that the object does not know
	RuleReadOnly            = "read_only"                   // a computed field was given another value
	RuleImmutable           = "immutable"                   // a field that cannot change was changed
	RuleLimit               = "limit"                       // a value is too long, too large or too many
	RuleReference           = "reference"                   // a reference names nothing
	RuleForbidden           = "forbidden"                   // the caller may not write this object
	RuleOwner               = "domain.owner"                // a domain has no active owner
	RuleDomainCycle         = "domain.cycle"                // a domain would be its own ancestor
	RuleSystemHigh          = "system_high"                 // a marking is above what the system is accredited for
	RuleInUse               = "in_use"                      // other objects depend on this one
	RuleDeletionProtection  = "deletion_protection"         // deletion is switched off for this object
	RuleSchemaText          = "schema.text"                 // a schema's text is not of its type
	RuleFieldDocumentation  = "schema.field_documentation"  // a field of a schema has no description
	RuleFieldUnit           = "schema.field_unit"           // a number of a schema has no known unit
	RuleFieldMarking        = "schema.field_marking"        // a field has no marking in a schema whose records carry one
	RuleCompatibility       = "schema.compatibility"        // a definition may not follow the versions before it
	RuleTooComplex          = "schema.too_complex"          // two definitions take too long to compare
	RuleSchemaReference     = "schema.reference"            // a definition refers to a version that does not exist, or to itself
	RuleConformance         = "schema.conformance"          // a definition is no projection of its reference schema
	RuleLineageCycle        = "product.lineage_cycle"       // a product would be its own ancestor
	RuleStatusOrder         = "product.status_order"        // a status moved backward
	RuleActive              = "product.active"              // an active product lacks a part
	RuleRawFeed             = "product.raw_feed"            // a raw feed is presented as a product
	RuleUnderMarked         = "marking.under_marked"        // declared below what is inherited
	RulePolicyExcluded      = "caveat_policy.excluded"      // released to a nation the policy shuts out
	RulePolicyReleasable    = "caveat_policy.releasable_to" // released wider than the policy allows
	RulePolicyConsistent    = "caveat_policy.consistent"    // the policy contradicts itself
	RulePolicyInheritance   = "caveat_policy.inheritance"   // an input's policy is not carried on
	RuleSubject             = "registry.subject"            // a subject's name is none
	RuleSubjectNotFound     = "registry.subject_not_found"  // no such subject
	RuleVersionNotFound     = "registry.version_not_found"  // no such version of the subject
	RuleSchemaNotFound      = "registry.schema_not_found"   // no schema with this id or text
	RuleSubjectDeleted      = "registry.subject_deleted"    // the subject is softly deleted
	RuleVersionDeleted      = "registry.version_deleted"    // the version is softly deleted
	RuleNotYetDeleted       = "registry.not_yet_deleted"    // only what is softly deleted can be removed for ever
	RuleMode                = "registry.mode"               // the mode does not permit it
	RuleIDTaken             = "registry.id"                 // an id or version number of an import is taken by another schema
	RuleVersionNumber       = "registry.version"            // a version is not a number above 0 or "latest"
	RuleVersionTaken        = "vocabulary.version"          // the version is that of another vocabulary
	RuleEndorsement         = "vocabulary.endorsement"      // no authority has signed the vocabulary
	RulePreconditionUnknown = "precondition"                // a condition on the revision failed
)
