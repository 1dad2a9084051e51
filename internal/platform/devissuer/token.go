package devissuer

import (
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// Claims are what a token says of its bearer.
type Claims struct {
	// Subject is 1 to 128 ASCII letters, digits and . _ - @ : as in a
	// domain's team.
	Subject string
	Groups  []string
	// Administrator may create domains and write everything.
	Administrator bool
	Attributes    marking.Subject
	// Purposes are what the bearer may use data for.
	Purposes []string
}

var subjectGrammar = regexp.MustCompile(`^[A-Za-z0-9._@:-]{1,128}$`)

// Mint returns a token that is valid from now for ttl, which is above zero,
// at most [MaxTTL] and counts in whole seconds. Attributes are taken as they
// are: whether a vocabulary knows them is for the caller to check. It is an
// error when the token would be longer than [MaxToken].
func (i *Issuer) Mint(c Claims, ttl time.Duration) (string, error) {
	if !subjectGrammar.MatchString(c.Subject) {
		return "", fmt.Errorf("subject %.40q is not valid: use letters, digits and . _ - @ : (1 to 128)", c.Subject)
	}
	if ttl < time.Second || ttl > MaxTTL {
		return "", fmt.Errorf("a token cannot live for %v: choose from 1s to %v", ttl, MaxTTL)
	}
	token, err := jwt.Signed(i.signer).Claims(i.payload(c, ttl)).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign a token: %w", err)
	}
	if len(token) > MaxToken {
		return "", fmt.Errorf("the token would have %d bytes, more than %d: give it fewer groups or access controls", len(token), MaxToken)
	}
	return token, nil
}

func (i *Issuer) payload(c Claims, ttl time.Duration) payload {
	now := time.Now().Truncate(time.Second)
	return payload{
		Claims: jwt.Claims{
			Issuer:    i.Name(),
			Subject:   c.Subject,
			Audience:  jwt.Audience{Audience},
			IssuedAt:  jwt.NewNumericDate(now),
			NotBefore: jwt.NewNumericDate(now),
			Expiry:    jwt.NewNumericDate(now.Add(ttl)),
			ID:        rand.Text(),
		},
		Clearance:            c.Attributes.Clearance,
		CountryOfAffiliation: c.Attributes.CountryOfAffiliation,
		FineAccessControls:   c.Attributes.FineAccessControls,
		DutyOrganization:     c.Attributes.DutyOrganization,
		EmploymentType:       c.Attributes.EmploymentType,
		Purposes:             c.Purposes,
		Groups:               c.Groups,
		Admin:                c.Administrator,
	}
}

// Verify returns who bears the token. The error is catalog.ErrUnauthenticated
// and says no more than the bearer needs; it never quotes the token.
func (i *Issuer) Verify(token string) (catalog.Caller, error) {
	caller, _, err := i.VerifyUntil(token)
	return caller, err
}

// VerifyUntil is Verify, and says from when on the token has expired.
func (i *Issuer) VerifyUntil(token string) (catalog.Caller, time.Time, error) {
	claims, err := i.verify(token)
	if err != nil {
		return catalog.Caller{}, time.Time{}, err
	}
	return claims.caller(), claims.Expiry.Time(), nil
}

func (i *Issuer) verify(token string) (claims payload, err error) {
	if len(token) > MaxToken {
		return claims, refuse("is longer than any token of this platform")
	}
	// The list keeps out alg "none", and HS256 keyed with our public key.
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return claims, refuse("is not a JWT signed with ES256")
	}
	// The key is ours whatever the header names; a key carried in the header
	// (jwk, x5c, jku) is never used.
	if len(parsed.Headers) != 1 || parsed.Headers[0].KeyID != i.key.KeyID {
		return claims, refuse("was signed with a key that this platform does not know")
	}
	if err := parsed.Claims(i.key.Public().Key, &claims); err != nil {
		return claims, refuse("has a signature or claims that are not valid")
	}
	return claims, i.check(claims.Claims)
}

// check asks for every registered claim: the library passes over absent ones.
func (i *Issuer) check(c jwt.Claims) error {
	if c.Expiry == nil || c.NotBefore == nil || c.IssuedAt == nil || c.ID == "" || !subjectGrammar.MatchString(c.Subject) {
		return refuse("lacks one of the claims sub, exp, nbf, iat and jti")
	}
	now := time.Now()
	expected := jwt.Expected{Issuer: i.Name(), AnyAudience: jwt.Audience{Audience}, Time: now}
	err := c.ValidateWithLeeway(expected, 0)
	switch {
	case errors.Is(err, jwt.ErrExpired) || err == nil && !now.Before(c.Expiry.Time()):
		return refuse("has expired")
	case errors.Is(err, jwt.ErrNotValidYet) || errors.Is(err, jwt.ErrIssuedInTheFuture):
		return refuse("is not valid yet")
	case err != nil:
		return refuse("is for another issuer or audience")
	}
	return nil
}

func (p payload) caller() catalog.Caller {
	return catalog.Caller{
		Subject:       p.Subject,
		Issuer:        p.Issuer,
		Groups:        p.Groups,
		Administrator: p.Admin,
		Attributes: marking.Subject{
			Clearance:            p.Clearance,
			CountryOfAffiliation: p.CountryOfAffiliation,
			FineAccessControls:   p.FineAccessControls,
			DutyOrganization:     p.DutyOrganization,
			EmploymentType:       p.EmploymentType,
		},
		Purposes: p.Purposes,
	}
}

func refuse(reason string) error {
	return &catalog.Error{
		Code:    catalog.CodeUnauthenticated,
		Message: "The token " + reason + ": get a new one with `datamesh token`, or from the ready file of the server.",
	}
}
