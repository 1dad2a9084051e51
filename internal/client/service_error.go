package client

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// causedError is a catalogue error with the failure beneath it. Both are found
// by errors.Is and errors.As.
type causedError struct {
	failure *catalog.Error
	cause   error
}

func (e *causedError) Error() string   { return e.failure.Error() }
func (e *causedError) Unwrap() []error { return []error{e.failure, e.cause} }

func caused(code catalog.Code, requestID string, cause error, what string, args ...any) error {
	message := fmt.Sprintf(what, args...) + ": " + strings.TrimSuffix(cause.Error(), ".") + "."
	return &causedError{&catalog.Error{Code: code, Message: message, RequestID: requestID}, cause}
}

// unreachable is CodeUnavailable for a request without an answer. The text of
// a *url.Error repeats the whole address, query included, so only its cause
// is kept.
func (s *Service) unreachable(err error) error {
	if inner := (*url.Error)(nil); errors.As(err, &inner) {
		err = inner.Err
	}
	return caused(catalog.CodeUnavailable, "", err, "The platform at %s cannot be reached", s.endpoint)
}

// broken is CodeInternal for an answer that the platform should not have given.
func (a answer) broken(err error) error {
	return caused(catalog.CodeInternal, a.header.Get("X-Request-ID"), err,
		"The answer to %s (status %d) cannot be used", a.path, a.status)
}

// foreign is the error for an error status whose body is not the platform's:
// something between answered, or the endpoint is another server. It is never
// CodeNotFound, CodeConflict or CodePreconditionFailed, which say something
// about an object.
func (a answer) foreign() error {
	code := catalog.CodeUnavailable
	switch a.status {
	case http.StatusUnauthorized:
		code = catalog.CodeUnauthenticated
	case http.StatusForbidden:
		code = catalog.CodeForbidden
	case http.StatusRequestEntityTooLarge:
		code = catalog.CodeTooLarge
	case http.StatusTooManyRequests:
		code = catalog.CodeTooManyRequests
	}
	return &catalog.Error{Code: code, Message: fmt.Sprintf(
		"%s was answered with status %d %s (%s) by something that is not the platform. Check the endpoint and any proxy on the way.",
		a.path, a.status, http.StatusText(a.status), mediaType(a.header))}
}

// mediaType is the type of a body as an error may repeat it.
func mediaType(h http.Header) string {
	const longest = 64
	text := h.Get("Content-Type")
	if text == "" {
		return "no content type"
	}
	return fmt.Sprintf("%.*q", longest, text)
}

// known is the *catalog.Error of a refusal that the wire made itself.
func known(err error) error {
	if failure := (*catalog.Error)(nil); errors.As(err, &failure) {
		return failure
	}
	return caused(catalog.CodeInternal, "", err, "The request cannot be written")
}

// unsendable reports everything that is wrong with an object which cannot be
// sent, as the platform would have: the caller should not learn of one problem
// at a time only because a name was among them.
func (s *Service) unsendable(object catalog.Object, cause error) error {
	vocabulary := cmp.Or(s.vocabulary, marking.Default())
	normal := object.Clone()
	normal.Normalize(vocabulary)
	failure := &catalog.Error{Code: catalog.CodeInvalid, Message: fmt.Sprintf("The %s is not valid.", object.Ref().Kind.Noun()),
		Problems: normal.Check(vocabulary)}
	if refusal := (*wire.Refusal)(nil); errors.As(cause, &refusal) {
		failure.Problems = append(failure.Problems, refusal.Err.Problems...)
	} else if failure.Problems == nil {
		failure.Problems = []catalog.Problem{{Rule: catalog.RuleFormat, Detail: cause.Error() + ".", Fix: "Choose another name."}}
	}
	return failure
}

func tooLarge(limit int) error {
	return &catalog.Error{Code: catalog.CodeTooLarge, Message: fmt.Sprintf("The request would be longer than %d bytes. Send less at once.", limit)}
}
