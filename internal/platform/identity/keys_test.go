package identity

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"testing"
)

// TestAttackKeysOfAnIssuer: a second issuer is believed about its own people, and
// has no other way in: neither by keys that verify what nobody signed, nor by ones
// that take a second to verify with.
func TestAttackKeysOfAnIssuer(t *testing.T) {
	t.Parallel()
	modulus := func(bits int) string {
		n := make([]byte, bits/8)
		if _, err := rand.Read(n); err != nil {
			t.Fatal(err)
		}
		n[0], n[len(n)-1] = n[0]|0x80, n[len(n)-1]|1
		return base64.RawURLEncoding.EncodeToString(n)
	}
	rsa := func(bits int, more string) string {
		return fmt.Sprintf(`{"kty":"RSA","kid":"1","n":%q,"e":"AQAB"%s}`, modulus(bits), more)
	}
	const x, y = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4", "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
	ec := func(curve, x, y string) string {
		return fmt.Sprintf(`{"kty":"EC","kid":"1","crv":%q,"x":%q,"y":%q}`, curve, x, y)
	}
	zero := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	for name, c := range map[string]struct {
		keys      string
		algorithm string
		found     bool
	}{
		"an RSA key":               {rsa(2048, ""), "RS256", true},
		"the largest RSA key":      {rsa(4096, ""), "PS512", true},
		"a short RSA key":          {rsa(1024, ""), "RS256", false},
		"an endless RSA key":       {rsa(8192, ""), "RS256", false},
		"an RSA key for something": {rsa(2048, `,"use":"enc"`), "RS256", false},
		"that signs, not verifies": {rsa(2048, `,"key_ops":["sign"]`), "RS256", false},
		"an RSA key of another":    {rsa(2048, `,"alg":"PS256"`), "RS256", false},
		"one id for two keys":      {rsa(2048, "") + "," + rsa(2048, ""), "RS256", false},
		"one id for two kinds":     {rsa(2048, "") + "," + ec("P-256", x, y), "ES256", true},
		"an EC key":                {ec("P-256", x, y), "ES256", true},
		"of another curve":         {ec("P-256", x, y), "ES384", false},
		"a point off the curve":    {ec("P-256", x, x), "ES256", false},
		"no point":                 {ec("P-256", zero, zero), "ES256", false},
		"a curve of Bitcoin":       {ec("secp256k1", x, y), "ES256", false},
		"a secret":                 {`{"kty":"oct","kid":"1","k":"AAAA"}`, "HS256", false},
	} {
		keys, err := parseKeys([]byte(`{"keys":[` + c.keys + `]}`))
		if _, found := keys.find("1", c.algorithm); found != c.found {
			t.Errorf("%s: found %t (%v), want %t", name, found, err, c.found)
		}
	}
}
