package audit

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// MaxCheckpoint is the longest signed checkpoint that is read, in bytes: one
// with the cosignatures of a hundred witnesses is shorter.
const MaxCheckpoint = 16 << 10

// Checkpoint fixes a whole log: whoever holds it can tell whether one entry of
// the first Size was changed since.
type Checkpoint struct {
	Origin string // name of the log
	Size   int64  // entries
	Root   Hash
}

// Key signs the checkpoints of one log, whose name it carries.
type Key struct {
	signer note.Signer
	public string
}

// GenerateKey makes a new Ed25519 key in the text form of signed notes, to be
// kept secret, with a new name for the log that it is for.
func GenerateKey() (secret string, err error) {
	secret, _, err = note.GenerateKey(rand.Reader, "datamesh-audit-"+strings.ToLower(rand.Text()))
	return secret, err
}

// ParseKey reads the text of [GenerateKey]. No error quotes it.
func ParseKey(secret string) (*Key, error) {
	secret = strings.TrimSpace(secret)
	signer, err := note.NewSigner(secret)
	if err != nil {
		return nil, errors.New("this is no Ed25519 key for signed notes")
	}
	parts := strings.SplitN(secret, "+", 5) // PRIVATE, KEY, name, hash, base64 of algorithm and seed
	raw, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, errors.New("this is no Ed25519 key for signed notes")
	}
	public := ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey) //nolint:forcetypeassert // the only type it has
	text, err := note.NewEd25519VerifierKey(signer.Name(), public)
	if err != nil {
		return nil, err
	}
	return &Key{signer, text}, nil
}

// Origin is the name of the log.
func (k *Key) Origin() string { return k.signer.Name() }

// Public is the text form of the public key, for [ParsePublicKey] and the tools
// of others ("vkey" of C2SP signed-note).
func (k *Key) Public() string { return k.public }

// Sign makes the signed checkpoint of a tree. For one tree it is always the
// same.
func (k *Key) Sign(size int64, root Hash) ([]byte, error) {
	return note.Sign(&note.Note{Text: Checkpoint{k.Origin(), size, root}.text()}, k.signer)
}

// text is the signed part of a checkpoint (C2SP tlog-checkpoint).
func (c Checkpoint) text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// PublicKey checks the checkpoints of one log.
type PublicKey struct{ verifier note.Verifier }

// ParsePublicKey reads a public key in the text form of signed notes:
// name+hash+key, where the key is an Ed25519 one.
func ParsePublicKey(text string) (PublicKey, error) {
	verifier, err := note.NewVerifier(strings.TrimSpace(text))
	if err != nil {
		return PublicKey{}, fmt.Errorf("public key of the log: %w: it is one line, name+hash+key", err)
	}
	return PublicKey{verifier}, nil
}

// Origin is the name of the log.
func (k PublicKey) Origin() string { return k.verifier.Name() }

// Verifier is the key for libraries that take signed notes.
func (k PublicKey) Verifier() note.Verifier { return k.verifier }

// Open checks the signature of a checkpoint and reads it. Signatures of others
// beside the log's own are ignored; extension lines are allowed and unread. One
// that this key did not sign is ErrTampered.
func (k PublicKey) Open(signed []byte) (Checkpoint, error) {
	if len(signed) > MaxCheckpoint {
		return Checkpoint{}, fmt.Errorf("checkpoint: longer than %d bytes", MaxCheckpoint)
	}
	opened, err := note.Open(signed, note.VerifierList(k.verifier))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified), errors.As(err, &invalid):
		return Checkpoint{}, fmt.Errorf("checkpoint: %w: not signed by the key of %s: %w", ErrTampered, k.Origin(), err)
	case err != nil:
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := parseCheckpoint(opened.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != k.Origin() {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w: it is of the log %.80q, signed by %s", ErrTampered, c.Origin, k.Origin())
	}
	return c, nil
}

func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) != 4 {
		return Checkpoint{}, errors.New("checkpoint: it does not begin with the lines name, size and root")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size > MaxSize {
		return Checkpoint{}, fmt.Errorf("checkpoint: the size %.40q is not valid", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: the root %.60q is not valid", lines[2])
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: root}
	if !strings.HasPrefix(text, c.text()) {
		return Checkpoint{}, errors.New("checkpoint: its size or root is not written as it must be")
	}
	return c, nil
}
