package extauthz

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
)

// The headers that an upstream may believe: the Envoy sets them, and takes away
// what a client sent under these names.
const (
	SubjectHeader     = "x-datamesh-subject"
	ObligationsHeader = "x-datamesh-obligations" // with commas between them
	ownHeaders        = "x-datamesh-"
)

// identities are the headers by which upstreams and proxies tell each other who
// somebody is. None of them was verified here.
var identities = []string{
	"authorization", "proxy-authorization", "x-forwarded-client-cert", "x-client-cert", "x-ssl-client-cert",
	"remote-user", "x-remote-user", "x-forwarded-user", "x-forwarded-email", "x-forwarded-groups", "x-forwarded-preferred-username",
	"x-forwarded-access-token", "x-auth-request-user", "x-auth-request-email", "x-auth-request-groups", "x-authenticated-user", "x-user", "x-webauth-user",
}

// others are the headers by which some servers take another path or method than
// those of the request, which were decided on. An Envoy that rewrites paths writes
// x-envoy-original-path after it has asked us, and only where there is none.
var others = []string{
	"x-original-url", "x-original-uri", "x-rewrite-url", "x-forwarded-uri", "x-forwarded-path", "x-envoy-original-path",
	"x-http-method", "x-http-method-override", "x-method-override", "x-original-method", "x-forwarded-method",
}

// permitted lets the request through as the subject's.
func permitted(subject string, obligations []string, seen headers) *authv3.CheckResponse {
	set := []*corev3.HeaderValueOption{header(SubjectHeader, visible(subject))}
	remove := slices.Concat(identities, others)
	if len(obligations) > 0 {
		set = append(set, header(ObligationsHeader, strings.Join(obligations, ",")))
	}
	for name := range seen {
		// Envoy sets first and removes then, so what is set is not removed.
		if name != SubjectHeader && (name != ObligationsHeader || len(obligations) == 0) && misread(name) {
			remove = append(remove, name)
		}
	}
	slices.Sort(remove)
	remove = slices.Compact(remove)
	return &authv3.CheckResponse{
		Status:       &rpcstatus.Status{Code: int32(codes.OK)},
		HttpResponse: &authv3.CheckResponse_OkResponse{OkResponse: &authv3.OkHttpResponse{Headers: set, HeadersToRemove: remove}},
	}
}

// misread reports whether a server may take a header for one that nobody but the
// Envoy writes: where headers become variables of an environment (RFC 3875
// section 4.1.18), "_" and "-" are one, at some servers every other sign too.
func misread(name string) bool {
	plain := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, name)
	return strings.HasPrefix(plain, ownHeaders) || slices.Contains(identities, plain) || slices.Contains(others, plain)
}

func header(name, value string) *corev3.HeaderValueOption {
	return &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}
}

// visible is a subject as a header may hold it: escaped when something in it
// could be read as more than one.
func visible(subject string) string {
	for _, b := range []byte(subject) {
		if b <= ' ' || b >= 0x7f || b == ',' || b == '%' {
			return url.PathEscape(subject)
		}
	}
	return subject
}

// forbidden is a denial that says nothing.
func forbidden() *authv3.CheckResponse {
	return denied(codes.PermissionDenied, &authv3.DeniedHttpResponse{Status: &typev3.HttpStatus{Code: typev3.StatusCode_Forbidden}})
}

// unauthorized asks for a token (RFC 6750 section 3).
func unauthorized() *authv3.CheckResponse {
	return denied(codes.Unauthenticated, &authv3.DeniedHttpResponse{
		Status:  &typev3.HttpStatus{Code: typev3.StatusCode_Unauthorized},
		Headers: []*corev3.HeaderValueOption{header("www-authenticate", `Bearer realm="datamesh"`)},
	})
}

func denied(code codes.Code, response *authv3.DeniedHttpResponse) *authv3.CheckResponse {
	return &authv3.CheckResponse{
		Status:       &rpcstatus.Status{Code: int32(code)}, //nolint:gosec // one of 17 codes
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: response},
	}
}

// statusOf is the HTTP status that the client will see; of a permit, 200.
func statusOf(r *authv3.CheckResponse) int {
	if d := r.GetDeniedResponse(); d != nil {
		return int(d.GetStatus().GetCode())
	}
	return http.StatusOK
}
