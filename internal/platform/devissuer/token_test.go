package devissuer

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

func open(t *testing.T, dir string) *Issuer {
	t.Helper()
	issuer, err := Open(dir)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return issuer
}

func analyst() Claims {
	return Claims{
		Subject: "a.stone",
		Groups:  []string{"sigint", "watch"},
		Attributes: marking.Subject{
			Clearance:            "S",
			CountryOfAffiliation: []string{"GBR"},
			FineAccessControls:   []string{"SI", "TK"},
			DutyOrganization:     "GBR.MOD",
			EmploymentType:       "gov",
		},
		Purposes: []string{"force-protection", "targeting"},
	}
}

func TestVerifyGivesBackWhatWasMinted(t *testing.T) {
	t.Parallel()
	issuer := open(t, t.TempDir())
	admin := Claims{Subject: "root@dev", Administrator: true}
	for _, claims := range []Claims{analyst(), admin} {
		token, err := issuer.Mint(claims, time.Hour)
		if err != nil {
			t.Fatalf("Mint: %v", err)
		}
		got, err := issuer.Verify(token)
		if err != nil {
			t.Fatalf("Verify: %v", err)
		}
		want := catalog.Caller{
			Subject: claims.Subject, Issuer: issuer.Name(), Groups: claims.Groups,
			Administrator: claims.Administrator, Attributes: claims.Attributes, Purposes: claims.Purposes,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("caller of %s (-want +got):\n%s", claims.Subject, diff)
		}
	}
}

func TestClaimNamesOnTheWire(t *testing.T) {
	t.Parallel()
	issuer := open(t, t.TempDir())
	claims := analyst()
	claims.Administrator = true
	token, err := issuer.Mint(claims, time.Hour)
	if err != nil {
		t.Fatalf("Mint: %v", err)
	}
	var got map[string]any
	decodePart(t, token, 1, &got)
	want := []string{
		"admin", "aud", "clearance", "countryOfAffiliation", "dutyOrganization", "employmentType",
		"exp", "fineAccessControls", "groups", "iat", "iss", "jti", "nbf", "purposes", "sub",
	}
	for _, name := range want {
		if _, ok := got[name]; !ok {
			t.Errorf("claim %q is missing from %v", name, got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("got %d claims, want %d: %v", len(got), len(want), got)
	}
}

func TestAdministratorIsNeverTheDefault(t *testing.T) {
	t.Parallel()
	issuer := open(t, t.TempDir())
	token, err := issuer.Mint(analyst(), time.Hour)
	if err != nil {
		t.Fatalf("Mint: %v", err)
	}
	caller, err := issuer.Verify(token)
	if err != nil || caller.Administrator {
		t.Errorf("got administrator %v, %v, want false, nil", caller.Administrator, err)
	}
}

func TestMintRefuses(t *testing.T) {
	t.Parallel()
	issuer := open(t, t.TempDir())
	many := make([]string, 2000)
	for i := range many {
		many[i] = "group"
	}
	for _, c := range []struct {
		name   string
		claims Claims
		ttl    time.Duration
		want   string
	}{
		{"no subject", Claims{}, time.Hour, "subject"},
		{"line break in subject", Claims{Subject: "a\nb"}, time.Hour, "subject"},
		{"look-alike subject", Claims{Subject: "аdmin"}, time.Hour, "subject"},
		{"long subject", Claims{Subject: strings.Repeat("a", 129)}, time.Hour, "subject"},
		{"no life", Claims{Subject: "a"}, 0, "cannot live"},
		{"life already over", Claims{Subject: "a"}, -time.Hour, "cannot live"},
		{"endless life", Claims{Subject: "a"}, MaxTTL + time.Second, "cannot live"},
		{"too many groups", Claims{Subject: "a", Groups: many}, time.Hour, "bytes"},
	} {
		token, err := issuer.Mint(c.claims, c.ttl)
		if err == nil || token != "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %q, %v, want an error with %q", c.name, token, err, c.want)
		}
	}
}

// forge signs claims with any key and algorithm, as an attacker would.
func forge(t *testing.T, alg jose.SignatureAlgorithm, key any, keyID string, claims any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", keyID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatalf("NewSigner: %v", err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatalf("Serialize: %v", err)
	}
	return token
}

func part(v any) string {
	raw, _ := json.Marshal(v) // maps of strings cannot fail
	return base64.RawURLEncoding.EncodeToString(raw)
}

func decodePart(t *testing.T, token string, n int, into any) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[n])
	if err != nil {
		t.Fatalf("part %d of the token: %v", n, err)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		t.Fatalf("part %d of the token: %v", n, err)
	}
}

// TestAttacks holds one entry for each way in that has worked on somebody.
func TestAttacks(t *testing.T) {
	t.Parallel()
	issuer, other := open(t, t.TempDir()), open(t, t.TempDir())
	kid := issuer.key.KeyID
	public := issuer.key.Public()
	publicJWK, err := public.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(public.Key)
	if err != nil {
		t.Fatal(err)
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})

	good := issuer.payload(analyst(), time.Hour)
	valid := forge(t, jose.ES256, issuer.key, kid, good)
	if _, err := issuer.Verify(valid); err != nil {
		t.Fatalf("the token that the attacks start from: %v", err)
	}
	change := func(f func(*payload)) string {
		p := issuer.payload(analyst(), time.Hour)
		f(&p)
		return forge(t, jose.ES256, issuer.key, kid, p)
	}
	parts := strings.Split(valid, ".")
	var claims map[string]any
	decodePart(t, valid, 1, &claims)
	claims["admin"] = true

	attacks := map[string]string{
		"alg none":                   part(map[string]string{"alg": "none", "typ": "JWT", "kid": kid}) + "." + parts[1] + ".",
		"alg None in another case":   part(map[string]string{"alg": "nOnE", "typ": "JWT", "kid": kid}) + "." + parts[1] + ".",
		"alg none, signature kept":   part(map[string]string{"alg": "none", "typ": "JWT", "kid": kid}) + "." + parts[1] + "." + parts[2],
		"HS256 with the public JWK":  forge(t, jose.HS256, publicJWK, kid, good),
		"HS256 with the public PEM":  forge(t, jose.HS256, publicPEM, kid, good),
		"HS256 with the public DER":  forge(t, jose.HS256, der, kid, good),
		"claims changed":             parts[0] + "." + part(claims) + "." + parts[2],
		"signature cut off":          parts[0] + "." + parts[1] + ".",
		"signature missing":          parts[0] + "." + parts[1],
		"truncated":                  valid[:len(valid)-8],
		"zero signature":             parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
		"another data directory":     forge(t, jose.ES256, other.key, other.key.KeyID, other.payload(analyst(), time.Hour)),
		"another key under our id":   forge(t, jose.ES256, other.key.Key, kid, good),
		"unknown key id":             forge(t, jose.ES256, issuer.key.Key, "somebody", good),
		"key carried in the header":  embedded(t, other, good),
		"expired":                    change(func(p *payload) { p.Expiry = jwt.NewNumericDate(time.Now().Add(-time.Second)) }),
		"not valid yet":              change(func(p *payload) { p.NotBefore = jwt.NewNumericDate(time.Now().Add(time.Hour)) }),
		"issued in the future":       change(func(p *payload) { p.IssuedAt = jwt.NewNumericDate(time.Now().Add(time.Hour)) }),
		"never expires":              change(func(p *payload) { p.Expiry = nil }),
		"no nbf":                     change(func(p *payload) { p.NotBefore = nil }),
		"no iat":                     change(func(p *payload) { p.IssuedAt = nil }),
		"no jti":                     change(func(p *payload) { p.ID = "" }),
		"no subject":                 change(func(p *payload) { p.Subject = "" }),
		"subject with a line break":  change(func(p *payload) { p.Subject = "a.stone\nroot" }),
		"wrong audience":             change(func(p *payload) { p.Audience = jwt.Audience{"elsewhere"} }),
		"no audience":                change(func(p *payload) { p.Audience = nil }),
		"wrong issuer":               change(func(p *payload) { p.Issuer = other.Name() }),
		"no issuer":                  change(func(p *payload) { p.Issuer = "" }),
		"admin as text":              forge(t, jose.ES256, issuer.key, kid, merged(claims, "admin", "true")),
		"one country for a list":     forge(t, jose.ES256, issuer.key, kid, merged(claims, "countryOfAffiliation", "USA")),
		"1 MiB":                      strings.Repeat("a", 1<<20),
		"1 MiB of dots":              strings.Repeat(".", 1<<20),
		"padded after the signature": valid + strings.Repeat("A", MaxToken),
		"JSON serialization":         `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"five parts":                 valid + ".a.b",
		"white space around":         " " + valid + "\n",
		"nothing":                    "",
		"dots":                       "..",
		"NUL":                        "\x00",
	}
	// Which guard must stop it, where a later one would too.
	guards := map[string]string{
		"alg none": "ES256", "HS256 with the public JWK": "ES256", "HS256 with the public PEM": "ES256",
		"1 MiB": "longer", "1 MiB of dots": "longer", "never expires": "lacks",
	}
	for name, token := range attacks {
		caller, err := issuer.Verify(token)
		if !errors.Is(err, catalog.ErrUnauthenticated) {
			t.Errorf("%s: got %+v, %v, want unauthenticated", name, caller, err)
			continue
		}
		if !strings.Contains(err.Error(), guards[name]) {
			t.Errorf("%s: got %v, want it stopped by the guard that says %q", name, err, guards[name])
		}
		if diff := cmp.Diff(catalog.Caller{}, caller); diff != "" {
			t.Errorf("%s: a refused token gave a caller:\n%s", name, diff)
		}
		if len(token) > 10 && strings.Contains(err.Error(), token[len(token)-10:]) {
			t.Errorf("%s: the error quotes the token: %v", name, err)
		}
	}
}

func merged(claims map[string]any, name string, value any) map[string]any {
	m := map[string]any{}
	for k, v := range claims {
		m[k] = v
	}
	m[name] = value
	return m
}

// embedded signs with the attacker's own key and offers its public half in
// the header (CVE-2018-0114).
func embedded(t *testing.T, attacker *Issuer, claims any) string {
	t.Helper()
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("JWT")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: attacker.key.Key.(*ecdsa.PrivateKey)}, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokenEndsToTheSecond(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		issuer := open(t, dir)
		token, err := issuer.Mint(analyst(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute - time.Millisecond)
		if _, err := issuer.Verify(token); err != nil {
			t.Errorf("a millisecond before its end: %v", err)
		}
		time.Sleep(time.Millisecond)
		_, err = issuer.Verify(token)
		if err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("at its end: got %v, want expired", err)
		}
	})
}

// fixed is an issuer with a key that everybody knows, so that a corpus has a
// meaning.
func fixed(f *testing.F) *Issuer {
	f.Helper()
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	key := jose.JSONWebKey{Key: private, Algorithm: string(jose.ES256), Use: "sig"}
	if key.KeyID, err = thumbprint(key); err != nil {
		f.Fatal(err)
	}
	issuer, err := newIssuer(key)
	if err != nil {
		f.Fatal(err)
	}
	return issuer
}

// FuzzVerify asks that nothing but what was signed gives a caller. Different
// texts may carry the same signed claims, as base64 has spare bits.
func FuzzVerify(f *testing.F) {
	issuer := fixed(f)
	valid, err := issuer.Mint(analyst(), MaxTTL)
	if err != nil {
		f.Fatal(err)
	}
	want, err := issuer.Verify(valid)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(valid)
	f.Fuzz(func(t *testing.T, token string) {
		got, err := issuer.Verify(token)
		switch {
		case err != nil && !errors.Is(err, catalog.ErrUnauthenticated):
			t.Errorf("got %v, want unauthenticated", err)
		case err == nil && !cmp.Equal(want, got):
			t.Errorf("a token that nobody minted is %+v", got)
		}
	})
}
