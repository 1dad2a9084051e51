package extauthz_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// mesh is a platform with one product that a British analyst may read, one that
// he may look at only, and one that is hidden from him.
func mesh(t *testing.T) *platformtest.Platform {
	t.Helper()
	return platformtest.StartSIGINT(t,
		&catalog.Product{Domain: "sigint", Name: "tracks", Title: "Tracks", Version: "1.0.0", Marking: "SECRET//REL TO USA, FVEY"},
		&catalog.Product{Domain: "sigint", Name: "shown", Title: "Shown", Version: "1.0.0", Marking: "SECRET//DISPLAY ONLY GBR"},
		&catalog.Product{Domain: "sigint", Name: "source", Title: "Source", Version: "1.0.0", Marking: "TOP SECRET//SI//NOFORN"},
	)
}

var british = platformtest.Briton()

// dial is a client as Envoy has one, without TLS as in development mode.
func dial(t testing.TB, p *platformtest.Platform) authv3.AuthorizationClient {
	t.Helper()
	connection, err := grpc.NewClient(strings.TrimPrefix(p.Endpoint, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return authv3.NewAuthorizationClient(connection)
}

// as is a context with the Envoy's own token.
func as(ctx context.Context, token string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

// request is one as Envoy sends it; edits change it.
func request(token, path string, edits ...func(*authv3.AttributeContext)) *authv3.CheckRequest {
	attributes := &authv3.AttributeContext{
		Source: &authv3.AttributeContext_Peer{},
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Id: "one", Method: "GET", Path: path, Host: "data.enclave.example",
			Headers: map[string]string{":method": "GET", ":path": path, "authorization": "Bearer " + token, "x-datamesh-role": "owner", "x-forwarded-user": "ann"},
		}},
	}
	for _, edit := range edits {
		edit(attributes)
	}
	return &authv3.CheckRequest{Attributes: attributes}
}

func route(keysAndValues ...string) func(*authv3.AttributeContext) {
	return func(a *authv3.AttributeContext) {
		a.ContextExtensions = map[string]string{}
		for i := 0; i+1 < len(keysAndValues); i += 2 {
			a.ContextExtensions[keysAndValues[i]] = keysAndValues[i+1]
		}
	}
}

func headers(edit func(map[string]string)) func(*authv3.AttributeContext) {
	return func(a *authv3.AttributeContext) { edit(a.Request.Http.Headers) }
}

func method(m string) func(*authv3.AttributeContext) {
	return func(a *authv3.AttributeContext) { a.Request.Http.Method = m }
}

// check returns what an Envoy is told: the status of the request and the headers
// that are set and removed.
func check(t *testing.T, client authv3.AuthorizationClient, ctx context.Context, r *authv3.CheckRequest) (string, *authv3.CheckResponse) {
	t.Helper()
	answer, err := client.Check(ctx, r)
	if err != nil {
		return "failed: " + err.Error(), nil
	}
	if d := answer.GetDeniedResponse(); d != nil {
		if codes.Code(answer.GetStatus().GetCode()) == codes.OK || d.GetBody() != "" {
			t.Errorf("a denial has status %v and body %q", answer.GetStatus(), d.GetBody())
		}
		return fmt.Sprint(int(d.GetStatus().GetCode())), answer
	}
	var set []string
	for _, h := range answer.GetOkResponse().GetHeaders() {
		if h.GetAppendAction() != corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			t.Errorf("%v is added to what the client sent", h)
		}
		set = append(set, h.GetHeader().GetKey()+"="+h.GetHeader().GetValue())
	}
	return fmt.Sprintf("%v %s", codes.Code(answer.GetStatus().GetCode()), strings.Join(set, " ")), answer
}

// TestEnvoyOverTheNetwork: what Envoy sends over gRPC, what it is told, and
// that each decision is in the log under the request's id.
func TestEnvoyOverTheNetwork(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	client, envoy, brit := dial(t, p), as(t.Context(), p.Token), p.TokenFor(british)
	raw := func(a *authv3.AttributeContext) {
		h := a.Request.Http
		h.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "authorization", RawValue: []byte(h.Headers["authorization"])}}}
		h.Headers = nil
	}
	for _, c := range []struct {
		name string
		r    *authv3.CheckRequest
		want string
	}{
		{"by its path", request(brit, "/data/sigint/tracks/geojson/2026/%20a?b=%2F"), "OK x-datamesh-subject=brit"},
		{"without a port", request(brit, "/data/sigint/tracks/"), "OK x-datamesh-subject=brit"},
		{"HEAD", request(brit, "/data/sigint/tracks/geojson", method("HEAD")), "OK x-datamesh-subject=brit"},
		{"by its route", request(brit, "/anything//at/../all", route("product", "sigint/tracks", "action", "download", "virtual_host", "x")), "OK x-datamesh-subject=brit"},
		{"raw headers", request(brit, "/data/sigint/tracks/geojson", raw), "OK x-datamesh-subject=brit"},
		{"obligations", request(brit, "/data/sigint/shown/geojson", route("product", "sigint/shown", "action", "display")), "OK x-datamesh-subject=brit x-datamesh-obligations=no_copy,no_export"},
		{"look only", request(brit, "/data/sigint/shown/geojson"), "403"},
		{"hidden", request(brit, "/data/sigint/source/geojson"), "403"},
		{"absent", request(brit, "/data/sigint/nothing/geojson"), "403"},
		{"a route to nothing", request(brit, "/data/sigint/tracks/geojson", route("product", "")), "403"},
		{"an action of tomorrow", request(brit, "/data/sigint/tracks/geojson", route("action", "train")), "403"},
		{"write", request(brit, "/data/sigint/tracks/geojson", method("PUT")), "403"},
		{"write by a route that reads", request(brit, "/", method("POST"), route("product", "sigint/tracks", "action", "read")), "403"},
	} {
		before := int64(len(p.Entries(0)))
		got, answer := check(t, client, envoy, c.r)
		entries := p.Entries(before)
		if got != c.want || len(entries) != 1 || entries[0].RequestID != "one" || entries[0].Consumer.Sub != "brit" {
			t.Errorf("%s: got %s and the entries %+v, want %s", c.name, got, entries, c.want)
		}
		if remove := answer.GetOkResponse().GetHeadersToRemove(); strings.HasPrefix(got, "OK") && c.name == "by its path" &&
			(!slices.Contains(remove, "authorization") || !slices.Contains(remove, "x-datamesh-role") || !slices.Contains(remove, "x-forwarded-user") || slices.Contains(remove, "x-datamesh-subject")) {
			t.Errorf("%s: the upstream is spared %q", c.name, remove)
		}
	}
}

// TestAttackOnTheUserOfAnEnvoy: what is not one good token of one user is
// nobody's request.
func TestAttackOnTheUserOfAnEnvoy(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	client, envoy, brit := dial(t, p), as(t.Context(), p.Token), p.TokenFor(british)
	set := func(name, value string) func(*authv3.AttributeContext) {
		return headers(func(h map[string]string) { h[name] = value })
	}
	for _, c := range []struct {
		name string
		r    *authv3.CheckRequest
		want string
	}{
		{"no token", request("", "/data/sigint/tracks/x"), "401"},
		{"no header", request(brit, "/data/sigint/tracks/x", headers(func(h map[string]string) { delete(h, "authorization") })), "401"},
		{"a forged token", request(brit[:len(brit)-4]+"AAAA", "/data/sigint/tracks/x"), "401"},
		{"two tokens joined", request(brit+",Bearer "+p.Token, "/data/sigint/tracks/x"), "401"},
		{"two tokens with a space", request(brit+" "+p.Token, "/data/sigint/tracks/x"), "401"},
		{"another scheme", request(brit, "/data/sigint/tracks/x", set("authorization", "Basic "+brit)), "401"},
		{"header smuggling by case", request(brit, "/data/sigint/tracks/x", set("Authorization", "Bearer "+p.Token)), "403"},
		{"header smuggling by a line break", request(brit, "/data/sigint/tracks/x", set("x\r\nauthorization", "Bearer "+p.Token)), "403"},
		{"two sets of headers", request(brit, "/data/sigint/tracks/x", func(a *authv3.AttributeContext) {
			a.Request.Http.HeaderMap = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "authorization", RawValue: []byte("Bearer " + p.Token)}}}
		}), "403"},
		{"two raw tokens", request(brit, "/data/sigint/tracks/x", func(a *authv3.AttributeContext) {
			h := &corev3.HeaderValue{Key: "authorization", RawValue: []byte("Bearer " + brit)}
			a.Request.Http.HeaderMap, a.Request.Http.Headers = &corev3.HeaderMap{Headers: []*corev3.HeaderValue{h, h}}, nil
		}), "401"},
		{"clearance in the body", request(brit, "/data/sigint/source/x", route("product", "sigint/source", "clearance", "TS", "subject", "ann"), set("x-datamesh-subject", "ann"), set("x-clearance", "TS")), "403"},
		{"a principal that nobody verified", request("", "/data/sigint/tracks/x", func(a *authv3.AttributeContext) { a.Source.Principal = "spiffe://enclave.example/admin" }), "401"},
		{"a certificate that is none", request(brit, "/data/sigint/tracks/x", func(a *authv3.AttributeContext) { a.Source.Certificate = "-----BEGIN%20CERTIFICATE" }), "403"},
		{"no request", &authv3.CheckRequest{}, "401"},
	} {
		if got, _ := check(t, client, envoy, c.r); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// TestAttackByAnEnvoyThatIsNone: only an enforcement point is answered, and
// whoever is none is told so by a denial, which no Envoy lets through.
func TestAttackByAnEnvoyThatIsNone(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	client, brit := dial(t, p), p.TokenFor(british)
	brokers := british
	brokers.Groups = []string{"enforcement-points", "brokers"}
	for name, ctx := range map[string]context.Context{
		"no token": t.Context(), "a forged token": as(t.Context(), p.Token[:len(p.Token)-4]+"AAAA"), "a user": as(t.Context(), brit),
		"a user in groups": as(t.Context(), p.TokenFor(brokers)), "two tokens": as(as(t.Context(), p.Token), p.Token),
	} {
		if got, _ := check(t, client, ctx, request(brit, "/data/sigint/tracks/x")); got != "403" {
			t.Errorf("%s: got %s, want 403", name, got)
		}
	}
}

// TestAttackMessagesOfStrangers: who is no enforcement point is denied before a
// byte of its message is read, or anybody could have the platform hold as many
// megabytes as it takes streams.
func TestAttackMessagesOfStrangers(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	for name, token := range map[string]string{"no token": "", "a forged token": p.Token + "x", "a user": p.TokenFor(british)} {
		frame, status, err := withoutMessage(t, transport, p.Endpoint, token)
		var answer authv3.CheckResponse
		if err != nil || len(frame) < 5 || proto.Unmarshal(frame[5:], &answer) != nil || answer.GetDeniedResponse().GetStatus().GetCode() != http.StatusForbidden {
			t.Errorf("%s: got %q, %v, want a denial", name, frame, err)
		}
		if status != "0" {
			t.Errorf("%s: got status %q, want an answer and no failure", name, status)
		}
	}
}

// withoutMessage asks for a check whose message does not come, and waits for the
// answer less long than a message is waited for.
func withoutMessage(t *testing.T, transport *http.Transport, endpoint, token string) (frame []byte, status string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	message, never := io.Pipe()
	defer func() { _ = never.Close() }()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/envoy.service.auth.v3.Authorization/Check", message)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/grpc")
	r.Header.Set("Authorization", "Bearer "+token)
	response, err := transport.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = response.Body.Close() }() // read to its end
	frame, err = io.ReadAll(response.Body)
	return frame, response.Trailer.Get("Grpc-Status"), err
}

// TestAttackPathTricks: a path that a server behind the Envoy could read as
// another one names no product.
func TestAttackPathTricks(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	client, envoy, brit := dial(t, p), as(t.Context(), p.Token), p.TokenFor(british)
	for _, path := range []string{
		"/data/sigint/source/../tracks/x", "/data/sigint/tracks/../source/x", "/data/sigint/tracks/x/..", "/data/sigint/tracks/./x",
		"/data/sigint/tracks/%2e%2e/source/x", "/data/sigint/tracks/.%2E/source", "/data/sigint/tracks/%252e%252e/source", "/data/sigint/tracks%2F..%2Fsource",
		"/data/sigint%2ftracks/x", "//data/sigint/tracks/x", "/data//sigint/tracks/x", "/data/sigint//tracks/x", "/data/sigint/tracks//x",
		`/data/sigint/tracks\..\source`, "/data/sigint/tracks/%5c..%5csource", "/data/sigint/tracks;/../source", "/data/sigint/tracks/x;y", "/data/sigint/tracks/%3b",
		"/data/sigint/tracks/x%00", "/data/sigint/tracks/x\n", "/data/sigint/tracks/%0d%0a", "/data/sigint/tracks/x#/../source", "/data/sigint/tracks/%",
		"/DATA/sigint/tracks/x", "/data/Sigint/tracks/x", "/data/s%69gint/tracks/x", "data/sigint/tracks/x", "http://x/data/sigint/tracks/x", "/data/sigint", "", "*",
		"/api/v1/data/sigint/tracks/x", "/data/sigint/trаcks/x", "/data/sigint/tracks/%c0%ae%c0%ae%c0%afsource", "/data/sigint/tracks/%ff",
	} {
		if got, _ := check(t, client, envoy, request(brit, path)); got != "403" {
			t.Errorf("%q: got %s, want 403", path, got)
		}
	}
}

// TestAttackIdentityWithUnderscores: servers that hand headers on as variables
// of an environment (RFC 3875) take "_" and "-" for one, some of them every other
// sign too. An upstream must not read a client's word there in place of ours.
func TestAttackIdentityWithUnderscores(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	client, envoy, brit := dial(t, p), as(t.Context(), p.Token), p.TokenFor(british)
	forged := []string{"x_datamesh_subject", "x-datamesh_subject", "x.datamesh.subject", "x_datamesh_obligations", "x_forwarded_user", "remote_user", "x_forwarded-client_cert"}
	kept := []string{"x_request_id", "user_agent", "accept"}
	got, answer := check(t, client, envoy, request(brit, "/data/sigint/shown/x", route("product", "sigint/shown", "action", "display"), headers(func(h map[string]string) {
		for _, name := range slices.Concat(forged, kept) {
			h[name] = "ann"
		}
	})))
	if !strings.HasPrefix(got, "OK x-datamesh-subject=brit") {
		t.Fatalf("got %s", got)
	}
	remove := answer.GetOkResponse().GetHeadersToRemove()
	for _, name := range forged {
		if !slices.Contains(remove, name) {
			t.Errorf("the upstream reads %s as the client wrote it", name)
		}
	}
	for _, name := range append(kept, "x-datamesh-subject", "x-datamesh-obligations") {
		if slices.Contains(remove, name) {
			t.Errorf("the upstream misses %s", name)
		}
	}
}

// TestAttackAnotherRequestInTheHeaders: what is decided on is what the upstream
// does. Headers by which some servers take another path or method for the
// request's are not passed on.
func TestAttackAnotherRequestInTheHeaders(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	client, envoy, brit := dial(t, p), as(t.Context(), p.Token), p.TokenFor(british)
	other := map[string]string{
		"x-original-url": "/data/sigint/source/x", "x-rewrite-url": "/data/sigint/source/x", "x_original_url": "/data/sigint/source/x",
		"x-http-method-override": "DELETE", "x-http-method": "PUT", "x-method-override": "PATCH",
		"x-envoy-original-path": "/data/sigint/source/x", "x-original-uri": "/data/sigint/source/x", "x-original-method": "DELETE",
		"x-forwarded-uri": "/data/sigint/source/x", "x-forwarded-path": "/data/sigint/source/x", "x-forwarded-method": "DELETE",
	}
	got, answer := check(t, client, envoy, request(brit, "/data/sigint/tracks/x", headers(func(h map[string]string) { maps.Copy(h, other) })))
	if got != "OK x-datamesh-subject=brit" {
		t.Fatalf("got %s", got)
	}
	for name := range other {
		if !slices.Contains(answer.GetOkResponse().GetHeadersToRemove(), name) {
			t.Errorf("the upstream gets %s", name)
		}
	}
}

// TestAttackReadThatBecomesATunnel: whatever goes through an upgraded connection
// is no read, and nobody decides on it.
func TestAttackReadThatBecomesATunnel(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	client, envoy, brit := dial(t, p), as(t.Context(), p.Token), p.TokenFor(british)
	for _, protocol := range []string{"websocket", "h2c", "TLS/1.0", "CONNECT-UDP", ""} {
		before := int64(len(p.Entries(0)))
		got, _ := check(t, client, envoy, request(brit, "/data/sigint/tracks/x", headers(func(h map[string]string) { h["upgrade"], h["connection"] = protocol, "upgrade" })))
		if entries := p.Entries(before); got != "403" || len(entries) != 1 || entries[0].Decision != "deny" {
			t.Errorf("upgrade to %q: got %s and the entries %+v, want a denial that is recorded", protocol, got, entries)
		}
	}
}

// TestAttackHiddenProductToldFromAbsent: an Envoy is told the same of both.
func TestAttackHiddenProductToldFromAbsent(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	client, envoy, brit := dial(t, p), as(t.Context(), p.Token), p.TokenFor(british)
	_, hidden := check(t, client, envoy, request(brit, "/data/sigint/source/x"))
	_, absent := check(t, client, envoy, request(brit, "/data/sigint/nothin/x"))
	if hidden.String() != absent.String() {
		t.Errorf("hidden %v, absent %v", hidden, absent)
	}
}

// TestAttackRecordsThatAProxyDoesNotFilter: where records carry marks of their
// own, the gateway leaves out those that the reader is not let in to. An Envoy
// would pass all of them on, so it is given none.
func TestAttackRecordsThatAProxyDoesNotFilter(t *testing.T) {
	t.Parallel()
	p := mesh(t)
	mixed := &catalog.Product{Domain: "sigint", Name: "mixed", Title: "Mixed", Version: "1.0.0", Marking: "SECRET//REL TO USA, FVEY",
		OutputPorts: map[string]catalog.OutputPort{
			"archive": {Type: catalog.PortHTTP, URL: "https://mixed.enclave.example/archive", ContentType: "text/csv"},
			"feed":    {Type: catalog.PortHTTP, URL: "https://mixed.enclave.example/feed", ContentType: "application/geo+json", RecordMarking: "marking"},
		}}
	if _, err := p.Admin().Put(t.Context(), mixed, catalog.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	client, envoy := dial(t, p), as(t.Context(), p.Token)
	for _, path := range []string{"/data/sigint/mixed/feed", "/data/sigint/mixed/archive", "/data/sigint/mixed"} {
		before := int64(len(p.Entries(0)))
		got, _ := check(t, client, envoy, request(p.TokenFor(british), path))
		if entries := p.Entries(before); got != "403" || len(entries) != 1 || strings.Join(entries[0].ReasonCodes, ",") != "record_marking" {
			t.Errorf("%s: got %s and the entries %+v, want a denial for the marks of its records", path, got, entries)
		}
	}
}
