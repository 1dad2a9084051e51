package platformd

import (
	"context"
	"net/http"
	"slices"
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
	return s.tokens.caller(token)
}

func unauthenticated(message string) error {
	return &catalog.Error{Code: catalog.CodeUnauthenticated, Message: message}
}

// checkReady asks whether the database answers.
func (s *Server) checkReady(ctx context.Context) error {
	return s.store.View(ctx, func(store.Reader) error { return nil })
}

// readIns are those published control systems, compartments and others that an
// administrator holds. Unpublished ones have no end; an administrator is let in
// to them by the platform all the same.
var readIns = []string{
	"SI", "SI-EU", "SI-G", "SI-NK", "TK", "TK-BLFH", "TK-IDIT", "TK-KAND", "HCS", "HCS-O", "HCS-P",
	"RD", "FRD", "TFNI", "DCNI", "UCNI", "Q", "CNWDI", "NATO", "ATOMAL", "BALK", "BOHEMIA", "ND",
}

// administrator is who the ready file's token speaks for: cleared for all
// that the vocabulary knows.
func administrator(v *marking.Vocabulary) devissuer.Claims {
	return devissuer.Claims{
		Subject:       "dev-administrator",
		Administrator: true,
		Attributes: marking.Subject{
			Clearance:            "TS",
			CountryOfAffiliation: []string{"USA"},
			FineAccessControls:   slices.DeleteFunc(slices.Clone(readIns), func(r string) bool { return !v.KnownReadIn(r) }),
			DutyOrganization:     "USA.DEV",
			EmploymentType:       "gov",
		},
	}
}
