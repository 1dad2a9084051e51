// Package platformtest starts a whole platform for a test, in one line: the
// real server on a real database file, over HTTP on a loopback port, in the
// test process. Nothing in it is a mock; what can be put in between are faults.
//
//	p := platformtest.Start(t)
//	t.Setenv("DATAMESH_ENDPOINT", p.Endpoint)
//	t.Setenv("DATAMESH_TOKEN", p.Token)
//
// Each platform has its own data directory and port, so tests may run at once.
package platformtest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/devissuer"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/platformd"
)

// Options are what a test may want otherwise. The zero value is none of it.
type Options struct {
	// DataDir is a data directory to go on with, "" for a fresh one.
	DataDir string
	// Listen is the address to listen on, "" for a port that is nobody else's
	// until the test ends.
	Listen string
	// Vocabulary is what markings are judged against; nil for the embedded one.
	Vocabulary *marking.Vocabulary
	// Audit is who else keeps the audit log.
	Audit configfile.Audit
	// SystemHigh and EnforcementPoints are as in [platform.Config]; the dev
	// issuer's own administrator is an enforcement point anyhow.
	SystemHigh        string
	EnforcementPoints []platform.EnforcementPoint
	// Now, NewRevision and NewID are as in [platform.Config]; nil for what a
	// server has.
	Now         func() time.Time
	NewRevision func() string
	NewID       func() int
	// Gateway is where data may be fetched from.
	Gateway configfile.Gateway
	// Log takes the server's log; nil to drop it.
	Log *slog.Logger
}

// Platform is a platform that runs until its test ends or Stop is called. Its
// methods are safe for concurrent use.
type Platform struct {
	// Endpoint is the URL below which everything is served.
	Endpoint string
	// Token is an administrator's, good for longer than any test.
	Token string

	t      testing.TB
	config platformd.Config
	server *platformd.Server
	tap    *tap
	stop   func()
}

// Start starts a platform and stops it when the test ends. At most one Options
// may be given.
func Start(t testing.TB, options ...Options) *Platform {
	t.Helper()
	var o Options
	switch len(options) {
	case 0:
	case 1:
		o = options[0]
	default:
		t.Fatal("platformtest: Start takes one Options at most")
	}
	return start(t, o)
}

func start(t testing.TB, o Options) *Platform {
	t.Helper()
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	if o.Listen == "" {
		o.Listen = reserve(t)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &Platform{t: t, tap: &tap{}}
	p.config = platformd.Config{
		Dev: true, DataDir: o.DataDir, Listen: o.Listen, Vocabulary: o.Vocabulary, Gateway: o.Gateway, Audit: o.Audit, Log: o.Log, Wrap: p.tap.wrap,
		SystemHigh: o.SystemHigh, EnforcementPoints: o.EnforcementPoints, Now: o.Now, NewRevision: o.NewRevision, NewID: o.NewID,
	}
	p.open()
	p.Endpoint, p.Token = p.server.Endpoint(), p.server.Ready().Token
	return p
}

// patience is how long somebody else may have the port that a platform had before,
// which was free for as long as it was stopped.
const patience = 2 * time.Minute

func (p *Platform) open() {
	p.t.Helper()
	server, err := platformd.Open(context.Background(), p.config)
	for deadline := time.Now().Add(patience); errors.Is(err, syscall.EADDRINUSE) && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
		server, err = platformd.Open(context.Background(), p.config)
	}
	if err != nil {
		p.t.Fatalf("platformtest: open the platform: %v", err)
	}
	p.server = server
	p.run()
}

// run serves in the background until stop is called, which waits for the end.
func (p *Platform) run() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.server.Run(ctx) }()
	p.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-ended, p.server.Close()); err != nil {
			p.t.Errorf("platformtest: end of the platform: %v", err)
		}
	})
	p.t.Cleanup(p.stop)
}

// Stop ends the platform, as an outage does: connections are refused from then
// on, as nobody else gets its port. Calling it again does nothing.
func (p *Platform) Stop() { p.stop() }

// Restart stops the platform, if it runs, and starts it again on its data and
// at its Endpoint; its Token is still good. It must not be called while other
// methods are.
func (p *Platform) Restart() {
	p.t.Helper()
	p.stop()
	p.config.Listen = strings.TrimPrefix(p.Endpoint, "http://")
	p.open()
}

// DataDir is the platform's data directory.
func (p *Platform) DataDir() string { return p.server.DataDir() }

// Admin is the catalogue as the administrator sees it, without HTTP in between.
func (p *Platform) Admin() catalog.Service {
	return p.Service(catalog.Caller{Subject: "dev-administrator", Administrator: true})
}

// Service is the catalogue as this caller sees it, without HTTP in between.
// What it asks for is not among Requests.
func (p *Platform) Service(caller catalog.Caller) catalog.Service { return p.server.As(caller) }

// TokenFor is a token of this caller. Issuer and request id of the caller are
// ignored: the platform sets them.
func (p *Platform) TokenFor(caller catalog.Caller) string {
	p.t.Helper()
	token, err := p.server.Mint(devissuer.Claims{
		Subject:       caller.Subject,
		Groups:        caller.Groups,
		Administrator: caller.Administrator,
		Attributes:    caller.Attributes,
		Purposes:      caller.Purposes,
	})
	if err != nil {
		p.t.Fatalf("platformtest: %v", err)
	}
	return token
}
