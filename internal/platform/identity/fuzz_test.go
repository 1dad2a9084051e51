package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// fixed is a key set that does not change.
type fixed struct{ keyFile }

// fuzzed is a verifier of one issuer with one key.
func fuzzed(f *testing.F) (*Verifier, jose.Signer) {
	f.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	w, err := watch(func() (keySet, error) { return keySet{{Key: key.Public(), KeyID: "k"}}, nil })
	if err != nil {
		f.Fatal(err)
	}
	v := &Verifier{clock: newClock(nil), issuers: map[string]*issuer{"https://i": {log: slog.New(slog.DiscardHandler),
		Issuer: configfile.Issuer{Issuer: "https://i", Audiences: []string{"a"}, Claims: configfile.Claims{Clearance: "c.d", Countries: "n", ReadIns: "m", Groups: "g", AdministratorGroup: "root"}}, means: newMeanings(fuzzedValues), algorithms: []jose.SignatureAlgorithm{jose.ES256}, keys: fixed{keyFile{w}},
	}}}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		f.Fatal(err)
	}
	return v, signer
}

var fuzzedValues = configfile.Values{
	Clearance: configfile.Meaning{Table: map[string]string{"S": "S", "SECRET": "S"}},
	Countries: configfile.Meaning{Separator: ";", IgnoreCase: true, Table: map[string]string{"gb": "GBR", "US": "USA"}},
	ReadIns:   configfile.Meaning{StripPrefix: "/r/", StripSuffix: "/", Table: map[string]string{"A": "SI"}},
}

// within reports whether all of a list is in another.
func within(list []string, all ...string) bool {
	return !slices.ContainsFunc(list, func(one string) bool { return !slices.Contains(all, one) })
}

// FuzzToken: no bytes that the issuer did not sign are anybody.
func FuzzToken(f *testing.F) {
	v, _ := fuzzed(f)
	encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	f.Add("")
	f.Add("..")
	f.Add(encode(`{"alg":"none"}`) + "." + encode(`{"iss":"https://i"}`) + ".")
	f.Add(encode(`{"alg":"ES256","typ":"JWT","kid":"k"}`) + "." + encode(`{"iss":"https://i","aud":"a","exp":99999999999,"sub":"x"}`) + "." + strings.Repeat("A", 86))
	f.Add(encode(`{"alg":"ES256","typ":"JWT","kid":"k","crit":["b64"],"b64":false}`) + "." + encode(`{"iss":"https://i"}`) + "." + strings.Repeat("A", 86))
	f.Fuzz(func(t *testing.T, token string) {
		if token == "" {
			token = "x"
		}
		caller, _, err := v.Until(token, nil)
		if !errors.Is(err, catalog.ErrUnauthenticated) || caller.Subject != "" {
			t.Fatalf("%q: got %+v, %v", token, caller, err)
		}
	})
}

// FuzzPayload: whatever the issuer signs, a caller has a subject that is its own
// and an end, is an administrator by its group only, and has what tables say.
func FuzzPayload(f *testing.F) {
	v, signer := fuzzed(f)
	const good = `{"iss":"https://i","aud":"a","exp":99999999999,"sub":"x","c":{"d":"S"},"g":["root"]}`
	f.Add(good)
	f.Add(strings.Replace(good, `"x"`, `"a/b"`, 1))
	f.Add(strings.Replace(good, `99999999999`, `1e400`, 1))
	f.Add(strings.Replace(good, `["root"]`, `[["root"]]`, 1))
	f.Add(strings.Replace(good, `{"d":"S"}`, `null`, 1))
	f.Add(strings.Replace(good, `"g"`, `"cnf":{"x5t#S256":"x"},"g"`, 1))
	f.Add(strings.Replace(good, `"g"`, `"n":"gb; US;;","m":["/r/A/","/r/","/x"],"g"`, 1))
	f.Add(strings.Replace(good, `"g"`, `"n":["GB","us;gb"],"m":"/r//","g"`, 1))
	f.Fuzz(func(t *testing.T, payload string) {
		signed, err := signer.Sign([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		token, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		caller, until, err := v.Until(token, nil)
		if err != nil {
			if !errors.Is(err, catalog.ErrUnauthenticated) || caller.Subject != "" {
				t.Fatalf("%q: got %+v, %v", payload, caller, err)
			}
			return
		}
		if a := caller.Attributes; !within([]string{a.Clearance}, "", "S") || !within(a.CountryOfAffiliation, "GBR", "USA") || len(a.CountryOfAffiliation) > 2 || !within(a.FineAccessControls, "SI") {
			t.Fatalf("%q: got %+v", payload, a)
		}
		if !until.After(time.Now()) || caller.Issuer != "https://i" || caller.Subject == "" ||
			strings.ContainsAny(caller.Subject, "/ \n") || caller.Administrator && !strings.Contains(payload, "root") && !strings.Contains(payload, `\u`) {
			t.Fatalf("%q: got %+v until %v", payload, caller, until)
		}
	})
}

// FuzzRecord: a record that is read says what it says in one way.
func FuzzRecord(f *testing.F) {
	f.Add(`{"format":"revocation-lists/1","authorities":[]}`)
	f.Add(`{"format":"revocation-lists/1","authorities":[{"name":"","number":"1","this_update":"2026-01-01T00:00:00Z","certificate":"MIIB"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		r := &record{marks: map[string]mark{}}
		if r.parse([]byte(text)) != nil {
			return
		}
		for key, m := range r.marks {
			if m.authority == nil || m.number == nil || key != heldBy(m.authority) {
				t.Fatalf("%q: a mark of nobody", text)
			}
		}
	})
}

// FuzzKeySet: what is read holds public keys for signatures and nothing else.
func FuzzKeySet(f *testing.F) {
	f.Add(`{"keys":[{"kty":"oct","k":"AAAA"}]}`)
	f.Add(`{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","kid":"1"}]}`)
	f.Add(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := parseKeys([]byte(text))
		if err != nil {
			return
		}
		for _, key := range keys {
			if !key.IsPublic() || !verifies(key) {
				t.Fatalf("%q: a key that is not public: %T", text, key.Key)
			}
		}
		if _, ok := keys.find("", "ES256"); ok && len(keys) != 1 {
			t.Fatal("a key is found without its id among several")
		}
	})
}

// FuzzRevocationList: a list that is read says when it ends.
func FuzzRevocationList(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, KeyUsage: x509.KeyUsageCRLSign, SubjectKeyId: []byte{1}, RawSubject: []byte{0x30, 0}}
	raw, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour), RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: big.NewInt(7), RevocationTime: time.Now()}},
	}, authority, key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for raw, rest, ok := nextList(text); ok; raw, rest, ok = nextList(rest) {
			if l, err := parseList(raw); err == nil && (l.next.IsZero() || l.admits(&x509.Certificate{SerialNumber: big.NewInt(3)}, l.next.Add(time.Second)) == nil) {
				t.Fatal("a list without an end")
			}
			if len(rest) == 0 {
				return
			}
		}
	})
}

// TestKeysForOneAlgorithm: a key is found only for the algorithms of its kind,
// and never when the set does not say which.
func TestKeysForOneAlgorithm(t *testing.T) {
	t.Parallel()
	one, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	two, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a, b := jose.JSONWebKey{Key: one.Public(), KeyID: "a"}, jose.JSONWebKey{Key: two.Public(), KeyID: "a", Algorithm: "ES384"}
	for _, c := range []struct {
		set       keySet
		id, alg   string
		wantFound bool
	}{
		{keySet{a}, "a", "ES256", true}, {keySet{a}, "", "ES256", true}, {keySet{a}, "b", "ES256", false}, {keySet{a}, "a", "ES384", false},
		{keySet{a}, "a", "RS256", false}, {keySet{a}, "a", "EdDSA", false}, {keySet{a}, "a", "HS256", false}, {keySet{a}, "a", "none", false}, {keySet{a}, "a", "", false},
		{keySet{a, b}, "a", "ES384", true}, {keySet{a, b}, "a", "ES256", true}, {keySet{a, b}, "", "ES256", false}, {keySet{a, a}, "a", "ES256", false}, {nil, "a", "ES256", false},
	} {
		if _, ok := c.set.find(c.id, c.alg); ok != c.wantFound {
			t.Errorf("%d keys, id %q, %s: got %v, want %v", len(c.set), c.id, c.alg, ok, c.wantFound)
		}
	}
}

// TestAttackKeysForSomethingElse: a key that its issuer publishes for another use,
// or under a name that is like keys, signs no token; and a private one of any
// kind is told. Less than none is what is no key set.
func TestAttackKeysForSomethingElse(t *testing.T) {
	t.Parallel()
	const point = `"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"`
	const broken = -1
	for text, want := range map[string]int{
		`{"keys":[]}`:                0,
		`{"keys":[{` + point + `}]}`: 1,
		`{"keys":[{` + point + `,"key_ops":["verify"]}]}`:                               1,
		`{"keys":[{` + point + `,"key_ops":["deriveBits"]},{` + point + `}]}`:           1,
		`{"keys":[{` + point + `,"key_ops":["deriveBits"]}]}`:                           0,
		`{"keys":[{` + point + `,"use":"enc"}]}`:                                        0,
		`{"keys":[{` + point + `}],"Keys":[{` + point + `},{` + point + `}]}`:           1,
		`{"Keys":[{` + point + `}]}`:                                                    broken,
		`{"keys":[{` + point + `,"d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}]}`:  broken,
		`{"keys":[{` + point + `},{"kty":"OKP","crv":"X25519","x":"AAAA","d":"AAAA"}]}`: broken,
		`{"keys":{}}`: broken, `{"keys":null}`: broken, `{"keys":[null]}`: broken, `{}`: broken, `[]`: broken, `null`: broken,
	} {
		if keys, err := parseKeys([]byte(text)); len(keys) != max(0, want) || (err != nil) != (want == broken) {
			t.Errorf("%s: got %d keys, %v, want %d", text, len(keys), err, want)
		}
	}
}

// TestNumericDates: a time is a number of seconds that a calendar has.
func TestNumericDates(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{}`: true, `{"exp":0}`: true, `{"exp":1700000000}`: true, `{"exp":1700000000.5}`: true, `{"exp":253402300799}`: true,
		`{"exp":253402300800}`: false, `{"exp":-1}`: false, `{"exp":"1"}`: false, `{"exp":null}`: false, `{"exp":true}`: false, `{"exp":[1]}`: false,
	} {
		object, err := strictjson.Parse(text, tokenLimits)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := timeOf(object, "exp"); ok != want {
			t.Errorf("%s: got %v, want %v", text, ok, want)
		}
	}
}
