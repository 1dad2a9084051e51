package differential_test

import (
	"context"
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/authzen"
)

// object is a JSON object.
type object map[string]any

// claims are the subject's attributes as an enforcement point sends them.
func claims(r request) object {
	a := r.subject.Attributes
	return object{
		"clearance": a.Clearance, "countryOfAffiliation": list(a.CountryOfAffiliation), "fineAccessControls": list(a.FineAccessControls),
		"dutyOrganization": a.DutyOrganization, "employmentType": a.EmploymentType, "purposes": list(r.subject.Purposes),
	}
}

func list(items []string) []string { return append([]string{}, items...) }

// evaluation is the request as AuthZEN writes it.
func evaluation(r request, properties object) object {
	subject := object{"type": "user", "id": r.subject.Subject}
	if properties != nil {
		subject["properties"] = properties
	}
	question := object{"subject": subject, "action": object{"name": r.action}, "resource": object{"type": "product", "id": r.product}}
	if r.purpose != "" {
		question["context"] = object{"purpose": r.purpose}
	}
	return question
}

// asItself asks as the subject, who claims more than there is in the token.
func (c caller) asItself(ctx context.Context, r request) (bool, error) {
	return c.decision(ctx, r.token, evaluation(r, object{"clearance": "TS", "countryOfAffiliation": []string{"USA"}}))
}

// onBehalf asks as the enforcement point.
func (c caller) onBehalf(ctx context.Context, r request) (bool, error) {
	return c.decision(ctx, c.admin, evaluation(r, claims(r)))
}

func (c caller) decision(ctx context.Context, token string, question object) (bool, error) {
	var answer struct{ Decision *bool }
	if refused, err := c.post(ctx, token, authzen.Prefix+"evaluation", question, &answer); refused || err != nil {
		return false, err
	}
	if answer.Decision == nil {
		return false, fmt.Errorf("there is no decision")
	}
	return *answer.Decision, nil
}

// evaluations asks many questions at once, as the enforcement point.
type evaluations struct{ caller }

func (evaluations) speaks(request) bool { return true }

func (e evaluations) permits(ctx context.Context, requests []request) (verdicts []bool, err error) {
	for len(requests) > 0 {
		n := min(len(requests), 100)
		asked := []object{}
		for _, r := range requests[:n] {
			asked = append(asked, evaluation(r, claims(r)))
		}
		var answer struct{ Evaluations []struct{ Decision bool } }
		if refused, err := e.post(ctx, e.admin, authzen.Prefix+"evaluations", object{"evaluations": asked}, &answer); refused || err != nil {
			return nil, fmt.Errorf("refused %v: %w", refused, err)
		}
		if len(answer.Evaluations) != n {
			return nil, fmt.Errorf("got %d decisions on %d questions", len(answer.Evaluations), n)
		}
		for _, d := range answer.Evaluations {
			verdicts = append(verdicts, d.Decision)
		}
		requests = requests[n:]
	}
	return verdicts, nil
}
