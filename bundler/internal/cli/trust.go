package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/trust"
)

const policyName = "policy.yaml"

// trusted is whom this side trusts: a policy with its keys and roots, or nothing
// but one packer's key.
type trusted struct {
	policy   *spec.Policy    // nil with a key alone
	verifier *trust.Verifier // nil with a key alone
	signers  *signing.KeySet // of envelopes
}

// openTrust reads --trust: a policy.yaml, a directory with one, or the public
// key of a packer.
func openTrust(path string) (*trusted, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, policyName)
	}
	text, err := readSmall(path)
	if err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("-----BEGIN ")) {
		return trustKey(path)
	}
	t, err := policyOf(path, text)
	if err != nil {
		return nil, err
	}
	if t.signers, err = t.verifier.BundleSigners(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func trustKey(path string) (*trusted, error) {
	key, err := signing.LoadPublic(path)
	if err != nil {
		return nil, err
	}
	signers, err := signing.NewKeySet(1, key)
	return &trusted{signers: signers}, err
}

// openPolicy reads the near side's policy, whose bundleSigners may be missing.
func openPolicy(path string) (*trusted, error) {
	text, err := readSmall(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w: nothing crosses without a policy; write one, or name it with --policy", err)
	}
	if err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	return policyOf(path, text)
}

func policyOf(path string, text []byte) (*trusted, error) {
	policy, err := spec.ParsePolicy(text)
	if err != nil {
		return nil, inFile(path, err)
	}
	verifier, err := trust.New(policy, os.DirFS(filepath.Dir(path)))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &trusted{policy: policy, verifier: verifier}, nil
}

// maximumAge is the policy's, 0 for none.
func (t *trusted) maximumAge() time.Duration {
	if t.policy == nil {
		return 0
	}
	return t.policy.MaximumAge
}

// needsPolicy refuses what a packer's key alone cannot decide. It vouches for
// the bundle, and not for what is in it.
func (t *trusted) needsPolicy() error {
	if t.policy != nil {
		return nil
	}
	return &trust.Refusal{
		Item: "every item", Expected: []string{"a policy that says who must have signed it"},
		Found: []string{"the key of a packer, who vouches for the bundle and not for what is in it"},
		Next:  "name a policy.yaml with --trust",
	}
}

// judge repeats the judgement of an item on this side.
func (t *trusted) judge(ctx context.Context, item *lock.Item, content trust.Content, at time.Time) (lock.Verdict, error) {
	if err := t.needsPolicy(); err != nil {
		return lock.Verdict{}, err
	}
	return t.verifier.Judge(ctx, item, content, at)
}

// inFile names the file of mistakes in it.
func inFile(path string, err error) error {
	if mistakes := (spec.Errors)(nil); errors.As(err, &mistakes) {
		return fmt.Errorf("%s has mistakes:\n%w", path, err)
	}
	return fmt.Errorf("%s: %w", path, err)
}

// readSmall reads a file that people write.
func readSmall(path string) ([]byte, error) { return readAtMost(path, spec.MaxBytes) }

func readAtMost(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // G304: the user names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is longer than %d bytes", path, limit)
	}
	return text, err
}
