package platformd

import (
	"crypto/x509"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// bearer says who bears a token that came by another way than the connection's
// own Authorization header. peer is the certificate of the connection that the
// token was shown on, nil when there was none; tokens of the development issuer
// are bound to none.
func (s *Server) bearer(token string, _ *x509.Certificate) (catalog.Caller, error) {
	return s.tokens.caller(token)
}
