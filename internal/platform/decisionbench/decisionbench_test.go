package decisionbench

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestDecisionsAreMadeAndNotRecorded: the reference decides, or it would measure
// nothing, and leaves no entry.
func TestDecisionsAreMadeAndNotRecorded(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), t.TempDir(), "token", slog.New(slog.DiscardHandler),
		&catalog.Domain{Name: "alpha", DisplayName: "A", Discipline: catalog.DisciplineOther, Contact: "a@enclave.example", Team: map[string]catalog.Member{"a": {Role: catalog.RoleOwner}}},
		&catalog.Product{Domain: "alpha", Name: "low", Title: "L", Version: "1.0.0", Marking: "SECRET//REL TO USA, FVEY"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	before, err := s.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for country, want := range map[string]string{"GBR": `{"decision":true}`, "DEU": `{"decision":false,"context":{"reason":"not_releasable"}}`} {
		r := httptest.NewRequest(http.MethodPost, "/access/v1/evaluation", strings.NewReader(`{"subject":{"type":"user","id":"x","properties":{"clearance":"S","countryOfAffiliation":["`+country+`"],
			"fineAccessControls":[],"dutyOrganization":"`+country+`.MOD","employmentType":"gov"}},"action":{"name":"read"},"resource":{"type":"product","id":"alpha/low"}}`))
		r.Header.Set("Authorization", "Bearer token")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Body.String() != want {
			t.Errorf("%s: got %d %s, want %s", country, w.Code, w.Body, want)
		}
	}
	after, err := s.store.Head(t.Context())
	if err != nil || after.Size() != before.Size() {
		t.Errorf("the log has %d entries after %d, %v", after.Size(), before.Size(), err)
	}
}
