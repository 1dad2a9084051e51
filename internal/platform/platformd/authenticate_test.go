package platformd

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/devissuer"
)

// knock sends a request to the schema registry and returns its status.
func knock(t *testing.T, s running, method, path, authorization string, headers ...string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.Endpoint()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", authorization)
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if strings.Contains(strings.ToLower(response.Header.Get("WWW-Authenticate")), "basic") {
		t.Errorf("%s %s: got the challenge %q, which makes browsers remember passwords", method, path, response.Header.Get("WWW-Authenticate"))
	}
	return response.StatusCode
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// TestTokenAsPassword: the registry's clients that know Basic only come in with
// their token, and with nothing else.
func TestTokenAsPassword(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	token := s.Ready().Token
	colon, err := s.Mint(devissuer.Claims{Subject: "svc:reader"})
	if err != nil {
		t.Fatal(err)
	}
	const root = "/schema-registry/"
	for name, c := range map[string]struct {
		path, authorization string
		want                int
	}{
		"bearer":                        {root, "Bearer " + token, 200},
		"nothing":                       {root, "", 401},
		"basic":                         {root, basic("dev-administrator", token), 200},
		"basic in lower case":           {root, "basic" + strings.TrimPrefix(basic("dev-administrator", token), "Basic"), 200},
		"subject with a colon":          {root, basic("svc:reader", colon), 200},
		"somebody else's name":          {root, basic("a.stone", token), 401},
		"a part of the name":            {root, basic("reader", colon), 401},
		"no name":                       {root, basic("", token), 401},
		"name and token changed places": {root, basic(token, "dev-administrator"), 401},
		"no password":                   {root, basic("dev-administrator", ""), 401},
		"forged":                        {root, basic("dev-administrator", token+"x"), 401},
		"no colon":                      {root, "Basic " + base64.StdEncoding.EncodeToString([]byte(token)), 401},
		"not base64":                    {root, "Basic dev-administrator:" + token, 401},
		"base64 and more":               {root, basic("dev-administrator", token) + "!", 401},
		"the other API takes no Basic":  {"/api/v1/domains", basic("dev-administrator", token), 401},
	} {
		if got := knock(t, s, http.MethodGet, c.path, c.authorization); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

// TestPasswordOfABrowser: a page of another origin cannot ride on a password
// that a browser remembers.
func TestPasswordOfABrowser(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	password, bearer := basic("dev-administrator", s.Ready().Token), "Bearer "+s.Ready().Token
	const target = "/schema-registry/no/such/path"
	for _, header := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example", "Origin: null"} {
		if got := knock(t, s, http.MethodPost, target, password, header); got != http.StatusUnauthorized {
			t.Errorf("%s: got %d, want 401", header, got)
		}
		if got := knock(t, s, http.MethodPost, target, bearer, header); got != http.StatusNotFound {
			t.Errorf("%s with a token: got %d, want 404", header, got)
		}
	}
	if got := knock(t, s, http.MethodPost, target, password, "Origin: "+s.Endpoint()); got != http.StatusNotFound {
		t.Errorf("of the same origin: got %d, want 404", got)
	}
}

// TestDoorsAreApart: what looks like the path of one door does not open another.
func TestDoorsAreApart(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	token := "Bearer " + s.Ready().Token
	for path, want := range map[string]int{
		"/schema-registry": 200, "/schema-registry/": 200, "/schema-registryx": 404, "/schema-registrysubjects": 404, "/Schema-registry/": 404, "/%73chema-registry/": 404,
		"//schema-registry/": 404, "/schema-registry/healthz": 404, "/schema-registry/api/v1/domains": 404, "/schema-registry/../readyz": 404,
		"/api/v1/../../schema-registry/": 404,
	} {
		if got := knock(t, s, http.MethodGet, path, token); got != want {
			t.Errorf("%s: got %d, want %d", path, got, want)
		}
	}
	if got := knock(t, s, http.MethodGet, "/readyz", ""); got != http.StatusOK {
		t.Errorf("/readyz: got %d, want 200", got)
	}
}

func TestUnknownIncompatibleCode(t *testing.T) {
	t.Parallel()
	if _, err := Open(t.Context(), Config{Dev: true, IncompatibleCode: 200}); err == nil || !strings.Contains(err.Error(), "40901") {
		t.Errorf("got %v, want the choices", err)
	}
}

// FuzzAuthorization: no header but those made with the token lets anybody in.
func FuzzAuthorization(f *testing.F) {
	issuer, err := devissuer.Open(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	s := &Server{issuer: issuer, tokens: newTokens(maxTokens, developer(issuer))}
	token, err := issuer.Mint(devissuer.Claims{Subject: "a.stone"}, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	if _, err := s.tokens.caller(token, nil); err != nil { // it is remembered
		f.Fatal(err)
	}
	for _, header := range []string{"Bearer x", "Basic YTpi", "Basic", "bearer a.b.c", "Basic " + strings.Repeat("A", 9000), "Basic Og==", "Negotiate x"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		request := &http.Request{Method: http.MethodPost, Header: http.Header{"Authorization": {header}}}
		for _, authenticate := range []func(*http.Request) (catalog.Caller, error){s.authenticate, s.authenticateClient} {
			caller, err := authenticate(request)
			if !errors.Is(err, catalog.ErrUnauthenticated) || caller.Subject != "" {
				t.Errorf("%q: got %+v, %v", header, caller, err)
			}
		}
		if len(s.tokens.known) != 1 {
			t.Errorf("%q: %d tokens are remembered", header, len(s.tokens.known))
		}
	})
}
