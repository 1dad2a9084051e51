// Package review writes what a transfer officer reads before a bundle crosses:
// a manifest in which every byte of every volume belongs to exactly one row, and
// a bill of materials.
//
// The manifest follows from the lock and the layout alone, with what was seen
// of the bytes while they streamed: their first bytes ([Sniff]) and licences
// from the SBOMs that travel ([Licences]). It is the same for the same lock,
// wherever and whenever it is made.
//
// # The forms
//
// JSON for programs, CSV (RFC 4180) for spreadsheets, text for terminals and
// printers. All are ASCII: text from elsewhere, such as a signer's name or a
// licence, can hold escape sequences, formulas and letters that look like others.
// What is not printable ASCII is written as \u{HEX} and flagged, a backslash is
// doubled, and a cell that a spreadsheet would compute gets an apostrophe before
// it. Rows are made one at a time, so memory depends on the lock, not on the rows.
package review

import (
	"iter"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// Format is that of the JSON form.
const Format = "datamesh-bundle-review/1"

// Manifest is what is known of a bundle. It does not change its parts, which may
// be shared.
type Manifest struct {
	Lock       *lock.Lock
	LockDigest artifact.Digest // of the lock's canonical text
	Layout     *archive.Layout
	// Types are the types that [Sniff] gave for blobs. A blob that has none
	// gets "not read".
	Types map[artifact.Digest]string
	// Licences are those of items, by name.
	Licences map[string][]string
}

// Kind says what the bytes of a row are.
type Kind string

// The kinds of row.
const (
	KindStructure Kind = "archive structure" // tar headers, padding, end of archive
	KindLayout    Kind = "layout file"       // volume.json, oci-layout, index.json
	KindManifest  Kind = "manifest"          // a root or a manifest below it
	KindContent   Kind = "content"           // config or layer
	KindEvidence  Kind = "evidence"          // a signature, attestation, SBOM and what belongs to it
)

// Row is one run of bytes in a volume. Rows are in the order of the volumes and
// of the bytes in them, without holes and overlaps.
type Row struct {
	Volume string `json:"volume"` // file name
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"` // bytes of the volume that the row stands for
	Path   string `json:"path"` // tar entry; of structure, the entry that it introduces
	Kind   Kind   `json:"kind"`
	// Digest is that of the whole blob, of which the row may be a part; of other
	// kinds, of the bytes of the row.
	Digest artifact.Digest `json:"digest"`
	// BlobSize is the size of the whole blob, BlobOffset where in it the row
	// starts.
	BlobSize   int64 `json:"blobSize"`
	BlobOffset int64 `json:"blobOffset"`
	// Declared is the media type that the manifest says, Sniffed what the first
	// bytes look like.
	Declared string `json:"declared"`
	Sniffed  string `json:"sniffed"`
	// Items are the names of those that the bytes belong to. The fields after
	// it are the union of theirs.
	Items    []string `json:"items"`
	Markings []string `json:"markings"`
	Signers  []string `json:"signers"`
	Licences []string `json:"licences"`
	Why      []string `json:"why"`
	// Flags warn the reader: see [Suspect], and "type differs" when declared and
	// sniffed type contradict each other.
	Flags []string `json:"flags"`
}

// Volume is a volume in the heading.
type Volume struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Rows int    `json:"rows"`
}

// Volumes are the volumes and how many rows each has.
func (m *Manifest) Volumes() []Volume {
	volumes := make([]Volume, len(m.Layout.Volumes))
	for i := range m.Layout.Volumes {
		volumes[i] = Volume{Name: m.volumeName(i), Size: m.Layout.Volumes[i].Size}
		for range m.volumeRows(i, nil) {
			volumes[i].Rows++
		}
	}
	return volumes
}

func (m *Manifest) volumeName(index int) string { return envelope.VolumeName(m.Lock.Name, index+1) }

// Rows are the rows of all volumes.
func (m *Manifest) Rows() iter.Seq[Row] {
	blobs := m.blobs()
	return func(yield func(Row) bool) {
		for i := range m.Layout.Volumes {
			for row := range m.volumeRows(i, blobs) {
				if !yield(row) {
					return
				}
			}
		}
	}
}

// blob is what the lock says of one.
type blob struct {
	kind     Kind
	declared string
	items    []*lock.Item
}

// blobs collects what the items say of each blob. One that is a manifest of one
// item and evidence of another is a manifest.
func (m *Manifest) blobs() map[artifact.Digest]*blob {
	all := make(map[artifact.Digest]*blob, len(m.Lock.Blobs))
	for i := range m.Lock.Items {
		item := &m.Lock.Items[i]
		note(all, item, KindManifest, item.Root)
		note(all, item, KindManifest, item.Manifests...)
		note(all, item, KindContent, item.Blobs...)
		for e := range item.Evidence {
			note(all, item, KindEvidence, item.Evidence[e].Manifest)
			note(all, item, KindEvidence, item.Evidence[e].Blobs...)
		}
	}
	return all
}

var rank = map[Kind]int{KindManifest: 3, KindContent: 2, KindEvidence: 1}

func note(all map[artifact.Digest]*blob, item *lock.Item, kind Kind, descriptors ...artifact.Descriptor) {
	for _, d := range descriptors {
		b := all[d.Digest]
		if b == nil {
			b = &blob{kind: kind, declared: d.MediaType}
			all[d.Digest] = b
		}
		if rank[kind] > rank[b.kind] {
			b.kind, b.declared = kind, d.MediaType
		}
		if len(b.items) == 0 || b.items[len(b.items)-1] != item { // items come one after another
			b.items = append(b.items, item)
		}
	}
}

// union is the sorted union of what the items say.
func (b *blob) union(what func(*lock.Item) []string) []string {
	all := []string{}
	for _, item := range b.items {
		all = append(all, what(item)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func names(i *lock.Item) []string    { return []string{i.Name} }
func markings(i *lock.Item) []string { return []string{i.Marking} }
func reasons(i *lock.Item) []string  { return []string{i.Why} }

// signers are the identities that vouched for an item or what stands in for them.
func signers(i *lock.Item) []string {
	v := &i.Verdict
	switch {
	case v.Unsigned != "":
		return []string{"unsigned, let through by name: " + v.Unsigned}
	case len(v.Signers) > 0:
		return prefixed(v.Trusted, v.Signers)
	case v.Trusted != "":
		return []string{v.Trusted}
	}
	return []string{"not judged"}
}

func prefixed(trusted string, signers []string) []string {
	all := make([]string, len(signers))
	for i, s := range signers {
		all[i] = trusted + ": " + s
	}
	return all
}
