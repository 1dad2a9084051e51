package trust

import (
	"crypto"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// keys trusts signatures of public keys. Keys have no time: one that must no
// longer be trusted is taken out of the policy.
type keys struct {
	byPrint map[string]crypto.PublicKey
	least   int
}

// newKeys reads the keys. One that stands in two files counts once, so that a
// threshold cannot be reached by copying (CVE-2024-47534).
func newKeys(t *spec.Cosign, m material) (*keys, error) {
	k := &keys{byPrint: map[string]crypto.PublicKey{}, least: t.Threshold}
	for _, path := range t.Keys {
		key, err := m.key(path)
		if err != nil {
			return nil, err
		}
		print, err := fingerprint(key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		k.byPrint[print] = key
	}
	if k.least < 1 || k.least > len(k.byPrint) {
		return nil, fmt.Errorf("a threshold of %d with %d distinct keys: set it from 1 to the number of keys", k.least, len(k.byPrint))
	}
	return k, nil
}

func (k *keys) threshold() int { return k.least }

func (k *keys) String() string {
	prints := slices.Sorted(maps.Keys(k.byPrint))
	if len(prints) == 1 {
		return "key sha256:" + prints[0]
	}
	return fmt.Sprintf("%d of the keys sha256:%s", k.least, strings.Join(prints, ", sha256:"))
}

func (k *keys) vouch(c *claim, _ time.Time) ([]string, error) {
	if c.notary != nil {
		return nil, foreignf("is a Notary Project signature, not one of a key of cosign")
	}
	found := map[string]bool{}
	for _, s := range c.signatures {
		print := k.signer(c, s)
		if print != "" {
			found["sha256:"+print] = true
			continue
		}
		for known := range k.byPrint {
			if names(s.keyID, known) {
				return nil, forgedf("names key sha256:%s, which did not sign it", known)
			}
		}
	}
	if len(found) == 0 {
		return nil, foreignf("is not signed by %s", k)
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// signer is the fingerprint of the key that made the signature, "" when it is
// none of ours. The key id is not asked: it is not signed.
func (k *keys) signer(c *claim, s signature) string {
	for print, key := range k.byPrint {
		if verifies(key, c.signed, s.bytes) {
			return print
		}
	}
	return ""
}
