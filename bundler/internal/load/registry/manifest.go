package registry

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

var manifestTypes = []string{
	artifact.MediaTypeOCIManifest, artifact.MediaTypeOCIIndex, artifact.MediaTypeDockerManifest, artifact.MediaTypeDockerList,
}

// manifest makes the repository have the manifest, under a tag when there is
// one.
func (p *push) manifest(ctx context.Context, d artifact.Descriptor, tag string) error {
	reference := cmp.Or(tag, string(d.Digest))
	there, err := p.exists(ctx, p.repository.JoinPath("manifests", reference), d.Digest)
	if err != nil {
		return fmt.Errorf("manifest %s: %w", reference, err)
	}
	if there {
		return nil
	}
	text, err := p.read(ctx, d.Blob)
	if err != nil {
		return fmt.Errorf("manifest %s: %w", reference, err)
	}
	return p.putManifest(ctx, reference, d, text)
}

func (p *push) putManifest(ctx context.Context, reference string, d artifact.Descriptor, text []byte) error {
	u := p.repository.JoinPath("manifests", reference)
	response, err := p.do(ctx, http.MethodPut, u, text, http.Header{"Content-Type": {d.MediaType}}) //nolint:bodyclose // expect closes it
	if err != nil {
		return fmt.Errorf("manifest %s: %w", reference, err)
	}
	if err := expect(response, "writing it", http.StatusCreated); err != nil {
		return fmt.Errorf("manifest %s: %w", reference, err)
	}
	if got := response.Header.Get("Docker-Content-Digest"); got != "" && got != string(d.Digest) {
		return fmt.Errorf("manifest %s: the registry says that it has digest %.80q, not %s: it changed what it was given", reference, got, d.Digest)
	}
	return nil
}

// read is a small blob of the bundle, whole and held to its digest.
func (p *push) read(ctx context.Context, b artifact.Blob) ([]byte, error) {
	if b.Size > artifact.MaxMetadata {
		return nil, fmt.Errorf("has %d bytes, the limit for manifests is %d", b.Size, artifact.MaxMetadata)
	}
	stream, err := p.source.Open(ctx, b, 0)
	if err != nil {
		return nil, fmt.Errorf("reading it from the bundle: %w", err)
	}
	defer func() { _ = stream.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(stream, b.Size+1))
	if err != nil {
		return nil, fmt.Errorf("reading it from the bundle: %w", err)
	}
	if got := artifact.DigestOf(sha256.Sum256(text)); got != b.Digest {
		return nil, fmt.Errorf("the bundle has other bytes there, with digest %s: verify it", got)
	}
	return text, nil
}

// refer makes the referrer findable: a registry with the Referrers API lists it
// by itself, any other needs the referrers tag (distribution-spec 1.1, section
// "Referrers Tag Schema").
func (p *push) refer(ctx context.Context, e lock.Evidence) error {
	listed, supported, err := p.lists(ctx, e)
	if err != nil || listed || supported {
		return err
	}
	unlock := p.lockSubject(e.Subject)
	defer unlock()
	return p.addToTag(ctx, e)
}

// lists asks the Referrers API for the referrer; unsupported when there is none.
func (p *push) lists(ctx context.Context, e lock.Evidence) (listed, supported bool, err error) {
	response, err := p.do(ctx, http.MethodGet, p.repository.JoinPath("referrers", string(e.Subject)), nil, nil)
	if err != nil {
		return false, false, err
	}
	if response.StatusCode == http.StatusNotFound {
		discard(response)
		return false, false, nil
	}
	index, err := decodeIndex(response)
	if err != nil {
		return false, false, fmt.Errorf("list of referrers: %w", err)
	}
	return index.has(e.Manifest.Digest), true, nil
}

func (p *push) lockSubject(subject artifact.Digest) (unlock func()) {
	key := p.place + "@" + string(subject)
	p.Registry.mu.Lock()
	m, ok := p.subjects[key]
	if !ok {
		m = &sync.Mutex{}
		p.subjects[key] = m
	}
	p.Registry.mu.Unlock()
	m.Lock()
	return m.Unlock
}

// addToTag adds the referrer to the index under the referrers tag, which others
// may have filled before.
func (p *push) addToTag(ctx context.Context, e lock.Evidence) error {
	tag := "sha256-" + e.Subject.Hex()
	response, err := p.do(ctx, http.MethodGet, p.repository.JoinPath("manifests", tag), nil, http.Header{"Accept": {artifact.MediaTypeOCIIndex}})
	if err != nil {
		return err
	}
	known := index{}
	if response.StatusCode == http.StatusNotFound {
		discard(response)
	} else if known, err = decodeIndex(response); err != nil {
		return fmt.Errorf("referrers tag %s: %w", tag, err)
	}
	if known.has(e.Manifest.Digest) {
		return nil
	}
	manifest, err := p.read(ctx, e.Manifest.Blob)
	if err != nil {
		return err
	}
	entry, err := artifact.ReferrerOf(e.Manifest, manifest)
	if err != nil {
		return err
	}
	text, err := known.with(entry)
	if err != nil {
		return fmt.Errorf("referrers tag %s: %w", tag, err)
	}
	d := artifact.Descriptor{MediaType: artifact.MediaTypeOCIIndex, Blob: artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256(text)), Size: int64(len(text))}}
	return p.putManifest(ctx, tag, d, text)
}

// index is a list of referrers. Entries of others stay as they are.
type index struct {
	Manifests []json.RawMessage `json:"manifests"`
}

func decodeIndex(response *http.Response) (index, error) {
	defer discard(response)
	if response.StatusCode != http.StatusOK {
		return index{}, refused(response, "reading it")
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, artifact.MaxMetadata+1))
	if err != nil {
		return index{}, err
	}
	if len(text) > artifact.MaxMetadata {
		return index{}, fmt.Errorf("it is longer than %d bytes", artifact.MaxMetadata)
	}
	var i index
	if err := json.Unmarshal(text, &i); err != nil {
		return index{}, errors.New("it is no index")
	}
	return i, nil
}

func (i index) has(digest artifact.Digest) bool {
	return slices.ContainsFunc(i.Manifests, func(raw json.RawMessage) bool {
		var e artifact.Referrer
		return json.Unmarshal(raw, &e) == nil && e.Digest == digest
	})
}

// with is the text of the index with one more entry, in an order that does not
// depend on who was faster.
func (i index) with(e artifact.Referrer) ([]byte, error) {
	added, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	entries := append(slices.Clone(i.Manifests), added)
	slices.SortFunc(entries, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	return json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": artifact.MediaTypeOCIIndex, "manifests": entries})
}
