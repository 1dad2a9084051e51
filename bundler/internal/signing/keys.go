// Package signing makes and checks the signatures of the bundler: with private
// keys in PEM files, with any program that signs (a smart card, an HSM), and
// against sets of public keys with a threshold.
//
// Three kinds of key are taken, all of FIPS 186-5: Ed25519, ECDSA P-256 with
// SHA-256, and ECDSA P-384 with SHA-384. Signatures are deterministic, ECDSA
// ones by RFC 6979. The same key and message give the same bytes, and a weak
// source of random numbers cannot leak a key.
//
// Signatures travel in one form: 64 bytes of Ed25519 (RFC 8032), or ASN.1 DER
// of ECDSA (RFC 3279, section 2.2.3).
package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// MaxKeyFile is the largest key file, in bytes.
const MaxKeyFile = 16 << 10

// Kind is a kind of key.
type Kind string

// The kinds.
const (
	Ed25519   Kind = "ed25519"
	ECDSAP256 Kind = "ecdsa-p256"
	ECDSAP384 Kind = "ecdsa-p384"
)

const kinds = "use Ed25519, ECDSA P-256 or ECDSA P-384"

// kindOf names the kind of a public key and refuses any other by its name.
func kindOf(public crypto.PublicKey) (Kind, error) {
	switch key := public.(type) {
	case ed25519.PublicKey:
		return Ed25519, nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return ECDSAP256, nil
		case elliptic.P384():
			return ECDSAP384, nil
		}
		return "", fmt.Errorf("ECDSA %s keys are not taken: %s", key.Curve.Params().Name, kinds)
	case *rsa.PublicKey:
		return "", fmt.Errorf("RSA keys are not taken: %s", kinds)
	}
	return "", fmt.Errorf("keys of type %T are not taken: %s", public, kinds)
}

// hash is the hash that goes with the kind; 0 for Ed25519, which hashes itself.
func (k Kind) hash() crypto.Hash {
	switch k {
	case ECDSAP256:
		return crypto.SHA256
	case ECDSAP384:
		return crypto.SHA384
	}
	return 0
}

// prepared is what the key signs of a message: its hash, or all of it.
func (k Kind) prepared(message []byte) []byte {
	if k.hash() == 0 {
		return message
	}
	h := k.hash().New()
	h.Write(message)
	return h.Sum(nil)
}

// KeyID names a public key: the SHA-256 of its SubjectPublicKeyInfo in DER, as
// hex. It is a hint which key to try; trust never rests on it.
func KeyID(public crypto.PublicKey) (string, error) {
	if _, err := kindOf(public); err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return "", fmt.Errorf("encode public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// ParsePublic reads one public key in PEM (SubjectPublicKeyInfo).
func ParsePublic(text []byte) (crypto.PublicKey, error) {
	der, err := onlyBlock(text, "PUBLIC KEY")
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	if _, err := kindOf(key); err != nil {
		return nil, err
	}
	return key, nil
}

// EncodePublic is the public key in PEM.
func EncodePublic(public crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// parsePrivate reads one private key in PEM (PKCS#8, RFC 5958, not encrypted).
func parsePrivate(text []byte) (crypto.Signer, error) {
	der, err := onlyBlock(text, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("private key: not PKCS#8 of a known kind: " + kinds) // the cause could quote the key
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("private key: cannot sign: " + kinds)
	}
	if _, err := kindOf(signer.Public()); err != nil {
		return nil, err
	}
	return signer, nil
}

// waysOut says what to do about PEM files of another type.
var waysOut = map[string]string{
	"ENCRYPTED PRIVATE KEY": "it is encrypted: keep the key in a card or HSM behind an external signer, or decrypt it on an encrypted disk with 'openssl pkcs8 -in KEY -out NEW'",
	"EC PRIVATE KEY":        "it is in SEC 1 form: convert it with 'openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW'",
	"RSA PRIVATE KEY":       "RSA keys are not taken: " + kinds,
	"RSA PUBLIC KEY":        "RSA keys are not taken: " + kinds,
	"OPENSSH PRIVATE KEY":   "it is in OpenSSH form: convert a copy with 'ssh-keygen -p -m PKCS8 -f COPY'",
	"CERTIFICATE":           "it is a certificate: extract its key with 'openssl x509 -in CERT -noout -pubkey'",
	"PRIVATE KEY":           "it is a private key: give the public one",
	"PUBLIC KEY":            "it is a public key: give the private one",
}

// onlyBlock is the content of a PEM text with one block of this type. Text
// around the block is refused: it would be read by people and not by us.
func onlyBlock(text []byte, kind string) ([]byte, error) {
	if len(text) > MaxKeyFile {
		return nil, fmt.Errorf("is longer than %d bytes: not a key in PEM form", MaxKeyFile)
	}
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("is not PEM: a %s block is expected", kind)
	}
	if block.Type != kind {
		way := waysOut[block.Type]
		if way == "" {
			way = fmt.Sprintf("a %q block is expected", kind)
		}
		return nil, fmt.Errorf("is a PEM block of type %.40q: %s", block.Type, way)
	}
	if len(block.Headers) > 0 {
		return nil, errors.New("has PEM headers, the old form of encryption: convert it with 'openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW'")
	}
	if len(strings.TrimSpace(string(rest))) > 0 || !strings.HasPrefix(strings.TrimSpace(string(text)), "-----BEGIN ") {
		return nil, errors.New("holds more than one PEM block: keep one key in a file")
	}
	return block.Bytes, nil
}
