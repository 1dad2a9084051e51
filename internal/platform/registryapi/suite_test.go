package registryapi_test

import (
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/registryapi"
	"github.com/meshwright/terraform-provider-datamesh/internal/registrytest"
)

// TestSuiteOverHTTP holds the registry, reached through this API, to the suite
// that holds the platform itself: the API loses nothing that it can carry.
func TestSuiteOverHTTP(t *testing.T) {
	t.Parallel()
	registrytest.TestRegistry(t, func(t *testing.T) registrytest.Fixture {
		_, name, _ := strings.Cut(t.Name(), "/")
		if why, ok := beyondHTTP[name]; ok {
			t.Skip(why)
		}
		p := platformtest.Start(t)
		return registrytest.Fixture{As: p.Service, Registry: func(c catalog.Caller) catalog.Registry {
			return &remote{endpoint: p.Endpoint + registryapi.Prefix, token: p.TokenFor(c)}
		}}
	})
}

// beyondHTTP are the scenes that ask for what Confluent's API has no form for.
var beyondHTTP = map[string]string{
	"nobody_may_do_nothing":                      "no token is of a caller without a subject",
	"settings_hold_for_what_has_none_of_its_own": "of the whole registry, the API says what holds and not what is set",
	"nobody_chooses_numbers_without_an_import":   "-1 is no number in the API, as in Confluent's clients",
}
