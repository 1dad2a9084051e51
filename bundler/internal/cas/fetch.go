package cas

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/durable"
)

// WrongBytes is the error of a source whose bytes are not the blob.
type WrongBytes struct {
	Blob   artifact.Blob
	Reason string
}

// Error names the blob and what the source did.
func (w *WrongBytes) Error() string {
	return fmt.Sprintf("%s: %s; nothing of it is kept, lock again if the source has changed", w.Blob.Digest, w.Reason)
}

// Fetch makes sure that the store has the blob: it continues what an earlier run
// left, and verifies the whole before it counts. Callers that want the same blob
// share one transfer. progress, if not nil, is told of bytes that arrived from
// the source, from one goroutine. The source must not wait for the same blob of
// the same store; [Store.Save] and [Store.Load] do not.
func (s *Store) Fetch(ctx context.Context, b artifact.Blob, from artifact.Source, progress func(bytes int64)) error {
	if progress == nil {
		progress = func(int64) {}
	}
	defer s.take(b.Digest)()
	if ok, err := s.check(ctx, b); ok || err != nil {
		return err
	}
	return s.fetch(ctx, b, from, progress)
}

func (s *Store) fetch(ctx context.Context, b artifact.Blob, from artifact.Source, progress func(int64)) error {
	file, err := openPart(s.parts, b.Digest.Hex())
	if err != nil {
		return fmt.Errorf("store %s: %w", s.dir, err)
	}
	p := &part{ctx: ctx, file: file, blob: b, from: from, progress: progress}
	err = p.complete()
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := s.publish(b); err != nil {
		return err
	}
	return durable.SyncRoot(s.blobs)
}

// part is a blob on its way.
type part struct {
	ctx      context.Context //nolint:containedctx // that of Fetch, which it lives in
	file     *os.File
	blob     artifact.Blob
	from     artifact.Source
	progress func(int64)
	sum      *sum
}

// complete brings the rest. When what an earlier run left proves to be wrong,
// it starts over once.
func (p *part) complete() error {
	resumed, err := p.resume()
	if err != nil {
		return err
	}
	err = p.rest()
	var wrong *WrongBytes
	if errors.As(err, &wrong) && resumed {
		if err := p.restart(); err != nil {
			return err
		}
		err = p.rest()
	}
	if errors.As(err, &wrong) {
		return errors.Join(err, p.restart())
	}
	return err
}

// resume hashes what is there. It reports whether that is anything.
func (p *part) resume() (bool, error) {
	p.sum = newHash(p.ctx)
	n, err := io.Copy(p.sum, p.file)
	if err != nil {
		return false, fmt.Errorf("%s: reading what an earlier run left: %w", p.blob.Digest, err)
	}
	if n > p.blob.Size {
		return false, p.restart()
	}
	return n > 0, nil
}

func (p *part) restart() error {
	p.sum = newHash(p.ctx)
	_, err := p.file.Seek(0, io.SeekStart)
	return errors.Join(err, p.file.Truncate(0))
}

const bufferSize = 256 << 10

func (p *part) rest() error {
	body, err := p.from.Open(p.ctx, p.blob, p.sum.n)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }() // only read
	to := io.MultiWriter(p.file, p.sum, counter(p.progress))
	// One byte more than there should be shows a source that sends more.
	if _, err := io.CopyBuffer(to, io.LimitReader(body, p.blob.Size-p.sum.n+1), make([]byte, bufferSize)); err != nil {
		return fmt.Errorf("%s at byte %d: %w", p.blob.Digest, p.sum.n, err)
	}
	switch {
	case p.sum.n < p.blob.Size:
		return fmt.Errorf("%s: the source ended at byte %d of %d", p.blob.Digest, p.sum.n, p.blob.Size)
	case p.sum.n > p.blob.Size:
		return &WrongBytes{p.blob, fmt.Sprintf("the source has more than %d bytes", p.blob.Size)}
	case !p.sum.is(p.blob):
		return &WrongBytes{p.blob, "the source has other bytes"}
	}
	return p.file.Sync()
}

type counter func(int64)

func (c counter) Write(b []byte) (int, error) {
	c(int64(len(b)))
	return len(b), nil
}

// sum is a SHA-256 that counts, and stops with its context.
type sum struct {
	ctx  context.Context //nolint:containedctx // that of the call it is made in
	hash hash.Hash
	n    int64
}

func newHash(ctx context.Context) *sum { return &sum{ctx: ctx, hash: sha256.New()} }

func (s *sum) Write(b []byte) (int, error) {
	s.n += int64(len(b))
	_, _ = s.hash.Write(b) // a hash takes everything
	return len(b), s.ctx.Err()
}

func (s *sum) is(b artifact.Blob) bool {
	return s.n == b.Size && artifact.DigestOf([32]byte(s.hash.Sum(nil))) == b.Digest
}
