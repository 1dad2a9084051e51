package lock

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// Encode writes the canonical text. A lock that is not valid, or not in the
// order of [Lock.Arrange], is an error.
func Encode(l *Lock) ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	text, err := write(l)
	if err != nil {
		return nil, err
	}
	if err := checkText(text); err != nil { // what is written can be read
		return nil, fmt.Errorf("the lock %w: split the bundle", err)
	}
	return text, nil
}

func write(l *Lock) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(l)
	return b.Bytes(), err
}

// Arrange sorts all lists, drops repeated descriptors of one blob and fills
// Blobs. It fails when two descriptors give one blob two sizes: a registry, or
// whoever stands before it, told two stories.
func (l *Lock) Arrange() error {
	slices.SortFunc(l.Items, func(a, b Item) int { return strings.Compare(a.Name, b.Name) })
	for i := range l.Items {
		l.Items[i].arrange()
	}
	blobs, err := union(l.Items)
	l.Blobs = blobs
	return err
}

func (i *Item) arrange() {
	if i.Manifests = sortDescriptors(i.Manifests); len(i.Manifests) == 0 {
		i.Manifests = nil
	}
	i.Blobs = sortDescriptors(i.Blobs)
	slices.SortFunc(i.Evidence, compareEvidence)
	for e := range i.Evidence {
		i.Evidence[e].Blobs = sortDescriptors(i.Evidence[e].Blobs)
	}
	slices.Sort(i.Verdict.Signers)
	i.Verdict.Signers = slices.Compact(i.Verdict.Signers)
}

// sortDescriptors keeps the first of those with one digest, by media type and
// platform, whatever their order was. Never nil, so that JSON has a list.
func sortDescriptors(list []artifact.Descriptor) []artifact.Descriptor {
	slices.SortFunc(list, compareDescriptors)
	list = slices.CompactFunc(list, func(a, b artifact.Descriptor) bool { return a.Blob == b.Blob })
	if list == nil {
		return []artifact.Descriptor{}
	}
	return list
}

func compareDescriptors(a, b artifact.Descriptor) int {
	return cmp.Or(strings.Compare(string(a.Digest), string(b.Digest)), cmp.Compare(a.Size, b.Size),
		strings.Compare(a.MediaType, b.MediaType), strings.Compare(a.ArtifactType, b.ArtifactType),
		strings.Compare(platform(a), platform(b)))
}

func platform(d artifact.Descriptor) string {
	if d.Platform == nil {
		return ""
	}
	return d.Platform.String()
}

func compareEvidence(a, b Evidence) int {
	return cmp.Or(strings.Compare(string(a.Subject), string(b.Subject)), strings.Compare(string(a.Form), string(b.Form)),
		strings.Compare(a.Tag, b.Tag), strings.Compare(string(a.Manifest.Digest), string(b.Manifest.Digest)))
}

// union is all blobs of the items, each once, sorted by digest.
func union(items []Item) ([]artifact.Blob, error) {
	sizes := map[artifact.Digest]int64{}
	for i := range items {
		for d := range items[i].All() {
			if size, known := sizes[d.Digest]; known && size != d.Size {
				return nil, fmt.Errorf("%.300s: %s is %d bytes long in one place and %d in another: ask its publisher which is right", items[i].Name, d.Digest, size, d.Size)
			}
			sizes[d.Digest] = d.Size
		}
	}
	blobs := make([]artifact.Blob, 0, len(sizes))
	for digest, size := range sizes {
		blobs = append(blobs, artifact.Blob{Digest: digest, Size: size})
	}
	slices.SortFunc(blobs, func(a, b artifact.Blob) int { return strings.Compare(string(a.Digest), string(b.Digest)) })
	return blobs, nil
}
