// Package mesh asks a mesh for the container images that make its data
// products, so that what crosses the gap is what the products were reviewed
// with.
package mesh

import (
	"context"
	"errors"
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
	images, err := list(ctx, reader, m)
	if err != nil {
		return nil, fmt.Errorf("%s: mesh %s: %w", m.Where, m.Endpoint, err)
	}
	return images, nil
}

func list(ctx context.Context, reader catalog.Reader, m *spec.Mesh) ([]Image, error) {
	var images []Image
	used := make([]bool, len(m.Products))
	for entry, err := range client.All(ctx, reader, catalog.Query{Kind: catalog.KindProduct, Limit: catalog.MaxLimit}) {
		if err != nil {
			return nil, fmt.Errorf("listing products: %w", err)
		}
		product, ok := entry.Object.(*catalog.Product)
		if !ok || !hasImage(product) || !wanted(m.Products, product.ID, used) {
			continue
		}
		image, err := imageOf(product)
		if err != nil {
			return nil, fmt.Errorf("product %s: %w", product.ID, err)
		}
		if images = append(images, image); len(images) > spec.MaxEntries {
			return nil, fmt.Errorf("more than %d products have images; name fewer of them", spec.MaxEntries)
		}
	}
	if i := slices.Index(used, false); i >= 0 {
		return nil, fmt.Errorf("%s matches no product with a pipeline image that this token may read; correct the pattern", m.Products[i])
	}
	return images, nil
}

func hasImage(p *catalog.Product) bool {
	return p.Status != catalog.StatusRetired && p.Pipeline != nil && p.Pipeline.Image != ""
}

func wanted(patterns []spec.Pattern, id string, used []bool) bool {
	found := false
	for i, pattern := range patterns {
		if pattern.Matches(id) {
			used[i], found = true, true
		}
	}
	return found
}

func imageOf(p *catalog.Product) (Image, error) {
	ref, err := spec.ParseReference(p.Pipeline.Image)
	switch {
	case err != nil:
		return Image{}, fmt.Errorf("its pipeline image: %w", err)
	case ref.Digest == "":
		return Image{}, fmt.Errorf("its pipeline image %s is not pinned by a digest; have its owner add @sha256: and the digest", ref)
	case p.EffectiveMarking == "":
		return Image{}, errors.New("it has no effective marking, so its image has none; have its owner mark it")
	}
	return Image{Ref: spec.Reference{Repository: ref.Repository, Digest: ref.Digest}, Product: p.ID, Marking: p.EffectiveMarking}, nil
}
