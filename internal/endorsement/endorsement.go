// Package endorsement is the signed statement of a vocabulary authority that a
// vocabulary may come into force: a signed note (C2SP signed-note, Ed25519) whose
// text names the version and the digest of the vocabulary's canonical form:
//
//	datamesh-vocabulary/v1
//	2026-11.1
//	cc969f9f4ddd074eb504daf4c1956ec3ac0939a7f43bf7a468db5e0a7b979445
//
// It says nothing of when, nor of what is in force before: a vocabulary that was
// endorsed once can be put back under the same endorsement.
package endorsement

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
)

// MaxKeys is how many keys one server trusts.
const MaxKeys = 32

// ErrUnendorsed is the error of [Keys.Check]: no key that is trusted has signed
// this vocabulary.
var ErrUnendorsed = errors.New("no key of vocabulary_keys has signed this vocabulary")

// Keys are the public keys of vocabulary authorities. The zero value trusts
// nobody and asks for nothing: see [Keys.Required].
type Keys struct{ verifiers []note.Verifier }

// ParseKeys reads public keys in the text form of signed notes, name+id+key. An
// error names the place of the key in the list. A key that stands there twice is
// refused: which of the two has signed could not be told.
func ParseKeys(texts []string) (Keys, error) {
	var keys Keys
	if len(texts) > MaxKeys {
		return Keys{}, fmt.Errorf("%d keys, the limit is %d", len(texts), MaxKeys)
	}
	seen := map[string]bool{}
	for i, text := range texts {
		v, err := note.NewVerifier(strings.TrimSpace(text))
		if err != nil {
			return Keys{}, fmt.Errorf("key %d: this is no Ed25519 key of the form name+id+key", i+1)
		}
		id := fmt.Sprintf("%s+%08x", v.Name(), v.KeyHash())
		if seen[id] {
			return Keys{}, fmt.Errorf("key %d: %s stands here twice", i+1, id)
		}
		seen[id] = true
		keys.verifiers = append(keys.verifiers, v)
	}
	return keys, nil
}

// Required reports whether a vocabulary must be endorsed.
func (k Keys) Required() bool { return len(k.verifiers) > 0 }

// Check holds a signed note against a vocabulary: one of the keys must have
// signed exactly the statement about it. Signatures of keys that are not trusted
// count for nothing, and one that claims to be of a trusted key and is not spoils
// the note. Without keys nothing is endorsed. The error is [ErrUnendorsed].
func (k Keys) Check(v *marking.Vocabulary, signed []byte) error {
	if len(signed) > catalog.MaxEndorsement {
		return fmt.Errorf("%w: the note is longer than %d bytes", ErrUnendorsed, catalog.MaxEndorsement)
	}
	opened, err := note.Open(signed, note.VerifierList(k.verifiers...))
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUnendorsed, err)
	case opened.Text != statement(v):
		return fmt.Errorf("%w: the note is about another one", ErrUnendorsed)
	}
	return nil
}

// Sign makes the signed note about a vocabulary. For one key it is always the
// same. No error quotes the key.
func Sign(v *marking.Vocabulary, secret string) ([]byte, error) {
	signer, err := note.NewSigner(strings.TrimSpace(secret))
	if err != nil {
		return nil, errors.New("this is no Ed25519 key for signed notes: make one with \"datamesh vocabulary key\"")
	}
	return note.Sign(&note.Note{Text: statement(v)}, signer)
}

// GenerateKey makes an Ed25519 key of the name, to be kept secret, and its public
// key. A name is not empty and has neither spaces nor plus signs.
func GenerateKey(name string) (secret, public string, err error) {
	if len(name) > 255 {
		return "", "", errors.New("the name of the key is longer than 255 bytes")
	}
	if secret, public, err = note.GenerateKey(rand.Reader, name); err != nil {
		return "", "", err
	}
	if _, err := note.NewSigner(secret); err != nil { // what it makes of such a name cannot be read
		return "", "", errors.New("the name of the key is empty, or has spaces or plus signs in it")
	}
	return secret, public, nil
}

// statement is what is signed. A version has no line break, see
// [marking.CheckVersion].
func statement(v *marking.Vocabulary) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "datamesh-vocabulary/v1\n%s\n%x\n", v.Version(), sha256.Sum256(v.Canonical()))
	return b.String()
}
