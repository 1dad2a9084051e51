package platformd

import (
	"context"
	"net/http"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/devissuer"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/httpapi"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

func (s *Server) handler() http.Handler {
	api := httpapi.New(httpapi.Options{
		Services:     s.platform.As,
		Authenticate: s.authenticate,
		Ready:        s.checkReady,
		Log:          s.config.Log,
	})
	return s.config.Wrap(onlyLoopbackNames(api))
}

// authenticate says who asks, from the bearer token (RFC 6750 section 2.1)
// and nothing else in the request.
func (s *Server) authenticate(r *http.Request) (catalog.Caller, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return catalog.Caller{}, unauthenticated("The request needs one Authorization header: send \"Authorization: Bearer <token>\".")
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return catalog.Caller{}, unauthenticated("The Authorization header is not a bearer token: send \"Authorization: Bearer <token>\".")
	}
	return s.issuer.Verify(token)
}

func unauthenticated(message string) error {
	return &catalog.Error{Code: catalog.CodeUnauthenticated, Message: message}
}

// checkReady asks whether the database answers.
func (s *Server) checkReady(ctx context.Context) error {
	return s.store.View(ctx, func(store.Reader) error { return nil })
}

// administrator is who the ready file's token speaks for.
func administrator(*marking.Vocabulary) devissuer.Claims {
	return devissuer.Claims{
		Subject:       "dev-administrator",
		Administrator: true,
		Attributes: marking.Subject{
			Clearance:            "TS",
			CountryOfAffiliation: []string{"USA"},
			FineAccessControls:   []string{"SI", "TK", "HCS"},
			DutyOrganization:     "USA.DEV",
			EmploymentType:       "gov",
		},
	}
}
