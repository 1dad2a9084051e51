package signing

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"os/exec"
	"time"
)

// DefaultTimeout is how long an external signer may take: a card waits for
// somebody to type a PIN.
const DefaultTimeout = 2 * time.Minute

// maxOutput is the most bytes that are read of what a signer writes.
const maxOutput = 64 << 10

// Command is an external program that signs. It is run directly, without a
// shell, with the environment of this process, gets the message on its standard
// input and writes one signature to its standard output: as raw bytes or as
// base64; of ECDSA as DER or as the numbers r and s one after the other (IEEE
// P1363, what PKCS#11 gives). Which of these it is need not be said: the
// signature counts when it verifies with the public key, and never otherwise.
//
// With OpenSC and an ECDSA key on a token, which signs a hash (Digest):
//
//	pkcs11-tool --module opensc-pkcs11.so --login --sign --mechanism ECDSA --label packer --input-file /dev/stdin
type Command struct {
	Argv []string
	// Digest sends the hash of the message (SHA-256 for P-256, SHA-384 for
	// P-384) instead of the message. Ed25519 has no such form.
	Digest  bool
	Timeout time.Duration // DefaultTimeout when 0
}

// Signer is the program as a signer with this public key.
func (c Command) Signer(public crypto.PublicKey) (Signer, error) {
	kind, err := kindOf(public)
	if err != nil {
		return nil, err
	}
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return nil, errors.New("the external signer names no program")
	}
	if c.Digest && kind == Ed25519 {
		return nil, errors.New("an Ed25519 key signs the message and not a hash of it: let the external signer read the message")
	}
	id, err := KeyID(public)
	if err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	return &commandSigner{c, public, kind, id}, nil
}

type commandSigner struct {
	Command
	public crypto.PublicKey
	kind   Kind
	id     string
}

func (s *commandSigner) KeyID() string { return s.id }

func (s *commandSigner) Sign(ctx context.Context, message []byte) ([]byte, error) {
	input := message
	if s.Digest {
		input = s.kind.prepared(message)
	}
	output, err := s.run(ctx, input)
	if err != nil {
		return nil, fmt.Errorf("external signer %s: %w", s.Argv[0], err)
	}
	for _, candidate := range s.candidates(output) {
		if verify(s.public, message, candidate) {
			return candidate, nil
		}
	}
	return nil, fmt.Errorf("external signer %s: its %d bytes of output are no signature of the message by key %s: check that the public key is that of the signer's key, and whether the signer wants the message or its hash",
		s.Argv[0], len(output), s.id)
}

// run gives the program its input and takes its output, within the limits.
func (s *commandSigner) run(ctx context.Context, input []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.Argv[0], s.Argv[1:]...) //nolint:gosec // G204: the operator names their signer
	stdout, stderr := &limited{limit: maxOutput}, &limited{limit: maxOutput}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(input), stdout, stderr
	cmd.WaitDelay = time.Second // a child that keeps the pipes open does not keep us
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("no signature within %s: %w", s.Timeout, ctx.Err())
	case stdout.over:
		return nil, fmt.Errorf("wrote more than %d bytes", maxOutput)
	case err != nil:
		return nil, fmt.Errorf("%w: it said %.500q", err, bytes.TrimSpace(stderr.kept.Bytes()))
	}
	return stdout.kept.Bytes(), nil
}

// limited keeps the first bytes of an output and fails the write after them,
// which ends the program's pipe. The buffer is not embedded: its ReadFrom would
// go past the limit.
type limited struct {
	kept  bytes.Buffer
	limit int
	over  bool
}

var errOutput = errors.New("too much output")

func (l *limited) Write(p []byte) (int, error) {
	if l.kept.Len()+len(p) > l.limit {
		l.over = true
		return 0, errOutput
	}
	return l.kept.Write(p)
}

// candidates are the readings of an output: as it is, and out of base64.
func (s *commandSigner) candidates(output []byte) [][]byte {
	readings := [][]byte{output, bytes.TrimSpace(output)}
	if decoded, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(output))); err == nil {
		readings = append(readings, decoded)
	}
	var all [][]byte
	for _, r := range readings {
		all = append(all, r)
		if der := s.fromP1363(r); der != nil {
			all = append(all, der)
		}
	}
	return all
}

// fromP1363 turns r and s of fixed length into DER; nil when it is not that.
func (s *commandSigner) fromP1363(raw []byte) []byte {
	key, ok := s.public.(*ecdsa.PublicKey)
	if !ok {
		return nil
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	if len(raw) != 2*size {
		return nil
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:size]), new(big.Int).SetBytes(raw[size:])})
	if err != nil {
		return nil
	}
	return der
}
