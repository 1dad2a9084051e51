package platformd

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/auditapi"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/authzen"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/devissuer"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/extauthz"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/httpapi"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/opa"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/registryapi"
)

func (s *Server) handler() http.Handler {
	api := httpapi.New(httpapi.Options{
		Services:     s.platform.As,
		Vocabularies: s.platform.Vocabularies,
		Authenticate: s.authenticate,
		Ready:        s.checkReady,
		Log:          s.config.Log,
	})
	registry := registryapi.New(registryapi.Options{
		Registries:       s.platform.Registry,
		Authenticate:     s.authenticateClient,
		IncompatibleCode: s.config.IncompatibleCode,
		Version:          s.config.Version,
		Log:              s.config.Log,
	})
	access := authzen.New(authzen.Options{
		Decisions:    s.platform.Decisions,
		Authenticate: s.authenticate,
		Endpoint:     s.Endpoint(),
		Log:          s.config.Log,
	})
	log, engines, envoys, data := s.auditHandler(), s.queryEngines(), s.envoys(), s.gateway()
	doors := s.metered(api, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case registryapi.Serves(r):
			registry.ServeHTTP(w, r)
		case authzen.Serves(r):
			access.ServeHTTP(w, r)
		case opa.Serves(r):
			engines.ServeHTTP(w, r)
		case extauthz.Serves(r):
			envoys.ServeHTTP(w, r)
		case auditapi.Serves(r):
			log.ServeHTTP(w, r)
		case gateway.Serves(r):
			data.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	}))
	if s.config.Dev {
		doors = onlyLoopbackNames(doors)
	}
	return s.requests.counted(s.config.Wrap(doors))
}

// checkReady asks whether an act could be recorded, and the record signed, and
// whether what callers are verified by is in order.
func (s *Server) checkReady(ctx context.Context) error {
	return errors.Join(s.store.Ready(ctx), s.log.trouble(), s.strangers(), s.checkWords(ctx), s.keepers.trouble())
}

// readIns are those published control systems, compartments and others that an
// administrator holds. Unpublished ones have no end; an administrator is let in
// to them by the platform all the same.
var readIns = []string{
	"SI", "SI-EU", "SI-G", "SI-NK", "TK", "TK-BLFH", "TK-IDIT", "TK-KAND", "HCS", "HCS-O", "HCS-P",
	"RD", "FRD", "TFNI", "DCNI", "UCNI", "Q", "CNWDI", "NATO", "ATOMAL", "BALK", "BOHEMIA", "ND",
}

// devAdministrator is the subject of the ready file's token.
const devAdministrator = "dev-administrator"

// administrator is who the ready file's token speaks for: cleared for all
// that the vocabulary knows, nil for the embedded one.
func administrator(v *marking.Vocabulary) devissuer.Claims {
	if v == nil {
		v = marking.Default()
	}
	return devissuer.Claims{
		Subject:       devAdministrator,
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
