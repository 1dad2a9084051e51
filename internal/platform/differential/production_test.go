package differential_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"net/http"
	"net/url"
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformtest"
)

// The services of the test: both are cleared for everything here, and one is an
// enforcement point.
const (
	engine = "spiffe://enclave.example/engine"
	other  = "spiffe://enclave.example/other"
)

func production(t *testing.T) *platformtest.Production {
	t.Helper()
	p := platformtest.StartProduction(t, func(f *configfile.File) {
		for _, name := range []string{engine, other} {
			f.Services = append(f.Services, configfile.Service{Identity: name, Clearance: "TS", Countries: []string{"USA"}, ReadIns: []string{"SI"},
				Organization: "USA.DOD", Employment: "gov", Groups: []string{"brokers", catalog.AuditGroup}})
		}
		f.EnforcementPoints = []configfile.EnforcementPoint{
			{Issuer: configfile.ServiceIssuer, Subject: engine}, {Issuer: f.Issuers[0].Issuer, Group: "brokers"},
		}
	})
	for _, object := range []catalog.Object{
		&catalog.Domain{Name: "sigint", DisplayName: "S", Discipline: catalog.DisciplineSIGINT, Contact: "s@enclave.example", Team: map[string]catalog.Member{"a": {Role: catalog.RoleOwner}}},
		&catalog.Product{Domain: "sigint", Name: "source", Title: "Source", Version: "1.0.0", Marking: "TOP SECRET//SI//NOFORN",
			OutputPorts: map[string]catalog.OutputPort{"sql": {Type: catalog.PortSQL, URL: "trino://trino.enclave.example/hive/sigint/source"}}},
	} {
		if _, err := p.Admin().Put(t.Context(), object, catalog.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// through is a caller on connections with this certificate, none for nil, and
// with this token of its own.
func through(t *testing.T, p *platformtest.Production, certificate *tls.Certificate, token string) caller {
	t.Helper()
	config := &tls.Config{RootCAs: p.PKI.Pool(), MinVersion: tls.VersionTLS13}
	client := p.Client()
	if certificate != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
		client = p.Client(*certificate)
	}
	connection, err := grpc.NewClient(strings.TrimPrefix(p.Endpoint, "https://"), grpc.WithTransportCredentials(credentials.NewTLS(config)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return caller{p.Endpoint, token, client, authv3.NewAuthorizationClient(connection)}
}

// TestAttackBodyFromAnUntrustedCertificate: what a body says of somebody counts
// at every door from the one service whose certificate is trusted for it. A
// service that may see as much itself is not enough, and neither is a group of
// the same name, of services or of another issuer.
func TestAttackBodyFromAnUntrustedCertificate(t *testing.T) {
	t.Parallel()
	p := production(t)
	cleared := identitytest.User("ann").With("clearance", "TS").With("organization", "USA.DOD").With("mesh", map[string]any{"countries": []string{"USA"}, "read_ins": []string{"SI"}})
	broker := cleared.With("sub", "gate").With("groups", []string{"brokers"})
	r := request{product: "sigint/source", action: "read", token: p.IDP.Token(cleared), subject: catalog.Caller{Subject: "ann", Attributes: marking.Subject{
		Clearance: "TS", CountryOfAffiliation: []string{"USA"}, FineAccessControls: []string{"SI"}, DutyOrganization: "USA.DOD", EmploymentType: "gov",
	}}}
	trusted, untrusted := p.PKI.Client(engine), p.PKI.Client(other)
	for _, c := range []struct {
		name string
		from caller
		want bool
	}{
		{"the enforcement point", through(t, p, &trusted, ""), true},
		{"another service, in groups of the same name", through(t, p, &untrusted, ""), false},
		{"a broker of the issuer", through(t, p, nil, p.IDP.Token(broker)), true},
		{"a broker of another issuer", through(t, p, nil, p.Partner.Token(broker)), false},
		{"a user who is called like the service", through(t, p, nil, p.Partner.Token(broker.With("sub", engine).With("groups", nil))), false},
	} {
		for door, ask := range map[string]single{
			"AuthZEN": c.from.onBehalf, "OPA": c.from.lists, "OPA with a token": c.from.selects, "ext_authz": c.from.byRoute,
		} {
			if got, err := ask(t.Context(), r); got != c.want || err != nil && c.want {
				t.Errorf("%s, %s: got %v, %v, want %v", c.name, door, got, err, c.want)
			}
		}
	}
}

// TestAttackReplayedBoundTokenAtAnEnvoy: a token that is bound to a certificate
// (RFC 8705) is good for the connection that the Envoy says had it, and nowhere
// else: not at a query engine, where the connection ends.
func TestAttackReplayedBoundTokenAtAnEnvoy(t *testing.T) {
	t.Parallel()
	p := production(t)
	trusted, own, stranger := p.PKI.Client(engine), p.PKI.Client("ann"), p.PKI.Client("mallory")
	cleared := identitytest.User("ann").With("clearance", "TS").With("organization", "USA.DOD").With("mesh", map[string]any{"countries": []string{"USA"}, "read_ins": []string{"SI"}})
	token := p.IDP.Token(cleared.With("cnf", map[string]any{"x5t#S256": identity.Thumbprint(own.Leaf)}))
	c := through(t, p, &trusted, "")
	for name, want := range map[string]struct {
		certificate *tls.Certificate
		status      int
	}{"her own": {&own, http.StatusOK}, "another": {&stranger, http.StatusUnauthorized}, "none": {nil, http.StatusUnauthorized}} {
		source := &authv3.AttributeContext_Peer{}
		if want.certificate != nil {
			source.Certificate = url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: want.certificate.Certificate[0]})))
		}
		answer, err := c.envoy.Check(t.Context(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
			Source: source,
			Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
				Method: "GET", Path: "/data/sigint/source/sql", Headers: map[string]string{"authorization": "Bearer " + token},
			}},
		}})
		got := http.StatusOK
		if d := answer.GetDeniedResponse(); d != nil {
			got = int(d.GetStatus().GetCode())
		}
		if err != nil || got != want.status {
			t.Errorf("%s certificate: got %d, %v, want %d", name, got, err, want.status)
		}
	}
	r := request{product: "sigint/source", action: "read", token: token, subject: catalog.Caller{Subject: "ann"}}
	if got, err := c.selects(context.Background(), r); got || err != nil {
		t.Errorf("at a query engine: got %v, %v", got, err)
	}
}
