package platformd

import (
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// authenticate says who asks, from the bearer token (RFC 6750 section 2.1)
// and nothing else in the request.
func (s *Server) authenticate(r *http.Request) (catalog.Caller, error) {
	scheme, credentials, err := authorization(r)
	if err != nil {
		return catalog.Caller{}, err
	}
	if !strings.EqualFold(scheme, "Bearer") {
		return catalog.Caller{}, unauthenticated("The Authorization header is not a bearer token: send \"Authorization: Bearer <token>\".")
	}
	return s.bearer(credentials, nil)
}

// bearer says who bears a token on a connection of this peer, nil for one
// without a client certificate. In development mode there are none.
func (s *Server) bearer(token string, _ *x509.Certificate) (catalog.Caller, error) {
	return s.tokens.caller(token)
}

// authorization is the scheme and the credentials of the one header.
func authorization(r *http.Request) (scheme, credentials string, err error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", "", unauthenticated("The request needs one Authorization header: send \"Authorization: Bearer <token>\".")
	}
	scheme, credentials, ok := strings.Cut(values[0], " ")
	if !ok {
		return "", "", unauthenticated("The Authorization header has no credentials: send \"Authorization: Bearer <token>\".")
	}
	return scheme, credentials, nil
}

// authenticateClient is authenticate, and takes a token as the password of
// Basic authentication (RFC 7617) as well: many clients of schema registries
// send nothing else. The user name is the token's subject, so that a log of
// somebody else's that has user names has the right ones.
func (s *Server) authenticateClient(r *http.Request) (catalog.Caller, error) {
	scheme, credentials, err := authorization(r)
	if err != nil || !strings.EqualFold(scheme, "Basic") {
		return s.authenticate(r)
	}
	// A browser sends a password that it once got with the requests of every
	// page. We never ask for one; this is for whoever typed it into an address.
	if err := new(http.CrossOriginProtection).Check(r); err != nil {
		return catalog.Caller{}, unauthenticated("The request comes from a page of another origin, which cannot use a password.")
	}
	decoded, err := base64.StdEncoding.DecodeString(credentials)
	// A subject may hold a colon, a token cannot.
	colon := strings.LastIndexByte(string(decoded), ':')
	if err != nil || colon < 0 {
		return catalog.Caller{}, unauthenticated("The Basic credentials are none: send the token's subject as user name and the token as password.")
	}
	caller, err := s.bearer(string(decoded[colon+1:]), nil)
	if err != nil {
		return catalog.Caller{}, err
	}
	if caller.Subject != string(decoded[:colon]) {
		return catalog.Caller{}, unauthenticated("The user name is not the subject of the token: send the token's subject as user name.")
	}
	return caller, nil
}

func unauthenticated(message string) error {
	return &catalog.Error{Code: catalog.CodeUnauthenticated, Message: message}
}
