package wire

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// ProblemType is the media type of every error body (RFC 9457).
const ProblemType = "application/problem+json"

// Problem is the body of a refusal.
type Problem struct {
	Type      string            `json:"type"`     // URI reference that names the code
	Title     string            `json:"title"`    // the code in words, the same for every occurrence
	Status    int               `json:"status"`   // HTTP status
	Detail    string            `json:"detail"`   // what happened, in one sentence
	Instance  string            `json:"instance"` // path of the request
	Code      catalog.Code      `json:"code"`
	RequestID string            `json:"request_id"`
	Errors    []catalog.Problem `json:"errors,omitempty"` // one for each thing that is wrong
}

// statuses ties codes to statuses. Writing takes the first row of a code and
// reading the first row of a status, unless code and status are both given.
var statuses = []struct {
	code   catalog.Code
	status int
	title  string
}{
	{catalog.CodeInvalid, http.StatusUnprocessableEntity, "The request breaks rules of the catalogue"},
	{catalog.CodeInvalid, http.StatusBadRequest, "The request is malformed"},
	{catalog.CodeInvalid, http.StatusMethodNotAllowed, "The path does not have this method"},
	{catalog.CodeInvalid, http.StatusNotAcceptable, "The answer would be JSON"},
	{catalog.CodeInvalid, http.StatusUnsupportedMediaType, "The body is not plain JSON"},
	{catalog.CodeInvalid, http.StatusRequestedRangeNotSatisfiable, "The range is not within the data"},
	{catalog.CodeUnauthenticated, http.StatusUnauthorized, "The caller is not known"},
	{catalog.CodeForbidden, http.StatusForbidden, "The caller may not do this"},
	{catalog.CodeNotFound, http.StatusNotFound, "No such object"},
	{catalog.CodeInvalid, http.StatusNotFound, "No such path"}, // never to be taken for an object that is gone
	{catalog.CodeConflict, http.StatusConflict, "Other objects or a protection stand in the way"},
	{catalog.CodePreconditionFailed, http.StatusPreconditionFailed, "The object is not at the expected revision"},
	{catalog.CodeTooLarge, http.StatusRequestEntityTooLarge, "The body is too large"},
	{catalog.CodeTooManyRequests, http.StatusTooManyRequests, "Too many requests"},
	{catalog.CodeUnavailable, http.StatusServiceUnavailable, "The platform cannot answer now"},
	{catalog.CodeUnavailable, http.StatusBadGateway, "The platform cannot be reached"},
	{catalog.CodeUnavailable, http.StatusGatewayTimeout, "The platform did not answer in time"},
	{catalog.CodeUnavailable, http.StatusRequestTimeout, "The request did not arrive in time"},
	{catalog.CodeInternal, http.StatusInternalServerError, "The platform failed"},
}

// Refusal is an error whose status says more than its code does, such as 400,
// 405, 406 and 415, which all are [catalog.CodeInvalid].
type Refusal struct {
	Status int
	Allow  []string // methods of the path, with status 405
	Err    *catalog.Error
}

// Error is the text of the catalogue's error.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap is the catalogue's error.
func (r *Refusal) Unwrap() error { return r.Err }

// Refuse is a refusal with the status. Its code is that of the status.
func Refuse(status int, message string, problems ...catalog.Problem) *Refusal {
	return &Refusal{Status: status, Err: &catalog.Error{Code: codeOf(status), Message: message, Problems: problems}}
}

// sentence is a message of two parts.
func sentence(what string, why error) string { return what + ": " + why.Error() + "." }

func badRequest(message string) *Refusal { return Refuse(http.StatusBadRequest, message) }

func notFound(message string) *Refusal { return Refuse(http.StatusNotFound, message) }

// noSuchPath is a 404 that is not about an object. A client that took it for
// one would believe, with a wrong endpoint, that everything was deleted.
func noSuchPath(message string) *Refusal {
	return &Refusal{Status: http.StatusNotFound, Err: &catalog.Error{Code: catalog.CodeInvalid, Message: message}}
}

func badQuery(field, rule, detail, fix string) *Refusal {
	return Refuse(http.StatusBadRequest, "The query is not valid.",
		catalog.Problem{Field: "/" + field, Rule: rule, Detail: detail, Fix: fix})
}

func methodNotAllowed(allow []string) *Refusal {
	if slices.Contains(allow, http.MethodGet) {
		allow = append(allow, http.MethodHead)
	}
	slices.Sort(allow)
	r := Refuse(http.StatusMethodNotAllowed, "This path takes "+strings.Join(allow, ", ")+" only.")
	r.Allow = allow
	return r
}

// codeOf is the code that a status stands for on its own.
func codeOf(status int) catalog.Code {
	for _, row := range statuses {
		if row.status == status {
			return row.code
		}
	}
	return catalog.CodeInternal
}

// ProblemOf is the document for an error. An error that is no *[catalog.Error]
// says nothing of itself: its text may hold what the caller must not see.
func ProblemOf(err error, instance, requestID string) Problem {
	failure := &catalog.Error{Code: catalog.CodeInternal, Message: "The platform failed. Its log has more under the request id."}
	if found := (*catalog.Error)(nil); errors.As(err, &found) && titleOf(found.Code, statusOf(found.Code)) != "" {
		failure = found
	} else if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		failure = &catalog.Error{Code: catalog.CodeUnavailable, Message: "The request was not finished in time."}
	}
	status := statusOf(failure.Code)
	if refusal := (*Refusal)(nil); errors.As(err, &refusal) {
		status = refusal.Status
	}
	p := Problem{Type: "/problems/" + strings.ReplaceAll(string(failure.Code), "_", "-"), Title: titleOf(failure.Code, status), Status: status,
		Detail: failure.Message, Instance: instance, Code: failure.Code, RequestID: requestID, Errors: failure.Problems}
	return p
}

// statusOf is the first status of a code, 500 for a code that no table has.
func statusOf(code catalog.Code) int {
	for _, row := range statuses {
		if row.code == code {
			return row.status
		}
	}
	return http.StatusInternalServerError
}

// titleOf is the title of a row, "" when the table has no such row.
func titleOf(code catalog.Code, status int) string {
	for _, row := range statuses {
		if row.code == code && row.status == status {
			return row.title
		}
	}
	return ""
}

// DecodeProblem rebuilds the error from the body of an answer with an error
// status. It fails when the body is not a problem document of the platform,
// with a code that belongs to the status: a proxy's page, for instance, says
// nothing of the object that was asked for.
func DecodeProblem(status int, body []byte) (*catalog.Error, error) {
	var p Problem
	if err := decodeBody(body, &p, lenient); err != nil {
		return nil, fmt.Errorf("no problem document: %w", err)
	}
	if p.Status != status || titleOf(p.Code, status) == "" {
		return nil, fmt.Errorf("no problem document of the platform for status %d", status)
	}
	return &catalog.Error{Code: p.Code, Message: p.Detail, Problems: p.Errors, RequestID: p.RequestID}, nil
}

// EncodeProblem is the JSON of the document.
func EncodeProblem(p Problem) []byte {
	text, err := encode(p) // strings and numbers only: cannot fail
	if err != nil {
		return []byte(`{"status":500,"title":"The platform failed","code":"internal"}`)
	}
	return text
}
