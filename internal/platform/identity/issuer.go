package identity

import (
	"context"
	"encoding/base64"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// MaxToken is the longest token that is looked at, in bytes.
const MaxToken = 16 << 10

var tokenLimits = strictjson.Limits{Bytes: MaxToken, Depth: 16, Values: 4096}

// issuer is one whose tokens count.
type issuer struct {
	configfile.Issuer
	algorithms []jose.SignatureAlgorithm
	keys       source
	means      meanings
	log        *slog.Logger // what is wrong with a token, where the answer must not say
}

func (v *Verifier) openIssuer(ctx context.Context, c configfile.Issuer) (opened *issuer, err error) {
	i := &issuer{Issuer: c, means: newMeanings(c.Values), log: v.log}
	for _, name := range c.Algorithms {
		i.algorithms = append(i.algorithms, jose.SignatureAlgorithm(name))
	}
	if c.JWKSFile != "" {
		i.keys, err = openKeyFile(c.JWKSFile)
	} else {
		i.keys, err = v.discover(ctx, c.Issuer, c.CAFiles)
	}
	return i, err
}

// verify reads a token as a JWT in JWS compact form, by the rules of RFC 8725
// and RFC 9068, and says when it expires. Which issuer's keys count is decided
// by what the token says of itself; that it is so, by its signature.
func (v *Verifier) verify(token string, now time.Time) (claims, time.Time, error) {
	header, payload, err := open(token)
	if err != nil {
		return claims{}, time.Time{}, err
	}
	name := member(payload, "iss")
	if name == nil || name.Kind != strictjson.String || v.issuers[name.Text] == nil {
		return claims{}, time.Time{}, refuse("is of an issuer that this platform does not know")
	}
	i := v.issuers[name.Text]
	if err := i.checkSignature(token, header); err != nil {
		return claims{}, time.Time{}, err
	}
	if isSomethingElse(payload) {
		return claims{}, time.Time{}, refuse("is no access token")
	}
	expires, err := i.checkTimes(payload, now)
	if err != nil {
		return claims{}, time.Time{}, err
	}
	if last := i.keys.lasts(); !last.IsZero() && last.Before(expires) {
		expires = last
	}
	read, err := i.read(payload)
	return read, expires, err
}

// isAccess reports whether the issuer's access tokens are of the type in this
// header. One without is taken for a JWT: none is needed (RFC 7519 section 5.1), and
// large providers write none.
func (i *issuer) isAccess(header *strictjson.Value) bool {
	typ := strings.ToLower(textOf(header, "typ"))
	if member(header, "typ") == nil {
		typ = "jwt"
	}
	if typ == "application/at+jwt" { // RFC 9068 section 2.1 has both
		typ = "at+jwt"
	}
	types := i.TokenTypes
	if len(types) == 0 {
		types = configfile.TokenTypes
	}
	return slices.ContainsFunc(types, func(one string) bool { return strings.ToLower(one) == typ })
}

// isSomethingElse reports whether a token that says JWT of itself was made for
// another use, so that whoever it was shown to cannot call with it: an ID token by
// the hashes that go with it (OpenID Connect Core section 3.3.2.11), a logout token
// and other security events (RFC 8417), and those that Keycloak and Cognito name by
// a claim.
func isSomethingElse(payload *strictjson.Value) bool {
	for _, name := range []string{"at_hash", "c_hash", "events"} {
		if member(payload, name) != nil {
			return true
		}
	}
	if use := member(payload, "token_use"); use != nil && use.Text != "access" {
		return true
	}
	typ := member(payload, "typ")
	return typ != nil && (typ.Kind != strictjson.String || slices.Contains([]string{"ID", "Refresh", "Offline", "Logout"}, typ.Text))
}

// open takes a token apart without believing any of it. Both parts are read
// strictly: a member that stands twice has two meanings.
func open(token string) (header, payload *strictjson.Value, err error) {
	parts := strings.Split(token[:min(len(token), MaxToken+1)], ".")
	if len(token) > MaxToken || len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return nil, nil, refuse("is not a signed JWT, or longer than any that is read")
	}
	for n, into := range []**strictjson.Value{&header, &payload} {
		text, err := base64.RawURLEncoding.Strict().DecodeString(parts[n])
		if err != nil {
			return nil, nil, refuse("is not a signed JWT")
		}
		if *into, err = strictjson.Parse(string(text), tokenLimits); err != nil || (*into).Kind != strictjson.Object {
			return nil, nil, refuse("is not a signed JWT")
		}
	}
	return header, payload, nil
}

// checkSignature takes the key from the issuer's set and nowhere else: jwk, jku,
// x5u and x5c of the header mean nothing. The algorithm must be one that the
// operator allows, and the key must be of its kind, so that neither "none" nor a
// public key as the secret of an HMAC signs anything.
func (i *issuer) checkSignature(token string, header *strictjson.Value) error {
	algorithm, id := textOf(header, "alg"), textOf(header, "kid")
	if !slices.Contains(i.algorithms, jose.SignatureAlgorithm(algorithm)) {
		return refuse("is signed with an algorithm that is not allowed for its issuer")
	}
	if !i.isAccess(header) {
		return refuse("is of another type than the access tokens of its issuer")
	}
	for _, name := range []string{"crit", "b64", "zip"} {
		if member(header, name) != nil {
			return refuse("has a header that is not understood")
		}
	}
	key, err := i.key(id, algorithm)
	if err != nil {
		return err
	}
	parsed, err := jose.ParseSignedCompact(token, i.algorithms)
	if err != nil {
		return refuse("is not a signed JWT")
	}
	if _, err := parsed.Verify(key.Key); err != nil {
		return refuse("has a signature that is not valid")
	}
	return nil
}

// key finds the key that a header means, and asks the issuer for one that is new.
// Without any, the token may be good, and another one helps nobody.
func (i *issuer) key(id, algorithm string) (jose.JSONWebKey, error) {
	keys := i.keys.current()
	key, ok := keys.find(id, algorithm)
	if !ok {
		keys = i.keys.renewed()
		key, ok = keys.find(id, algorithm)
	}
	switch {
	case ok:
		return key, nil
	case len(keys) == 0:
		return key, unauthenticated("The token cannot be checked, because the platform has no keys of its issuer at the moment. Try again later, or tell the operator of the platform.")
	}
	return key, refuse("is signed with a key that its issuer does not have")
}

// checkTimes wants an end. It answers with the moment from which on the token is
// not good, with what clocks may differ by.
func (i *issuer) checkTimes(payload *strictjson.Value, now time.Time) (time.Time, error) {
	expires, ok := timeOf(payload, "exp")
	if !ok || expires.IsZero() {
		return time.Time{}, refuse("does not say when it expires")
	}
	end := expires.Add(Leeway)
	if !now.Before(end) {
		return time.Time{}, refuse("has expired")
	}
	for _, name := range []string{"nbf", "iat"} {
		from, ok := timeOf(payload, name)
		if !ok || from.After(now.Add(Leeway)) {
			return time.Time{}, refuse("is not valid yet")
		}
	}
	return end, nil
}
