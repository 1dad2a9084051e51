package opa

import (
	"context"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// identify settles as whom the question is asked, and about whom. A user of
// whom nothing is known is asked about as such, so that the attempt is recorded.
func (q *inquiry) identify() {
	q.caller, q.subject = q.engine, catalog.Entity{Type: catalog.EntityUser, ID: q.user}
	if !q.options.Trusted(q.engine) {
		return // judged by the engine's own claims, or about somebody else and denied
	}
	// Never none: a user who is called like the engine would have its claims.
	q.subject.Properties = map[string]any{"engine": q.engine.Subject}
	if !q.hasToken {
		for claim, value := range q.asserted {
			q.subject.Properties[claim] = value
		}
		return
	}
	// Whoever sends a token that is not good is not believed for anything else.
	if q.token == "" {
		return
	}
	user, err := q.options.Bearer(q.token)
	if err != nil || user.Subject != q.user || user.Via != nil {
		return
	}
	engine := q.engine
	user.Via, user.RequestID = &engine, engine.RequestID
	q.caller, q.subject.Properties = user, nil
}

// evaluation is a question about the user.
func (q *inquiry) evaluation(resource catalog.Entity) catalog.Evaluation {
	return catalog.Evaluation{
		Subject: q.subject, Action: catalog.Operation{Name: string(marking.ActionRead)}, Resource: resource, Purpose: q.purpose,
	}
}

// known asks whether the user may do what gives out no data.
func (q *inquiry) known(ctx context.Context, kind, id string) (bool, error) {
	e := q.evaluation(catalog.Entity{Type: kind, ID: id})
	e.Action.Name = q.operation
	d, err := q.options.Portions(q.caller).EvaluateOperation(ctx, e)
	return d.Permit, err
}

// denied records that what nobody may was asked for.
func (q *inquiry) denied(ctx context.Context) error {
	e := q.evaluation(catalog.Entity{Type: "operation", ID: q.operation})
	e.Action.Name = q.operation
	_, err := q.options.Decisions(q.caller).Evaluate(ctx, e)
	return err
}
