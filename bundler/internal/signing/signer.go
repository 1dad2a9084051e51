package signing

import (
	"context"
	"crypto"
	"fmt"
	"io"
	"os"
)

// Signer signs messages with one key. Safe for concurrent use unless the
// program behind it is not.
type Signer interface {
	// KeyID is the [KeyID] of the public key.
	KeyID() string
	// Sign signs the message, not a hash of it, and returns the signature in
	// the form of this package.
	Sign(ctx context.Context, message []byte) ([]byte, error)
}

// Load reads a private key file: PEM, PKCS#8, not encrypted. On Unix a file
// that others than its owner may read or write is refused.
func Load(path string) (Signer, error) {
	text, err := readFile(path, checkPrivate)
	if err != nil {
		return nil, err
	}
	key, err := parsePrivate(text)
	if err != nil {
		return nil, fmt.Errorf("key file %s %w", path, err)
	}
	return New(key)
}

// LoadPublic reads a public key file: PEM, SubjectPublicKeyInfo.
func LoadPublic(path string) (crypto.PublicKey, error) {
	text, err := readFile(path, nil)
	if err != nil {
		return nil, err
	}
	key, err := ParsePublic(text)
	if err != nil {
		return nil, fmt.Errorf("key file %s %w", path, err)
	}
	return key, nil
}

// readFile reads a small regular file. A FIFO is refused before it is read, and
// the same open file is checked and read.
func readFile(path string, check func(os.FileInfo) error) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0) //nolint:gosec // G304: the operator names their key
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	defer file.Close() //nolint:errcheck // only read
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("open key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("key file %s is not a regular file", path)
	}
	if check != nil {
		if err := check(info); err != nil {
			return nil, fmt.Errorf("key file %s %w", path, err)
		}
	}
	text, err := io.ReadAll(io.LimitReader(file, MaxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	return text, nil
}

// New signs with a private key in memory.
func New(key crypto.Signer) (Signer, error) {
	kind, err := kindOf(key.Public())
	if err != nil {
		return nil, err
	}
	id, err := KeyID(key.Public())
	if err != nil {
		return nil, err
	}
	return &keySigner{key, kind, id}, nil
}

type keySigner struct {
	key  crypto.Signer
	kind Kind
	id   string
}

func (s *keySigner) KeyID() string { return s.id }

// Sign passes no source of random numbers, which asks ECDSA for RFC 6979.
func (s *keySigner) Sign(_ context.Context, message []byte) ([]byte, error) {
	signature, err := s.key.Sign(nil, s.kind.prepared(message), s.kind.hash())
	if err != nil {
		return nil, fmt.Errorf("sign with key %s: %w", s.id, err)
	}
	return signature, nil
}
