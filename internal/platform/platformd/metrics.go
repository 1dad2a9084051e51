package platformd

import (
	"net/http"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/auditapi"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/authzen"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/extauthz"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/metrics"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/opa"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/registryapi"
	"github.com/meshwright/terraform-provider-datamesh/internal/wire"
)

// The doors by which metrics tell requests apart. otherDoor is every path that
// belongs to none, so that nobody makes labels by asking.
const (
	registryDoor = "registry"
	accessDoor   = "access"
	engineDoor   = "query-engine"
	envoyDoor    = "envoy"
	auditDoor    = "audit"
	dataDoor     = "data"
	apiDoor      = "api"
	probeDoor    = "probe"
	otherDoor    = "other"
)

// metered counts the requests that doors serve, and serves the numbers at
// [metrics.Path]; whoever may not read them is served by unknown, as for a path
// that does not exist.
func (s *Server) metered(unknown, doors http.Handler) http.Handler {
	numbers := metrics.New(doorOf, registryDoor, accessDoor, engineDoor, envoyDoor, auditDoor, dataDoor, apiDoor, probeDoor, otherDoor)
	served := numbers.Handler(metrics.Options{Authenticate: s.authenticate, Otherwise: unknown, Log: s.config.Log})
	return numbers.Count(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.EscapedPath() == metrics.Path {
			served.ServeHTTP(w, r)
			return
		}
		doors.ServeHTTP(w, r)
	}))
}

func doorOf(r *http.Request) string {
	path := r.URL.EscapedPath()
	switch {
	case registryapi.Serves(r):
		return registryDoor
	case authzen.Serves(r):
		return accessDoor
	case opa.Serves(r):
		return engineDoor
	case extauthz.Serves(r):
		return envoyDoor
	case auditapi.Serves(r):
		return auditDoor
	case gateway.Serves(r):
		return dataDoor
	case strings.HasPrefix(path, wire.Prefix):
		return apiDoor
	case path == "/healthz", path == "/readyz":
		return probeDoor
	}
	return otherDoor
}
