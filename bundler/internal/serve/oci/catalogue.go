package oci

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// repository is all that one repository holds.
type repository struct {
	tags      map[string]artifact.Descriptor
	names     []string // of the tags, sorted
	manifests map[artifact.Digest]artifact.Descriptor
	blobs     map[artifact.Digest]artifact.Descriptor
	referrers map[artifact.Digest][]artifact.Referrer
}

// catalogue is the repositories by their path. Immutable.
type catalogue map[string]*repository

// newCatalogue reads the lock, and the manifests of referrers from the source,
// for the annotations that clients filter by.
func newCatalogue(ctx context.Context, l *lock.Lock, places map[string]string, source artifact.Source) (catalogue, error) {
	c := catalogue{}
	for _, item := range l.Items {
		path, ok := places[item.Name]
		if !ok {
			return nil, fmt.Errorf("%s has no place in the registry", item.Name)
		}
		r := c.repository(path)
		r.addItem(item)
		for _, e := range item.Evidence {
			if err := r.addEvidence(ctx, e, source); err != nil {
				return nil, fmt.Errorf("%s: evidence %s: %w", item.Name, e.Manifest.Digest, err)
			}
		}
	}
	for _, r := range c {
		r.sort()
	}
	return c, nil
}

func (c catalogue) repository(path string) *repository {
	if c[path] == nil {
		c[path] = &repository{
			tags:      map[string]artifact.Descriptor{},
			manifests: map[artifact.Digest]artifact.Descriptor{},
			blobs:     map[artifact.Digest]artifact.Descriptor{},
			referrers: map[artifact.Digest][]artifact.Referrer{},
		}
	}
	return c[path]
}

func (r *repository) addItem(item lock.Item) {
	r.addManifest(item.Root, item.Tag)
	for _, child := range item.Manifests {
		r.addManifest(child, "")
	}
	r.addBlobs(item.Blobs)
}

func (r *repository) addManifest(d artifact.Descriptor, tag string) {
	r.manifests[d.Digest] = d
	if tag != "" {
		r.tags[tag] = d
	}
}

func (r *repository) addBlobs(blobs []artifact.Descriptor) {
	for _, b := range blobs {
		r.blobs[b.Digest] = b
	}
}

func (r *repository) addEvidence(ctx context.Context, e lock.Evidence, source artifact.Source) error {
	r.addManifest(e.Manifest, e.Tag)
	r.addBlobs(e.Blobs)
	if e.Form != lock.FormReferrer {
		return nil
	}
	entry, err := describe(ctx, e.Manifest, source)
	if err != nil {
		return err
	}
	known := r.referrers[e.Subject]
	if !slices.ContainsFunc(known, func(o artifact.Referrer) bool { return o.Digest == entry.Digest }) {
		r.referrers[e.Subject] = append(known, entry)
	}
	return nil
}

func (r *repository) sort() {
	for tag := range r.tags {
		r.names = append(r.names, tag)
	}
	slices.Sort(r.names)
	for _, list := range r.referrers {
		slices.SortFunc(list, func(a, b artifact.Referrer) int { return cmp.Compare(a.Digest, b.Digest) })
	}
}

func describe(ctx context.Context, d artifact.Descriptor, source artifact.Source) (artifact.Referrer, error) {
	text, err := readMetadata(ctx, d.Blob, source)
	if err != nil {
		return artifact.Referrer{}, err
	}
	return artifact.ReferrerOf(d, text)
}

// readMetadata reads a small blob whole and holds it to its digest.
func readMetadata(ctx context.Context, b artifact.Blob, source artifact.Source) ([]byte, error) {
	if b.Size > artifact.MaxMetadata {
		return nil, fmt.Errorf("has %d bytes, the limit for metadata is %d", b.Size, artifact.MaxMetadata)
	}
	stream, err := source.Open(ctx, b, 0)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Close() }() // only read
	text, err := io.ReadAll(io.LimitReader(stream, b.Size+1))
	if err != nil {
		return nil, err
	}
	if got := artifact.DigestOf(sha256.Sum256(text)); got != b.Digest {
		return nil, fmt.Errorf("the bytes have digest %s", got)
	}
	return text, nil
}
