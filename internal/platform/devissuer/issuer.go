// Package devissuer issues and verifies the tokens of a development platform.
// It stands in for the identity provider of an organisation where there is
// none: on a developer's machine, in a test, in the demo. Whoever can read its
// key file can be anybody, so it serves loopback addresses only and a
// production platform never opens it.
//
// # The key
//
// One data directory has one issuer. Its private key is the file
// [FileName] in that directory: a JSON Web Key (RFC 7517) for ES256 with mode
// 0600, whose key id is the RFC 7638 thumbprint of the public key. A file that
// others may read is refused. The issuer's name is [NamePrefix] and the key
// id, so a token of one data directory means nothing to another.
//
// # The tokens
//
// A token is a JWT (RFC 7519) in compact form with the protected header alg
// ES256, typ JWT and the key id. Its claims are iss, sub, aud ([Audience]),
// iat, nbf, exp and jti, all present; and, by the names of an attribute
// source in the coalition profiles: clearance, countryOfAffiliation,
// fineAccessControls, dutyOrganization, employmentType, purposes, groups, and
// admin for an administrator. Times are whole seconds and there is no leeway, because
// issuer and verifier share a clock.
package devissuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	_ "crypto/sha256" // the thumbprint's hash
	"encoding/base64"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	// Audience is the aud claim of every token.
	Audience = "datamesh"
	// NamePrefix starts the iss claim; the key id follows.
	NamePrefix = "urn:datamesh:dev-issuer:"
	// MaxToken is the longest token that is looked at, in bytes.
	MaxToken = 8 << 10
	// MaxTTL is the longest life of a token.
	MaxTTL = 30 * 24 * time.Hour
)

// Issuer signs tokens with the key of one data directory and verifies them.
// It is immutable and safe for concurrent use.
type Issuer struct {
	key    jose.JSONWebKey
	signer jose.Signer
}

// Name is the iss claim of the issuer's tokens.
func (i *Issuer) Name() string { return NamePrefix + i.key.KeyID }

func generate() (jose.JSONWebKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("generate the key of the dev issuer: %w", err)
	}
	key := jose.JSONWebKey{Key: private, Algorithm: string(jose.ES256), Use: "sig"}
	key.KeyID, err = thumbprint(key)
	return key, err
}

func thumbprint(key jose.JSONWebKey) (string, error) {
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("thumbprint of the dev issuer's key: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

func newIssuer(key jose.JSONWebKey) (*Issuer, error) {
	options := (&jose.SignerOptions{}).WithType("JWT")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		return nil, fmt.Errorf("use the dev issuer's key: %w", err)
	}
	return &Issuer{key: key, signer: signer}, nil
}

// checkKey refuses a key file that was edited or is for something else.
func checkKey(key jose.JSONWebKey) error {
	private, ok := key.Key.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() || key.Algorithm != string(jose.ES256) {
		return fmt.Errorf("not a private key for ES256")
	}
	id, err := thumbprint(key)
	if err != nil {
		return err
	}
	if key.KeyID != id {
		return fmt.Errorf("the key id is not the thumbprint of the key")
	}
	return nil
}

// payload is the claims of a token as they are on the wire.
type payload struct {
	jwt.Claims
	Clearance            string   `json:"clearance,omitempty"`
	CountryOfAffiliation []string `json:"countryOfAffiliation,omitempty"`
	FineAccessControls   []string `json:"fineAccessControls,omitempty"`
	DutyOrganization     string   `json:"dutyOrganization,omitempty"`
	EmploymentType       string   `json:"employmentType,omitempty"`
	Purposes             []string `json:"purposes,omitempty"`
	Groups               []string `json:"groups,omitempty"`
	Admin                bool     `json:"admin,omitempty"`
}
