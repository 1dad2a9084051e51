package volume

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// filling is one blob on its way into the volumes.
type filling struct {
	*writer
	blob    artifact.Blob
	extents []archive.Extent
	sum     hash.Hash
	offset  int64 // bytes that are written and in sum
	noted   int64 // the offset of the last journal record
	// silent keeps bytes from the hashers of the volumes until the blob is
	// verified: those of an earlier run may turn out wrong and be written again.
	silent bool
}

// fill brings one blob into the volumes: by hashing what an earlier run left,
// and by fetching the rest, or all of it when that was wrong.
func (w *writer) fill(ctx context.Context, b artifact.Blob) error {
	f := &filling{writer: w, blob: b, extents: w.layout.Extents(b.Digest), sum: sha256.New()}
	resumed, err := f.reuse(ctx)
	if err != nil {
		return err
	}
	err = f.fetch(ctx)
	var wrong *WrongBytes
	if resumed && errors.As(err, &wrong) {
		f.sum, f.offset, f.noted, f.silent = sha256.New(), 0, 0, false
		err = f.fetch(ctx)
	}
	return err
}

// reuse hashes what the journal says is there. It reports whether anything was
// kept.
func (f *filling) reuse(ctx context.Context) (bool, error) {
	claim := min(f.claims[f.blob.Digest], f.blob.Size)
	if claim == 0 {
		return false, nil
	}
	f.silent = true
	if err := f.hashPrefix(ctx, claim); err != nil {
		return false, err
	}
	f.noted = claim
	f.o.Progress(Event{Kind: Reused, Blob: f.blob, Bytes: claim})
	return true, nil
}

func (f *filling) matches() bool {
	return artifact.DigestOf([32]byte(f.sum.Sum(nil))) == f.blob.Digest
}

func (f *filling) hashPrefix(ctx context.Context, length int64) error {
	buffer := f.buffers.Get().(*buffer) //nolint:forcetypeassert // the pool holds nothing else
	defer f.buffers.Put(buffer)
	for f.offset < length {
		if err := ctx.Err(); err != nil {
			return err
		}
		piece := buffer[:min(length-f.offset, bufferSize)]
		err := f.each(piece, func(t *target, part []byte, offset int64) error {
			_, err := t.file.ReadAt(part, offset)
			return err
		})
		if err != nil {
			return fmt.Errorf("read back blob %s: %w", f.blob.Digest, err)
		}
		f.hash(piece)
		f.offset += int64(len(piece))
	}
	return nil
}

func (f *filling) hash(piece []byte) {
	f.tokens <- struct{}{}
	f.sum.Write(piece)
	<-f.tokens
}

// each calls do for the places of the piece, which is at f.offset of the blob.
func (f *filling) each(piece []byte, do func(t *target, part []byte, offset int64) error) error {
	for _, s := range spans(f.extents, f.offset, int64(len(piece))) {
		t, err := f.target(s.volume)
		if err != nil {
			return err
		}
		if err := do(t, piece[:s.length], s.offset); err != nil {
			return err
		}
		piece = piece[s.length:]
	}
	return nil
}

// fetch streams the rest of the blob and verifies it.
func (f *filling) fetch(ctx context.Context) error {
	err := f.stream(ctx)
	if err != nil {
		return errors.Join(f.describe(err), f.note())
	}
	if !f.matches() {
		return errors.Join(f.wrong("the source has other bytes than the lock says"), f.forget())
	}
	f.report()
	if err := f.note(); err != nil {
		return err
	}
	f.o.Progress(Event{Kind: Finished, Blob: f.blob})
	return nil
}

func (f *filling) wrong(reason string) error {
	return &WrongBytes{Blob: f.blob, Items: f.layout.Items(f.blob.Digest), Reason: reason}
}

// describe names the item of an error, unless it is that the run is over.
func (f *filling) describe(err error) error {
	var wrong *WrongBytes
	if errors.As(err, &wrong) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("blob %s of %s at byte %d: %w", f.blob.Digest, nameList(f.layout.Items(f.blob.Digest)), f.offset, err)
}

func (f *filling) stream(ctx context.Context) (err error) {
	if f.offset == f.blob.Size {
		return nil
	}
	f.o.Progress(Event{Kind: Opened, Blob: f.blob, Bytes: f.offset})
	body, err := f.src.Open(ctx, f.blob, f.offset)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	buffer := f.buffers.Get().(*buffer) //nolint:forcetypeassert // the pool holds nothing else
	defer f.buffers.Put(buffer)
	for f.offset < f.blob.Size {
		piece := buffer[:min(f.blob.Size-f.offset, bufferSize)]
		n, err := io.ReadFull(contextReader{ctx, body}, piece)
		if err := f.write(piece[:n]); err != nil {
			return err
		}
		if err != nil {
			return fmt.Errorf("the source ended early: %w", err)
		}
	}
	if longer(body) {
		return f.wrong("the source has more bytes than the lock says")
	}
	return nil
}

// write puts the next piece of the blob into its volumes.
func (f *filling) write(piece []byte) error {
	if len(piece) == 0 {
		return nil
	}
	f.hash(piece)
	err := f.each(piece, func(t *target, part []byte, offset int64) error {
		if _, err := t.file.WriteAt(part, offset); err != nil {
			return writeError(t.path, err)
		}
		if !f.silent {
			t.tracker.wrote(offset, int64(len(part)))
		}
		return nil
	})
	if err != nil {
		return err
	}
	f.offset += int64(len(piece))
	f.o.Progress(Event{Kind: Advanced, Blob: f.blob, Bytes: int64(len(piece))})
	if f.offset-f.noted < f.o.step {
		return nil
	}
	return f.note()
}

// note records in the journal how far the blob has come.
func (f *filling) note() error {
	if f.offset == f.noted {
		return nil
	}
	f.noted = f.offset
	return f.journal.record(f.blob.Digest, f.offset)
}

// forget records that nothing of the blob can be used.
func (f *filling) forget() error { return f.journal.record(f.blob.Digest, 0) }

// report lets the volumes be hashed where bytes were kept from that.
func (f *filling) report() {
	if !f.silent {
		return
	}
	for _, s := range spans(f.extents, 0, f.blob.Size) {
		f.targets[s.volume].tracker.wrote(s.offset, s.length)
	}
}
