package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/assemble"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cas"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/serve/oci"
	"github.com/meshwright/terraform-provider-datamesh/internal/commandline"
)

// Bounds of the server. A pull of a large blob may take hours, so only its
// start is bounded; slow readers are bounded in number by the handler.
const (
	headTimeout = 15 * time.Second
	idleTimeout = 90 * time.Second
	maxHead     = 64 << 10         // bytes
	grace       = 10 * time.Second // for requests under way at the end
)

// serving are the flags of serve.
type serving struct {
	far
	placing
	listen, cert, key, clientCA, ready, prefix, lock string
}

func serveCommand() *cobra.Command {
	s := &serving{}
	command := &cobra.Command{
		Use:   "serve DIR|STORE --trust POLICY --listen ADDRESS",
		Short: "Serve a bundle as a read-only OCI registry, straight from its volumes",
		Long: `Verify every byte of a bundle, judge each item again by this side's own policy,
and then serve it as a read-only registry. Nothing is unpacked and nothing is
written. A single item that is refused ends it. With --lock it serves what
collect has fetched into a store.

Without a certificate it listens on loopback addresses only. SIGINT or SIGTERM
ends it; requests under way have 10 seconds to finish. The ready file holds
{"endpoint": "https://…", "pid": 1} once it serves.`,
		Example: `  datamesh-bundler serve /media/transfer --trust policy.yaml --listen 127.0.0.1:5000
  datamesh-bundler serve /media/transfer --trust policy.yaml --listen :443 --tls-cert server.pem --tls-key server.key --client-ca enclave-ca.pem
  datamesh-bundler serve .bundle-store --lock bundle.lock --trust policy.yaml --listen 127.0.0.1:5000`,
		Args: cobra.ExactArgs(1),
		RunE: action(func(c *cobra.Command, args []string) error {
			if s.listen == "" || (s.cert == "") != (s.key == "") || s.clientCA != "" && s.cert == "" {
				return commandline.Misuse(c, errors.New("name --listen; --tls-cert and --tls-key go together, and --client-ca with both"))
			}
			return s.run(c, args[0])
		}),
	}
	s.far.add(command)
	f := command.Flags()
	s.placing.add(f)
	f.StringVar(&s.lock, "lock", "", "serve a store by this lock, a `FILE`, instead of a bundle")
	f.StringVar(&s.prefix, "prefix", "", "`PATH` before every repository")
	f.StringVar(&s.listen, "listen", "", "`ADDRESS` and port; port 0 is any free one")
	f.StringVar(&s.cert, "tls-cert", "", "certificate chain of the server, a PEM `FILE`")
	f.StringVar(&s.key, "tls-key", "", "key of the certificate, a PEM `FILE`")
	f.StringVar(&s.clientCA, "client-ca", "", "serve only clients with a certificate of these authorities, a PEM `FILE`")
	f.StringVar(&s.ready, "ready-file", "", "`FILE` to write endpoint and process id to, as JSON, once it serves")
	return command
}

func (s *serving) run(c *cobra.Command, dir string) error {
	config, err := s.tls()
	if err != nil {
		return err
	}
	var stock *shelf
	if s.lock == "" {
		stock, err = s.bundle(c, dir)
	} else {
		stock, err = s.store(c, dir)
	}
	if err != nil {
		return err
	}
	return errors.Join(s.serve(c, stock, config), stock.close())
}

// shelf is what is served, every byte of which was verified and every item of
// which this side's policy lets pass.
type shelf struct {
	lock   *lock.Lock
	source artifact.Source
	close  func() error
}

// bundle verifies a bundle.
func (s *serving) bundle(c *cobra.Command, dir string) (*shelf, error) {
	o, err := s.open(c, dir)
	if err != nil {
		return nil, err
	}
	if err := o.servable(c.Context()); err != nil {
		return nil, errors.Join(err, o.Close())
	}
	return &shelf{o.Lock, o.Bundle, o.Close}, nil
}

// servable refuses what stayed behind, which cannot be given to anyone.
func (o *opened) servable(ctx context.Context) error {
	if err := o.trusted.needsPolicy(); err != nil {
		return err
	}
	if len(o.LeftOut) > 0 {
		return errors.New("this bundle builds on blobs that were loaded before and are not in it: load it, or serve a full one")
	}
	return o.trusted.judgedAll(ctx, o.Lock, o.Bundle)
}

// store verifies what a store has of a lock.
func (s *serving) store(c *cobra.Command, dir string) (*shelf, error) {
	if s.trust == "" {
		return nil, commandline.Misuse(c, errNoTrust)
	}
	t, err := openTrust(s.trust)
	if err != nil {
		return nil, err
	}
	l, err := decodeLock(s.lock)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); err != nil { // opening a store would make it
		return nil, err
	}
	store, err := cas.Open(dir, cas.Options{})
	if err != nil {
		return nil, err
	}
	if err := stocked(c.Context(), t, l, store); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return &shelf{l, store, store.Close}, nil
}

// stocked hashes every blob of the lock.
func stocked(ctx context.Context, t *trusted, l *lock.Lock, store *cas.Store) error {
	if err := t.needsPolicy(); err != nil {
		return err
	}
	if err := assemble.Admit(t.policy, l); err != nil {
		return err
	}
	for _, b := range l.Blobs {
		there, err := store.Has(ctx, b)
		if err != nil {
			return err
		}
		if !there {
			return fmt.Errorf("the store does not have blob %s of the lock: run datamesh-bundler collect", b.Digest)
		}
	}
	return t.judgedAll(ctx, l, store)
}

func (s *serving) serve(c *cobra.Command, stock *shelf, config *tls.Config) error {
	rules, err := s.rules(s.prefix)
	if err != nil {
		return err
	}
	places, err := rules.Place(stock.lock.Items)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(c.ErrOrStderr(), nil))
	handler, err := oci.New(c.Context(), oci.Options{Lock: stock.lock, Places: places, Source: stock.source, Log: log})
	if err != nil {
		return err
	}
	listener, err := s.listener(c.Context(), config)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headTimeout, ReadTimeout: headTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHead, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return s.until(c, server, listener)
}

// tls is the server's configuration, nil without a certificate.
func (s *serving) tls() (*tls.Config, error) {
	if s.cert == "" {
		return nil, s.loopback()
	}
	pair, err := tls.LoadX509KeyPair(s.cert, s.key)
	if err != nil {
		return nil, fmt.Errorf("certificate of the server: %w", err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if s.clientCA == "" {
		return config, nil
	}
	text, err := readSmall(s.clientCA)
	if err != nil {
		return nil, err
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !config.ClientCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", s.clientCA)
	}
	return config, nil
}

// loopback refuses to serve a network in the clear: whoever is between could
// answer in our place.
func (s *serving) loopback() error {
	host, _, err := net.SplitHostPort(s.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("--listen %.200q is no loopback address: name --tls-cert and --tls-key to serve others", s.listen)
}

func (s *serving) listener(ctx context.Context, config *tls.Config) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen)
	if err != nil || config == nil {
		return listener, err
	}
	config.NextProtos = []string{"http/1.1"} // ranges of volumes go to the socket without a copy
	return tls.NewListener(listener, config), nil
}

// until serves until the command is told to end.
func (s *serving) until(c *cobra.Command, server *http.Server, listener net.Listener) error {
	scheme := "http"
	if s.cert != "" {
		scheme = "https"
	}
	endpoint := scheme + "://" + listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	if err := s.announce(c, endpoint); err != nil {
		return errors.Join(err, server.Close())
	}
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-c.Context().Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), grace)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests did not end within %s: %w", grace, err), server.Close())
	}
	return nil
}

func (s *serving) announce(c *cobra.Command, endpoint string) error {
	if s.report.json {
		s.report.event(map[string]any{"phase": "serve", "endpoint": endpoint})
	} else {
		say(c.OutOrStdout(), "serving %s", endpoint)
	}
	if s.ready == "" {
		return nil
	}
	text, err := json.Marshal(map[string]any{"endpoint": endpoint, "pid": os.Getpid()})
	if err != nil {
		return err
	}
	return replaceFile(s.ready, append(text, '\n'))
}
