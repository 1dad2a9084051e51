package platform

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

var _ catalog.PortionDecisions = decisions{}

// PortionDecisions answers what a query engine asks, as this caller may ask it.
func (p *Platform) PortionDecisions(caller catalog.Caller) catalog.PortionDecisions {
	return decisions{&session{Platform: p, caller: caller}}
}

// EnforcementPoint reports whether the caller may ask about others.
func (p *Platform) EnforcementPoint(caller catalog.Caller) bool {
	return (&session{Platform: p, caller: caller}).trusted()
}

// EvaluatePortions implements [catalog.PortionDecisions].
func (d decisions) EvaluatePortions(ctx context.Context, e catalog.Evaluation, marks []string) (catalog.Decision, []bool, error) {
	err := d.authenticated()
	if err == nil && len(marks) > catalog.MaxPortions {
		err = refuse(catalog.CodeTooLarge, "There are too many portion marks.", catalog.Problem{Rule: catalog.RuleLimit,
			Detail: fmt.Sprintf("There are %d, the limit is %d.", len(marks), catalog.MaxPortions), Fix: "Ask about fewer."})
	}
	if err != nil {
		return catalog.Decision{}, nil, d.fail(ctx, err)
	}
	var answer catalog.Decision
	admitted := make([]bool, len(marks))
	recorded := d.inquire(ctx, func(h *inquiry, w store.Writer) error {
		decided, entry, err := h.answer(e)
		if err != nil {
			return err
		}
		if answer = decided; answer.Permit {
			if err := h.portions(e, marks, admitted); err != nil {
				return err
			}
		}
		return w.Append(ctx, entry)
	})
	if !recorded {
		return catalog.Decision{}, make([]bool, len(marks)), nil
	}
	return answer, admitted, nil
}

// portions decides on each mark as if the product had it, which is let in to.
func (h *inquiry) portions(e catalog.Evaluation, marks []string, admitted []bool) error {
	parties := h.session.parties(e.Subject)
	product, err := h.product(e.Resource)
	if err != nil || product == nil {
		return err
	}
	portion := *product
	for i, mark := range marks {
		portion.EffectiveMarking = mark
		d, err := h.decide(parties, &portion, e.Action.Name, e.Purpose)
		if err != nil {
			return err
		}
		admitted[i] = d.Permit
	}
	return nil
}

// EvaluateOperation implements [catalog.PortionDecisions].
func (d decisions) EvaluateOperation(ctx context.Context, e catalog.Evaluation) (catalog.Decision, error) {
	if err := d.authenticated(); err != nil {
		return catalog.Decision{}, d.fail(ctx, err)
	}
	var answer catalog.Decision
	recorded := d.inquire(ctx, func(h *inquiry, w store.Writer) error {
		parties := h.session.parties(e.Subject)
		domain := ""
		if e.Resource.Type == catalog.EntityDomain {
			domain = e.Resource.ID
		}
		decided, err := h.known(parties, domain)
		if err != nil {
			return err
		}
		entry, err := h.entry(e, parties, nil, decided)
		if err != nil {
			return err
		}
		if entry.MarkingAccessed, err = h.labelOf(domain); err != nil {
			return err
		}
		answer = catalog.Decision{Permit: decided.Permit}
		return w.Append(ctx, entry)
	})
	if !recorded {
		return catalog.Decision{}, nil
	}
	return answer, nil
}

// known lets the parties in when each would be to open data, of a domain if one
// is named: where that is hidden from one of them, they are not.
func (h *inquiry) known(parties []catalog.Caller, domain string) (marking.Decision, error) {
	if len(parties) == 0 {
		return marking.Decision{Code: marking.DenyMissingClaim}, nil
	}
	open := &catalog.Product{Domain: domain, EffectiveMarking: "UNCLASSIFIED"}
	for _, party := range parties {
		s, err := h.clear(party, string(marking.ActionRead), "")
		if err != nil {
			return marking.Decision{}, err
		}
		if d, err := s.alone(open); err != nil || !d.Permit {
			return d, err
		}
	}
	return marking.Decision{Permit: true}, nil
}

// inquire decides and records in one transaction, and reports whether it could.
// What fails goes to the log and is denied.
func (d decisions) inquire(ctx context.Context, f func(*inquiry, store.Writer) error) bool {
	err := d.store.Update(ctx, func(w store.Writer) error {
		h, err := d.inquiry(ctx, w)
		if err != nil {
			return err
		}
		return f(h, w)
	})
	if err != nil {
		d.log.LogAttrs(ctx, slog.LevelError, "denied what could not be decided or recorded",
			slog.String("cause", err.Error()), slog.String("request_id", d.caller.RequestID))
	}
	return err == nil
}
