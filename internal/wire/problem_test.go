package wire

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

func TestCodesAndStatusesAreOneTable(t *testing.T) {
	t.Parallel()
	for _, code := range []catalog.Code{
		catalog.CodeInvalid, catalog.CodeUnauthenticated, catalog.CodeForbidden, catalog.CodeNotFound, catalog.CodeConflict,
		catalog.CodePreconditionFailed, catalog.CodeTooLarge, catalog.CodeTooManyRequests, catalog.CodeUnavailable, catalog.CodeInternal,
	} {
		want := &catalog.Error{Code: code, Message: "What happened.", RequestID: "r-1",
			Problems: []catalog.Problem{{Field: "/a", Rule: "r", Detail: "d", Fix: "f"}}}
		problem := ProblemOf(want, "/api/v1/x", "r-1")
		got, err := DecodeProblem(problem.Status, EncodeProblem(problem))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", code, err, diff)
		}
		if problem.Title == "" {
			t.Errorf("%s: no title", code)
		}
	}
}

// TestInnerErrorsStayInside: what a service fails with may hold what the
// caller must not see.
func TestInnerErrorsStayInside(t *testing.T) {
	t.Parallel()
	for _, err := range []error{errors.New("open /var/lib/secret.db: token=abc"), &catalog.Error{Code: "secret", Message: "secret"}} {
		problem := ProblemOf(err, "/p", "r")
		if problem.Status != http.StatusInternalServerError || problem.Code != catalog.CodeInternal || strings.Contains(string(EncodeProblem(problem)), "secret") {
			t.Errorf("got %+v, want an internal error without the cause", problem)
		}
	}
}

func TestForeignProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
	}{
		{404, `<html>not found</html>`},
		{404, `{}`},
		{404, `{"type":"about:blank","title":"Not Found","status":404}`},             // another server's
		{404, `{"type":"x","title":"t","status":404,"code":"conflict"}`},             // the code is of another status
		{404, `{"type":"x","title":"t","status":409,"code":"not_found"}`},            // the status is another
		{412, `{"type":"x","title":"t","status":412,"code":"precondition_failed!"}`}, // no such code
		{404, `{"type":"x","title":"t","status":404,"code":"not_found","code":"conflict"}`},
		{500, `null`},
	} {
		if got, err := DecodeProblem(c.status, []byte(c.body)); err == nil {
			t.Errorf("%s: got %+v, want it refused", c.body, got)
		}
	}
}
