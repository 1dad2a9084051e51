package trust

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// maxMaterial is the largest file of keys or roots, in bytes. The trusted root
// of the public Sigstore instance has under 20 KiB; a revocation list may be
// long.
const maxMaterial = 8 << 20

// material reads what the policy names by path.
type material struct{ files fs.FS }

func (m material) read(path string) ([]byte, error) {
	file, err := m.files.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open file named by the policy: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(file, maxMaterial+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(text) > maxMaterial {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, maxMaterial)
	}
	return text, nil
}

// key reads a file with one PEM public key.
func (m material) key(path string) (crypto.PublicKey, error) {
	text, err := m.read(path)
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" || !blank(rest) {
		return nil, fmt.Errorf("%s does not hold one PEM public key (-----BEGIN PUBLIC KEY-----) and nothing else", path)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err == nil {
		err = CheckKey(key)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return key, nil
}

// certificates reads a file with one or more PEM certificates.
func (m material) certificates(path string) ([]*x509.Certificate, error) {
	text, err := m.read(path)
	if err != nil {
		return nil, err
	}
	chain, err := parseCertificates(text)
	if err == nil && len(chain) == 0 {
		err = errors.New("holds no certificate")
	}
	for _, c := range chain {
		if weak := CheckKey(c.PublicKey); weak != nil {
			err = errors.Join(err, fmt.Errorf("certificate %s: %w", printable(c.Subject.String()), weak))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return chain, nil
}

// authorities reads files of certificates that may issue others.
func (m material) authorities(paths []string) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for _, path := range paths {
		chain, err := m.certificates(path)
		if err != nil {
			return nil, err
		}
		for _, c := range chain {
			if !c.IsCA || !c.BasicConstraintsValid {
				return nil, fmt.Errorf("%s: certificate %s may not issue others: it is no authority", path, printable(c.Subject.String()))
			}
		}
		all = append(all, chain...)
	}
	return all, nil
}

// maxChain is the most certificates in one chain.
const maxChain = 10

// parseCertificates reads PEM certificates and nothing else between them.
func parseCertificates(text []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for !blank(text) {
		block, rest := pem.Decode(text)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, errors.New("holds something that is no PEM certificate")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(chain)+1, err)
		}
		if chain = append(chain, c); len(chain) > maxChain {
			return nil, fmt.Errorf("holds more than %d certificates", maxChain)
		}
		text = rest
	}
	return chain, nil
}

func blank(text []byte) bool {
	for _, b := range text {
		if b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return false
		}
	}
	return true
}

// pool is a set of certificates to verify with.
func pool(certificates []*x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	for _, c := range certificates {
		p.AddCert(c)
	}
	return p
}
