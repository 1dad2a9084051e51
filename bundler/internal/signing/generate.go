package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// Generate makes a private key.
func Generate(kind Kind) (crypto.Signer, error) {
	switch kind {
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case ECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ECDSAP384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	}
	return nil, fmt.Errorf("%.40q is not a kind of key: write %s, %s or %s", string(kind), Ed25519, ECDSAP256, ECDSAP384)
}

// WriteKey writes the private key to base + ".key" with mode 0600 and its
// public key to base + ".pub" with mode 0644. It never overwrites a file: a
// replaced key could not be got back.
func WriteKey(base string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode private key: %w", err)
	}
	public, err := EncodePublic(key.Public())
	if err != nil {
		return err
	}
	if err := writeNew(base+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return err
	}
	if err := writeNew(base+".pub", public, 0o644); err != nil {
		return errors.Join(err, os.Remove(base+".key"))
	}
	return nil
}

func writeNew(path string, text []byte, mode os.FileMode) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode) //nolint:gosec // G304: the operator names their key
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("key file %s exists and is never overwritten: choose another name", path)
	}
	if err != nil {
		return fmt.Errorf("create key file: %w", err)
	}
	_, err = file.Write(text)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(fmt.Errorf("write key file: %w", err), os.Remove(path))
	}
	return nil
}
