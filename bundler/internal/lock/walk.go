package lock

import (
	"iter"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// All are all descriptors of the item, a blob as often as it is named: the
// root, the manifests, configs and layers, each piece of evidence and its blobs.
func (i *Item) All() iter.Seq[artifact.Descriptor] {
	return func(yield func(artifact.Descriptor) bool) {
		if !yield(i.Root) || !each(i.Manifests, yield) || !each(i.Blobs, yield) {
			return
		}
		for e := range i.Evidence {
			if !yield(i.Evidence[e].Manifest) || !each(i.Evidence[e].Blobs, yield) {
				return
			}
		}
	}
}

func each(list []artifact.Descriptor, yield func(artifact.Descriptor) bool) bool {
	for _, d := range list {
		if !yield(d) {
			return false
		}
	}
	return true
}

// Size is the sum of all blobs, in bytes.
func (l *Lock) Size() int64 {
	var sum int64
	for _, b := range l.Blobs {
		sum += b.Size
	}
	return sum
}
