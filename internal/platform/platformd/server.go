package platformd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"golang.org/x/net/netutil"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/devissuer"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/gateway"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/sqlite"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/internal/store"
)

// Server is a platform server. Its methods are safe for concurrent use, save
// that Run is called once at most.
type Server struct {
	config      Config
	dir         string
	temporary   bool               // dir is ours to remove
	issuer      *devissuer.Issuer  // in development mode
	verifier    *identity.Verifier // in production mode
	connections connections
	requests    requests
	words       words // of the configuration
	tokens      *tokens
	store       store.Store
	log         *checkpoints // of the audit log
	keepers     keepers      // of the audit log beside this server
	platform    *platform.Platform
	sources     *gateway.Sources
	listener    net.Listener
	http        *http.Server
	ready       Ready

	settling, closing sync.Once
	closed            error // what close answered
}

// Open takes the data directory, opens the database and the issuer, and
// listens; connections are served once Run is called. Everything taken is
// given back when it fails.
func Open(ctx context.Context, config Config) (*Server, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{config: config}
	s.words.config = &s.config
	for _, step := range []func(context.Context) error{
		s.openListener, s.openDirectory, s.checkReadyFile, s.openStore, s.openIdentity, s.openCheckpoints, s.openKeepers, s.openGateway, s.openPlatform, s.checkWords,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

func (s *Server) checkReadyFile(context.Context) error {
	if s.config.ReadyFile == "" {
		return nil
	}
	return clearReady(s.config.ReadyFile)
}

func (s *Server) openListener(ctx context.Context) error {
	address := s.config.Listen
	if s.config.Dev {
		var err error
		if address, err = loopback(ctx, net.DefaultResolver, address); err != nil {
			return err
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if most := s.config.ConnectionsPerAddress; most > 0 {
		listener = newShares(listener, most, s.config.Log) // below the limit on all, so that what it refuses takes no place
	}
	s.listener = netutil.LimitListener(listener, MaxConnections)
	return nil
}

func (s *Server) openDirectory(context.Context) (err error) {
	if s.config.DataDir == "" {
		s.temporary = true
		s.dir, err = os.MkdirTemp("", "datamesh-dev-")
	} else {
		s.dir = s.config.DataDir
		err = os.MkdirAll(s.dir, 0o700)
	}
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	info, err := os.Stat(s.dir)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	// Whoever writes there can put a key or a catalogue of their own there.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o022 != 0 {
		if !s.config.Dev {
			return fmt.Errorf("data directory: others can write to %s: take the right from them with chmod go-w", s.dir)
		}
		s.config.Log.Warn("others can write to the data directory: take the right from them with chmod go-w", "directory", s.dir)
	}
	return nil
}

func (s *Server) openStore(ctx context.Context) error {
	opened, err := sqlite.Open(ctx, filepath.Join(s.dir, DatabaseName))
	if err != nil {
		return err
	}
	s.store = opened
	return nil
}

func (s *Server) openCheckpoints(ctx context.Context) (err error) {
	s.log, err = openCheckpoints(ctx, s.dir, s.store)
	return err
}

func (s *Server) openIdentity(ctx context.Context) error {
	if s.config.Dev {
		return s.openIssuer()
	}
	return s.openVerifier(ctx)
}

func (s *Server) openIssuer() (err error) {
	if s.issuer, err = devissuer.Open(s.dir); err != nil {
		return err
	}
	s.tokens = newTokens(maxTokens, developer(s.issuer))
	token, err := s.issuer.Mint(administrator(s.config.Vocabulary), devissuer.MaxTTL)
	s.ready = Ready{Endpoint: s.Endpoint(), Token: token, PID: os.Getpid()}
	return err
}

func (s *Server) openPlatform(ctx context.Context) (err error) {
	s.platform, err = platform.New(platform.Config{
		Store: s.store, Vocabulary: s.config.Vocabulary, VocabularyKeys: s.config.VocabularyKeys, Log: s.config.Log, SystemHigh: s.config.SystemHigh,
		Now: s.config.Now, NewRevision: s.config.NewRevision, NewID: s.config.NewID,
		EnforcementPoints: s.enforcementPoints(), Node: s.config.Node,
	})
	if err == nil {
		err = s.platform.Start(ctx)
	}
	if err != nil {
		return err
	}
	s.http = &http.Server{
		TLSConfig:         s.tlsConfig(),
		ConnState:         s.connections.note,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		Handler:           s.handler(),
		Protocols:         protocols(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.config.Log.Handler(), slog.LevelWarn),
	}
	return nil
}

// Endpoint is the URL below which everything is served, without a slash at
// its end.
func (s *Server) Endpoint() string {
	switch {
	case s.config.Dev:
		return "http://" + s.listener.Addr().String()
	case s.config.PublicURL != "":
		return s.config.PublicURL
	}
	return "https://" + s.listener.Addr().String()
}

// DataDir is the data directory.
func (s *Server) DataDir() string { return s.dir }

// Ready is what the ready file says, whether there is one or not. In
// development mode it holds the administrator's token.
func (s *Server) Ready() Ready { return s.ready }

// As is the catalogue as this caller sees it, without HTTP in between.
func (s *Server) As(caller catalog.Caller) catalog.Service { return s.platform.As(caller) }

// Mint returns a token of the server's own issuer, which it has in development
// mode only.
func (s *Server) Mint(claims devissuer.Claims) (string, error) {
	if s.issuer == nil {
		return "", errors.New("a server in production mints no token")
	}
	return s.issuer.Mint(claims, devissuer.MaxTTL)
}

// Run serves until ctx ends, and returns nil then once all requests have
// ended and are recorded, within [Grace], and the audit log is signed. Any
// other end is an error; one is that the database failed for good.
func (s *Server) Run(ctx context.Context) error {
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	signed, watched := make(chan error, 1), make(chan struct{})
	go func() { signed <- s.log.run(working, s.unsigned) }()
	go func() { s.watch(working); close(watched) }()
	rest := s.keepers.run(working, s.config.Log)
	err := s.serve(ctx, signed)
	rest()
	stop()
	<-watched
	return errors.Join(err, <-signed)
}

// unsigned reports a failure to sign the audit log. Requests go on: their
// entries are durable, and the next attempt covers them.
func (s *Server) unsigned(err error) {
	s.config.Log.Error("the audit log was not signed: trying again", "error", err, "after", signInterval)
}

// serve is Run without the signing, whose early end ends it.
func (s *Server) serve(ctx context.Context, stopped chan error) error {
	served := make(chan error, 1)
	go func() { served <- s.listen() }()
	if s.config.ReadyFile != "" {
		if err := writeReady(s.config.ReadyFile, s.ready); err != nil {
			return errors.Join(err, s.http.Close())
		}
	}
	select {
	case err := <-served:
		return errors.Join(fmt.Errorf("serve: %w", err), s.withdraw())
	case failed := <-stopped:
		stopped <- failed // for Run
		err := errors.Join(s.withdraw(), s.http.Close())
		s.settle()
		return err
	case <-ctx.Done():
		return errors.Join(s.withdraw(), s.shutdown(context.WithoutCancel(ctx)))
	}
}

// withdraw removes the ready file: nobody should start to use this server.
func (s *Server) withdraw() error {
	if s.config.ReadyFile == "" {
		return nil
	}
	return removeReady(s.config.ReadyFile, s.ready)
}

func (s *Server) shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Grace-settleTime)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.config.Log.Warn("requests were cut off", "after", Grace-settleTime)
		err = s.http.Close()
	}
	s.settle()
	return err
}

// settle waits, once, for requests whose connection is gone: each stream of data
// has to record its end while there is a store, and before the log is signed.
func (s *Server) settle() {
	s.settling.Do(func() {
		if !s.requests.wait(settleTime) {
			s.config.Log.Error("requests that were cut off have not ended: what they delivered is not recorded", "after", settleTime)
		}
	})
}

// Close ends what is still served, closes the database and removes a temporary
// data directory. Calling it again does nothing and answers the same.
func (s *Server) Close() error {
	s.closing.Do(func() { s.closed = s.close() })
	return s.closed
}

// close gives back what was taken, which is not all when Open failed.
func (s *Server) close() error {
	var errs []error
	if s.http != nil {
		errs = append(errs, s.http.Close())
		s.settle()
	}
	if s.listener != nil {
		if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	if s.temporary && s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}
