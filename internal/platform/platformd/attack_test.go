package platformd_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// knock sends one request with these header lines, and answers with status and
// body; 0 when there was no answer.
func knock(t *testing.T, client *http.Client, method, url, body string, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Add(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(raw)
}

func bearer(token string) string { return "Authorization: Bearer " + token }

// list asks for the domains.
func list(t *testing.T, p *platformtest.Production, client *http.Client, headers ...string) int {
	t.Helper()
	status, _ := knock(t, client, http.MethodGet, p.Endpoint+"/api/v1/domains", "", headers...)
	return status
}

// anew asks for the domains on a connection of its own, and closes it: one address
// has a share of them.
func anew(t *testing.T, p *platformtest.Production, certificate tls.Certificate) int {
	t.Helper()
	client := p.Client(certificate)
	defer client.CloseIdleConnections()
	return list(t, p, client)
}

// patience bounds every wait of a test. It is for a loaded machine, and nothing
// is asserted of how long things take.
const patience = 2 * time.Minute

// await asks until the answer is this one.
func await(t *testing.T, what string, want int, ask func() int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for got := ask(); got != want; got = ask() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: got %d, want %d", what, got, want)
		}
		time.Sleep(20 * time.Millisecond) // between two looks
	}
}

// unsigned is a token whose last part is this one.
func unsigned(header, payload map[string]any, signature string) string {
	encode := func(v map[string]any) string {
		raw, _ := json.Marshal(v) // texts and numbers
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	return encode(header) + "." + encode(payload) + "." + signature
}

// good is the payload of a token that lacks nothing but a signature.
func good(issuer string) map[string]any {
	now := time.Now().Unix()
	return map[string]any{"iss": issuer, "sub": "ana", "aud": identitytest.Audience, "iat": now, "nbf": now, "exp": now + 3600, "groups": []string{"mesh-administrators"}}
}

// TestAttackAlgNone: a token without a signature is none, however it spells it.
func TestAttackAlgNone(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	kid := p.IDP.Key().KeyID
	for _, algorithm := range []string{"none", "None", "NONE", ""} {
		for _, signature := range []string{"", "AA", strings.Split(p.IDP.Token(identitytest.User("ana")), ".")[2]} {
			token := unsigned(map[string]any{"alg": algorithm, "kid": kid, "typ": "JWT"}, good(p.IDP.URL), signature)
			if got := list(t, p, p.Client(), bearer(token)); got != http.StatusUnauthorized {
				t.Errorf("alg %q, signature %q: got %d, want 401", algorithm, signature, got)
			}
		}
	}
}

// TestAttackKeyConfusion: a public key, which everybody has, is not the secret
// of an HMAC, in whatever form it is taken for one.
func TestAttackKeyConfusion(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := jose.JSONWebKey{Key: key.Public(), KeyID: "rsa", Use: "sig"}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{public}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "rsa.jwks")
	identitytest.Replace(t, file, set)
	const name = "https://rsa.example"
	p := platformtest.StartProduction(t, func(f *configfile.File) {
		f.Issuers = append(f.Issuers, configfile.Issuer{Issuer: name, Name: "rsa", JWKSFile: file, Audiences: []string{identitytest.Audience}, Algorithms: []string{"RS256"}})
	})
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	text, err := public.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	claims := identitytest.User("ana").With("iss", name)
	for form, secret := range map[string][]byte{
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "DER": der, "JWK": text, "modulus": key.N.Bytes(), "key set": set,
	} {
		for _, algorithm := range []jose.SignatureAlgorithm{jose.HS256, jose.HS512} {
			token := p.IDP.Signed(jose.JSONWebKey{Key: append(secret, bytes.Repeat([]byte{0}, max(0, 64-len(secret)))...), KeyID: "rsa"}, algorithm, "JWT", claims)
			if got := list(t, p, p.Client(), bearer(token)); got != http.StatusUnauthorized {
				t.Errorf("%s with the %s: got %d, want 401", algorithm, form, got)
			}
		}
	}
	honest := jose.JSONWebKey{Key: key, KeyID: "rsa"}
	if got := list(t, p, p.Client(), bearer(p.IDP.Signed(honest, jose.RS256, "JWT", claims))); got != http.StatusOK {
		t.Errorf("the key itself: got %d, want 200", got)
	}
	if got := list(t, p, p.Client(), bearer(p.IDP.Signed(honest, jose.PS256, "JWT", claims))); got != http.StatusUnauthorized {
		t.Errorf("an algorithm of the key that is not allowed: got %d, want 401", got)
	}
}

// TestAttackForgedTokens: each lacks one thing, and all but the last are
// refused.
func TestAttackForgedTokens(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	user, now := identitytest.User("ana"), time.Now()
	stranger, other := identitytest.NewFileIssuer(t, p.IDP.URL).Key(), p.Partner.Key()
	home := p.IDP.Key()
	renamed := stranger
	renamed.KeyID = home.KeyID
	carried := jose.JSONWebKey{Key: stranger.Key} // without an id, go-jose writes the key itself into the header
	for name, token := range map[string]string{
		"an unknown kid":                      p.IDP.Signed(stranger, jose.ES256, "JWT", user),
		"a known kid over another key":        p.IDP.Signed(renamed, jose.ES256, "JWT", user),
		"the kid and key of another issuer":   p.IDP.Signed(other, jose.ES256, "JWT", user),
		"another issuer's name":               p.IDP.Signed(home, jose.ES256, "JWT", user.With("iss", p.Partner.URL)),
		"an unknown issuer":                   p.IDP.Token(user.With("iss", "https://idp.evil.example")),
		"an issuer by another spelling":       p.IDP.Token(user.With("iss", p.IDP.URL+"/")),
		"no issuer":                           p.IDP.Token(user.With("iss", "")),
		"a key in the header":                 p.IDP.Signed(carried, jose.ES256, "JWT", user),
		"expired":                             p.IDP.Token(user.With("exp", now.Add(-identity.Leeway-time.Second).Unix())),
		"no end":                              p.IDP.Token(user.With("exp", json.RawMessage("null"))),
		"an end that is a text":               p.IDP.Token(user.With("exp", "9999999999")),
		"an end before all calendars":         p.IDP.Token(user.With("exp", -1)),
		"a beginning that is a text":          p.IDP.Token(user.With("nbf", "0")),
		"a beginning that is none":            p.IDP.Token(user.With("nbf", json.RawMessage("null"))),
		"one audience that is a number":       p.IDP.Token(user.With("aud", []any{identitytest.Audience, 7})),
		"groups that are numbers":             p.IDP.Token(user.With("groups", []any{"sigint", 7})),
		"groups in a list":                    p.IDP.Token(user.With("groups", []any{[]string{"sigint"}})),
		"another token within":                p.IDP.Token(user.With("padding", nil)) + "." + p.IDP.Token(user),
		"an end beyond all calendars":         p.IDP.Token(user.With("exp", 1e300)),
		"not yet valid":                       p.IDP.Token(user.With("nbf", now.Add(identity.Leeway+time.Hour).Unix())),
		"issued in the future":                p.IDP.Token(user.With("iat", now.Add(identity.Leeway+time.Hour).Unix())),
		"another audience":                    p.IDP.Token(user.With("aud", "other")),
		"a part of our audience":              p.IDP.Token(user.With("aud", []string{"data", "mesh", "datamesh2"})),
		"no audience":                         p.IDP.Token(user.With("aud", []string{})),
		"no subject":                          p.IDP.Token(user.With("sub", "")),
		"a subject that is a list":            p.IDP.Token(user.With("sub", []string{"ana"})),
		"a subject that cannot be seen":       p.IDP.Token(user.With("sub", "ana\u200b")),
		"a clearance that is a list":          p.IDP.Token(user.With("clearance", []string{"S", "TS"})),
		"a clearance that is a number":        p.IDP.Token(user.With("clearance", 5)),
		"groups that are an object":           p.IDP.Token(user.With("groups", map[string]any{"mesh-administrators": true})),
		"an ID token of another type":         p.IDP.Signed(home, jose.ES256, "logout+jwt", user),
		"an ID token, by its hash of another": p.IDP.Signed(home, jose.ES256, "JWT", user.With("at_hash", "77QmUPtjPfzWtF2AnpK9RQ").With("nonce", "n")),
		"an ID token, by its hash of a code":  p.IDP.Signed(home, jose.ES256, "JWT", user.With("c_hash", "LDktKdoQak3Pk0cnXxCltA")),
		"an ID token of Keycloak":             p.IDP.Signed(home, jose.ES256, "JWT", user.With("typ", "ID")),
		"a refresh token of Keycloak":         p.IDP.Signed(home, jose.ES256, "JWT", user.With("typ", "Refresh")),
		"an offline token of Keycloak":        p.IDP.Signed(home, jose.ES256, "JWT", user.With("typ", "Offline")),
		"an ID token of Cognito":              p.IDP.Signed(home, jose.ES256, "JWT", user.With("token_use", "id")),
		"a type within that is a list":        p.IDP.Signed(home, jose.ES256, "JWT", user.With("typ", []string{"ID"})),
		"a logout token": p.IDP.Signed(home, jose.ES256, "JWT", user.With("events",
			map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}})),
		"bound to a key that cannot be seen": p.IDP.Token(user.With("cnf", map[string]any{"jkt": "x"})),
		"bound to nothing":                   p.IDP.Token(user.With("cnf", map[string]any{})),
		"too long":                           p.IDP.Token(user.With("padding", strings.Repeat("x", identity.MaxToken))),
		"a changed letter":                   flipped(p.IDP.Token(user)),
	} {
		if got := list(t, p, p.Client(), bearer(token)); got != http.StatusUnauthorized {
			t.Errorf("%s: got %d, want 401", name, got)
		}
	}
	for name, token := range map[string]string{
		"nothing is wrong":            p.IDP.Token(user),
		"an access token of Keycloak": p.IDP.Signed(home, jose.ES256, "JWT", user.With("typ", "Bearer")),
		"JWT as the type":             p.IDP.Signed(home, jose.ES256, "JWT", user),
		"one audience among others":   p.IDP.Token(user.With("aud", []string{"other", identitytest.Audience})),
		"an end with a fraction":      p.IDP.Token(user.With("exp", float64(now.Unix())+600.5)),
		"expired within the leeway":   p.IDP.Token(user.With("exp", now.Add(-identity.Leeway/2).Unix())),
		"a list of one as a text":     p.IDP.Token(user.With("groups", "sigint").With("aud", identitytest.Audience)),
		"no clearance":                p.IDP.Token(user.With("clearance", nil)),
	} {
		if got := list(t, p, p.Client(), bearer(token)); got != http.StatusOK {
			t.Errorf("%s: got %d, want 200", name, got)
		}
	}
	late := p.IDP.Token(user.With("exp", time.Now().Add(-identity.Leeway/10).Unix())) // by now: the others took their time
	if got := list(t, p, p.Client(), bearer(late)); got != http.StatusOK {
		t.Errorf("expired within the leeway: got %d, want 200", got)
	}
}

// TestAttackIDTokenWhereTypesAreTold: where an issuer tells the types apart (RFC
// 9068), a token of another type is none, however good its signature.
func TestAttackIDTokenWhereTypesAreTold(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t, func(f *configfile.File) { f.Issuers[0].TokenTypes = []string{"at+jwt"} })
	for typ, want := range map[string]int{"at+jwt": 200, "AT+JWT": 200, "application/at+jwt": 200, "JWT": 401, "jwt": 401, "id+jwt": 401} {
		if got := list(t, p, p.Client(), bearer(p.IDP.Signed(p.IDP.Key(), jose.ES256, typ, identitytest.User("ana")))); got != want {
			t.Errorf("%s: got %d, want %d", typ, got, want)
		}
	}
	if got := list(t, p, p.Client(), bearer(untyped(t, p.IDP))); got != http.StatusUnauthorized {
		t.Errorf("no type: got %d, want 401", got)
	}
	if got := list(t, p, p.Client(), bearer(p.Partner.Signed(p.Partner.Key(), jose.ES256, "JWT", identitytest.User("bob")))); got != http.StatusOK {
		t.Errorf("another issuer's: got %d, want 200", got)
	}
}

// untyped is a token that says nothing of its type.
func untyped(t *testing.T, issuer *identitytest.Issuer) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: issuer.Key()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(good(issuer.URL)).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// flipped changes one letter of the payload.
func flipped(token string) string {
	i := strings.IndexByte(token, '.') + 20
	letter := byte('A')
	if token[i] == letter {
		letter = 'B'
	}
	return token[:i] + string(letter) + token[i+1:]
}

// TestAttackTwoMeanings: a token whose header or payload says a thing twice is
// refused although its signature is good, and so is one with an extension that
// is not understood.
func TestAttackTwoMeanings(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	sign := func(payload string, options *jose.SignerOptions) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: p.IDP.Key()}, options)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := signer.Sign([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		token, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	raw, err := json.Marshal(good(p.IDP.URL))
	if err != nil {
		t.Fatal(err)
	}
	payload := string(raw)
	plain := func() *jose.SignerOptions { return (&jose.SignerOptions{}).WithType("JWT") }
	for name, c := range map[string]struct {
		token string
		want  int
	}{
		"as it should be":         {sign(payload, plain()), 200},
		"two subjects":            {sign(strings.Replace(payload, "{", `{"sub":"root",`, 1), plain()), 401},
		"two ends":                {sign(strings.Replace(payload, "{", `{"exp":9999999999,`, 1), plain()), 401},
		"text behind":             {sign(payload+"{}", plain()), 401},
		"a critical part":         {sign(payload, plain().WithHeader("crit", []string{"http://example/x"}).WithHeader("http://example/x", true)), 401},
		"a kid that is a number":  {sign(payload, plain().WithHeader("kid", 7)), 401},
		"a token within":          {sign(p.IDP.Token(identitytest.User("ana")), plain().WithContentType("JWT")), 401},
		"two clearances":          {sign(strings.Replace(payload, "{", `{"clearance":"S","clearance":"TS",`, 1), plain()), 401},
		"two of a claim within":   {sign(strings.Replace(payload, "{", `{"mesh":{"countries":["GBR"],"countries":["USA"]},`, 1), plain()), 401},
		"compressed":              {sign(payload, plain().WithHeader("zip", "DEF")), 401},
		"no type at all":          {sign(payload, &jose.SignerOptions{}), 200}, // RFC 7519 section 5.1: it is optional
		"an empty type":           {sign(payload, plain().WithType("")), 401},
		"a type that is a number": {sign(payload, plain().WithHeader("typ", 7)), 401},
		"a logout token":          {sign(payload, plain().WithType("logout+jwt")), 401},
	} {
		if got := list(t, p, p.Client(), bearer(c.token)); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

// TestAttackSubjectOfAnotherIssuer: sub is unique within its issuer only. The
// second issuer cannot make members of the first one's teams, nor its groups,
// and nobody can be a service by a token.
func TestAttackSubjectOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t, func(f *configfile.File) {
		f.Issuers[1].Claims.AdministratorGroup = ""
	})
	domain := &catalog.Domain{Name: "sigint", DisplayName: "S", Discipline: catalog.DisciplineSIGINT, Contact: "s@enclave.example", Team: map[string]catalog.Member{
		"ana": {Role: catalog.RoleOwner}, "partner/bob": {Role: catalog.RoleOwner}, platformtest.Portal: {Role: catalog.RoleOwner},
	}}
	if _, err := p.Admin().Put(t.Context(), domain, catalog.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	const change = `{"title":"T","version":"1.0.0","marking":"UNCLASSIFIED"}`
	put := func(client *http.Client, headers ...string) int {
		status, _ := knock(t, client, http.MethodPut, p.Endpoint+"/api/v1/domains/sigint/products/x?dry_run=true", change, headers...)
		return status
	}
	user := identitytest.User
	for name, c := range map[string]struct {
		got  int
		want int
	}{
		"the member":                         {put(p.Client(), bearer(p.IDP.Token(user("ana")))), 200},
		"the same subject of another issuer": {put(p.Client(), bearer(p.Partner.Token(user("ana")))), 403},
		"the other issuer's member":          {put(p.Client(), bearer(p.Partner.Token(user("bob")))), 200},
		"that subject of the first issuer":   {put(p.Client(), bearer(p.IDP.Token(user("bob")))), 403},
		"with the other issuer's name":       {put(p.Client(), bearer(p.IDP.Token(user("partner/bob")))), 401},
		"with the name twice":                {put(p.Client(), bearer(p.Partner.Token(user("partner/bob")))), 401},
		"the service":                        {put(p.Client(p.PKI.Client(platformtest.Portal))), 200},
		"a token that names the service":     {put(p.Client(), bearer(p.IDP.Token(user(platformtest.Portal)))), 401},
		"the group of administrators":        {put(p.Client(), bearer(p.IDP.Token(user("root", "mesh-administrators")))), 200},
		"that group of another issuer":       {put(p.Client(), bearer(p.Partner.Token(user("root", "mesh-administrators")))), 403},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %d, want %d", name, c.got, c.want)
		}
	}
}

// TestAttackReplayedBoundToken: a token that is bound to a certificate (RFC
// 8705) is nothing on another connection.
func TestAttackReplayedBoundToken(t *testing.T) {
	t.Parallel()
	p := platformtest.StartProduction(t)
	own, person, portal := p.PKI.Client("laptop-1.enclave.example"), p.PKI.Client("Ana Stone"), p.PKI.Client(platformtest.Portal)
	bound := func(c tls.Certificate) string {
		return bearer(p.IDP.Token(identitytest.User("ana").With("cnf", map[string]any{"x5t#S256": identity.Thumbprint(c.Leaf)})))
	}
	token := bound(own)
	for range 2 { // the second time from what the server remembers
		for name, c := range map[string]struct {
			client *http.Client
			header string
			want   int
		}{
			"its own connection":           {p.Client(own), token, 200},
			"a connection without one":     {p.Client(), token, 401},
			"a connection of somebody":     {p.Client(person), token, 401},
			"a connection of a service":    {p.Client(portal), token, 401},
			"a new certificate, same name": {p.Client(p.PKI.Client("laptop-1.enclave.example")), token, 401},
			"a person's own":               {p.Client(person), bound(person), 200},
			"that of the service itself":   {p.Client(portal), bound(portal), 200},
		} {
			if got := list(t, p, c.client, c.header); got != c.want {
				t.Errorf("%s: got %d, want %d", name, got, c.want)
			}
		}
	}
}
