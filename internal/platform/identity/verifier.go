// Package identity finds out who calls a production server: from a token of an
// issuer that the operator trusts, from a client certificate that one of the
// operator's authorities signed, or from both. Nothing else in a request counts,
// no header above all.
//
// # Who somebody is
//
// A bearer of a token is its subject. One issuer may have no name; the subjects
// and groups of every other begin with its name and a slash, because sub is
// unique within its issuer only (OpenID Connect Core section 5.7) and a group
// means what its issuer means by it. A subject of the issuer without a name has
// no slash, so nobody can speak as a subject of another issuer, or as a service.
//
// A caller with a certificate alone is the service that the certificate names
// and the configuration lists: by the one URI of a SPIFFE id, else by a DNS
// name, never by a common name. Its subject is the SPIFFE id, or "dns/" and the
// name; its issuer is [configfile.ServiceIssuer].
//
// A token with the certificate of a service makes the service act for the
// bearer (catalog.Caller.Via), if it may. A token that is bound to a
// certificate (RFC 8705) is good on connections with that certificate only. That
// says who may send it, not for whom it was made: a service that logs users in
// over mutual TLS gets their tokens bound to its own certificate.
//
// # What is believed
//
// The operator's anchors, key sets and revocation lists, and nothing of the
// system's. Files are read again when they change; a new one that is broken
// leaves the old state, and [Verifier.Trouble] says so. What expires without a
// successor ends: a revocation list, the keys of an issuer that has not
// answered for a day. Time never goes back: see [Verifier.Now].
package identity

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

// Leeway is by how much clocks of issuers may differ from ours.
const Leeway = time.Minute

// pollInterval is how often files are looked at.
const pollInterval = time.Second

// Config is whom a verifier believes.
type Config struct {
	TLS      configfile.TLS
	Issuers  []configfile.Issuer
	Services []configfile.Service
	// Record is the file in which the newest revocation lists are remembered, so
	// that a restart believes no older one; "" for none.
	Record string
	// Now is the clock; nil for time.Now.
	Now func() time.Time
	// Log takes what goes wrong with keys, certificates and lists; nil for
	// slog.Default().
	Log *slog.Logger
}

// Verifier finds out who calls. Safe for concurrent use.
type Verifier struct {
	log        *slog.Logger
	clock      *clock
	generation atomic.Uint64
	server     *watched[*tls.Certificate]
	trust      *watched[*trust]
	chains     chains
	record     *record
	issuers    map[string]*issuer
	services   map[string]*catalog.Caller // by identity
	actsFor    map[string]bool
}

// Open reads all that the configuration names. An issuer whose keys cannot be
// discovered now is asked again later; all else that is missing or broken is an
// error.
func Open(ctx context.Context, c Config) (*Verifier, error) {
	v := &Verifier{log: c.Log, clock: newClock(c.Now), issuers: map[string]*issuer{}, services: map[string]*catalog.Caller{}, actsFor: map[string]bool{}}
	if v.log == nil {
		v.log = slog.Default()
	}
	v.addServices(c.Services)
	var errs []error
	var err error
	v.record, err = openRecord(c.Record)
	errs = append(errs, err)
	v.server, err = watch(func() (*tls.Certificate, error) { return loadCertificate(c.TLS.CertificateFile, c.TLS.KeyFile) }, c.TLS.CertificateFile, c.TLS.KeyFile)
	errs = append(errs, err)
	v.trust, err = watch(func() (*trust, error) { return v.loadTrust(c.TLS) }, slices.Concat(c.TLS.ClientCAFiles, c.TLS.CRLFiles)...)
	errs = append(errs, err)
	for _, configured := range c.Issuers {
		opened, err := v.openIssuer(ctx, configured)
		errs = append(errs, err)
		v.issuers[configured.Issuer] = opened
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if err := v.trust.get().trouble(v.Now()); err != nil {
		v.log.Error("a revocation list is not used", "error", err)
	}
	v.remember()
	return v, nil
}

// loadTrust reads anchors and lists, and keeps in force what is newer.
func (v *Verifier) loadTrust(c configfile.TLS) (*trust, error) {
	next, err := loadTrust(c.ClientCAFiles, c.CRLFiles)
	if err != nil {
		return nil, err
	}
	next.record = v.record
	if v.trust == nil { // nothing is in force yet
		return next, nil
	}
	next.follow(v.trust.get(), v.chains.all())
	if next.older != nil {
		v.log.Error("an older revocation list is not used", "error", next.older)
	}
	return next, nil
}

// Now is the time as the verifier takes it: the clock's, but never earlier than
// it once was, so that setting the clock back does not bring expired tokens
// back to life.
func (v *Verifier) Now() time.Time { return v.clock.now() }

// Generation changes whenever keys, anchors or revocation lists do: what was
// verified before has to be verified again.
func (v *Verifier) Generation() uint64 { return v.generation.Load() }

// Watch follows files and issuers until ctx ends.
func (v *Verifier) Watch(ctx context.Context) {
	var issuers sync.WaitGroup
	defer issuers.Wait()
	for _, i := range v.issuers {
		issuers.Go(func() { i.keys.follow(ctx) })
	}
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			v.Reload()
		}
	}
}

// Reload reads the files again that changed since they were last read.
func (v *Verifier) Reload() {
	v.reloaded(v.server.poll())
	v.reloaded(v.trust.poll())
	for _, i := range v.issuers {
		v.reloaded(i.keys.poll())
	}
	v.remember()
}

// remember takes down the lists in force of anchors and of the authorities that
// were met between them and clients.
func (v *Verifier) remember() {
	t := v.trust.get()
	for _, authority := range slices.Concat(t.authorities, v.chains.all()) {
		if l := t.list(authority); l != nil && !v.Now().Before(l.ThisUpdate.Add(-Leeway)) {
			v.record.note(authority, l)
		}
	}
	if changed, err := v.record.save(); changed && err != nil {
		v.log.Error("a restart could believe an older revocation list", "error", err)
	}
}

func (v *Verifier) reloaded(changed bool, err error) {
	if changed {
		v.generation.Add(1)
	}
	if err != nil {
		v.log.Error("a changed file is not used, what was read before still is: repair it", "error", err)
	}
}

// Trouble says what is wrong with what the verifier works by; nil when all is
// well. Callers go on being verified by what is good of it.
func (v *Verifier) Trouble() error {
	errs := []error{v.clock.trouble(), v.server.trouble(), expired(v.server.get(), v.Now()), v.trust.trouble(), v.trust.get().trouble(v.Now()), v.record.trouble()}
	for _, i := range v.issuers {
		errs = append(errs, i.keys.trouble())
	}
	return errors.Join(errs...)
}

// Caller says who calls with this token, "" for none, on a connection of this
// peer: the client's certificate, whose key the TLS handshake proved; nil for
// none. The error is a [catalog.Error] with CodeUnauthenticated and tells no
// more than the caller needs.
func (v *Verifier) Caller(token string, peer *x509.Certificate) (catalog.Caller, error) {
	caller, _, err := v.Until(token, peer)
	return caller, err
}

// Until is Caller, and says from when on the answer does not hold any more, even
// when the generation stays the same.
func (v *Verifier) Until(token string, peer *x509.Certificate) (catalog.Caller, time.Time, error) {
	now := v.Now()
	service, until, err := v.service(peer, now)
	switch {
	case err != nil:
		return catalog.Caller{}, time.Time{}, err
	case token == "" && peer == nil:
		return catalog.Caller{}, time.Time{}, unauthenticated("The request has neither a token nor a client certificate.")
	case token == "" && service == nil:
		return catalog.Caller{}, time.Time{}, unauthenticated("The client certificate names no service of this platform: send a token as well.")
	case token == "":
		return *service, until, nil
	}
	claims, expires, err := v.verify(token, now)
	if err != nil {
		return catalog.Caller{}, time.Time{}, err
	}
	if peer == nil || expires.Before(until) {
		until = expires
	}
	caller, err := v.together(claims, peer, service)
	return caller, until, err
}

// together is who calls with a verified token over a connection of a peer.
func (v *Verifier) together(claims claims, peer *x509.Certificate, service *catalog.Caller) (catalog.Caller, error) {
	caller := claims.caller
	switch {
	case claims.bound != "" && (peer == nil || Thumbprint(peer) != claims.bound):
		return catalog.Caller{}, refuse("is bound to another client certificate than that of this connection")
	case service == nil:
		return caller, nil
	case !v.actsFor[service.Subject]:
		return catalog.Caller{}, unauthenticated("The client certificate is of a service that may not act for others: send the certificate alone, or the token without it.")
	}
	caller.Via = service
	return caller, nil
}

func unauthenticated(message string) error {
	return &catalog.Error{Code: catalog.CodeUnauthenticated, Message: message}
}

// refuse says what is wrong with a token. It never quotes it.
func refuse(reason string) error {
	return unauthenticated("The token " + reason + ": get a new one for this platform from its issuer.")
}
