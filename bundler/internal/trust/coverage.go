package trust

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// coverage follows what a root names, through the manifests that travel.
type coverage struct {
	travel map[artifact.Digest]artifact.Descriptor // the item's manifests, the root too
	named  map[namedBlob]bool
}

// namedBlob is a blob under the media type by which a manifest names it.
type namedBlob struct {
	artifact.Blob
	mediaType string
}

// covered checks that the root names everything that the item holds. Only then
// does a signature on the root mean anything for the rest.
func (x *examination) covered(ctx context.Context) error {
	c := coverage{travel: x.manifests(), named: map[namedBlob]bool{}}
	if err := c.follow(ctx, x); err != nil {
		if asFlaw(err) == nil {
			return err
		}
		return x.refuse("manifests that can be read in one way only", err.Error(), "fetch the item again; if it stays so, tell its publisher")
	}
	for _, d := range slices.Concat(x.item.Manifests, x.item.Blobs) {
		if !c.named[namedBlob{d.Blob, d.MediaType}] {
			return x.refuse(fmt.Sprintf("everything in the item is named by its root %s", x.item.Root.Digest),
				fmt.Sprintf("%s of type %s, which no manifest below the root names so", d.Digest, printable(d.MediaType)),
				"do not use this lock: make it again from its bundle.yaml")
		}
	}
	return nil
}

// admitted checks what the policy says of the item's own blobs: their media
// types and sizes.
func (x *examination) admitted() error {
	for _, d := range x.item.Blobs {
		if !x.policy.AllowsMediaType(d.MediaType) {
			return x.refuse("configs and layers of the policy's mediaTypes: "+strings.Join(x.policy.MediaTypes, ", "),
				fmt.Sprintf("%s of type %s", d.Digest, printable(d.MediaType)), "add the type to mediaTypes in policy.yaml, or leave the item out")
		}
		if d.Size > x.policy.Limits.Blob {
			return x.refuse(fmt.Sprintf("blobs of at most %d bytes", x.policy.Limits.Blob),
				fmt.Sprintf("%s with %d bytes", d.Digest, d.Size), "raise limits.blob in policy.yaml, or leave the item out")
		}
	}
	return nil
}

// manifests are those of the item by digest, the root too.
func (x *examination) manifests() map[artifact.Digest]artifact.Descriptor {
	all := map[artifact.Digest]artifact.Descriptor{x.item.Root.Digest: x.item.Root}
	for _, m := range x.item.Manifests {
		all[m.Digest] = m
	}
	return all
}

// follow reads each manifest that travels once, from the root down.
func (c *coverage) follow(ctx context.Context, x *examination) error {
	pending := []artifact.Descriptor{x.item.Root}
	seen := map[artifact.Digest]bool{x.item.Root.Digest: true}
	for len(pending) > 0 {
		d := pending[0]
		pending = pending[1:]
		m, err := x.manifest(ctx, d)
		if err != nil {
			return err
		}
		for _, child := range m.children {
			c.named[namedBlob{child.Blob, child.MediaType}] = true
			if below, ok := c.travel[child.Digest]; ok && !seen[child.Digest] {
				seen[child.Digest] = true
				pending = append(pending, below)
			}
		}
		for _, blob := range m.blobs() {
			c.named[namedBlob{blob.Blob, blob.MediaType}] = true
		}
	}
	return nil
}

func (x *examination) manifest(ctx context.Context, d artifact.Descriptor) (*manifest, error) {
	raw, err := x.content.Fetch(ctx, d)
	if err != nil {
		return nil, err
	}
	m, err := parseManifest(raw, d.MediaType)
	if err != nil {
		return nil, fmt.Errorf("manifest %s: %w", d.Digest, err)
	}
	return m, nil
}
