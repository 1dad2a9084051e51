package authzen

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// fixture is the policy of the OpenID Foundation's certification scenario for
// AuthZEN 1.0: two users, two records, three actions. It tests the protocol, and
// says nothing of the mesh's own decisions.
type fixture struct{}

var (
	fixtureUsers   = []catalog.Entity{{Type: "user", ID: "alice"}, {Type: "user", ID: "bob", Properties: map[string]any{"role": "admin"}}}
	fixtureRecords = []catalog.Entity{
		{Type: "record", ID: "record-1", Properties: map[string]any{"status": "active"}},
		{Type: "record", ID: "record-2", Properties: map[string]any{"status": "archived"}},
	}
	fixtureActions = []string{"read", "write"}
)

func (fixture) permits(e catalog.Evaluation) bool {
	known := func(list []catalog.Entity, one catalog.Entity) bool {
		for _, k := range list {
			if k.Type == one.Type && k.ID == one.ID {
				return true
			}
		}
		return false
	}
	if !known(fixtureUsers, e.Subject) || !known(fixtureRecords, e.Resource) {
		return false
	}
	archived := e.Resource.Properties["status"] == "archived"
	switch e.Action.Name {
	case "read":
		return true
	case "write":
		return archived && e.Subject.Properties["role"] == "admin" || !archived && e.Subject.ID == "alice"
	case "delete":
		return e.Subject.ID == "alice" && e.Action.Properties["soft"] == true
	}
	return false
}

func (f fixture) Evaluate(_ context.Context, e catalog.Evaluation) (catalog.Decision, error) {
	return catalog.Decision{Permit: f.permits(e)}, nil
}

func (f fixture) EvaluateMany(_ context.Context, asked []catalog.Evaluation, s catalog.Semantic) (answers []catalog.Decision, err error) {
	for _, e := range asked {
		answers = append(answers, catalog.Decision{Permit: f.permits(e)})
		if s.Ends(f.permits(e)) {
			break
		}
	}
	return answers, nil
}

func (f fixture) SearchSubjects(_ context.Context, q catalog.Search) (catalog.Found[catalog.Entity], error) {
	return f.search(q, fixtureUsers, func(e *catalog.Evaluation, one catalog.Entity) bool {
		fits := e.Subject.Type == one.Type
		e.Subject = one
		return fits
	})
}

func (f fixture) SearchResources(_ context.Context, q catalog.Search) (catalog.Found[catalog.Entity], error) {
	return f.search(q, fixtureRecords, func(e *catalog.Evaluation, one catalog.Entity) bool {
		fits := e.Resource.Type == one.Type
		e.Resource = one
		return fits
	})
}

// search pages with the place of the next candidate as its token.
func (f fixture) search(q catalog.Search, candidates []catalog.Entity, put func(*catalog.Evaluation, catalog.Entity) bool) (found catalog.Found[catalog.Entity], err error) {
	for i, one := range candidates {
		e := q.Evaluation
		if !put(&e, one) || one.ID < q.Cursor || !f.permits(e) {
			continue
		}
		if q.Limit > 0 && len(found.Items) == q.Limit {
			found.Next = candidates[i].ID
			break
		}
		found.Items = append(found.Items, catalog.Entity{Type: one.Type, ID: one.ID})
	}
	return found, nil
}

func (f fixture) SearchActions(_ context.Context, q catalog.Search) (found catalog.Found[string], err error) {
	for _, name := range fixtureActions {
		q.Action.Name = name
		if f.permits(q.Evaluation) {
			found.Items = append(found.Items, name)
		}
	}
	return found, nil
}

const testEndpoint = "https://pdp.example"

// serving is the API over decisions; its callers show the token "good".
func serving(d catalog.Decisions) http.Handler {
	return New(Options{
		Decisions: func(catalog.Caller) catalog.Decisions { return d },
		Authenticate: func(r *http.Request) (catalog.Caller, error) {
			if r.Header.Get("Authorization") != "Bearer good" {
				return catalog.Caller{}, errors.New("the signature of eyJhbGciOi is wrong")
			}
			return catalog.Caller{Subject: "gateway"}, nil
		},
		Endpoint: testEndpoint,
	})
}

// ask posts a body; headers come in pairs and go over those that are usual.
func ask(h http.Handler, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer good")
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
