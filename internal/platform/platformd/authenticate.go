package platformd

import (
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// authenticate says who asks, from the bearer token (RFC 6750 section 2.1), the
// client certificate of the connection, and nothing else of the request.
func (s *Server) authenticate(r *http.Request) (catalog.Caller, error) {
	if peer := peerOf(r); peer != nil && len(r.Header.Values("Authorization")) == 0 {
		return s.service(r, peer)
	}
	scheme, credentials, err := authorization(r)
	if err != nil {
		return catalog.Caller{}, err
	}
	if !strings.EqualFold(scheme, "Bearer") {
		return catalog.Caller{}, unauthenticated("The Authorization header is not a bearer token: send \"Authorization: Bearer <token>\".")
	}
	return s.bearer(credentials, peerOf(r))
}

// bearer says who bears a token, "" for none, on a connection of this peer: the
// client's certificate, whose key the TLS handshake proved; nil for none. In
// development mode there is no TLS, and a certificate does not count.
func (s *Server) bearer(token string, peer *x509.Certificate) (catalog.Caller, error) {
	return s.tokens.caller(token, peer)
}

// peerOf is the client's certificate of the connection itself, nil for none. A
// header that tells of one, as a proxy writes it, is anybody's to write.
func peerOf(r *http.Request) *x509.Certificate {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[0]
}

// service says which service asks, from its certificate alone.
func (s *Server) service(r *http.Request, peer *x509.Certificate) (catalog.Caller, error) {
	// A browser sends a certificate that it once got with the requests of
	// every page.
	if err := new(http.CrossOriginProtection).Check(r); err != nil {
		return catalog.Caller{}, unauthenticated("The request comes from a page of another origin, which cannot use a certificate.")
	}
	return s.bearer("", peer)
}

// authorization is the scheme and the credentials of the one header.
func authorization(r *http.Request) (scheme, credentials string, err error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", "", unauthenticated("The request needs one Authorization header: send \"Authorization: Bearer <token>\".")
	}
	scheme, credentials, ok := strings.Cut(values[0], " ")
	if !ok || credentials == "" { // of a service, it would be the service itself
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
	if err != nil || colon < 0 || colon+1 == len(decoded) { // no password is no token
		return catalog.Caller{}, unauthenticated("The Basic credentials are none: send the token's subject as user name and the token as password.")
	}
	caller, err := s.bearer(string(decoded[colon+1:]), peerOf(r))
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
