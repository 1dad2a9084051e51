package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// content sends a blob or a part of it. A digest names its bytes for ever, so
// the answer may be kept for ever.
func (s *server) content(w http.ResponseWriter, r *http.Request, b artifact.Blob, media string) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Docker-Content-Digest", string(b.Digest))
	h.Set("ETag", `"`+string(b.Digest)+`"`)
	body := &seeker{ctx: r.Context(), source: s.source, blob: b}
	defer func() {
		if err := body.Close(); err != nil {
			s.log.WarnContext(r.Context(), "closing a blob", "digest", b.Digest, "error", err)
		}
		if body.failed != nil {
			s.log.ErrorContext(r.Context(), "a blob could not be read", "digest", b.Digest, "error", body.failed)
		}
	}()
	http.ServeContent(w, r, "", time.Time{}, body)
}

// seeker is a blob of a source that is opened where it is first read.
type seeker struct {
	ctx    context.Context // of the one request that it serves
	source artifact.Source
	blob   artifact.Blob
	at     int64
	stream io.ReadCloser // nil when the next read opens it
	failed error
}

// Read implements [io.Reader]. A stream that ends before the blob does is an
// error: a client must not take a short blob for a whole one.
func (s *seeker) Read(p []byte) (int, error) {
	if s.at >= s.blob.Size {
		return 0, io.EOF
	}
	if s.stream == nil {
		stream, err := s.source.Open(s.ctx, s.blob, s.at)
		if err != nil {
			s.failed = err
			return 0, err
		}
		s.stream = stream
	}
	n, err := s.stream.Read(p[:min(int64(len(p)), s.blob.Size-s.at)])
	s.at += int64(n)
	if errors.Is(err, io.EOF) && s.at < s.blob.Size {
		err = fmt.Errorf("the source ended at byte %d of %d: %w", s.at, s.blob.Size, io.ErrUnexpectedEOF)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		s.failed = err
	}
	return n, err
}

// Seek implements [io.Seeker].
func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.blob.Size
	}
	if offset < 0 || offset > s.blob.Size {
		return 0, fmt.Errorf("byte %d is outside of the blob", offset)
	}
	if offset == s.at {
		return offset, nil
	}
	s.at = offset
	return offset, s.Close()
}

// Close gives the stream back.
func (s *seeker) Close() error {
	if s.stream == nil {
		return nil
	}
	err := s.stream.Close()
	s.stream = nil
	return err
}
