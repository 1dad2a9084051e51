// Package bundle opens a bundle on the far side: the signed envelope first, then
// the lock that it vouches for, and from the lock the place of every byte.
//
// Nothing of the volumes is read here beyond their sizes. [Bundle.Verify] reads
// all of them; whoever uses their bytes calls it before.
package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/receipt"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/volume"
)

// Bundle is an open bundle whose envelope was verified. The caller closes it.
type Bundle struct {
	Dir      string
	Raw      []byte // the envelope as it was carried, for further signatures
	Envelope *envelope.Envelope
	Lock     *lock.Lock
	Layout   *archive.Layout
	// LeftOut are the blobs of the lock that do not travel, because a receipt
	// said that this side holds them.
	LeftOut receipt.Digests

	*volume.Set
}

// Open opens the one bundle in a directory whose envelope the keys signed. The
// error is an *envelope.Refusal for what is not trusted, and a *volume.Damage
// for side files that are not as they were signed.
func Open(dir string, keys *signing.KeySet) (*Bundle, error) {
	name, err := volume.Find(dir)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Dir: dir}
	if b.Raw, err = volume.ReadEnvelope(dir, name); err != nil {
		return nil, err
	}
	if b.Envelope, err = envelope.Open(b.Raw, keys); err != nil {
		return nil, err
	}
	if b.Envelope.Name != name {
		return nil, &envelope.Refusal{Kind: envelope.Mixed,
			Reason: fmt.Sprintf("the envelope is of bundle %q and lies there as that of %q", b.Envelope.Name, name), Next: "Copy the bundle again, all of its files from one place."}
	}
	return b, b.readLock()
}

// readLock reads what the envelope vouches for beside the volumes.
func (b *Bundle) readLock() error {
	text, err := volume.ReadFile(b.Dir, b.Envelope.Name, envelope.File{Name: b.Envelope.LockName(), Blob: b.Envelope.Lock}, lock.MaxBytes)
	if err != nil {
		return err
	}
	if b.Lock, err = lock.Decode(text); err != nil {
		return &envelope.Refusal{Kind: envelope.Malformed, Reason: fmt.Sprintf("the lock that it vouches for is none: %v", err)}
	}
	if b.Lock.Name != b.Envelope.Name || b.Lock.Stream != b.Envelope.Stream || b.Lock.Marking != b.Envelope.Marking {
		return &envelope.Refusal{Kind: envelope.Mixed, Reason: "the lock is of another bundle than the envelope: name, stream or marking differ"}
	}
	if err := b.readLeftOut(); err != nil {
		return err
	}
	left := make(map[artifact.Digest]bool, len(b.LeftOut))
	for _, digest := range b.LeftOut {
		left[digest] = true
	}
	if b.Layout, err = archive.New(b.Lock, b.Envelope.Lock.Digest, left, b.Envelope.VolumeSize); err != nil {
		return &envelope.Refusal{Kind: envelope.Malformed, Reason: fmt.Sprintf("the lock that it vouches for cannot be laid out: %v", err)}
	}
	b.Set, err = volume.Open(b.Dir, b.Envelope, b.Layout)
	return err
}

// readLeftOut reads the list of an increment.
func (b *Bundle) readLeftOut() error {
	if b.Envelope.Base == nil {
		return nil
	}
	for _, file := range b.Envelope.Files {
		if file.Name != b.Envelope.Base.LeftOut {
			continue
		}
		text, err := volume.ReadFile(b.Dir, b.Envelope.Name, file, lock.MaxBytes)
		if err != nil {
			return err
		}
		b.LeftOut, err = receipt.ReadDigests(bytes.NewReader(text))
		if err != nil {
			return &envelope.Refusal{Kind: envelope.Malformed, Reason: fmt.Sprintf("%s is no list of blobs: %v", file.Name, err)}
		}
		return nil
	}
	return &envelope.Refusal{Kind: envelope.Malformed, Reason: "it names a list of blobs that it does not vouch for"}
}

// Claim is what the files of a bundle say that nobody has verified.
type Claim struct {
	Envelope *envelope.Envelope
	KeyIDs   []string // that are said to have signed it
	Lock     *lock.Lock
}

// Read reads the one bundle in a directory for a person who wants to see what
// it claims. The lock is the one that the envelope names; nothing else is true.
func Read(dir string) (*Claim, error) {
	name, err := volume.Find(dir)
	if err != nil {
		return nil, err
	}
	raw, err := volume.ReadEnvelope(dir, name)
	if err != nil {
		return nil, err
	}
	c := &Claim{}
	if c.Envelope, c.KeyIDs, err = envelope.Unverified(raw); err != nil {
		return nil, err
	}
	text, err := volume.ReadFile(dir, name, envelope.File{Name: c.Envelope.LockName(), Blob: c.Envelope.Lock}, lock.MaxBytes)
	if err != nil {
		return nil, err
	}
	if c.Lock, err = lock.Decode(text); err != nil {
		return nil, &envelope.Refusal{Kind: envelope.Malformed, Reason: fmt.Sprintf("the lock that it names is none: %v", err)}
	}
	return c, nil
}

// Close closes the files.
func (b *Bundle) Close() error {
	if b.Set == nil {
		return nil
	}
	return b.Set.Close()
}

// Check verifies every byte, and rebuilds what is lost or damaged into the
// directory to, when it is named and parity suffices. It returns the names of
// the files that were rebuilt.
func (b *Bundle) Check(ctx context.Context, to string, progress func(volume.Event)) (volume.Report, []string, error) {
	report, err := b.Verify(ctx, progress)
	damage := (*volume.Damage)(nil)
	if to == "" || !errors.As(err, &damage) || !damage.Repairable {
		return report, nil, err
	}
	rebuilt, err := b.Repair(ctx, to, progress)
	if err != nil && !errors.As(err, new(*volume.Damage)) {
		err = errors.Join(damage, fmt.Errorf("parity suffices, but %w; have it rebuilt in another directory", err))
	}
	return report, rebuilt, err
}

// Current says what stands against the bundle today: its expiry and its age.
// What was loaded before it is the business of [envelope.Position].
func (b *Bundle) Current(now time.Time, maximumAge time.Duration) error {
	return envelope.Position{}.Admit(b.Envelope, envelope.Conditions{Now: now, MaximumAge: maximumAge})
}
