package authzen

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
)

// decisionBody is one decision in an answer.
type decisionBody struct {
	Decision bool         `json:"decision"`
	Context  *contextBody `json:"context,omitempty"`
}

type contextBody struct {
	Reason      string     `json:"reason,omitempty"`
	Obligations []string   `json:"obligations,omitempty"`
	Error       *faultBody `json:"error,omitempty"`
}

// faultBody says what is wrong with one question of a batch.
type faultBody struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

type batchBody struct {
	Evaluations []decisionBody `json:"evaluations"`
}

type searchBody struct {
	Page    *pageBody `json:"page,omitempty"`
	Results []any     `json:"results"`
}

type pageBody struct {
	NextToken string `json:"next_token"`
	Count     int    `json:"count"`
}

type entityBody struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

type actionBody struct {
	Name string `json:"name"`
}

func evaluation(ctx context.Context, d catalog.Decisions, r request) (any, error) {
	decision, err := d.Evaluate(ctx, r.Evaluation)
	return encodeDecision(decision), err
}

func encodeDecision(d catalog.Decision) decisionBody {
	body := decisionBody{Decision: d.Permit}
	if d.Reason != "" || len(d.Obligations) > 0 {
		body.Context = &contextBody{Reason: d.Reason, Obligations: d.Obligations}
	}
	return body
}

// evaluations asks all questions at once. One that cannot be read is asked as
// the zero Evaluation, which is denied, so that it is recorded in its place.
func evaluations(ctx context.Context, d catalog.Decisions, r request) (any, error) {
	if len(r.items) == 0 {
		return evaluation(ctx, d, r)
	}
	asked := make([]catalog.Evaluation, len(r.items))
	for i, item := range r.items {
		asked[i] = item.Evaluation
	}
	decisions, err := d.EvaluateMany(ctx, asked, r.semantic)
	if err != nil {
		return nil, err
	}
	if len(decisions) > len(r.items) {
		return nil, errors.New("there are more decisions than questions")
	}
	body := batchBody{Evaluations: []decisionBody{}}
	for i, decision := range decisions {
		body.Evaluations = append(body.Evaluations, encodeItem(r.items[i], decision))
	}
	return body, nil
}

func encodeItem(i item, d catalog.Decision) decisionBody {
	if i.fault != "" {
		return decisionBody{Context: &contextBody{Error: &faultBody{http.StatusBadRequest, i.fault}}}
	}
	return encodeDecision(d)
}

// search is the question as the catalogue's interface takes it.
func (r request) search() catalog.Search {
	q := catalog.Search{Evaluation: r.Evaluation}
	if r.page != nil {
		q.Cursor, q.Limit = r.page.token, r.page.limit
	}
	return q
}

func searchSubjects(ctx context.Context, d catalog.Decisions, r request) (any, error) {
	found, err := d.SearchSubjects(ctx, r.search())
	return encodeFound(r, found, encodeEntity), err
}

func searchResources(ctx context.Context, d catalog.Decisions, r request) (any, error) {
	found, err := d.SearchResources(ctx, r.search())
	return encodeFound(r, found, encodeEntity), err
}

func searchActions(ctx context.Context, d catalog.Decisions, r request) (any, error) {
	found, err := d.SearchActions(ctx, r.search())
	return encodeFound(r, found, func(name string) any { return actionBody{name} }), err
}

func encodeEntity(e catalog.Entity) any { return entityBody{e.Type, e.ID} }

// encodeFound says which part of the result this is when there is another one
// or the question spoke of parts.
func encodeFound[T any](r request, found catalog.Found[T], encode func(T) any) searchBody {
	body := searchBody{Results: []any{}}
	for _, one := range found.Items {
		body.Results = append(body.Results, encode(one))
	}
	if r.page != nil || found.Next != "" {
		body.Page = &pageBody{NextToken: found.Next, Count: len(found.Items)}
	}
	return body
}

// encoded is the answer with compact JSON that leaves <, > and & as they are.
func encoded(value any) (door.Answer, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return door.Answer{}, errors.New("the decision cannot be sent: " + err.Error())
	}
	return door.Answer{Status: http.StatusOK, Body: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}, nil
}

// metadata is the body at Discovery.
func metadata(endpoint string) []byte {
	a, err := encoded(struct {
		Point       string `json:"policy_decision_point"`
		Evaluation  string `json:"access_evaluation_endpoint"`
		Evaluations string `json:"access_evaluations_endpoint"`
		Subject     string `json:"search_subject_endpoint"`
		Resource    string `json:"search_resource_endpoint"`
		Action      string `json:"search_action_endpoint"`
	}{
		endpoint, endpoint + Prefix + "evaluation", endpoint + Prefix + "evaluations",
		endpoint + Prefix + "search/subject", endpoint + Prefix + "search/resource", endpoint + Prefix + "search/action",
	})
	if err != nil { // six strings: cannot fail
		return nil
	}
	return a.Body
}
