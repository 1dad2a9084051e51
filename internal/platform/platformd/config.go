// Package platformd is the platform server as a value: the embedded database,
// the platform on it, its HTTP interface and a listener, opened, run and
// closed together.
//
// # Development mode
//
// In development mode the server has its own throw-away issuer (package
// devissuer), speaks HTTP without TLS, and therefore listens on loopback
// addresses only and answers to loopback names only.
//
// # Production mode
//
// In production mode ([Production]) the server speaks HTTPS by TLS 1.3 only, and
// believes the issuers, authorities and services that the operator's
// configuration names (package identity). It mints no token.
//
// # Files
//
// A data directory holds the database, [DatabaseName] with the files that
// SQLite keeps beside it, the issuer's key or which revocation lists were in
// force, and of the audit log the key, the last checkpoints and the database that
// it is searched by. One server at a
// time owns it. A backup holds all of them but the last, which can be made
// again: a server refuses a database that is older than its checkpoints.
//
// The ready file says how to reach a server that serves; it is written whole
// and removed when the server ends.
//
// # Life
//
// [Open] takes everything that can be refused: directory, database, key,
// address. [Server.Run] serves until its context ends, then lets requests
// finish and cuts the rest off, all of it within [Grace]. [Server.Close] gives everything
// back, and must be called even when Run was not.
package platformd

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/endorsement"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/registryapi"
)

const (
	// DatabaseName is the database's file in a data directory.
	DatabaseName = "datamesh.db"
	// DefaultListen is any free port of the loopback interface.
	DefaultListen = "127.0.0.1:0"
	// Grace is how long requests may go on after Run was asked to end. For the
	// last settleTime of it they have no connection any more, and record how they
	// ended.
	Grace      = 10 * time.Second
	settleTime = 3 * time.Second
	// MaxConnections is how many connections are served at once; more wait.
	MaxConnections = 1024
	// DefaultConnectionsPerAddress is how many of them one address has in
	// production, an IPv4 address or a /64 network of IPv6.
	DefaultConnectionsPerAddress = MaxConnections / 4
)

// The limits of one connection. A body has its own limit in each interface.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = time.Minute
	writeTimeout      = 2 * time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
	maxStreams        = 100 // at once, in HTTP/2
)

// Config is what a server is made of.
type Config struct {
	// Dev switches development mode on. It is never the default: without it,
	// TLS, Issuers and Services are needed.
	Dev bool
	// File names the configuration in errors; "" for none.
	File string
	// PublicURL is where callers reach the server in production mode, "" for
	// https:// and the address that is listened on.
	PublicURL string
	// TLS, Issuers and Services are those of the operator's configuration.
	TLS      configfile.TLS
	Issuers  []configfile.Issuer
	Services []configfile.Service
	// DataDir is the data directory, created (mode 0700) when it does not
	// exist. When it is "", a fresh temporary directory is used, which Close
	// removes.
	DataDir string
	// Listen is address:port, "" for [DefaultListen]; port 0 is any free one.
	Listen string
	// ConnectionsPerAddress is how many connections one address may have; 0 for
	// [DefaultConnectionsPerAddress], and for no limit in development mode, where
	// all come from this machine.
	ConnectionsPerAddress int
	// ReadyFile is written when the server serves; "" for none.
	ReadyFile string
	// Vocabulary is as in [platform.Config]: of a fresh database, or in force.
	Vocabulary *marking.Vocabulary
	// VocabularyKeys are as in [platform.Config].
	VocabularyKeys endorsement.Keys
	// SystemHigh and EnforcementPoints are as in [platform.Config]. In
	// development mode the administrator of the ready file is an enforcement
	// point beside these.
	SystemHigh        string
	EnforcementPoints []platform.EnforcementPoint
	// Gateway and Audit are those parts of the operator's configuration. Names of
	// files are taken as they are.
	Gateway configfile.Gateway
	Audit   configfile.Audit
	// Node names this server in audit entries, such as a SPIFFE id; "" for
	// none.
	Node string
	// IncompatibleCode is the error code with which the schema registry
	// refuses an incompatible schema, as in [registryapi.Options].
	IncompatibleCode int
	// Version is what the schema registry says of the server's version.
	Version string
	// Now, NewRevision and NewID are as in [platform.Config].
	Now         func() time.Time
	NewRevision func() string
	NewID       func() int
	// Log takes requests and failures, never a token; nil for slog.Default().
	Log *slog.Logger
	// Wrap, when it is set, is put around the whole HTTP interface, for
	// whoever counts or disturbs requests.
	Wrap func(http.Handler) http.Handler
}

// ErrNoMode is returned by Open when neither mode was asked for.
var ErrNoMode = errors.New("the server runs in development mode, which must be asked for, or by a configuration")

// checkMode wants one mode or the other. An empty directory would be a temporary
// one, and a catalogue that is gone tomorrow is no production.
func (c Config) checkMode() error {
	production := c.TLS.CertificateFile != "" || len(c.Issuers)+len(c.Services) > 0 || c.PublicURL != ""
	switch {
	case c.Dev && production:
		return errors.New("the server runs either in development mode or by a configuration: ask for one")
	case !c.Dev && !production:
		return ErrNoMode
	case production && (c.DataDir == "" || c.Listen == ""):
		return errors.New("a server in production needs a data directory and an address to listen on")
	}
	return nil
}

func (c Config) withDefaults() (Config, error) {
	if err := c.checkMode(); err != nil {
		return c, err
	}
	switch c.IncompatibleCode {
	case 0, registryapi.IncompatibleCode, registryapi.IncompatibleCodeNew:
	default:
		return c, fmt.Errorf("the code of incompatible schemas is %d: choose %d or %d", c.IncompatibleCode, registryapi.IncompatibleCode, registryapi.IncompatibleCodeNew)
	}
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.ConnectionsPerAddress == 0 && !c.Dev {
		c.ConnectionsPerAddress = DefaultConnectionsPerAddress
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Wrap == nil {
		c.Wrap = func(h http.Handler) http.Handler { return h }
	}
	return c, nil
}
