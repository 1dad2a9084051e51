package client_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalogtest"
	"github.com/meshwright/terraform-provider-datamesh/internal/client"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/httpapi"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// remote is the catalogue of a platform through one client and one server, as
// a caller with this token sees it.
func remote(t *testing.T, endpoint, token string) catalog.Service {
	t.Helper()
	hc, err := client.NewHTTPClient(client.Options{Token: token, UserAgent: "datamesh-test/1"})
	if err != nil {
		t.Fatalf("NewHTTPClient: %v", err)
	}
	t.Cleanup(hc.CloseIdleConnections)
	service, err := client.New(endpoint, hc)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return service
}

// tokenOf is a token of the caller; none for nobody.
func tokenOf(p *platformtest.Platform, caller catalog.Caller) string {
	if caller.Subject == "" {
		return ""
	}
	return p.TokenFor(caller)
}

// TestClientIsACatalogue holds client, server and platform together to the
// suite that the platform passes alone: the wire loses nothing.
func TestClientIsACatalogue(t *testing.T) {
	t.Parallel()
	catalogtest.TestService(t, func(t *testing.T) catalogtest.Fixture {
		p := platformtest.Start(t)
		return catalogtest.Fixture{As: func(caller catalog.Caller) catalog.Service {
			return remote(t, p.Endpoint, tokenOf(p, caller))
		}}
	})
}

// TestProxyIsACatalogue puts a server over a client in between: client, server,
// client, server, platform. What either direction of the wire changes, it would
// change twice.
func TestProxyIsACatalogue(t *testing.T) {
	t.Parallel()
	catalogtest.TestService(t, func(t *testing.T) catalogtest.Fixture {
		p := platformtest.Start(t)
		var clients sync.Map // by token: each has connections of its own, and a server has an end of them
		proxy := httptest.NewServer(httpapi.New(httpapi.Options{
			Authenticate: func(r *http.Request) (catalog.Caller, error) {
				return catalog.Caller{Subject: bearer(r)}, nil // handed on, and judged by the platform
			},
			Services: func(c catalog.Caller) catalog.Service {
				if known, ok := clients.Load(c.Subject); ok {
					return known.(catalog.Service)
				}
				known, _ := clients.LoadOrStore(c.Subject, remote(t, p.Endpoint, c.Subject))
				return known.(catalog.Service)
			},
		}))
		t.Cleanup(proxy.Close)
		return catalogtest.Fixture{As: func(caller catalog.Caller) catalog.Service {
			return remote(t, proxy.URL, tokenOf(p, caller))
		}}
	})
}

func bearer(r *http.Request) string {
	const scheme = "Bearer "
	header := r.Header.Get("Authorization")
	return header[min(len(scheme), len(header)):]
}
