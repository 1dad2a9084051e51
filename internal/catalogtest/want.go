package catalogtest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// refusal asks for an error of the code and returns it.
func refusal(t *testing.T, err error, code catalog.Code) *catalog.Error {
	t.Helper()
	var refused *catalog.Error
	if !errors.As(err, &refused) {
		t.Fatalf("got error %v, want a *catalog.Error of code %s", err, code)
	}
	if refused.Code != code {
		t.Fatalf("got code %s, want %s: %v", refused.Code, code, err)
	}
	return refused
}

// wantCode asks for an error of the code.
func wantCode(t *testing.T, err error, code catalog.Code) {
	t.Helper()
	_ = refusal(t, err, code) // only its code matters here
}

// as asks for an object of the type.
func as[O catalog.Object](t *testing.T, object catalog.Object) O {
	t.Helper()
	o, ok := object.(O)
	if !ok {
		t.Fatalf("got %T, want %T", object, o)
	}
	return o
}

// wantProblem asks for an error of the code with this problem among others.
func wantProblem(t *testing.T, err error, code catalog.Code, field, rule string) catalog.Problem {
	t.Helper()
	return wantIn(t, refusal(t, err, code).Problems, field, rule)
}

// wantIn asks for a problem of the rule at the field, and that it says what
// is wrong.
func wantIn(t *testing.T, problems []catalog.Problem, field, rule string) catalog.Problem {
	t.Helper()
	i := slices.IndexFunc(problems, func(p catalog.Problem) bool { return p.Field == field && p.Rule == rule })
	if i < 0 {
		t.Fatalf("got problems %+v, want rule %s at %q", problems, rule, field)
	}
	if problems[i].Detail == "" {
		t.Errorf("got no detail with %s at %q, want a sentence", rule, field)
	}
	return problems[i]
}

// wantNone asks that nothing is wrong.
func wantNone(t *testing.T, problems []catalog.Problem) {
	t.Helper()
	if len(problems) > 0 {
		t.Fatalf("got problems %+v, want none", problems)
	}
}

// rules are the distinct "field rule" of problems, in order.
func rules(problems []catalog.Problem) []string {
	var names []string
	for _, p := range problems {
		names = append(names, p.Field+" "+p.Rule)
	}
	return slices.Compact(names)
}

// ids reads every page of a query and returns the ids in order.
func ids(t *testing.T, s catalog.Service, q catalog.Query) []string {
	t.Helper()
	found := []string{}
	for range 1000 {
		page, err := s.List(context.Background(), q)
		if err != nil {
			t.Fatalf("List %+v: %v", q, err)
		}
		for _, entry := range page.Entries {
			found = append(found, entry.Object.Ref().ID)
		}
		if page.Next == "" {
			return found
		}
		q.Cursor = page.Next
	}
	t.Fatalf("List %+v: got 1000 pages and no end", q)
	return nil
}

// verdict validates a proposal and returns its findings by reference.
func verdict(t *testing.T, s catalog.Service, p catalog.Proposal) map[catalog.Ref]catalog.Finding {
	t.Helper()
	v, err := s.Validate(context.Background(), p)
	if err != nil {
		t.Fatalf("Validate: got %v, want a verdict", err)
	}
	findings := map[catalog.Ref]catalog.Finding{}
	for _, f := range v.Findings {
		findings[f.Ref] = f
	}
	return findings
}
