package platformd

import (
	"net/http"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/opa"
)

// queryEngines is the door for query engines.
func (s *Server) queryEngines() http.Handler {
	return opa.New(opa.Options{
		Decisions: s.platform.Decisions,
		Portions:  s.platform.PortionDecisions,
		Catalogue: s.platform.As,
		Trusted:   s.platform.EnforcementPoint,
		// The user's certificate ends at the engine: a token that is bound to
		// one is not good here.
		Bearer:       func(token string) (catalog.Caller, error) { return s.bearer(token, nil) },
		Vocabulary:   func() *marking.Vocabulary { return s.config.Vocabulary },
		Authenticate: s.authenticate,
		Log:          s.config.Log,
	})
}
