package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Types of keys in the text form of signed notes (C2SP signed-note).
const (
	typeEd25519     = 1
	typeCosignature = 4 // Ed25519 for cosignature/v1
)

// sizes of parts of a signature line, in bytes (C2SP tlog-cosignature).
const (
	keyIDSize = 4
	timeSize  = 8
)

// ErrNotCosigned is the error of a checkpoint that too few witnesses have
// cosigned. Whoever has the log's key can sign another history; what they
// cannot do is have the witnesses agree to it.
var ErrNotCosigned = errors.New("not cosigned by enough witnesses")

// WitnessKey checks the cosignatures of one witness (C2SP tlog-cosignature,
// Ed25519). The zero WitnessKey checks nothing.
type WitnessKey struct {
	name   string
	id     uint32
	public string // 32 bytes
}

// ParseWitnessKey reads the public key of a witness in the text form of signed
// notes, name+id+key. Both types of Ed25519 keys are taken, that of
// cosignatures and the general one, since witnesses publish either.
func ParseWitnessKey(text string) (WitnessKey, error) {
	malformed := errors.New("public key of a witness: it is one line, name+id+key, with an Ed25519 key")
	parts := strings.SplitN(strings.TrimSpace(text), "+", 3)
	if len(parts) != 3 {
		return WitnessKey{}, malformed
	}
	raw, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(raw) != 1+ed25519.PublicKeySize || raw[0] != typeEd25519 && raw[0] != typeCosignature {
		return WitnessKey{}, malformed
	}
	if parts[1] != fmt.Sprintf("%08x", keyID(parts[0], raw)) || !validName(parts[0]) {
		return WitnessKey{}, fmt.Errorf("%w: its id does not belong to its name and key", malformed)
	}
	raw[0] = typeCosignature
	return WitnessKey{parts[0], keyID(parts[0], raw), string(raw[1:])}, nil
}

func keyID(name string, typed []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), typed...))
	return binary.BigEndian.Uint32(sum[:])
}

// validName is the grammar of names in signed notes.
func validName(name string) bool {
	return name != "" && len(name) <= 256 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || r == '+' || r == '\uFFFD' })
}

// Name is the name of the witness.
func (k WitnessKey) Name() string { return k.name }

// Cosignature is the statement of a witness that, at a time, a checkpoint was
// of the largest log of its name that it had seen, and went on from all before.
type Cosignature struct {
	Witness string
	Time    time.Time // by the clock of the witness
	line    string
}

// Cosignatures are those of these witnesses on a signed checkpoint, in the order of the
// keys, one of each at most: the latest. What does not verify does not count.
// It is an error when the text is no signed note.
func Cosignatures(signed []byte, keys ...WitnessKey) ([]Cosignature, error) {
	opened, err := openUnverified(signed)
	if err != nil {
		return nil, err
	}
	var found []Cosignature
	for _, key := range keys {
		if c, ok := key.latest(opened); ok {
			found = append(found, c)
		}
	}
	return found, nil
}

// openUnverified reads the text and the signatures of a note. Nothing in it is
// to be believed.
func openUnverified(signed []byte) (*note.Note, error) {
	if len(signed) > MaxCheckpoint {
		return nil, fmt.Errorf("checkpoint: longer than %d bytes", MaxCheckpoint)
	}
	_, err := note.Open(signed, note.VerifierList())
	if unverified := (*note.UnverifiedNoteError)(nil); errors.As(err, &unverified) {
		return unverified.Note, nil
	}
	return nil, fmt.Errorf("checkpoint: %w", err)
}

func (k WitnessKey) latest(opened *note.Note) (latest Cosignature, ok bool) {
	for _, s := range opened.UnverifiedSigs {
		if s.Name != k.name || s.Hash != k.id {
			continue
		}
		if at, valid := k.verify(opened.Text, s); valid && (!ok || at.After(latest.Time)) {
			latest, ok = Cosignature{k.name, at, fmt.Sprintf("— %s %s\n", s.Name, s.Base64)}, true
		}
	}
	return latest, ok
}

// verify checks a cosignature by C2SP tlog-cosignature, "Ed25519 signed message".
func (k WitnessKey) verify(text string, s note.Signature) (time.Time, bool) {
	raw, err := base64.StdEncoding.DecodeString(s.Base64)
	if err != nil || len(raw) != keyIDSize+timeSize+ed25519.SignatureSize {
		return time.Time{}, false
	}
	at := binary.BigEndian.Uint64(raw[keyIDSize:])
	if at > MaxInteger { // the form allows 2^63-1, which no clock shows
		return time.Time{}, false
	}
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", at, text)
	return time.Unix(int64(at), 0).UTC(), ed25519.Verify(ed25519.PublicKey(k.public), []byte(message), raw[keyIDSize+timeSize:])
}

// AddCosignature finds a witness's cosignature among the lines that it answered
// with, and puts it on the signed checkpoint; every other line is dropped, so
// that nobody can have the log publish something else. Without a valid one it
// is an error.
func AddCosignature(signed, answer []byte, key WitnessKey) ([]byte, Cosignature, error) {
	opened, err := openUnverified(slices.Concat(signed, answer))
	if err != nil {
		return nil, Cosignature{}, fmt.Errorf("the answer of %s is not made of signature lines: %w", key.name, err)
	}
	c, ok := key.latest(opened)
	if !ok {
		return nil, Cosignature{}, fmt.Errorf("the answer has no valid cosignature of %s: does its key belong to it?", key.name)
	}
	return slices.Concat(signed, []byte(c.line)), c, nil
}

// Witnesses are those whose cosignatures count, and how many of them must be
// there. The zero value asks for none.
type Witnesses struct {
	Keys   []WitnessKey
	Quorum int
}

// Check refuses a quorum that cannot be reached, and one that is easier to
// reach than it seems: a cosignature does not say the witness's name, so one
// key under two names would count twice.
func (w Witnesses) Check() error {
	if w.Quorum < 0 || w.Quorum > len(w.Keys) {
		return fmt.Errorf("a quorum of %d cannot be had of %d witnesses", w.Quorum, len(w.Keys))
	}
	for i, a := range w.Keys {
		for _, b := range w.Keys[:i] {
			if a.name == b.name || a.public == b.public {
				return fmt.Errorf("the witnesses %s and %s have the same name or key, which would count twice", b.name, a.name)
			}
		}
	}
	return nil
}

// Satisfied finds the cosignatures of a checkpoint; ErrNotCosigned when they
// are fewer than the quorum. The signature of the log itself is not looked at.
func (w Witnesses) Satisfied(signed []byte) ([]Cosignature, error) {
	if err := w.Check(); err != nil {
		return nil, err
	}
	found, err := Cosignatures(signed, w.Keys...)
	if err == nil && len(found) < w.Quorum {
		err = fmt.Errorf("%w: by %d, want %d", ErrNotCosigned, len(found), w.Quorum)
	}
	return found, err
}
