package identity_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
)

// hands is a clock that the test sets.
type hands struct {
	mu sync.Mutex
	at time.Time
}

func newHands() *hands { return &hands{at: time.Now().Round(0)} }

func (h *hands) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hands) move(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

// open is a verifier of these issuers.
func open(t testing.TB, pki *identitytest.PKI, clock *hands, issuers ...configfile.Issuer) *identity.Verifier {
	t.Helper()
	certificate, key := pki.Write("server", pki.Server())
	v, err := identity.Open(t.Context(), identity.Config{
		TLS:     configfile.TLS{CertificateFile: certificate, KeyFile: key, ClientCAFiles: []string{pki.Root()}, CRLFiles: pki.Lists()},
		Issuers: issuers, Now: clock.now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func refused(t *testing.T, v *identity.Verifier, what, token string) {
	t.Helper()
	if caller, err := v.Caller(token, nil); !errors.Is(err, catalog.ErrUnauthenticated) || caller.Subject != "" {
		t.Errorf("%s: got %+v, %v, want %v", what, caller, err, catalog.ErrUnauthenticated)
	}
}

func accepted(t *testing.T, v *identity.Verifier, what, token string) catalog.Caller {
	t.Helper()
	caller, err := v.Caller(token, nil)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return caller
}

// TestClaims: each claim is found where the configuration says, and what is not
// there is no attribute.
func TestClaims(t *testing.T) {
	t.Parallel()
	issuer := identitytest.NewFileIssuer(t, "https://idp.example")
	configured := issuer.Configuration()
	configured.Claims = configfile.Claims{
		Subject: `https://idp\.example/uid`, Clearance: "uas.clearance", Countries: "uas.country.codes", ReadIns: "uas.fac", Organization: "org", Employment: "type",
		Groups: "realm_access.roles", Purposes: "purposes", AdministratorGroup: "mesh-admin",
	}
	v := open(t, identitytest.NewPKI(t, "Root"), newHands(), configured)
	got := accepted(t, v, "all claims", issuer.Token(identitytest.Claims{
		"https://idp.example/uid": "ana", "sub": "4711", "org": "GBR.MOD", "type": "mil", "purposes": "targeting",
		"uas":          map[string]any{"clearance": "TS", "country": map[string]any{"codes": "GBR"}, "fac": []string{"SI", "TK"}},
		"realm_access": map[string]any{"roles": []string{"auditors", "mesh-admin"}},
	}))
	want := catalog.Caller{
		Subject: "ana", Issuer: "https://idp.example", Groups: []string{"auditors", "mesh-admin"}, Administrator: true, Purposes: []string{"targeting"},
		Attributes: marking.Subject{Clearance: "TS", CountryOfAffiliation: []string{"GBR"}, FineAccessControls: []string{"SI", "TK"}, DutyOrganization: "GBR.MOD", EmploymentType: "mil"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	got = accepted(t, v, "no claims", issuer.Token(identitytest.Claims{"https://idp.example/uid": "ana", "uas": "none", "org": nil}))
	if diff := cmp.Diff(catalog.Caller{Subject: "ana", Issuer: "https://idp.example"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestRefusedValueIsInTheLogOnly: the operator learns which value of whom it was,
// who sends the token does not.
func TestRefusedValueIsInTheLogOnly(t *testing.T) {
	t.Parallel()
	issuer, pki := identitytest.NewFileIssuer(t, "https://idp.example"), identitytest.NewPKI(t, "Root")
	configured := issuer.Configuration()
	configured.Values.Clearance.Table = map[string]string{"SECRET": "S"}
	certificate, key := pki.Write("server", pki.Server())
	var log bytes.Buffer // one caller writes
	v, err := identity.Open(t.Context(), identity.Config{
		TLS: configfile.TLS{CertificateFile: certificate, KeyFile: key}, Issuers: []configfile.Issuer{configured}, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	for claim, value := range map[string]any{"clearance": "COSMIC", "employment": 7, "groups": map[string]any{"COSMIC": true}} {
		log.Reset()
		_, err := v.Caller(issuer.Token(identitytest.User("ana").With("clearance", "SECRET").With(claim, value)), nil)
		if !errors.Is(err, catalog.ErrUnauthenticated) || strings.Contains(err.Error(), "COSMIC") || strings.Contains(err.Error(), claim) {
			t.Errorf("%s: the caller is told %v", claim, err)
		}
		if line := log.String(); !strings.Contains(line, "claim "+claim) || !strings.Contains(line, "subject=ana") || !strings.Contains(line, "issuer=https://idp.example") {
			t.Errorf("%s: the log says %q", claim, line)
		}
	}
}

// TestAttackClockSetBack: a token that has expired stays so when the clock is
// set back, and the operator is told.
func TestAttackClockSetBack(t *testing.T) {
	t.Parallel()
	issuer, clock := identitytest.NewFileIssuer(t, "https://idp.example"), newHands()
	v := open(t, identitytest.NewPKI(t, "Root"), clock, issuer.Configuration())
	token := issuer.Token(identitytest.User("ana"))
	accepted(t, v, "in its time", token)
	clock.move(2 * time.Hour)
	refused(t, v, "expired", token)
	clock.move(-2 * time.Hour)
	refused(t, v, "with the clock set back", token)
	if err := v.Trouble(); err == nil || !strings.Contains(err.Error(), "clock was set back by 2h") {
		t.Errorf("got %v, want the clock named", err)
	}
	clock.move(2 * time.Hour)
	if err := v.Trouble(); err != nil {
		t.Errorf("with the clock right again: %v", err)
	}
}

// TestOpenRefuses: what is missing or broken at the start is an error, with the
// file's name.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	pki := identitytest.NewPKI(t, "Root")
	certificate, key := pki.Write("server", pki.Server())
	leaf, other := pki.Write("leaf", pki.Client("Ana Stone"))
	empty := pki.Dir + "/empty"
	identitytest.Replace(t, empty, nil)
	whole := configfile.TLS{CertificateFile: certificate, KeyFile: key, ClientCAFiles: []string{pki.Root()}, CRLFiles: pki.Lists()}
	for name, change := range map[string]func(*configfile.TLS){
		"no certificate":            func(c *configfile.TLS) { c.CertificateFile = pki.Dir + "/absent" },
		"another key":               func(c *configfile.TLS) { c.KeyFile = other },
		"a certificate as the key":  func(c *configfile.TLS) { c.KeyFile = certificate },
		"a leaf as an anchor":       func(c *configfile.TLS) { c.ClientCAFiles = []string{leaf} },
		"an empty anchor":           func(c *configfile.TLS) { c.ClientCAFiles = []string{empty} },
		"an empty list":             func(c *configfile.TLS) { c.CRLFiles = []string{empty} },
		"a certificate as a list":   func(c *configfile.TLS) { c.CRLFiles = []string{pki.Root()} },
		"a directory as the anchor": func(c *configfile.TLS) { c.ClientCAFiles = []string{pki.Dir} },
	} {
		changed := whole
		change(&changed)
		if _, err := identity.Open(t.Context(), identity.Config{TLS: changed}); err == nil {
			t.Errorf("%s: it opens", name)
		}
	}
	if _, err := identity.Open(t.Context(), identity.Config{TLS: whole}); err != nil {
		t.Errorf("the whole: %v", err)
	}
}
