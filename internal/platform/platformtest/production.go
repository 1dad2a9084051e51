package platformtest

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
)

// Portal is a service of every [Production] that acts for users, is cleared for
// SECRET, and of the United Kingdom. Pipeline is a service that acts for nobody
// and is an administrator.
const (
	Portal   = "spiffe://enclave.example/portal"
	Pipeline = "pipeline.enclave.example"
)

// Production is a platform as an operator runs it: HTTPS with certificates of
// its own PKI, tokens of an issuer that it discovers (IDP), and of another one,
// named "partner", by a key file.
//
//	p := platformtest.StartProduction(t)
//	client := p.Client()                                // without a certificate
//	token := p.IDP.Token(identitytest.User("ana"))      // or Administrator("root")
//	portal := p.Client(p.PKI.Client(platformtest.Portal)) // with one
type Production struct {
	Endpoint string // https://…
	PKI      *identitytest.PKI
	IDP      *identitytest.Issuer
	Partner  *identitytest.Issuer

	t      testing.TB
	config platformd.Config
	server *platformd.Server
	stop   func()
}

// StartProduction starts a platform in production mode, which ends with the
// test. Each change is made to its configuration first.
func StartProduction(t testing.TB, changes ...func(*configfile.File)) *Production {
	t.Helper()
	p := &Production{t: t, PKI: identitytest.NewPKI(t, "Enclave root")}
	p.IDP, p.Partner = identitytest.NewIssuer(t, p.PKI), identitytest.NewFileIssuer(t, "https://idp.partner.example")
	file := p.configuration()
	for _, change := range changes {
		change(&file)
	}
	config, err := platformd.Production(file)
	if err != nil {
		t.Fatalf("platformtest: %v", err)
	}
	config.Log = slog.New(slog.DiscardHandler)
	p.open(config)
	return p
}

func (p *Production) configuration() configfile.File {
	certificate, key := p.PKI.Write("server", p.PKI.Server())
	partner := p.Partner.Configuration()
	partner.Name = "partner"
	return configfile.File{
		Listen: "127.0.0.1:0", DataDir: filepath.Join(p.t.TempDir(), "data"), Node: "spiffe://enclave.example/mesh-1",
		TLS:     configfile.TLS{CertificateFile: certificate, KeyFile: key, ClientCAFiles: []string{p.PKI.Root()}, CRLFiles: p.PKI.Lists()},
		Issuers: []configfile.Issuer{p.IDP.Configuration(), partner},
		Services: []configfile.Service{
			{Identity: Portal, ActsFor: true, Clearance: "S", Countries: []string{"GBR"}, Organization: "GBR.MOD", Employment: "gov"},
			{Identity: Pipeline, Administrator: true},
		},
	}
}

func (p *Production) open(config platformd.Config) {
	p.t.Helper()
	server, err := platformd.Open(context.Background(), config)
	if err != nil {
		p.t.Fatalf("platformtest: open the platform: %v", err)
	}
	p.config = config
	p.server, p.Endpoint = server, server.Endpoint()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-ended, server.Close()); err != nil {
			p.t.Errorf("platformtest: end of the platform: %v", err)
		}
	})
	p.t.Cleanup(p.stop)
}

// Stop ends the platform. Calling it again does nothing.
func (p *Production) Stop() { p.stop() }

// Restart ends the platform and starts it again on the same data, at another
// endpoint.
func (p *Production) Restart() {
	p.t.Helper()
	p.stop()
	p.open(p.config)
}

// Client is an HTTP client that believes the PKI. It has connections of its own,
// and sends the one certificate that may be given, whichever the server asks
// for.
func (p *Production) Client(certificate ...tls.Certificate) *http.Client {
	p.t.Helper()
	config := &tls.Config{RootCAs: p.PKI.Pool(), MinVersion: tls.VersionTLS13}
	if len(certificate) > 0 {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &certificate[0], nil }
	}
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: time.Minute}
}

// Service is the catalogue as this caller sees it, without HTTP in between.
func (p *Production) Service(caller catalog.Caller) catalog.Service { return p.server.As(caller) }

// Admin is the catalogue as an administrator sees it, without HTTP in between.
func (p *Production) Admin() catalog.Service {
	return p.Service(catalog.Caller{Subject: "administrator", Administrator: true})
}
