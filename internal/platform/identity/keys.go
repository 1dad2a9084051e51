package identity

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/meshwright/terraform-provider-datamesh/internal/strictjson"
)

// keySet is the public keys of one issuer that verify signatures.
type keySet []jose.JSONWebKey

// maxDocument is the largest document of an issuer, in bytes.
const maxDocument = 1 << 20

var documentLimits = strictjson.Limits{Bytes: maxDocument, Depth: 16, Values: 1 << 16}

// minRSA is the shortest modulus, in bits (NIST SP 800-131A).
const minRSA = 2048

// errNoKeys is what is told of a key set without a key. It is no error in the set:
// an issuer may have taken all of them back.
var errNoKeys = errors.New("key set: it holds no public key for signatures, so that no token of the issuer is good")

// parseKeys reads a JWK set (RFC 7517). What is not for signatures, or of a
// type that is not let in, is passed over as section 5 asks, so that there may be
// no key; a private key is an error, because whoever else has read it can speak
// for the issuer.
func parseKeys(text []byte) (keySet, error) {
	document, err := strictjson.Parse(string(text), documentLimits)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	raw, err := rawKeys(text)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	keys := keySet{}
	for i := range raw {
		read := member(document, "keys").Items[i]
		if member(read, "d") != nil { // of every kind of key, the part that is secret
			return nil, errors.New("key set: it holds a private key: replace the key at its issuer, and publish public keys only")
		}
		if read.Kind != strictjson.Object {
			return nil, errors.New("key set: it holds something that is no key")
		}
		var key jose.JSONWebKey
		if json.Unmarshal(raw[i], &key) == nil && verifies(key) && forVerifying(read) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// rawKeys are the texts of the keys. A map, because the library takes "Keys" for
// a field named keys.
func rawKeys(text []byte) (keys []json.RawMessage, err error) {
	var set map[string]json.RawMessage
	if err = json.Unmarshal(text, &set); err == nil {
		err = json.Unmarshal(set["keys"], &keys)
	}
	if err == nil && keys == nil {
		err = errors.New("its keys are null")
	}
	return keys, err
}

// forVerifying reports whether a key is for that by its key_ops (RFC 7517
// section 4.3), where it has them.
func forVerifying(key *strictjson.Value) bool {
	operations := member(key, "key_ops")
	return operations == nil || slices.Contains(listed(operations), "verify")
}

// verifies reports whether a key is one of those that are let in. A symmetric
// one never is.
func verifies(key jose.JSONWebKey) bool {
	if !key.Valid() || key.Use != "" && key.Use != "sig" {
		return false
	}
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSA
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

// find is the one key that a token's header means. Without a key id there must
// be only one key.
func (s keySet) find(id, algorithm string) (key jose.JSONWebKey, ok bool) {
	if id == "" && len(s) > 1 {
		return key, false
	}
	for _, k := range s {
		if id != "" && k.KeyID != id || k.Algorithm != "" && k.Algorithm != algorithm || !fits(k, algorithm) {
			continue
		}
		if ok {
			return jose.JSONWebKey{}, false // the set does not say which
		}
		key, ok = k, true
	}
	return key, ok
}

// fits reports whether the key is of the algorithm's kind (RFC 7518 section
// 3.1).
func fits(key jose.JSONWebKey, algorithm string) bool {
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") || strings.HasPrefix(algorithm, "PS")
	case *ecdsa.PublicKey:
		return algorithm == map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}[k.Curve.Params().BitSize]
	case ed25519.PublicKey:
		return algorithm == "EdDSA"
	}
	return false
}

// equal reports whether two sets say the same.
func (s keySet) equal(other keySet) bool {
	a, errA := json.Marshal(s)
	b, errB := json.Marshal(other)
	return errA == nil && errB == nil && string(a) == string(b)
}
