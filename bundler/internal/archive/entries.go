package archive

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// BlobName is the name of a blob in an OCI image layout.
func BlobName(d artifact.Digest) string { return "blobs/sha256/" + d.Hex() }

// Entries are the files of the image layout in the order in which they are
// packed: oci-layout, index.json, roots and manifests, evidence, then all other
// blobs by digest. The order of the lock's lists does not matter. Blobs that
// are left out are in neither the entries nor index.json.
//
// It is an error when the lock says two sizes of one digest, or a size or
// digest that no blob has.
func Entries(l *lock.Lock, leftOut map[artifact.Digest]bool) ([]Entry, error) {
	c := collection{leftOut: leftOut, sizes: make(map[artifact.Digest]int64, len(l.Blobs))}
	items := sortedItems(l)
	for _, item := range items {
		c.manifests(item)
	}
	for _, item := range items {
		c.evidence(item)
	}
	c.rest(items, l.Blobs)
	if c.err != nil {
		return nil, fmt.Errorf("lock of bundle %s: %w", l.Name, c.err)
	}
	list, err := index(items, leftOut)
	if err != nil {
		return nil, fmt.Errorf("lock of bundle %s: %w", l.Name, err)
	}
	inline := []Entry{{Name: "oci-layout", Inline: []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {Name: "index.json", Inline: list}}
	return append(inline, c.entries...), nil
}

func sortedItems(l *lock.Lock) []*lock.Item {
	items := make([]*lock.Item, len(l.Items))
	for i := range l.Items {
		items[i] = &l.Items[i]
	}
	slices.SortStableFunc(items, func(a, b *lock.Item) int { return cmp.Compare(a.Name, b.Name) })
	return items
}

func sortedEvidence(item *lock.Item) []lock.Evidence {
	evidence := slices.Clone(item.Evidence)
	slices.SortFunc(evidence, func(a, b lock.Evidence) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Form, b.Form),
			cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.Manifest.Digest, b.Manifest.Digest))
	})
	return evidence
}

// collection gathers each blob once, in the order of the first call that named
// it. The first error stays.
type collection struct {
	leftOut map[artifact.Digest]bool
	sizes   map[artifact.Digest]int64
	total   int64
	entries []Entry
	err     error
}

func (c *collection) manifests(item *lock.Item) {
	c.add(item.Root.Blob)
	for _, m := range sortedDescriptors(item.Manifests) {
		c.add(m.Blob)
	}
}

func (c *collection) evidence(item *lock.Item) {
	for _, e := range sortedEvidence(item) {
		c.add(e.Manifest.Blob)
		for _, b := range sortedDescriptors(e.Blobs) {
			c.add(b.Blob)
		}
	}
}

func (c *collection) rest(items []*lock.Item, blobs []artifact.Blob) {
	all := make(map[artifact.Blob]bool, len(blobs))
	for _, b := range blobs {
		all[b] = true
	}
	for _, item := range items {
		for _, b := range item.Blobs {
			all[b.Blob] = true
		}
	}
	for _, b := range slices.SortedFunc(maps.Keys(all), compareBlobs) {
		c.add(b)
	}
}

func compareBlobs(a, b artifact.Blob) int {
	return cmp.Or(cmp.Compare(a.Digest, b.Digest), cmp.Compare(a.Size, b.Size))
}

func sortedDescriptors(list []artifact.Descriptor) []artifact.Descriptor {
	return slices.SortedFunc(slices.Values(list), func(a, b artifact.Descriptor) int { return compareBlobs(a.Blob, b.Blob) })
}

func (c *collection) add(b artifact.Blob) {
	size, known := c.sizes[b.Digest]
	switch {
	case c.err != nil || known && size == b.Size:
	case known:
		c.err = fmt.Errorf("blob %s has %d bytes in one place and %d in another: resolve it again", b.Digest, size, b.Size)
	default:
		c.addNew(b)
	}
}

func (c *collection) addNew(b artifact.Blob) {
	if _, c.err = artifact.ParseDigest(string(b.Digest)); c.err != nil {
		return
	}
	if b.Size < 0 || b.Size > MaxSize-c.total {
		c.err = fmt.Errorf("blob %s of %d bytes: a bundle holds at most %d", b.Digest, b.Size, int64(MaxSize))
		return
	}
	if len(c.sizes) == lock.MaxBlobs {
		c.err = fmt.Errorf("more than %d blobs: make two bundles", lock.MaxBlobs)
		return
	}
	c.total += b.Size
	c.sizes[b.Digest] = b.Size
	if !c.leftOut[b.Digest] {
		c.entries = append(c.entries, Entry{Name: BlobName(b.Digest), Blob: b})
	}
}

// ociIndex is index.json of the layout (OCI image-spec v1.1, image-index.md).
type ociIndex struct {
	SchemaVersion int         `json:"schemaVersion"`
	MediaType     string      `json:"mediaType"`
	Manifests     []reference `json:"manifests"`
}

type reference struct {
	MediaType    string            `json:"mediaType"`
	Digest       artifact.Digest   `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Platform     *ociPlatform      `json:"platform,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

type ociPlatform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant,omitempty"`
}

// The annotations by which OCI tools find a manifest in a layout: the first is
// the specification's (annotations.md), the second is read by containerd.
const (
	annotationRef  = "org.opencontainers.image.ref.name"
	annotationName = "io.containerd.image.name"
)

// index lists each item under its name and each piece of evidence: a referrer
// without a name, since tools find it by its subject, and one of a tag scheme
// under that tag.
func index(items []*lock.Item, leftOut map[artifact.Digest]bool) ([]byte, error) {
	list := []reference{}
	for _, item := range items {
		list = append(list, named(item.Root, item.Name))
		for _, e := range sortedEvidence(item) {
			name := ""
			if e.Tag != "" {
				name = item.Repository + ":" + e.Tag
			}
			list = append(list, named(e.Manifest, name))
		}
	}
	list = slices.DeleteFunc(list, func(r reference) bool { return leftOut[r.Digest] })
	return json.Marshal(ociIndex{2, artifact.MediaTypeOCIIndex, unique(list)})
}

func named(d artifact.Descriptor, name string) reference {
	r := reference{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size, ArtifactType: d.ArtifactType}
	if p := d.Platform; p != nil {
		r.Platform = &ociPlatform{p.Architecture, p.OS, p.Variant}
	}
	if name != "" {
		r.Annotations = map[string]string{annotationRef: name}
	}
	if name != "" && !strings.HasPrefix(name, "files/") {
		r.Annotations[annotationName] = name
	}
	return r
}

// unique drops what two items share: a reference of the same digest and name.
func unique(list []reference) []reference {
	type key struct {
		digest artifact.Digest
		name   string
	}
	seen := make(map[key]bool, len(list))
	return slices.DeleteFunc(list, func(r reference) bool {
		k := key{r.Digest, r.Annotations[annotationRef]}
		again := seen[k]
		seen[k] = true
		return again
	})
}

// Items are the names of the items that a blob belongs to, sorted; nil after
// [Plan], which knows no items.
func (l *Layout) Items(d artifact.Digest) []string {
	l.ownersOnce.Do(l.findOwners)
	return l.owners[d]
}

// findOwners is for messages about damage, so it is done when there is some.
func (l *Layout) findOwners() {
	if l.lock == nil {
		return
	}
	l.owners = make(map[artifact.Digest][]string)
	for _, item := range sortedItems(l.lock) {
		for d := range digests(item) {
			l.owners[d] = append(l.owners[d], item.Name)
		}
	}
}

// digests are those of all blobs of an item.
func digests(item *lock.Item) map[artifact.Digest]bool {
	set := map[artifact.Digest]bool{item.Root.Digest: true}
	add := func(list []artifact.Descriptor) {
		for _, d := range list {
			set[d.Digest] = true
		}
	}
	add(item.Manifests)
	add(item.Blobs)
	for _, e := range item.Evidence {
		set[e.Manifest.Digest] = true
		add(e.Blobs)
	}
	return set
}
