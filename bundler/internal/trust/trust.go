// Package trust judges items by the evidence that travels with them, under the
// policy of the side that judges: once where a bundle is made, and again where
// it is loaded, with that side's own policy and roots.
//
// # What is asked
//
// The first source of the policy that matches an item's name says what the item
// needs: a signature, and attestations or other artifacts beside it. What is
// not there is a [*Refusal] that lists what was expected and what was found.
// The items that need nothing are those that the policy lets through unsigned,
// by name and digest, and files let through by checksum.
//
// # What a signature covers
//
// A signature is about one manifest. That of an index covers what the index
// names by digest, so by default a signature on the root is enough, and the one
// of a child counts for that child alone. Whatever the lock says that the item
// holds must be named by the root, or it is refused: a lock could otherwise
// carry a manifest past the signature.
//
// # What evidence is read
//
// Of cosign: signatures and attestations by tag, and Sigstore bundles as
// referrers, made with a key, a Sigstore certificate or one of the operator's
// own authority. Of the Notary Project: JWS and COSE envelopes. Only an
// attestation of the type that cosign reserves for it counts as a signature:
// somebody who attests a vulnerability scan has not released anything.
//
// What our own reader accepts counts when the library of its format accepts it
// too: cosign's, sigstore-go, notation-go (confirm.go).
//
// Evidence that cannot be read counts as none and is reported; under a strict
// policy it refuses the item. Evidence that names a signer of the policy and
// does not hold refuses the item in any case, however many good pieces lie
// beside it: somebody has tampered with it.
//
// # No network
//
// Nothing here opens a connection. Keys, roots, logs' keys and revocation lists
// are files beside the policy; [Content] gives the bytes of the evidence.
package trust

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// Content gives the bytes of manifests and evidence: a registry, a store, the
// volumes of a bundle. Safe for concurrent use.
type Content interface {
	// Fetch returns the whole blob, of at most [artifact.MaxMetadata] bytes.
	Fetch(ctx context.Context, d artifact.Descriptor) ([]byte, error)
}

// Verifier judges items by one policy. It is made for one run: the number of
// pieces of evidence that it reads in its life is limited to
// [lock.MaxEvidenceTotal]. Safe for concurrent use.
type Verifier struct {
	policy  *spec.Policy
	entries map[string]entry
	signers signers
	second  func(context.Context, entry, *claim) error // the format's own library
	read    atomic.Int64                               // pieces of evidence
}

// New reads the keys and roots that the policy names, by their paths in files.
// A file that is missing, empty, or holds anything but keys and certificates of
// strength (see [CheckKey]) is an error that names it.
//
// A root that has expired is not refused here: a signature with a trusted
// timestamp from before stays good, and every other is refused by [Verifier.Judge].
func New(p *spec.Policy, files fs.FS) (*Verifier, error) {
	v := &Verifier{policy: p, entries: make(map[string]entry, len(p.Trust)), second: confirm}
	for name, trust := range p.Trust {
		e, err := newEntry(trust, files)
		if err != nil {
			return nil, fmt.Errorf("policy: trust entry %s: %w", name, err)
		}
		v.entries[name] = e
	}
	if err := v.checkRequirements(); err != nil {
		return nil, err
	}
	var err error
	v.signers, err = readSigners(p, files)
	return v, err
}

// checkRequirements refuses what no evidence could ever meet: the Notary
// Project signs artifacts and attests nothing.
func (v *Verifier) checkRequirements() error {
	for _, s := range v.policy.Sources {
		for _, r := range s.Require {
			if _, ok := v.entries[r.Trust].(*notary); ok && r.PredicateType != "" {
				return fmt.Errorf("policy: source %s: wants an attestation of type %s by %s, which is a notation entry and attests nothing: name an entry of another kind", s.Match, r.PredicateType, r.Trust)
			}
		}
	}
	return nil
}

// entry is one entry of the policy's trust.
type entry interface {
	// vouch names the entry's signers whose signature the claim is, at the time
	// of the check. The error is a [*flaw].
	vouch(c *claim, at time.Time) ([]string, error)
	// threshold is how many distinct signers it takes.
	threshold() int
	// String says whom the entry trusts.
	String() string
}

func newEntry(t spec.Trust, files fs.FS) (entry, error) {
	m := material{files}
	switch {
	case t.Cosign != nil:
		return newKeys(t.Cosign, m)
	case t.Keyless != nil:
		return newKeyless(t.Keyless, m)
	case t.CA != nil:
		return newAuthority(t.CA, m)
	case t.Notation != nil:
		return newNotary(t.Notation, m)
	}
	return nil, fmt.Errorf("says nothing: write cosign, keyless, ca or notation")
}

// Report is the outcome for one item.
type Report struct {
	Verdict lock.Verdict
	// Findings are the pieces of evidence that counted for nothing, each with the
	// reason, in the order of the lock.
	Findings []string
}

// Judge is [Verifier.Examine] without the findings.
func (v *Verifier) Judge(ctx context.Context, item *lock.Item, content Content, at time.Time) (lock.Verdict, error) {
	report, err := v.Examine(ctx, item, content, at)
	return report.Verdict, err
}

// Examine judges one item by its evidence, at the given time of the check. A
// [*Refusal] says why the item may not pass; any other error is that the
// content could not be read.
func (v *Verifier) Examine(ctx context.Context, item *lock.Item, content Content, at time.Time) (Report, error) {
	x := &examination{Verifier: v, item: item, content: hashed{content}, at: at}
	if err := x.covered(ctx); err != nil {
		return Report{}, err
	}
	if err := x.admitted(); err != nil {
		return Report{}, err
	}
	verdict, err := x.verdict(ctx)
	return Report{Verdict: verdict, Findings: x.findings}, err
}

// hashed checks what a Content returns. It should have done so itself; but all
// that follows rests on it.
type hashed struct{ Content }

func (h hashed) Fetch(ctx context.Context, d artifact.Descriptor) ([]byte, error) {
	if d.Size < 0 || d.Size > artifact.MaxMetadata {
		return nil, malformedf("%s is said to have %d bytes, at most %d are read", d.Digest, d.Size, artifact.MaxMetadata)
	}
	raw, err := h.Content.Fetch(ctx, d)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", d.Digest, err)
	}
	if int64(len(raw)) != d.Size || artifact.DigestOf(sha256.Sum256(raw)) != d.Digest {
		return nil, fmt.Errorf("read %s: the %d bytes that came are not that blob", d.Digest, len(raw))
	}
	return raw, nil
}
