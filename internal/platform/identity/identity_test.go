package identity_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
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

// TestKeyRotation: a token of a new key makes the issuer be asked, once a
// minute whatever comes in; keys that it removed end their tokens.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	pki, clock := identitytest.NewPKI(t, "Root"), newHands()
	issuer := identitytest.NewIssuer(t, pki)
	v := open(t, pki, clock, issuer.Configuration())
	old := issuer.Token(identitytest.User("ana"))
	accepted(t, v, "the first key", old)
	issuer.Rotate(0)
	fresh := issuer.Token(identitytest.User("ana"))
	refused(t, v, "a new key within the minute", fresh)
	accepted(t, v, "the old key within the minute", old)
	clock.move(time.Minute + time.Second)
	before := v.Generation()
	accepted(t, v, "a new key after a minute", fresh)
	refused(t, v, "a key that is gone", old)
	if v.Generation() == before {
		t.Error("what was remembered by the old key still counts")
	}
	stranger := identitytest.NewFileIssuer(t, issuer.URL)
	asked := issuer.Asked()
	for range 50 {
		refused(t, v, "an unknown key", stranger.Token(identitytest.User("ana")))
	}
	if got := issuer.Asked(); got != asked {
		t.Errorf("fifty tokens of unknown keys made the issuer be asked %d times", got-asked)
	}
	clock.move(time.Minute + time.Second)
	for range 50 {
		refused(t, v, "an unknown key", stranger.Token(identitytest.User("ana")))
	}
	if got := issuer.Asked(); got != asked+1 {
		t.Errorf("a minute later it was asked %d times, want once", got-asked)
	}
}

// TestIssuerOutOfReach: keys outlive an outage of their issuer, but not for
// ever; and a server starts without its issuer.
func TestIssuerOutOfReach(t *testing.T) {
	t.Parallel()
	pki, clock := identitytest.NewPKI(t, "Root"), newHands()
	issuer := identitytest.NewIssuer(t, pki)
	pki.Lifetime = 1000 * time.Hour
	pki.WriteLists()
	down := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }
	day := identitytest.User("ana").With("exp", clock.now().Add(72*time.Hour).Unix())
	v := open(t, pki, clock, issuer.Configuration())
	issuer.Disturb(down)
	clock.move(23 * time.Hour)
	accepted(t, v, "in an outage", issuer.Token(day))
	if err := v.Trouble(); err != nil {
		t.Errorf("in an outage, with keys: %v", err)
	}
	clock.move(2 * time.Hour)
	refused(t, v, "after a day of it", issuer.Token(day))
	if err := v.Trouble(); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("after a day of it: got %v, want the status", err)
	}
	started := open(t, pki, clock, issuer.Configuration())
	refused(t, started, "started without its issuer", issuer.Token(day))
	issuer.Disturb(nil)
	clock.move(time.Minute + time.Second)
	accepted(t, started, "once it is back", issuer.Token(day))
	if err := started.Trouble(); err != nil {
		t.Errorf("once it is back: %v", err)
	}
}

// TestAttackRememberedTokenOfASilentIssuer: who keeps an issuer from the platform
// must not keep a key alive that it has removed: what was verified by a key is good
// for no longer than the key, however long the token says.
func TestAttackRememberedTokenOfASilentIssuer(t *testing.T) {
	t.Parallel()
	pki, clock := identitytest.NewPKI(t, "Root"), newHands()
	issuer := identitytest.NewIssuer(t, pki)
	v := open(t, pki, clock, issuer.Configuration())
	started := v.Now() // the issuer was asked before
	clock.move(time.Hour)
	token := issuer.Token(identitytest.User("ana").With("exp", started.Add(1000*time.Hour).Unix()))
	_, until, err := v.Until(token, nil)
	if last := started.Add(24 * time.Hour); err != nil || until.After(last) {
		t.Errorf("got %v, good until %v, want until %v at most", err, until, last)
	}
	short := started.Add(2 * time.Hour).Truncate(time.Second)
	if _, until, err = v.Until(issuer.Token(identitytest.User("ana").With("exp", short.Unix())), nil); err != nil || !until.Equal(short.Add(identity.Leeway)) {
		t.Errorf("a token that ends before: got %v, good until %v, want until %v", err, until, short.Add(identity.Leeway))
	}
}

// TestAttackUnknownKeysAtASilentIssuer: while an issuer does not answer, tokens of
// keys that nobody knows hold up a few requests and no more, whoever sends many
// of them.
func TestAttackUnknownKeysAtASilentIssuer(t *testing.T) {
	t.Parallel()
	pki, clock := identitytest.NewPKI(t, "Root"), newHands()
	issuer := identitytest.NewIssuer(t, pki)
	v := open(t, pki, clock, issuer.Configuration())
	unknown := identitytest.NewFileIssuer(t, issuer.URL).Token(identitytest.User("ana"))
	asked, given := make(chan struct{}), make(chan struct{})
	issuer.Disturb(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done() // the platform has given up
		close(given)
	})
	clock.move(time.Minute + time.Second)
	const many = 200
	done := make(chan struct{}, many)
	ask := func() {
		refused(t, v, "an unknown key", unknown)
		done <- struct{}{}
	}
	go ask()
	<-asked
	for range many - 1 {
		go ask()
	}
	for range many / 2 {
		<-done
	}
	select {
	case <-given:
		t.Error("half of the requests, or more, waited for the issuer")
	default:
	}
	for range many / 2 {
		<-done
	}
}

// TestAttackDiscovery: an issuer's documents that lead elsewhere, or nowhere, do
// not count; the attacker's keys are never among the issuer's.
func TestAttackDiscovery(t *testing.T) {
	t.Parallel()
	pki := identitytest.NewPKI(t, "Root")
	evil := identitytest.NewIssuer(t, pki)
	home := identitytest.NewIssuer(t, pki)
	private := home.Key()
	public := private.Public()
	// The key set is in order, so that the document alone is what is wrong.
	written := func(document string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/keys" {
				_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{public}})
				return
			}
			_, _ = io.WriteString(w, document)
		}
	}
	document := func(issuer, keys string) http.HandlerFunc {
		return written(`{"issuer":"` + issuer + `","jwks_uri":"` + keys + `"}`)
	}
	onlyKeys := func(f http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/keys" {
				f(w, r)
				return
			}
			document(home.URL, home.URL+"/keys")(w, r)
		}
	}
	clear := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(clear.Close)
	endless := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(strings.Repeat(" ", 64<<10))); err != nil {
				return
			}
		}
	}
	for name, disturb := range map[string]http.HandlerFunc{
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, evil.URL+r.URL.Path, http.StatusFound)
		},
		"keys by a redirect": onlyKeys(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, evil.URL+"/keys", http.StatusTemporaryRedirect)
		}),
		"a redirect to itself": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, home.URL+r.URL.Path, http.StatusFound)
		},
		"keys at another host":        document(home.URL, evil.URL+"/keys"),
		"keys at another name for it": document(home.URL, strings.Replace(home.URL, "127.0.0.1", "localhost", 1)+"/keys"),
		"keys in the clear":           document(home.URL, clear.URL+"/keys"),
		"keys in a file":              document(home.URL, "file:///etc/keys"),
		"keys with a password":        document(home.URL, strings.Replace(home.URL, "https://", "https://a:b@", 1)+"/keys"),
		"another issuer":              document(evil.URL, home.URL+"/keys"),
		"the issuer twice":            written(`{"issuer":"` + home.URL + `","issuer":"` + home.URL + `","jwks_uri":"` + home.URL + `/keys"}`),
		"an endless document":         endless,
		"an endless key set":          onlyKeys(endless),
		"keys that are a page":        onlyKeys(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }),
		"keys with an error":          onlyKeys(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }),
		"no keys":                     onlyKeys(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"keys":[]}`) }),
		"a secret as a key": onlyKeys(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"keys":[{"kty":"oct","k":"AAAA","kid":"x"}]}`)
		}),
		"the private key beside it": onlyKeys(func(w http.ResponseWriter, _ *http.Request) {
			_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{public, private}})
		}),
	} {
		home.Disturb(disturb)
		v := open(t, pki, newHands(), home.Configuration())
		if err := v.Trouble(); err == nil {
			t.Errorf("%s: nothing is wrong", name)
		}
		refused(t, v, name, home.Token(identitytest.User("ana")))
		refused(t, v, name, evil.Token(identitytest.User("ana").With("iss", home.URL)))
	}
	home.Disturb(document(home.URL, home.URL+"/keys"))
	v := open(t, pki, newHands(), home.Configuration())
	accepted(t, v, "with nothing wrong", home.Token(identitytest.User("ana")))
	other := home.Configuration()
	other.CAFiles = []string{identitytest.NewPKI(t, "Root").Root()}
	refused(t, open(t, pki, newHands(), other), "a server of another root", home.Token(identitytest.User("ana")))
}

// TestAttackDiscoveryAtARotation: an issuer whose documents are taken over while
// the platform runs, so that they name another issuer or keys elsewhere, brings no
// key of the attacker in; its own keys go on, and the operator is told in the log
// and, when they are a day old, by readiness.
func TestAttackDiscoveryAtARotation(t *testing.T) {
	t.Parallel()
	pki, clock := identitytest.NewPKI(t, "Root"), newHands()
	pki.Lifetime = 1000 * time.Hour
	pki.WriteLists()
	home, evil := identitytest.NewIssuer(t, pki), identitytest.NewIssuer(t, pki)
	v := open(t, pki, clock, home.Configuration())
	lasting := identitytest.User("ana").With("exp", clock.now().Add(72*time.Hour).Unix())
	for name, document := range map[string]string{
		"another issuer's document": `{"issuer":"` + evil.URL + `","jwks_uri":"` + evil.URL + `/keys"}`,
		"keys elsewhere":            `{"issuer":"` + home.URL + `","jwks_uri":"` + evil.URL + `/keys"}`,
		"no keys":                   `{"issuer":"` + home.URL + `"}`,
		"nothing":                   ``,
	} {
		home.Disturb(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, document) })
		clock.move(time.Minute + time.Second)
		asked := home.Asked()
		refused(t, v, name, evil.Token(lasting.With("iss", home.URL)))
		if home.Asked() == asked {
			t.Fatalf("%s: the issuer was not asked", name)
		}
		accepted(t, v, name, home.Token(lasting))
	}
	clock.move(25 * time.Hour)
	refused(t, v, "a day later", home.Token(lasting))
	if v.Trouble() == nil {
		t.Error("a day later the operator is told nothing")
	}
}

// TestAttackKeysByAnAnchorThatIsGone: keys came over a connection that an authority
// vouched for. When the operator takes the authority away, whoever it let in between
// has no key here any more; one more authority takes nothing away.
func TestAttackKeysByAnAnchorThatIsGone(t *testing.T) {
	t.Parallel()
	pki, other := identitytest.NewPKI(t, "Root"), identitytest.NewPKI(t, "Root")
	issuer := identitytest.NewIssuer(t, pki)
	own, strange := contents(t, pki.Root()), contents(t, other.Root())
	configured, path := issuer.Configuration(), t.TempDir()+"/anchors.pem"
	identitytest.Replace(t, path, own)
	configured.CAFiles = []string{path}
	v, token := open(t, pki, newHands(), configured), issuer.Token(identitytest.User("ana"))
	accepted(t, v, "by its anchor", token)
	issuer.Disturb(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	identitytest.Replace(t, path, slices.Concat(own, strange))
	v.Reload()
	accepted(t, v, "by one anchor more, in an outage", token)
	issuer.Disturb(nil)
	before := v.Generation()
	identitytest.Replace(t, path, strange)
	v.Reload()
	refused(t, v, "without its anchor", token)
	if v.Generation() == before {
		t.Error("what was remembered by its keys still counts")
	}
	if err := v.Trouble(); err == nil || !strings.Contains(err.Error(), issuer.URL) {
		t.Errorf("the operator is told %v", err)
	}
	identitytest.Replace(t, path, own)
	v.Reload()
	accepted(t, v, "by its anchor again", token)
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
