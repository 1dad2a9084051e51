package door_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
)

// TestLogNamesWhoActs: the line of a request says who called, and which service
// acted for whom.
func TestLogNamesWhoActs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		caller catalog.Caller
		want   string
	}{
		"a user alone":   {catalog.Caller{Subject: "ana"}, `subject=ana via=""`},
		"with a service": {catalog.Caller{Subject: "ana", Via: &catalog.Caller{Subject: "dns/portal"}}, "subject=ana via=dns/portal"},
	} {
		authenticate := func(*http.Request) (catalog.Caller, error) { return c.caller, nil }
		s, log := streaming(t, door.Options{Authenticate: authenticate}, func(_ *http.Request, _ catalog.Caller, s *door.Stream) error {
			_, err := s.Begin(http.StatusOK, nil)
			return err
		})
		if _, _, err := read(t, s); err != nil {
			t.Fatal(err)
		}
		if got := log.whole(); !strings.Contains(got, c.want) {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
