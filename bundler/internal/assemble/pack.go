package assemble

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/cas"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/receipt"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/review"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/volume"
)

// PackOptions are how a bundle is written. Volumes, Held and the lock determine
// every byte of the volumes; the rest is in the envelope and the attestation.
type PackOptions struct {
	// Dir is where the bundle goes; it is made where it is missing.
	Dir string
	// Signers sign the envelope and the attestation; at least one.
	Signers []signing.Signer
	// Volumes is how the bundle is cut: the spec's, or what flags say instead.
	Volumes spec.Volumes
	// Created is the time of creation; expiry counts from it.
	Created time.Time
	// Previous is the envelope before this one in the stream; nil for the first.
	Previous *envelope.Envelope
	// Base is what the far side holds by its receipt; nil for a full bundle.
	Base *Base

	// Fresh has Create resolve anew although a run that did not end left a lock.
	Fresh bool
	// Attest are the facts about this run that two packs of one lock differ in.
	Attest Facts
}

// Base is a receipt and the list that its root stands for.
type Base struct {
	Receipt *receipt.Receipt
	Held    receipt.Digests
}

// Digests are those of the list, in a base of nil none.
func (b *Base) Digests() receipt.Digests {
	if b == nil {
		return nil
	}
	return b.Held
}

func (p *PackOptions) check() error {
	switch {
	case len(p.Signers) == 0:
		return errors.New("a bundle needs a signature; name a key")
	case p.Created.IsZero():
		return errors.New("a bundle needs a time of creation")
	case p.Dir == "":
		return errors.New("a bundle needs a folder to go to")
	}
	return volume.CheckParity(1, p.Volumes.Parity)
}

// Bundle is a bundle that was written.
type Bundle struct {
	Dir      string
	Envelope *envelope.Envelope
	Lock     *lock.Lock
	Layout   *archive.Layout
}

// Pack writes a bundle from a store that has all of the lock, or all that a
// [Collect] for the same receipt has fetched, without any network. Everything is judged again from the store. The envelope is written
// last: without it there is no bundle.
func Pack(ctx context.Context, o Options, l *lock.Lock, store *cas.Store, p PackOptions) (b *Bundle, err error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	err = with(o, store, func(r *run) error {
		here := func(*lock.Item) Content { return kept{store} }
		if err := r.judge(ctx, l, here); err != nil {
			return err
		}
		b, err = r.pack(ctx, l, store, here, p)
		return err
	})
	return b, err
}

// pack writes the bundle of a lock that was judged.
func (r *run) pack(ctx context.Context, l *lock.Lock, from artifact.Source, content func(*lock.Item) Content, p PackOptions) (_ *Bundle, err error) {
	layout, out, err := layOut(l, p.Volumes, p.Base.Digests())
	if err != nil {
		return nil, err
	}
	licences, err := r.licences(ctx, l, content)
	if err != nil {
		return nil, err
	}
	w, err := newWriter(p.Dir, l.Name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	written, err := r.volumes(ctx, l, layout, from, p)
	if err != nil {
		return nil, err
	}
	e, err := r.envelope(l, p, written)
	if err != nil {
		return nil, err
	}
	m := &review.Manifest{Lock: l, Layout: layout, Licences: licences}
	if err := w.sideFiles(ctx, e, m, out, p); err != nil {
		return nil, err
	}
	return &Bundle{Dir: p.Dir, Envelope: e, Lock: l, Layout: layout}, r.seal(ctx, w, e, p)
}

func (r *run) volumes(ctx context.Context, l *lock.Lock, layout *archive.Layout, from artifact.Source, p PackOptions) (*volume.Written, error) {
	r.Progress(Event{Phase: Packing, Kind: Started, Count: len(layout.Blobs()), Bytes: sum(layout.Blobs())})
	return volume.Write(ctx, p.Dir, l.Name, layout, from, volume.WriteOptions{
		Parallel: r.Parallel, Parity: p.Volumes.Parity, Progress: r.ofVolumes,
	})
}

func (r *run) envelope(l *lock.Lock, p PackOptions, written *volume.Written) (*envelope.Envelope, error) {
	e := &envelope.Envelope{
		Format: envelope.Format, Name: l.Name, Stream: l.Stream, Sequence: 1,
		Created: timestamp(p.Created), Marking: l.Marking, Policy: r.Policy.Digest,
		VolumeSize: p.Volumes.Size, Volumes: written.Volumes, Parity: written.Parity,
	}
	if r.Spec.ValidFor > 0 {
		e.Expires = timestamp(e.Created.Add(r.Spec.ValidFor))
	}
	if p.Previous == nil {
		return e, nil
	}
	if p.Previous.Stream != l.Stream {
		return nil, fmt.Errorf("the bundle before is of stream %s and this one of %s; name the last one of %s", p.Previous.Stream, l.Stream, l.Stream)
	}
	digest, err := p.Previous.Digest()
	e.Sequence, e.Previous = p.Previous.Sequence+1, digest
	return e, err
}

func blobOf(content []byte) artifact.Blob {
	return artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256(content)), Size: int64(len(content))}
}

// sideFiles writes what people read, and what the envelope names besides the
// volumes.
func (w *writer) sideFiles(ctx context.Context, e *envelope.Envelope, m *review.Manifest, out map[artifact.Digest]bool, p PackOptions) error {
	text, err := lock.Encode(m.Lock)
	if err != nil {
		return err
	}
	e.Lock = blobOf(text)
	if err := w.write(e.LockName(), text); err != nil {
		return err
	}
	m.LockDigest = e.Lock.Digest
	if m.Types, err = types(ctx, p.Dir, e, m.Layout); err != nil {
		return err
	}
	if p.Base != nil {
		if err := w.leaveOut(e, out, p.Base); err != nil {
			return err
		}
	}
	return w.reviews(e, m)
}

// leaveOut writes the list of what stays behind.
func (w *writer) leaveOut(e *envelope.Envelope, out map[artifact.Digest]bool, base *Base) error {
	text := receipt.NewDigests(slices.Collect(maps.Keys(out))).Encode()
	e.Base = &envelope.Base{Receipt: base.Receipt.Held.Root, LeftOut: e.Name + ".held.txt"}
	return w.side(e, e.Base.LeftOut, func(to io.Writer) error {
		_, err := to.Write(text)
		return err
	})
}

// seal signs the attestation and, last of all, the envelope.
func (r *run) seal(ctx context.Context, w *writer, e *envelope.Envelope, p PackOptions) error {
	statement, err := attest(e, p)
	if err != nil {
		return err
	}
	attestation, err := envelope.SealDocument(ctx, statementType, statement, p.Signers...)
	if err != nil {
		return fmt.Errorf("signing the attestation: %w", err)
	}
	if err := w.write(e.AttestationName(), attestation); err != nil {
		return err
	}
	sealed, err := envelope.Seal(ctx, e, p.Signers...)
	if err != nil {
		return fmt.Errorf("signing the envelope: %w", err)
	}
	if err := w.write(e.EnvelopeName(), sealed); err != nil {
		return err
	}
	r.Progress(Event{Phase: Packing, Kind: File, File: e.EnvelopeName(), Bytes: int64(len(sealed))})
	return nil
}
