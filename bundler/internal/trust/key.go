package trust

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // registers SHA-384 and SHA-512
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
)

// minRSA is the shortest RSA key that may sign, in bits (FIPS 186-5, section 5.1).
const minRSA = 2048

// maxRSA keeps a hostile certificate from costing minutes.
const maxRSA = 8192

// CheckKey says what is wrong with a public key; nil when nothing is. Taken are
// the algorithms of FIPS 186-5: Ed25519, ECDSA on P-256, P-384 and P-521, and
// RSA of 2048 to 8192 bits.
func CheckKey(key crypto.PublicKey) error {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return nil
	case *ecdsa.PublicKey:
		if k.Curve == elliptic.P256() || k.Curve == elliptic.P384() || k.Curve == elliptic.P521() {
			return nil
		}
		return fmt.Errorf("an ECDSA key on %s is too weak: use P-256, P-384 or P-521", k.Curve.Params().Name)
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSA || bits > maxRSA {
			return fmt.Errorf("an RSA key of %d bits is not taken: use %d to %d", bits, minRSA, maxRSA)
		}
		return nil
	}
	return fmt.Errorf("a key of type %T is not taken: use Ed25519, ECDSA or RSA", key)
}

// fingerprint is the SHA-256 of the key's SubjectPublicKeyInfo, in hex.
func fingerprint(key crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("encode public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// names reports whether a key id in evidence means the key with this
// fingerprint. The formats in use are hex and base64 of it (Sigstore bundles),
// with or without a prefix (DSSE). An id is a hint and proves nothing.
func names(id, print string) bool {
	for _, prefix := range []string{"", "sha256:", "SHA256:"} {
		rest, ok := strings.CutPrefix(id, prefix)
		if !ok {
			continue
		}
		if strings.EqualFold(rest, print) {
			return true
		}
		sum, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(rest, "="))
		if err == nil && hex.EncodeToString(sum) == print {
			return true
		}
	}
	return false
}

// verifies reports whether the signature is by the key over the message. The
// hash follows from the key as cosign chooses it: the one that fits an ECDSA
// curve, and SHA-256 for all of them in its older versions; SHA-256 for RSA,
// PKCS #1 v1.5 or PSS; Ed25519 of the message or of its SHA-512.
func verifies(key crypto.PublicKey, message, signature []byte) bool {
	switch k := key.(type) {
	case ed25519.PublicKey:
		prehashed := &ed25519.Options{Hash: crypto.SHA512}
		return ed25519.Verify(k, message, signature) ||
			ed25519.VerifyWithOptions(k, sum(crypto.SHA512, message), signature, prehashed) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(k, sum(curveHash(k.Curve), message), signature) ||
			ecdsa.VerifyASN1(k, sum(crypto.SHA256, message), signature)
	case *rsa.PublicKey:
		digest := sum(crypto.SHA256, message)
		return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest, signature) == nil ||
			rsa.VerifyPSS(k, crypto.SHA256, digest, signature, nil) == nil
	}
	return false
}

func sum(h crypto.Hash, message []byte) []byte {
	hash := h.New()
	hash.Write(message)
	return hash.Sum(nil)
}

// curveHash is the hash as strong as the curve.
func curveHash(curve elliptic.Curve) crypto.Hash {
	switch curve {
	case elliptic.P384():
		return crypto.SHA384
	case elliptic.P521():
		return crypto.SHA512
	}
	return crypto.SHA256
}
