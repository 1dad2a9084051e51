package gateway_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/audit"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// source is a web server that takes the gateway's certificate alone, under a PKI
// that is not that of the callers.
func source(t *testing.T) configfile.HTTPSource {
	t.Helper()
	pki := identitytest.NewPKI(t, "Sources root")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["Authorization"]) > 0 || len(r.TLS.PeerCertificates) == 0 || r.TLS.PeerCertificates[0].DNSNames[0] != "gateway.enclave.example" {
			t.Errorf("the source is asked with %v", r.Header)
		}
		_, _ = io.WriteString(w, "0123456789")
	}))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pki.Server()}, ClientCAs: pki.Pool(), ClientAuth: tls.RequireAndVerifyClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	certificate, key := pki.Write("gateway", pki.Client("gateway.enclave.example"))
	return configfile.HTTPSource{
		URL: server.URL + "/", Domains: []string{"sigint"}, CAFiles: []string{pki.Root()}, Networks: []string{"127.0.0.0/8"}, CertificateFile: certificate, KeyFile: key,
	}
}

// TestGatewayInProduction: over mutual TLS, with a token, with both where a
// service acts for a user, and with a token that is bound to a certificate.
func TestGatewayInProduction(t *testing.T) {
	t.Parallel()
	from := source(t)
	var dir string
	p := platformtest.StartProduction(t, func(f *configfile.File) {
		dir = f.DataDir
		f.Gateway.HTTP = []configfile.HTTPSource{from}
	})
	insert(t, p.Admin(), around()...)
	port := catalog.OutputPort{Type: catalog.PortHTTP, URL: from.URL + "x"}
	insert(t, p.Admin(), product("low", "SECRET//REL TO USA, GBR", port), product("american", "SECRET//NOFORN", port))
	ana, root := identitytest.User("ana"), identitytest.Administrator("root")
	portal, pipeline := p.PKI.Client(platformtest.Portal), p.PKI.Client(platformtest.Pipeline)
	bound := p.IDP.Token(ana.With("cnf", map[string]any{"x5t#S256": identity.Thumbprint(portal.Leaf)}))
	for _, c := range []struct {
		name, product, token string
		client               *http.Client
		status               int
	}{
		{"nobody", "low", "", p.Client(), 401},
		{"a user", "low", p.IDP.Token(ana), p.Client(), 200},
		{"a user of another nation's data", "american", p.IDP.Token(ana), p.Client(), 404},
		{"a service by itself", "low", "", p.Client(portal), 200},
		{"a service for a user", "low", p.IDP.Token(ana), p.Client(portal), 200},
		{"a service for somebody who may have more than it", "american", p.IDP.Token(root), p.Client(portal), 404},
		{"the same, without it", "american", p.IDP.Token(root), p.Client(), 200},
		{"a service that acts for nobody", "low", p.IDP.Token(ana), p.Client(pipeline), 401},
		{"a bound token with its certificate", "low", bound, p.Client(portal), 200},
		{"a stolen token that is bound, without a certificate", "low", bound, p.Client(), 401},
		{"the same, with another certificate", "low", bound, p.Client(p.PKI.Client(platformtest.Portal)), 401},
	} {
		req := request(t, http.MethodGet, p.Endpoint+"/data/sigint/"+c.product+"/p/a")
		if req.Header.Set("Authorization", "Bearer "+c.token); c.token == "" {
			req.Header.Del("Authorization")
		}
		resp, err := c.client.Do(req)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close() // read to its end
		if err != nil || resp.StatusCode != c.status || (string(body) == "0123456789") != (c.status == 200) {
			t.Errorf("%s: got %s %q %v, want %d", c.name, resp.Status, body, err, c.status)
		}
	}
	p.Stop()
	type line struct{ Sub, Via, Object, Action, Decision string }
	var got []line
	for _, e := range logOf(t, dir) {
		got = append(got, line{e.Consumer.Sub, e.Consumer.Via, e.Object, e.Action, e.Decision})
		if e.Resource != "a" || e.Node != "spiffe://enclave.example/mesh-1" {
			t.Errorf("an entry says %+v", e)
		}
	}
	const low, american = "products/sigint/low", "products/sigint/american"
	want := []line{
		{"ana", "", low, "read", audit.Permit}, {"ana", "", low, "close", audit.Permit},
		{"ana", "", american, "read", audit.Deny},
		{platformtest.Portal, "", low, "read", audit.Permit}, {platformtest.Portal, "", low, "close", audit.Permit},
		{"ana", platformtest.Portal, low, "read", audit.Permit}, {"ana", platformtest.Portal, low, "close", audit.Permit},
		{"root", platformtest.Portal, american, "read", audit.Deny},
		{"root", "", american, "read", audit.Permit}, {"root", "", american, "close", audit.Permit},
		{"ana", platformtest.Portal, low, "read", audit.Permit}, {"ana", platformtest.Portal, low, "close", audit.Permit}, // bound to the portal
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}
