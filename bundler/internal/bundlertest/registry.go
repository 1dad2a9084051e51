// Package bundlertest gives tests registries that are real, registries that
// lie, and images to fill them with.
//
// A [Registry] is the CNCF distribution registry in this process, or with
// [Referrers] go-containerregistry's, which has the Referrers API. What it
// sends is counted, and a [Fault] can stand between it and its clients. Content
// is pushed past authentication, counters and faults.
package bundlertest

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem" // its storage
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/sirupsen/logrus"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// Registry is one registry on a loopback port, stopped with the test.
type Registry struct {
	// Host is host:port, as it stands in references.
	Host string
	// URL is http://Host or https://Host.
	URL string

	server *httptest.Server
	inner  http.Handler // without authentication, counters and faults
	dir    string
	known  map[artifact.Digest]string // blobs that were pushed, and a repository that has each

	mu     sync.Mutex
	fault  http.Handler
	counts counts
}

// Option changes how a registry starts.
type Option func(*settings)

type settings struct {
	dir, user, password string
	tls, referrers      bool
	token               bool
	clients             *x509.CertPool
}

// Directory stores the registry's content in a directory that outlives it.
func Directory(dir string) Option { return func(s *settings) { s.dir = dir } }

// TLS serves HTTPS with a certificate that [Registry.CAFile] vouches for.
func TLS() Option { return func(s *settings) { s.tls = true } }

// ClientCertificates serves HTTPS and asks every client for a certificate of
// the pool.
func ClientCertificates(pool *x509.CertPool) Option {
	return func(s *settings) { s.tls, s.clients = true, pool }
}

// Basic asks for a user and a password (RFC 7617).
func Basic(user, password string) Option {
	return func(s *settings) { s.user, s.password = user, password }
}

// Token asks for a bearer token, which the registry's own /token gives to the
// user (distribution's token specification).
func Token(user, password string) Option {
	return func(s *settings) { s.user, s.password, s.token = user, password, true }
}

// Referrers starts a registry that has the Referrers API of distribution-spec
// 1.1, which CNCF distribution lacks.
func Referrers() Option { return func(s *settings) { s.referrers = true } }

// quiet keeps the registry's log out of the tests' output.
var quiet = sync.OnceFunc(func() { logrus.SetOutput(io.Discard) })

// Start starts an empty registry.
func Start(t testing.TB, options ...Option) *Registry {
	t.Helper()
	quiet()
	s := settings{}
	for _, o := range options {
		o(&s)
	}
	if s.dir == "" {
		s.dir = t.TempDir()
	}
	r := &Registry{inner: newInner(t, s), dir: t.TempDir(), known: map[artifact.Digest]string{}}
	r.server = httptest.NewUnstartedServer(r.door(s))
	r.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	r.listen(s)
	t.Cleanup(r.server.Close)
	r.URL = r.server.URL
	_, r.Host, _ = strings.Cut(r.URL, "://")
	return r
}

func (r *Registry) listen(s settings) {
	if !s.tls {
		r.server.Start()
		return
	}
	if s.clients != nil {
		r.server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: s.clients}
	}
	r.server.StartTLS()
}

func newInner(t testing.TB, s settings) http.Handler {
	if s.referrers {
		return registry.New(registry.WithReferrersSupport(true), registry.Logger(log.New(io.Discard, "", 0)))
	}
	config := &configuration.Configuration{
		Version: configuration.MajorMinorVersion(0, 1),
		Storage: configuration.Storage{
			"filesystem": configuration.Parameters{"rootdirectory": s.dir},
			"delete":     configuration.Parameters{"enabled": true},
			"maintenance": configuration.Parameters{
				"uploadpurging": map[any]any{"enabled": false}, // it would run on after the test
			},
		},
	}
	config.Log.AccessLog.Disabled = true
	config.HTTP.Secret = "of a test"
	app := handlers.NewApp(t.Context(), config)
	t.Cleanup(func() { _ = app.Shutdown() }) // it has no state to lose
	return app
}

// CAFile is the PEM file of the authority behind the registry's certificate.
func (r *Registry) CAFile(t testing.TB) string {
	t.Helper()
	name := filepath.Join(r.dir, "ca.pem")
	writePEM(t, name, "CERTIFICATE", r.server.Certificate().Raw)
	return name
}

// Repository names a repository in the registry.
func (r *Registry) Repository(path string) artifact.Repository {
	return artifact.Repository{Host: r.Host, Path: path}
}
