package registryapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// The error codes, all but the first two Confluent's.
const (
	codeUnauthenticated   = 40101
	codeForbidden         = 40301
	codeSubjectNotFound   = 40401
	codeVersionNotFound   = 40402
	codeSchemaNotFound    = 40403
	codeSubjectDeleted    = 40404
	codeSubjectNotDeleted = 40405
	codeVersionDeleted    = 40406
	codeVersionNotDeleted = 40407
	codeConfigNotFound    = 40408
	codeModeNotFound      = 40409
	codeInvalidSchema     = 42201
	codeInvalidVersion    = 42202
	codeInvalidLevel      = 42203
	codeInvalidMode       = 42204
	codeNotPermitted      = 42205
	codeReferenceExists   = 42206
	codeIDDoesNotMatch    = 42207
	codeInvalidSubject    = 42208
	codeSchemaTooLarge    = 42209
	codeInvalidRuleSet    = 42210
	codeContextNotEmpty   = 42211
	codeStoreFailed       = 50001
	codeTimedOut          = 50002
	codeForwardingFailed  = 50003
)

// failed is what a caller is told when the platform is at fault.
const failed = "The platform failed. Its log has more under the request id."

// failure is a refusal in the registry's own words.
type failure struct {
	status  int
	code    int
	message string
	cause   error // nil for what this package itself refuses
}

// Error is the message, with the cause for the log.
func (f *failure) Error() string {
	if f.cause == nil {
		return f.message
	}
	return f.message + ": " + f.cause.Error()
}

// Unwrap is the cause.
func (f *failure) Unwrap() error { return f.cause }

// refuse is a failure with the status that the first digits of its code say.
func refuse(code int, message string) *failure {
	status := code
	for status >= 1000 {
		status /= 10
	}
	return &failure{status: status, code: code, message: message}
}

// rules ties the rules of the catalogue to error codes. A rule that is not here
// goes by the code of the catalogue's error.
var rules = map[string]int{
	catalog.RuleSubject:            codeInvalidSubject,
	catalog.RuleSubjectNotFound:    codeSubjectNotFound,
	catalog.RuleVersionNotFound:    codeVersionNotFound,
	catalog.RuleSchemaNotFound:     codeSchemaNotFound,
	catalog.RuleSubjectDeleted:     codeSubjectDeleted,
	catalog.RuleVersionDeleted:     codeVersionDeleted,
	catalog.RuleNotYetDeleted:      codeSubjectNotDeleted, // codeVersionNotDeleted where the path has a version
	catalog.RuleMode:               codeNotPermitted,
	catalog.RuleDeletionProtection: codeNotPermitted,
	catalog.RuleInUse:              codeReferenceExists,
	catalog.RuleIDTaken:            codeIDDoesNotMatch,
	catalog.RuleVersionNumber:      codeInvalidVersion,
	catalog.RuleSchemaText:         codeInvalidSchema,
	catalog.RuleSchemaReference:    codeInvalidSchema,
	catalog.RuleTooComplex:         codeInvalidSchema,
	catalog.RuleLimit:              codeSchemaTooLarge,
	catalog.RuleForbidden:          codeForbidden,
}

// explain says in the registry's words what the registry said in the
// catalogue's.
func (c *call) explain(err error) error {
	known := (*catalog.Error)(nil)
	if done := (*failure)(nil); errors.As(err, &done) || !errors.As(err, &known) || len(known.Problems) == 0 {
		return err
	}
	if refusal := (*wire.Refusal)(nil); errors.As(err, &refusal) {
		return err
	}
	code, ok := rules[known.Problems[0].Rule]
	switch {
	case known.Problems[0].Rule == catalog.RuleCompatibility, known.Problems[0].Rule == catalog.RuleImmutable:
		return &failure{status: http.StatusConflict, code: c.IncompatibleCode, message: sentences(known), cause: err}
	case !ok && known.Problems[0].Rule == catalog.RuleUnknownValue && known.Problems[0].Field == "/mode":
		code = codeInvalidMode
	case !ok:
		return err
	case code == codeSubjectNotDeleted && c.version != catalog.AllVersions:
		code = codeVersionNotDeleted
	}
	f := refuse(code, c.message(code, known))
	f.cause = err
	return f
}

// message is Confluent's sentence for a code, or the catalogue's own.
func (c *call) message(code int, known *catalog.Error) string {
	switch code {
	case codeSubjectNotFound:
		return fmt.Sprintf("Subject '%s' not found.", c.subject)
	case codeVersionNotFound:
		return fmt.Sprintf("Version %s not found.", versionName(c.version))
	case codeSchemaNotFound:
		return "Schema not found"
	case codeSubjectDeleted:
		return fmt.Sprintf("Subject '%s' was soft deleted. Set permanent=true to delete permanently", c.subject)
	case codeSubjectNotDeleted:
		return fmt.Sprintf("Subject '%s' was not deleted first before being permanently deleted", c.subject)
	case codeVersionDeleted:
		return fmt.Sprintf("Subject '%s' Version %s was soft deleted. Set permanent=true to delete permanently", c.subject, versionName(c.version))
	case codeVersionNotDeleted:
		return fmt.Sprintf("Subject '%s' Version %s was not deleted first before being permanently deleted", c.subject, versionName(c.version))
	}
	return sentences(known)
}

func versionName(version int) string {
	if version == catalog.LatestVersion {
		return "latest"
	}
	return fmt.Sprint(version)
}

// sentences are the message and the problems on one line, as many as are read.
func sentences(known *catalog.Error) string {
	const most = 20
	var parts []string
	if known.Message != "" {
		parts = append(parts, known.Message)
	}
	for _, problem := range known.Problems[:min(most, len(known.Problems))] {
		parts = append(parts, problem.String())
	}
	if more := len(known.Problems) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more.", more))
	}
	return strings.Join(parts, " ")
}

// refusal is the answer for an error of any origin. An error that is none of
// ours says nothing of itself: its text may hold what the caller must not see.
func refusal(r *http.Request, err error) door.Answer {
	f := failureOf(err)
	media := door.Accepted(r, answerTypes...)
	if media == "" {
		media = answerTypes[0]
	}
	body, err := encode(struct {
		Code    int    `json:"error_code"`
		Message string `json:"message"`
	}{f.code, f.message})
	if err != nil { // a text that is not UTF-8 is made so by the encoder: nothing is left that fails
		body = []byte(`{"error_code":50001,"message":"` + failed + `"}`)
	}
	return door.Answer{Status: f.status, Header: http.Header{"Content-Type": {media}}, Body: body}
}

// failureOf goes by our own failure, the status of a refusal, or the code of
// the catalogue's error, in this order.
func failureOf(err error) *failure {
	if f := (*failure)(nil); errors.As(err, &f) {
		return f
	}
	if known := (*wire.Refusal)(nil); errors.As(err, &known) {
		return &failure{status: known.Status, code: known.Status, message: sentences(known.Err)}
	}
	if known := (*catalog.Error)(nil); errors.As(err, &known) {
		return failureOfCode(known)
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &failure{status: http.StatusServiceUnavailable, code: codeTimedOut, message: "The request was not finished in time."}
	}
	return refuse(codeStoreFailed, failed)
}

func failureOfCode(known *catalog.Error) *failure {
	message := sentences(known)
	switch known.Code {
	case catalog.CodeInvalid:
		return refuse(codeInvalidSchema, message)
	case catalog.CodeUnauthenticated:
		return refuse(codeUnauthenticated, message)
	case catalog.CodeForbidden:
		return refuse(codeForbidden, message)
	case catalog.CodeNotFound, catalog.CodeConflict, catalog.CodePreconditionFailed, catalog.CodeTooManyRequests:
		return refuse(statusOf(known.Code), message)
	case catalog.CodeTooLarge:
		return &failure{status: http.StatusRequestEntityTooLarge, code: codeSchemaTooLarge, message: message}
	case catalog.CodeUnavailable:
		return &failure{status: http.StatusServiceUnavailable, code: codeForwardingFailed, message: message}
	case catalog.CodeInternal:
	}
	return refuse(codeStoreFailed, failed)
}

// statusOf is the status of the codes that have no error code of their own.
func statusOf(code catalog.Code) int {
	switch code {
	case catalog.CodeNotFound:
		return http.StatusNotFound
	case catalog.CodeConflict:
		return http.StatusConflict
	case catalog.CodePreconditionFailed:
		return http.StatusPreconditionFailed
	default:
		return http.StatusTooManyRequests
	}
}
