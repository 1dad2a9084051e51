package trust

import (
	"crypto"
	"fmt"
	"io/fs"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// signers are the parties of the policy that sign what the bundler itself
// writes; nil where the policy names nobody.
type signers struct{ bundle, rollback, receipt *signing.KeySet }

func readSigners(p *spec.Policy, files fs.FS) (signers, error) {
	var s signers
	for _, party := range []struct {
		name string
		spec spec.Signers
		set  **signing.KeySet
	}{
		{"bundleSigners", p.BundleSigners, &s.bundle},
		{"rollbackSigners", p.RollbackSigners, &s.rollback},
		{"receiptSigners", p.ReceiptSigners, &s.receipt},
	} {
		if len(party.spec.Keys) == 0 {
			continue
		}
		set, err := keySet(party.spec, files)
		if err != nil {
			return signers{}, fmt.Errorf("policy: %s: %w", party.name, err)
		}
		*party.set = set
	}
	return s, nil
}

func keySet(s spec.Signers, files fs.FS) (*signing.KeySet, error) {
	var all []crypto.PublicKey
	for _, path := range s.Keys {
		text, err := material{files}.read(path)
		if err != nil {
			return nil, err
		}
		key, err := signing.ParsePublic(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, key)
	}
	return signing.NewKeySet(s.Threshold, all...)
}

// BundleSigners are those who may sign envelopes. An error when the policy
// names nobody.
func (v *Verifier) BundleSigners() (*signing.KeySet, error) {
	return someone(v.signers.bundle, "bundleSigners", "no bundle can be trusted")
}

// RollbackSigners are those whose signature accepts a rollback. An error when
// the policy names nobody.
func (v *Verifier) RollbackSigners() (*signing.KeySet, error) {
	return someone(v.signers.rollback, "rollbackSigners", "no rollback can be accepted")
}

// ReceiptSigners are those who may sign receipts. An error when the policy
// names nobody.
func (v *Verifier) ReceiptSigners() (*signing.KeySet, error) {
	return someone(v.signers.receipt, "receiptSigners", "no receipt can be trusted")
}

func someone(set *signing.KeySet, name, consequence string) (*signing.KeySet, error) {
	if set == nil {
		return nil, fmt.Errorf("the policy names no %s, so %s: add their public keys to policy.yaml", name, consequence)
	}
	return set, nil
}
