package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxSignatures is the most signatures of one message.
const MaxSignatures = 32

// Signature is one signature and the key that is said to have made it.
type Signature struct {
	KeyID string
	Bytes []byte
}

// ErrUnknownKey is the error of a signature by a key that is not in the set.
var ErrUnknownKey = errors.New("no such key in the set")

// KeySet is a set of public keys, of which a threshold must have signed.
type KeySet struct {
	threshold int
	keys      map[string]crypto.PublicKey // by KeyID
}

// NewKeySet makes a set. Keys that are given twice count once (CVE-2024-47534).
// A threshold below 1, or above the number of distinct keys, is an error: the
// one would trust everybody, the other nobody.
func NewKeySet(threshold int, keys ...crypto.PublicKey) (*KeySet, error) {
	set := &KeySet{threshold: threshold, keys: make(map[string]crypto.PublicKey, len(keys))}
	for _, key := range keys {
		id, err := KeyID(key)
		if err != nil {
			return nil, err
		}
		set.keys[id] = key
	}
	if threshold < 1 || threshold > len(set.keys) {
		return nil, fmt.Errorf("a threshold of %d with %d distinct keys: set it from 1 to the number of keys", threshold, len(set.keys))
	}
	return set, nil
}

// KeyIDs are the ids of the keys, sorted.
func (k *KeySet) KeyIDs() []string {
	ids := make([]string, 0, len(k.keys))
	for id := range k.keys {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Verify checks one signature by the key with this id; [ErrUnknownKey] when the
// set has none. It says nothing about the threshold: see [KeySet.Check].
func (k *KeySet) Verify(message []byte, keyID string, signature []byte) error {
	key, ok := k.keys[keyID]
	if !ok {
		return fmt.Errorf("key %.80q: %w", keyID, ErrUnknownKey)
	}
	if !verify(key, message, signature) {
		return fmt.Errorf("key %s: the signature is not of these bytes", keyID)
	}
	return nil
}

// Check returns the distinct keys of the set that signed the message, sorted,
// when they reach the threshold. Signatures by keys that are not in the set are
// passed over: a second officer's signature concerns another set. One that
// claims a key of the set and is false is an error however many are good: the
// message has been tampered with.
func (k *KeySet) Check(message []byte, signatures []Signature) ([]string, error) {
	if len(signatures) > MaxSignatures {
		return nil, fmt.Errorf("%d signatures: at most %d are read", len(signatures), MaxSignatures)
	}
	var good []string
	for _, s := range signatures {
		err := k.Verify(message, s.KeyID, s.Bytes)
		if errors.Is(err, ErrUnknownKey) {
			continue
		}
		if err != nil {
			return nil, err
		}
		good = append(good, s.KeyID)
	}
	slices.Sort(good)
	good = slices.Compact(good)
	if k.threshold < 1 || len(good) < k.threshold {
		return nil, k.tooFew(good, signatures)
	}
	return good, nil
}

func (k *KeySet) tooFew(good []string, signatures []Signature) error {
	found := make([]string, len(signatures))
	for i, s := range signatures {
		found[i] = fmt.Sprintf("%.16q", s.KeyID)
	}
	return fmt.Errorf("signed by %d trusted keys, %d are needed: found signatures of %s, trusted are %s",
		len(good), k.threshold, orNone(found), orNone(short(k.KeyIDs())))
}

func short(ids []string) []string {
	for i, id := range ids {
		ids[i] = id[:16]
	}
	return ids
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

func verify(public crypto.PublicKey, message, signature []byte) bool {
	kind, err := kindOf(public)
	if err != nil {
		return false
	}
	switch key := public.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, signature)
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, kind.prepared(message), signature)
	}
	return false
}
