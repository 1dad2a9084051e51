package identitytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

// Audience is what the tokens of an [Issuer] are for.
const Audience = "datamesh"

// Issuer is an identity provider that signs with ES256. Its methods are safe for
// concurrent use.
type Issuer struct {
	URL string // its name, and where it is found when it is on the network

	t      testing.TB
	file   string // its key set, "" when it is discovered
	anchor string
	server *httptest.Server

	mu   sync.Mutex // guards what follows
	keys []jose.JSONWebKey
	// disturb answers in the issuer's place when it is not nil.
	disturb http.HandlerFunc
	asked   int
}

// NewFileIssuer is an issuer whose keys come by a file.
func NewFileIssuer(t testing.TB, name string) *Issuer {
	t.Helper()
	i := &Issuer{URL: name, t: t, file: filepath.Join(t.TempDir(), "keys.jwks")}
	i.Rotate(0)
	return i
}

// NewIssuer is an issuer on the network, found by OpenID Connect Discovery,
// with a certificate of this PKI.
func NewIssuer(t testing.TB, pki *PKI) *Issuer {
	t.Helper()
	i := &Issuer{t: t, anchor: pki.Root()}
	i.Rotate(0)
	i.server = httptest.NewUnstartedServer(http.HandlerFunc(i.serve))
	i.server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pki.Server()}}
	i.server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	i.server.StartTLS()
	t.Cleanup(i.server.Close)
	i.URL = i.server.URL
	return i
}

// Configuration is the issuer as an operator's configuration has it, with
// claims by the names that [Claims] uses.
func (i *Issuer) Configuration() configfile.Issuer {
	c := configfile.Issuer{
		Issuer: i.URL, JWKSFile: i.file, Audiences: []string{Audience}, Algorithms: []string{string(jose.ES256)},
		Claims: configfile.Claims{
			Clearance: "clearance", Countries: "mesh.countries", ReadIns: "mesh.read_ins", Organization: "organization", Employment: "employment",
			Groups: "groups", Purposes: "purposes", AdministratorGroup: "mesh-administrators",
		},
	}
	if i.file == "" {
		c.CAFiles = []string{i.anchor}
	}
	return c
}

// Claims are those of a token.
type Claims map[string]any

// User is the claims of a user who is cleared for SECRET, of the United Kingdom.
func User(subject string, groups ...string) Claims {
	return Claims{
		"sub": subject, "clearance": "S", "organization": "GBR.MOD", "employment": "gov", "groups": groups,
		"mesh": map[string]any{"countries": []string{"GBR"}},
	}
}

// Administrator is the claims of an administrator who is cleared for all that
// has no compartment.
func Administrator(subject string) Claims {
	c := User(subject, "mesh-administrators")
	c["clearance"], c["organization"], c["mesh"] = "TS", "USA.DOD", map[string]any{"countries": []string{"USA"}}
	return c
}

// With is the claims with another one; nil takes it away.
func (c Claims) With(name string, value any) Claims {
	changed := maps.Clone(c)
	changed[name] = value
	if value == nil {
		delete(changed, name)
	}
	return changed
}

// Key is the private key that signs now.
func (i *Issuer) Key() jose.JSONWebKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[len(i.keys)-1]
}

// Token is a token for [Audience] that is good for an hour, with the claims over
// that.
func (i *Issuer) Token(claims Claims) string {
	i.t.Helper()
	return i.Signed(i.Key(), jose.ES256, "at+jwt", claims)
}

// Signed is Token by another key or algorithm.
func (i *Issuer) Signed(key any, algorithm jose.SignatureAlgorithm, typ string, claims Claims) string {
	i.t.Helper()
	now := time.Now()
	all := Claims{"iss": i.URL, "aud": []string{"other", Audience}, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": rand.Text()}
	maps.Copy(all, claims)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
	if err != nil {
		i.t.Fatalf("identitytest: %v", err)
	}
	token, err := jwt.Signed(signer).Claims(map[string]any(all)).Serialize()
	if err != nil {
		i.t.Fatalf("identitytest: %v", err)
	}
	return token
}

// Rotate makes a new key, which signs from now on, and publishes it with the
// last kept ones.
func (i *Issuer) Rotate(kept int) {
	i.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		i.t.Fatalf("identitytest: %v", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys[max(0, len(i.keys)-kept):], jose.JSONWebKey{Key: private, KeyID: rand.Text(), Algorithm: string(jose.ES256), Use: "sig"})
	if i.file != "" {
		Replace(i.t, i.file, i.published())
	}
}

// published is the public key set; mu is held.
func (i *Issuer) published() []byte {
	var set jose.JSONWebKeySet
	for _, key := range i.keys {
		set.Keys = append(set.Keys, key.Public())
	}
	text, err := json.Marshal(set)
	if err != nil {
		i.t.Fatalf("identitytest: %v", err)
	}
	return text
}

// File is the path of the key set, "" of an issuer on the network.
func (i *Issuer) File() string { return i.file }

// Disturb has f answer in the issuer's place; nil ends it.
func (i *Issuer) Disturb(f http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.disturb = f
}

// Asked is how often the discovery document was asked for.
func (i *Issuer) Asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

func (i *Issuer) serve(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	disturb, keys := i.disturb, i.published()
	if r.URL.Path == "/.well-known/openid-configuration" {
		i.asked++
	}
	i.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case disturb != nil:
		disturb(w, r)
	case r.URL.Path == "/.well-known/openid-configuration":
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"}) // the peer is gone
	case r.URL.Path == "/keys":
		_, _ = w.Write(keys) // the peer is gone
	default:
		http.NotFound(w, r)
	}
}
