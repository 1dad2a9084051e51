package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

// TLS is the configuration of the server's listener: TLS 1.3 only, and a client
// certificate is asked for where there are anchors, but need not be sent. No
// session is resumed, so every connection proves its certificate anew.
func (v *Verifier) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true,
		NextProtos:             []string{"h2", "http/1.1"},
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return v.server.get(), nil },
		GetConfigForClient:     func(*tls.ClientHelloInfo) (*tls.Config, error) { return v.connection(), nil },
	}
}

// connection is the configuration of one connection, by what is trusted now.
// The library asks for a certificate and checks that the client has its key;
// who signed it is checked here, because its own check would work by anchors
// alone.
func (v *Verifier) connection() *tls.Config {
	config := &tls.Config{
		MinVersion:             tls.VersionTLS13,
		SessionTicketsDisabled: true,
		NextProtos:             []string{"h2", "http/1.1"},
		GetCertificate:         func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return v.server.get(), nil },
		VerifyConnection:       v.admit,
	}
	if t := v.trust.get(); !t.none {
		config.ClientAuth, config.ClientCAs = tls.RequestClientCert, t.anchors
	}
	return config
}

// admit ends a handshake whose client certificate is not good.
func (v *Verifier) admit(state tls.ConnectionState) error {
	sent := state.PeerCertificates
	if len(sent) == 0 {
		return nil
	}
	if len(sent) > maxChain {
		return fmt.Errorf("the client sent %d certificates, more than %d", len(sent), maxChain)
	}
	chain, _, err := v.trust.get().verify(sent[0], sent[1:], v.Now())
	v.chains.keep(chain) // of whom a list shuts out too: its list is in force
	if err != nil {
		v.refused(sent[0], err)
		return errors.New("the client certificate is refused")
	}
	return nil
}

// refused says in the log why a certificate is not good, briefly: anybody can send
// one, and names in it have as many letters as fit.
func (v *Verifier) refused(peer *x509.Certificate, reason error) {
	const longest = 256
	brief := func(text string) string { return strings.ToValidUTF8(text[:min(len(text), longest)], "") }
	v.log.Info("a client certificate is refused", "subject", brief(peer.Subject.String()), "error", brief(reason.Error()))
}

// chains remembers the authorities between anchors and clients that were met in
// chains from an anchor, so that a certificate can be held against the lists of the day
// later on without what the client sent beside it. What it keeps is believed
// only with an anchor above it.
type chains struct {
	mu    sync.Mutex
	known map[string]*x509.Certificate // by thumbprint
}

// maxAuthorities is how many are remembered; only the operator's authorities
// can make one.
const maxAuthorities = 1024

func (c *chains) keep(chain []*x509.Certificate) {
	if len(chain) < 3 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) > maxAuthorities {
		c.known = map[string]*x509.Certificate{}
	}
	for _, authority := range chain[1 : len(chain)-1] {
		c.known[Thumbprint(authority)] = authority
	}
}

func (c *chains) all() []*x509.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.known))
}

// addServices makes callers of what the operator lists.
func (v *Verifier) addServices(services []configfile.Service) {
	for _, s := range services {
		caller := &catalog.Caller{
			Subject: ServiceSubject(s.Identity), Issuer: configfile.ServiceIssuer, Groups: s.Groups, Administrator: s.Administrator, Purposes: s.Purposes,
			Attributes: marking.Subject{
				Clearance: s.Clearance, CountryOfAffiliation: s.Countries, FineAccessControls: s.ReadIns, DutyOrganization: s.Organization, EmploymentType: s.Employment,
			},
		}
		v.services[s.Identity], v.actsFor[caller.Subject] = caller, s.ActsFor
	}
}

// ServiceSubject is the subject of the service with this identity. It has a
// slash, as no subject of the issuer without a name has.
func ServiceSubject(identity string) string {
	if strings.HasPrefix(identity, "spiffe://") {
		return identity
	}
	return "dns/" + identity
}

// Admits reports whether a client's certificate is good now.
func (v *Verifier) Admits(peer *x509.Certificate) error {
	_, _, err := v.trust.get().verify(peer, v.chains.all(), v.Now())
	return err
}

// service is the listed service that a client certificate names, nil for none
// and for no certificate, and until when that holds.
func (v *Verifier) service(peer *x509.Certificate, now time.Time) (*catalog.Caller, time.Time, error) {
	if peer == nil {
		return nil, time.Time{}, nil
	}
	_, until, err := v.trust.get().verify(peer, v.chains.all(), now)
	if err != nil { // its revocation came after the handshake
		v.refused(peer, err)
		return nil, time.Time{}, unauthenticated("The client certificate is not valid any more: get a new one.")
	}
	var found *catalog.Caller
	for _, name := range names(peer) {
		service, listed := v.services[name]
		if listed && found != nil {
			return nil, time.Time{}, unauthenticated("The client certificate names two services of this platform: get one for each.")
		}
		if listed {
			found = service
		}
	}
	if found == nil {
		return nil, until, nil
	}
	copied := clone(*found)
	return &copied, until, nil
}

// names are what a certificate may be listed by: its SPIFFE id, of which it has
// one and no other URI (X.509-SVID section 2), else its DNS names.
func names(peer *x509.Certificate) []string {
	if len(peer.URIs) == 1 && peer.URIs[0].Scheme == "spiffe" {
		return []string{peer.URIs[0].String()}
	}
	if len(peer.URIs) > 0 {
		return nil
	}
	lower := make([]string, len(peer.DNSNames))
	for i, name := range peer.DNSNames {
		lower[i] = strings.ToLower(name)
	}
	slices.Sort(lower)
	return slices.Compact(lower)
}

// clone shares no list with its original.
func clone(c catalog.Caller) catalog.Caller {
	c.Groups, c.Purposes = slices.Clone(c.Groups), slices.Clone(c.Purposes)
	c.Attributes.CountryOfAffiliation = slices.Clone(c.Attributes.CountryOfAffiliation)
	c.Attributes.FineAccessControls = slices.Clone(c.Attributes.FineAccessControls)
	return c
}
