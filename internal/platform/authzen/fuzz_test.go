package authzen

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"unicode/utf8"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// FuzzDecode: whatever is posted to any path is refused as the caller's fault,
// or it is read, and then every question is whole and within its bounds.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		aliceReads, `{}`, `{"evaluations":[{},{"subject":{"type":"user","id":"bob"}},7]}`, `{"evaluations":[],` + aliceReads[1:],
		`{"options":{"evaluations_semantic":"deny_on_first_deny"},"evaluations":[` + aliceReads + `]}`,
		`{"subject":{"type":"user"},"action":{"name":"read"},"resource":{"type":"record","id":"record-1"},"page":{"limit":1,"token":"x"}}`,
		`{"subject":{"type":"user","id":"a","properties":{"clearance":"TS","countryOfAffiliation":["USA"],"x":1e400}},"action":null}`,
		"{\"subject\":{\"type\":\"\xff\"}}", `{"page":{"limit":99999999999}}`, `{"context":{"a":{"b":[{"c":null}]}}}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for path, route := range routes {
			r, err := decode(body, route.shape)
			if err != nil {
				faulted(t, err)
				continue
			}
			if len(r.items) > catalog.MaxEvaluations || !r.semantic.Known() || r.page != nil && (r.page.limit < 0 || r.page.limit > catalog.MaxLimit) {
				t.Errorf("%s: got %+v", path, r)
			}
			if len(r.items) == 0 {
				whole(t, r.Evaluation, route.shape.open)
			}
			for _, i := range r.items {
				if i.fault == "" {
					whole(t, i.Evaluation, "")
				}
			}
		}
	})
}

// faulted fails unless the error is a refusal with a status below 500.
func faulted(t *testing.T, err error) {
	t.Helper()
	a := refusal(httptest.NewRequest(http.MethodPost, Prefix, nil), err)
	known, refused := (*catalog.Error)(nil), (*wire.Refusal)(nil)
	if !errors.As(err, &known) && !errors.As(err, &refused) || a.Status < 400 || a.Status >= 500 || !utf8.Valid(a.Body) {
		t.Errorf("got %v", err)
	}
}

func whole(t *testing.T, e catalog.Evaluation, open string) {
	t.Helper()
	for name, text := range map[string]string{
		"subject": e.Subject.ID, "subject type": e.Subject.Type, "action": e.Action.Name, "resource": e.Resource.ID, "resource type": e.Resource.Type,
	} {
		if (text == "") != (name == open) || len(text) > maxText || !utf8.ValidString(text) {
			t.Errorf("%s is %q", name, text)
		}
	}
}
