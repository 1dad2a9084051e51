package platformd

import (
	"errors"
	"net/http"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/devissuer"
)

// TestTokenConfusion sends what is no single bearer token.
func TestTokenConfusion(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	token := s.Ready().Token
	for name, values := range map[string][]string{
		"nothing":                  nil,
		"empty":                    {""},
		"no scheme":                {token},
		"basic":                    {"Basic " + token},
		"two tokens in one header": {"Bearer " + token + ", Bearer " + token},
		"a good and a bad header":  {"Bearer " + token, "Bearer forged"},
		"a bad and a good header":  {"Bearer forged", "Bearer " + token},
		"two spaces":               {"Bearer  " + token},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Endpoint()+"/api/v1/domains", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header["Authorization"] = values
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: got %d, want %d", name, response.StatusCode, http.StatusUnauthorized)
		}
	}
	// RFC 9110 section 11.1: the scheme is compared without case.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Endpoint()+"/api/v1/domains", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("lower-case scheme: got %d, want %d", response.StatusCode, http.StatusOK)
	}
}

func TestHostGuardIsInPlace(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	for _, path := range []string{"/healthz", "/api/v1/domains", "/"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Endpoint()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "evil.example"
		request.Header.Set("Authorization", "Bearer "+s.Ready().Token)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("%s: got %d, want %d", path, response.StatusCode, http.StatusMisdirectedRequest)
		}
	}
}

func TestCallersAreToldApart(t *testing.T) {
	t.Parallel()
	s := start(t, Config{DataDir: t.TempDir()})
	token, err := s.Mint(devissuer.Claims{Subject: "b.river"})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := ask(t, "PUT", s.Endpoint()+"/api/v1/domains/sigint", token, sigint); got != http.StatusForbidden {
		t.Errorf("a domain put by somebody: got %d, want %d", got, http.StatusForbidden)
	}
	if _, err := s.As(catalog.Caller{}).List(t.Context(), catalog.Query{Kind: catalog.KindDomain}); !errors.Is(err, catalog.ErrUnauthenticated) {
		t.Errorf("nobody: got %v, want %v", err, catalog.ErrUnauthenticated)
	}
}

// TestAdministratorHoldsEveryReadIn keeps the list in step with the embedded
// vocabulary.
func TestAdministratorHoldsEveryReadIn(t *testing.T) {
	t.Parallel()
	v := marking.Default()
	for _, readIn := range readIns {
		if !v.KnownReadIn(readIn) {
			t.Errorf("%s is no read-in of vocabulary %s", readIn, v.Version())
		}
	}
	subject := administrator(v).Attributes
	request := marking.Request{Action: marking.ActionDownload, DisseminationList: []string{subject.DutyOrganization}}
	for _, text := range []string{
		"TOP SECRET//SI-G/TK//ORCON/NOFORN", "TOP SECRET//HCS-P/SI/TK//ORCON/NOFORN", "SECRET//FGI NATO//REL TO USA, NATO", "UNCLASSIFIED",
	} {
		m, err := v.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := v.Access(m, &subject, request); !got.Permit {
			t.Errorf("%s: got %+v, want a permit", text, got)
		}
	}
}
