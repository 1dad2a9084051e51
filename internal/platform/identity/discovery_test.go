package identity_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
)

// TestKeyRotation: a token of a new key makes the issuer be asked, also just after
// it was asked at the start, and once a minute whatever comes in; keys that it
// removed end their tokens.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	pki, clock := identitytest.NewPKI(t, "Root"), newHands()
	issuer := identitytest.NewIssuer(t, pki)
	v := open(t, pki, clock, issuer.Configuration())
	old := issuer.Token(identitytest.User("ana"))
	accepted(t, v, "the first key", old)
	issuer.Rotate(1)
	accepted(t, v, "a new key just after the start", issuer.Token(identitytest.User("ana")))
	accepted(t, v, "the old key beside it", old)
	issuer.Rotate(0)
	fresh := issuer.Token(identitytest.User("ana"))
	refused(t, v, "a third key within the minute", fresh)
	accepted(t, v, "the old key within the minute", old)
	clock.move(time.Minute + time.Second)
	before := v.Generation()
	accepted(t, v, "the third key after a minute", fresh)
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
	if _, err := started.Caller(issuer.Token(day), nil); !strings.Contains(fmt.Sprint(err), "Try again later") {
		t.Errorf("a token that is good, while nobody can tell: %v, want no advice to get another", err)
	}
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

// TestAttackKeysThatWereTakenBack: an issuer whose keys were stolen takes all of them
// back. That it has none now is its word, as much as one key for another would be;
// what is no key set says nothing.
func TestAttackKeysThatWereTakenBack(t *testing.T) {
	t.Parallel()
	pki, clock := identitytest.NewPKI(t, "Root"), newHands()
	network, file := identitytest.NewIssuer(t, pki), identitytest.NewFileIssuer(t, "https://idp.example")
	partner := file.Configuration()
	partner.Name = "partner"
	v, stranger := open(t, pki, clock, network.Configuration(), partner), identitytest.NewFileIssuer(t, network.URL)
	publish := func(set string) {
		network.Disturb(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/keys" {
				_, _ = io.WriteString(w, set)
				return
			}
			_, _ = io.WriteString(w, `{"issuer":"`+network.URL+`","jwks_uri":"`+network.URL+`/keys"}`)
		})
		identitytest.Replace(t, file.File(), []byte(set))
		v.Reload()
		clock.move(time.Minute + time.Second)
		refused(t, v, "an unknown key", stranger.Token(identitytest.User("ana"))) // has the issuer be asked
	}
	one, other := network.Token(identitytest.User("ana")), file.Token(identitytest.User("bob"))
	for _, broken := range []string{``, `{}`, `{"keys":null}`, `{"keys":{}}`, `[]`, `{"Keys":[]}`} {
		publish(broken)
		accepted(t, v, broken, one)
		accepted(t, v, broken, other)
	}
	for _, none := range []string{`{"keys":[]}`, `{"keys":[{"kty":"oct","kid":"1","k":"AAAA"}]}`} {
		before := v.Generation()
		publish(none)
		refused(t, v, none, one)
		refused(t, v, none, other)
		if err := v.Trouble(); err == nil || !strings.Contains(err.Error(), network.URL) || !strings.Contains(err.Error(), file.File()) {
			t.Errorf("%s: the operator is told %v", none, err)
		}
		network.Disturb(nil)
		file.Rotate(1)
		v.Reload()
		clock.move(time.Minute + time.Second)
		accepted(t, v, "with keys again", network.Token(identitytest.User("ana")))
		accepted(t, v, "with keys again", file.Token(identitytest.User("bob")))
		if v.Generation() == before {
			t.Error("what was remembered still counts")
		}
	}
}
