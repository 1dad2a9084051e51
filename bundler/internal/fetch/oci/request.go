package oci

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/transfer"
)

// ErrNotFound is what the registry does not have.
var ErrNotFound = errors.New("the registry does not have it")

// accepted are the media types of manifests, in the order of preference.
var accepted = strings.Join([]string{
	artifact.MediaTypeOCIIndex, artifact.MediaTypeDockerList, artifact.MediaTypeOCIManifest, artifact.MediaTypeDockerManifest,
}, ", ")

// get sends one request for metadata. path is below the repository, with a
// query where it needs one.
func (r *Repository) get(ctx context.Context, path string, header http.Header) (*http.Response, error) {
	client, scheme, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	target := scheme + "://" + r.name.Host + "/v2/" + r.name.Path + "/" + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header
	}
	answer, err := client.Do(req)
	if err != nil {
		return nil, transfer.Plain(err)
	}
	return answer, nil
}

// explain turns the status of an answer that is not wanted into an error.
func explain(answer *http.Response) error {
	switch answer.StatusCode {
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("the registry refuses access (%s); log in with docker login or podman login", answer.Status)
	case http.StatusTooManyRequests:
		return fmt.Errorf("the registry limits the rate (%s) and did not relent; try again later", answer.Status)
	}
	return fmt.Errorf("the registry answers %q", answer.Status)
}

// small reads one document of at most MaxMetadata. It holds one of the slots.
func (r *Repository) small(ctx context.Context, path string, header http.Header) ([]byte, http.Header, error) {
	select {
	case r.all.slots <- struct{}{}:
		defer func() { <-r.all.slots }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, r.all.line.Patience())
	defer cancel()
	answer, err := r.get(ctx, path, header) //nolint:bodyclose // Discard closes it
	if err != nil {
		return nil, nil, err
	}
	defer transfer.Discard(answer)
	if answer.StatusCode != http.StatusOK {
		return nil, nil, explain(answer)
	}
	raw, err := readAll(answer.Body, artifact.MaxMetadata)
	return raw, answer.Header, err
}

// readAll never allocates by a size that somebody claims.
func readAll(from io.Reader, limit int64) ([]byte, error) {
	buffer := bytes.Buffer{}
	n, err := io.Copy(&buffer, io.LimitReader(from, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, fmt.Errorf("it is larger than %d bytes", limit)
	}
	return buffer.Bytes(), nil
}

// Open returns the bytes of a blob that is no manifest, from the offset on; see
// [transfer.Line.Open].
func (r *Repository) Open(ctx context.Context, blob artifact.Blob, offset int64) (io.ReadCloser, error) {
	get := func(ctx context.Context, header http.Header) (*http.Response, error) {
		return r.get(ctx, "blobs/"+string(blob.Digest), header)
	}
	return r.all.line.Open(ctx, transfer.Origin{Name: r.name.String(), Get: get, Explain: explain}, blob, offset)
}

// Resolve asks once what a tag means, and keeps the answer in the cache. The
// descriptor holds no platform.
func (r *Repository) Resolve(ctx context.Context, tag string) (artifact.Descriptor, error) {
	if err := artifact.CheckTag(tag); err != nil {
		return artifact.Descriptor{}, err
	}
	d, raw, err := r.manifest(ctx, tag)
	if err != nil {
		return artifact.Descriptor{}, fmt.Errorf("%s:%s: %w", r.name, tag, err)
	}
	if err := r.save(ctx, d.Blob, raw); err != nil {
		return artifact.Descriptor{}, err
	}
	return d, nil
}

// ResolveDigest finds out the size and media type of a manifest.
func (r *Repository) ResolveDigest(ctx context.Context, digest artifact.Digest) (artifact.Descriptor, error) {
	d, raw, err := r.manifest(ctx, string(digest))
	if err == nil && d.Digest != digest {
		err = fmt.Errorf("the registry sent %s instead", d.Digest)
	}
	if err != nil {
		return artifact.Descriptor{}, fmt.Errorf("%s@%s: %w", r.name, digest, err)
	}
	return d, r.save(ctx, d.Blob, raw)
}

// manifest reads a manifest by tag or digest. The digest of the descriptor is
// that of the bytes, whatever the registry says it is.
func (r *Repository) manifest(ctx context.Context, reference string) (artifact.Descriptor, []byte, error) {
	raw, header, err := r.small(ctx, "manifests/"+reference, http.Header{"Accept": {accepted}})
	if err != nil {
		return artifact.Descriptor{}, nil, err
	}
	digest := artifact.DigestOf(sha256.Sum256(raw))
	if said := header.Get("Docker-Content-Digest"); said != "" && said != string(digest) {
		return artifact.Descriptor{}, nil, fmt.Errorf("the registry says it is %.80s and sends %s", said, digest)
	}
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil || !artifact.IsManifest(mediaType) {
		return artifact.Descriptor{}, nil, fmt.Errorf("the registry sends the type %.100q, which is no manifest's", header.Get("Content-Type"))
	}
	d := artifact.Descriptor{Blob: artifact.Blob{Digest: digest, Size: int64(len(raw))}, MediaType: mediaType}
	if _, err := parseDocument(raw, mediaType); err != nil {
		return artifact.Descriptor{}, nil, fmt.Errorf("%s: %w", digest, err)
	}
	return d, raw, nil
}

// Fetch returns the bytes of a manifest or another blob of at most
// [artifact.MaxMetadata], verified; from the cache where that has them.
func (r *Repository) Fetch(ctx context.Context, d artifact.Descriptor) ([]byte, error) {
	if d.Size > artifact.MaxMetadata {
		return nil, fmt.Errorf("%s@%s: %d bytes are too many for metadata; at most %d are read", r.name, d.Digest, d.Size, artifact.MaxMetadata)
	}
	if raw, ok := r.load(ctx, d.Blob); ok {
		return raw, nil
	}
	raw, err := r.fetch(ctx, d)
	if err == nil {
		err = verify(d.Blob, raw)
	}
	if err != nil {
		return nil, fmt.Errorf("%s@%s: %w", r.name, d.Digest, err)
	}
	return raw, r.save(ctx, d.Blob, raw)
}

func (r *Repository) fetch(ctx context.Context, d artifact.Descriptor) ([]byte, error) {
	if !artifact.IsManifest(d.MediaType) {
		raw, _, err := r.small(ctx, "blobs/"+string(d.Digest), nil)
		return raw, err
	}
	raw, header, err := r.small(ctx, "manifests/"+string(d.Digest), http.Header{"Accept": {accepted}})
	if err != nil {
		return nil, err
	}
	if mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || mediaType != d.MediaType {
		return nil, fmt.Errorf("it is listed as %s and sent as %.100q", d.MediaType, header.Get("Content-Type"))
	}
	return raw, nil
}

func verify(b artifact.Blob, raw []byte) error {
	if int64(len(raw)) != b.Size {
		return fmt.Errorf("it is listed with %d bytes and has %d", b.Size, len(raw))
	}
	if found := artifact.DigestOf(sha256.Sum256(raw)); found != b.Digest {
		return fmt.Errorf("the registry sent other bytes: %s", found)
	}
	return nil
}

func (r *Repository) load(ctx context.Context, b artifact.Blob) ([]byte, bool) {
	if r.all.options.Cache == nil {
		return nil, false
	}
	raw, ok := r.all.options.Cache.Load(ctx, b)
	return raw, ok && verify(b, raw) == nil
}

func (r *Repository) save(ctx context.Context, b artifact.Blob, raw []byte) error {
	if r.all.options.Cache == nil {
		return nil
	}
	return r.all.options.Cache.Save(ctx, b, raw)
}
