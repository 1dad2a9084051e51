package extauthz

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// check decides on one request of a trusted Envoy. Whose request it is and the
// error, which says why there was nothing to decide on, are for the log.
func (s *server) check(ctx context.Context, sender catalog.Caller, r *authv3.CheckRequest) (*authv3.CheckResponse, catalog.Caller, error) {
	attributes := r.GetAttributes()
	seen, err := headersOf(attributes.GetRequest().GetHttp())
	if err != nil {
		return forbidden(), catalog.Caller{}, err
	}
	peer, err := certificate(attributes.GetSource().GetCertificate())
	if err != nil {
		return forbidden(), catalog.Caller{}, err
	}
	token, err := seen.token()
	if err != nil || token == "" && peer == nil {
		return unauthorized(), catalog.Caller{}, errors.Join(err, errToken)
	}
	user, err := s.Bearer(token, peer)
	if err != nil {
		return unauthorized(), catalog.Caller{}, err
	}
	asked, err := question(attributes, seen, user.Subject)
	if err != nil {
		return forbidden(), user, err
	}
	d, err := s.decide(ctx, sender, user, asked)
	if err != nil || !d.Permit {
		return forbidden(), user, err
	}
	return permitted(user.Subject, d.Obligations, seen), user, nil
}

// decide lets the user in only where the Envoy is as well, and where the service
// is that acts for the user in front of it, if one does: the data goes through
// both. Each is a decision of its own.
func (s *server) decide(ctx context.Context, sender, user catalog.Caller, asked catalog.Evaluation) (catalog.Decision, error) {
	through := []*catalog.Caller{&sender}
	if user.Via != nil {
		through = append(through, user.Via)
	}
	var obligations []string
	for _, service := range through {
		user.Via, user.RequestID = service, sender.RequestID
		d, err := s.Decisions(user).Evaluate(ctx, asked)
		if err != nil || !d.Permit {
			return catalog.Decision{}, err
		}
		obligations = append(obligations, d.Obligations...)
	}
	slices.Sort(obligations)
	return catalog.Decision{Permit: true, Obligations: slices.Compact(obligations)}, nil
}

// question is what the request asks for. One that would become a connection of
// another protocol reads nothing: what goes through it then, nobody decides on.
func question(attributes *authv3.AttributeContext, seen headers, subject string) (catalog.Evaluation, error) {
	route := attributes.GetContextExtensions()
	e := catalog.Evaluation{
		Subject:  catalog.Entity{Type: catalog.EntityUser, ID: subject},
		Action:   catalog.Operation{Name: string(marking.ActionRead)},
		Resource: catalog.Entity{Type: catalog.EntityProduct, ID: route["product"]},
		Purpose:  route["purpose"],
		Whole:    true, // an Envoy leaves out no records
	}
	if action, says := route["action"]; says {
		e.Action.Name = action
	}
	request := attributes.GetRequest().GetHttp()
	if m := request.GetMethod(); m != http.MethodGet && m != http.MethodHead {
		e.Action.Name = "method:" + m // known to nobody, denied and recorded
	}
	if _, upgrades := seen["upgrade"]; upgrades {
		e.Action.Name = "upgrade" // as well
	}
	if _, says := route["product"]; !says {
		id, err := productOf(request.GetPath())
		if err != nil {
			return catalog.Evaluation{}, err
		}
		e.Resource.ID = id
	}
	return e, nil
}

var (
	errPath        = errors.New("the path does not plainly name a product")
	errHeaders     = errors.New("the headers are not those of one request")
	errToken       = errors.New("there is not one bearer token, or certificate in its place")
	errCertificate = errors.New("the certificate of the connection is none")
)

// productOf reads /data/{domain}/{product}/…. What a server behind the Envoy
// might read otherwise names none: dot segments and empty ones, backslashes,
// whatever of these is written as an escape, and what is no UTF-8, in which "/" may
// be hidden as more bytes than it has.
func productOf(target string) (string, error) {
	path, _, _ := strings.Cut(target, "?")
	if !plain.MatchString(path) || ambiguous.MatchString(path) {
		return "", errPath
	}
	if decoded, err := url.PathUnescape(path); err != nil || !utf8.ValidString(decoded) {
		return "", errPath
	}
	parts := strings.Split(path, "/")
	if len(parts) < 4 || parts[0] != "" || parts[1] != "data" {
		return "", errPath
	}
	for _, part := range parts[1:max(2, len(parts)-1)] { // the last one may be empty
		if part == "" {
			return "", errPath
		}
	}
	id := parts[2] + "/" + parts[3]
	if catalog.KindProduct.CheckID(id) != nil {
		return "", errPath
	}
	return id, nil
}

var (
	// plain is the characters of a path (RFC 3986 section 3.3) without ";",
	// which starts parameters at some servers.
	plain = regexp.MustCompile(`^(/([A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})*)+$`)
	// ambiguous is a segment of dots, and the escapes of ".", "/", "\", "%",
	// ";" and control characters.
	ambiguous = regexp.MustCompile(`(?i)/\.{1,2}(/|$)|%(2e|2f|5c|25|3b|[01][0-9a-f]|7f)`)
)

// headers are the request's, by lower-case name.
type headers map[string][]string

// headersOf takes the headers in the one form in which they came. Names are in
// lower case, as HTTP/2 has them: two names that differ in case are two headers
// here and one behind the Envoy.
func headersOf(r *authv3.AttributeContext_HttpRequest) (headers, error) {
	if len(r.GetHeaders()) > 0 && len(r.GetHeaderMap().GetHeaders()) > 0 {
		return nil, errHeaders
	}
	seen := headers{}
	for name, value := range r.GetHeaders() {
		seen[name] = append(seen[name], value)
	}
	for _, h := range r.GetHeaderMap().GetHeaders() {
		value := h.GetValue()
		if raw := h.GetRawValue(); len(raw) > 0 {
			value = string(raw)
		}
		seen[h.GetKey()] = append(seen[h.GetKey()], value)
	}
	for name := range seen {
		if !headerName.MatchString(name) {
			return nil, errHeaders
		}
	}
	return seen, nil
}

// headerName is a token of RFC 9110 in lower case, or a pseudo-header.
var headerName = regexp.MustCompile("^:?[a-z0-9!#$%&'*+.^_`|~-]+$")

// token is the bearer token (RFC 6750 section 2.1), "" for none. Envoy joins headers of one
// name with commas, which no token has.
func (h headers) token() (string, error) {
	values := h["authorization"]
	switch len(values) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", errToken
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || !bearer.MatchString(token) {
		return "", errToken
	}
	return token, nil
}

var bearer = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// certificate reads the URL-encoded PEM of one certificate, nil when there is
// no text.
func certificate(text string) (*x509.Certificate, error) {
	if text == "" {
		return nil, nil
	}
	decoded, err := url.PathUnescape(text)
	if err != nil {
		return nil, errCertificate
	}
	block, _ := pem.Decode([]byte(decoded))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errCertificate
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errCertificate
	}
	return parsed, nil
}
