package platformd

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/endorsement"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/devissuer"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity"
)

// Production is the Config of a server that runs by an operator's
// configuration. File, ReadyFile, IncompatibleCode, Version, Log and Wrap are left
// to the caller.
func Production(f configfile.File) (Config, error) {
	c := Config{
		DataDir: f.DataDir, Listen: f.Listen, PublicURL: f.PublicURL, ConnectionsPerAddress: f.ConnectionsPerAddress,
		TLS: f.TLS, Issuers: f.Issuers, Services: f.Services, SystemHigh: f.SystemHigh, Node: f.Node, Gateway: f.Gateway, Audit: f.Audit,
	}
	for _, point := range f.EnforcementPoints {
		c.EnforcementPoints = append(c.EnforcementPoints, enforcementPoint(point, f.Issuers))
	}
	var err error
	if c.VocabularyKeys, err = endorsement.ParseKeys(f.VocabularyKeys); err != nil {
		return Config{}, fmt.Errorf("vocabulary_keys: %w", err)
	}
	if f.VocabularyFile == "" {
		return c, nil
	}
	file, err := os.Open(f.VocabularyFile)
	if err != nil {
		return Config{}, fmt.Errorf("vocabulary: %w", err)
	}
	defer func() { _ = file.Close() }() // only read
	if c.Vocabulary, err = marking.ReadVocabulary(file); err != nil {
		return Config{}, fmt.Errorf("vocabulary: %s: %w", f.VocabularyFile, err)
	}
	return c, nil
}

// enforcementPoint names the callers as the platform knows them.
func enforcementPoint(point configfile.EnforcementPoint, issuers []configfile.Issuer) platform.EnforcementPoint {
	e := platform.EnforcementPoint{Issuer: point.Issuer, Subject: point.Subject, Group: point.Group}
	if point.Issuer == configfile.ServiceIssuer {
		e.Subject = identity.ServiceSubject(point.Subject)
		return e
	}
	for _, issuer := range issuers {
		if issuer.Issuer == point.Issuer && point.Subject != "" {
			e.Subject = identity.Qualify(issuer.Name, point.Subject)
		} else if issuer.Issuer == point.Issuer {
			e.Group = identity.Qualify(issuer.Name, point.Group)
		}
	}
	return e
}

// developer verifies by the server's own issuer, whatever the connection.
func developer(issuer *devissuer.Issuer) verification {
	return func(token string, _ *x509.Certificate) (catalog.Caller, time.Time, error) {
		return issuer.VerifyUntil(token)
	}
}

// RevocationRecordName is the file in a data directory that remembers the newest
// revocation list of each authority.
const RevocationRecordName = "revocation-lists.json"

func (s *Server) openVerifier(ctx context.Context) (err error) {
	s.verifier, err = identity.Open(ctx, identity.Config{TLS: s.config.TLS, Issuers: s.config.Issuers, Services: s.config.Services, Record: filepath.Join(s.dir, RevocationRecordName), Log: s.config.Log})
	if err != nil {
		return err
	}
	s.tokens = newTokens(maxTokens, s.verifier.Until)
	s.tokens.now, s.tokens.generation = s.verifier.Now, s.verifier.Generation
	s.ready = Ready{Endpoint: s.Endpoint(), PID: os.Getpid()}
	return nil
}

// enforcementPoints are those of the configuration, and the administrator of the
// ready file where there is one.
func (s *Server) enforcementPoints() []platform.EnforcementPoint {
	points := slices.Clone(s.config.EnforcementPoints)
	if s.issuer != nil {
		points = append(points, platform.EnforcementPoint{Issuer: s.issuer.Name(), Subject: devAdministrator})
	}
	return points
}

// tlsConfig is that of the listener, nil in development mode.
func (s *Server) tlsConfig() *tls.Config {
	if s.verifier == nil {
		return nil
	}
	return s.verifier.TLS()
}

// listen serves until the server is closed.
func (s *Server) listen() error {
	if s.verifier == nil {
		return s.http.Serve(s.listener)
	}
	return s.http.ServeTLS(s.listener, "", "")
}

// watch follows keys, certificates and the vocabulary until ctx ends, and ends
// the connections of those that are not good any more.
func (s *Server) watch(ctx context.Context) {
	if s.verifier == nil {
		return
	}
	var all sync.WaitGroup
	all.Go(func() { s.verifier.Watch(ctx) })
	all.Go(func() { s.patrol(ctx) })
	all.Go(func() { s.followWords(ctx) })
	all.Wait()
}

// strangers says why a caller might be taken for nobody.
func (s *Server) strangers() error {
	if s.verifier == nil {
		return nil
	}
	return s.verifier.Trouble()
}
