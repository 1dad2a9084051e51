package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

func refuse(code catalog.Code, message string, problems ...catalog.Problem) *catalog.Error {
	return &catalog.Error{Code: code, Message: message, Problems: problems}
}

func notFound(ref catalog.Ref) *catalog.Error {
	return refuse(catalog.CodeNotFound, fmt.Sprintf("There is no %s.", ref))
}

// fail turns whatever ended a call into what the caller is told. Causes that
// are not refusals go to the log: they may name files, hosts or statements.
func (s *session) fail(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var refusal *catalog.Error
	switch {
	case errors.As(err, &refusal):
		told := *refusal
		told.RequestID = s.caller.RequestID
		return &told
	case errors.Is(err, errLineageSize):
		return s.told(catalog.CodeTooLarge, "The lineage of this product has more than 100,000 products.")
	case errors.Is(err, store.ErrDangling), errors.Is(err, store.ErrInUse):
		// The rules ran in the same transaction, so this is a fault of ours.
		s.log.LogAttrs(ctx, slog.LevelError, "the store refused what the rules let pass", slog.String("cause", err.Error()), slog.String("request_id", s.caller.RequestID))
		return s.told(catalog.CodeInternal, "The platform contradicts itself; nothing was changed. Report the request id to its operator.")
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", s.told(catalog.CodeUnavailable, "The request ended before the catalogue answered; nothing was changed."), ctx.Err())
	}
	s.log.LogAttrs(ctx, slog.LevelError, "the store failed", slog.String("cause", err.Error()), slog.String("request_id", s.caller.RequestID))
	return s.told(catalog.CodeUnavailable, "The catalogue cannot be reached; nothing was changed. Try again later.")
}

func (s *session) told(code catalog.Code, message string) *catalog.Error {
	return &catalog.Error{Code: code, Message: message, RequestID: s.caller.RequestID}
}

// authenticated refuses a caller that nobody vouched for, or for whose service
// nobody did.
func (s *session) authenticated() error {
	if via := s.caller.Via; s.caller.Subject == "" || via != nil && (via.Subject == "" || via.Via != nil) {
		return refuse(catalog.CodeUnauthenticated, "The caller is not known. Send a valid token.")
	}
	return nil
}

// denied refuses a change that the caller may not make, and leaves a trace. What
// the caller does not see is recorded as what is not there: once others see it, the
// entry would tell them which of the two it was.
func (j *judge) denied(c change, current catalog.Entry, problems []catalog.Problem) (outcome, error) {
	seen, err := j.sight.sees(c.ref)
	if err != nil {
		return outcome{}, err
	}
	if !seen {
		current = catalog.Entry{}
	}
	entry := j.session.account(j.now, c.action(current), c.ref, audit.Deny)
	for _, problem := range problems {
		entry.ReasonCodes = append(entry.ReasonCodes, problem.Rule)
	}
	if seen {
		entry.MarkingAccessed, err = j.labelOf(c.ref.Domain(), current.Object)
	} else {
		entry.MarkingAccessed, err = j.attempted(c.ref.Domain())
	}
	return outcome{denial: &entry, refusal: refuse(catalog.CodeForbidden, fmt.Sprintf("You may not write the %s.", c.ref), problems...)}, err
}
