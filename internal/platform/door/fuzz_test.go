package door_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/door"
)

// FuzzAccepted: what is accepted is one of the types, and the header has
// something that holds it.
func FuzzAccepted(f *testing.F) {
	types := []string{"application/vnd.schemaregistry.v1+json", "application/json"}
	for _, header := range []string{
		"", "*/*", "application/json", "application/vnd.schemaregistry.v1+json, application/json", "text/html, */*;q=0.1", "application/*;q=0, application/json;q=0.5",
		"application/json;q=NaN", "application/json;q=1e400", ",,;", "APPLICATION/JSON", "*", `application/json;x="`,
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := door.Accepted(&http.Request{Header: http.Header{"Accept": {header}}}, types...)
		switch {
		case got == "":
			if slices.Contains(types, header) || strings.TrimSpace(header) == "" {
				t.Errorf("%q takes nothing, want %q", header, types)
			}
		case !slices.Contains(types, got):
			t.Errorf("%q takes %q, which is none of %q", header, got, types)
		case strings.TrimSpace(header) != "" && !strings.ContainsAny(header, "*") && !strings.Contains(strings.ToLower(header), got):
			t.Errorf("%q takes %q, which it does not list", header, got)
		}
	})
}
