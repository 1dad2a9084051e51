// Package mesh asks a mesh for the container images that make its data
// products, so that what crosses the gap is what the products were reviewed
// with.
package mesh

import (
	"context"
	"fmt"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/client"
)

// Image is the pipeline image of one product.
type Image struct {
	// Ref has a digest and no tag: a tag may have moved since the product named
	// the digest.
	Ref spec.Reference
	// Product is the id of the product, and Marking its effective marking: an
	// image can hold what its product does.
	Product, Marking string
}

// Images are the images of the entry's products, in the order of their ids. A
// retired product needs none; one whose image is not pinned by a digest is an
// error, and so is a pattern that no product with an image matches.
func Images(ctx context.Context, reader catalog.Reader, m *spec.Mesh) ([]Image, error) {
	var images []Image
	used := make([]bool, len(m.Products))
	for entry, err := range client.All(ctx, reader, catalog.Query{Kind: catalog.KindProduct, Limit: catalog.MaxLimit}) {
		if err != nil {
			return nil, fmt.Errorf("mesh %s: listing products: %w", m.Endpoint, err)
		}
		product, ok := entry.Object.(*catalog.Product)
		if !ok || product.Status == catalog.StatusRetired || product.Pipeline == nil || product.Pipeline.Image == "" {
			continue
		}
		if !wants(m, product.ID, used) {
			continue
		}
		image, err := imageOf(product)
		if err != nil {
			return nil, fmt.Errorf("mesh %s: product %s: %w", m.Endpoint, product.ID, err)
		}
		if images = append(images, image); len(images) > spec.MaxEntries {
			return nil, fmt.Errorf("mesh %s: more than %d products have images; name fewer of them", m.Endpoint, spec.MaxEntries)
		}
	}
	if i := slices.Index(used, false); i >= 0 {
		return nil, fmt.Errorf("mesh %s: %s matches no product with a pipeline image that this token may read; correct the pattern in %s", m.Endpoint, m.Products[i], m.Where)
	}
	return images, nil
}

func wants(m *spec.Mesh, id string, used []bool) bool {
	wanted := false
	for i, pattern := range m.Products {
		if pattern.Matches(id) {
			used[i], wanted = true, true
		}
	}
	return wanted
}

func imageOf(p *catalog.Product) (Image, error) {
	ref, err := spec.ParseReference(p.Pipeline.Image)
	if err != nil {
		return Image{}, fmt.Errorf("its pipeline image: %w", err)
	}
	if ref.Digest == "" {
		return Image{}, fmt.Errorf("its pipeline image %s is not pinned by a digest; have its owner write %s@sha256:…", ref, ref)
	}
	if p.EffectiveMarking == "" {
		return Image{}, fmt.Errorf("it has no effective marking, so its image cannot be marked")
	}
	return Image{Ref: spec.Reference{Repository: ref.Repository, Digest: ref.Digest}, Product: p.ID, Marking: p.EffectiveMarking}, nil
}
