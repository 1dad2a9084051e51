package platformtest

import (
	"net/http"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
)

func TestProduction(t *testing.T) {
	t.Parallel()
	p := StartProduction(t)
	for name, c := range map[string]struct {
		client *http.Client
		token  string
		want   int
	}{
		"a token of the discovered issuer": {p.Client(), p.IDP.Token(identitytest.User("ana")), http.StatusOK},
		"a token of the key file's issuer": {p.Client(), p.Partner.Token(identitytest.User("bob")), http.StatusOK},
		"a service":                        {p.Client(p.PKI.Client(Pipeline)), "", http.StatusOK},
		"a service that acts for somebody": {p.Client(p.PKI.Client(Portal)), p.IDP.Token(identitytest.User("ana")), http.StatusOK},
		"nobody":                           {p.Client(), "", http.StatusUnauthorized},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Endpoint+"/api/v1/domains", nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.token != "" {
			request.Header.Set("Authorization", "Bearer "+c.token)
		}
		response, err := c.client.Do(request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("%s: got %d, want %d", name, response.StatusCode, c.want)
		}
	}
}
