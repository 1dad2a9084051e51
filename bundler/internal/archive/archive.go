// Package archive is the arithmetic of volumes: from what a lock names to the
// place of every byte, without touching one. It has no I/O.
//
// # The format
//
// A bundle is an OCI image layout (OCI image-spec v1.1, image-layout.md) in
// one or more plain tar archives, the volumes. Each is complete in itself:
// USTAR (POSIX.1-1988) regular files only, mode 0444, owner 0, time 0, and two
// zero blocks at the end, exactly. Its first entry is volume.json, a
// [Header]. In volume 1 follow oci-layout and index.json, then, over all
// volumes, the blobs: roots and manifests, evidence, everything else by digest.
//
// A blob is whole in a volume or cut into entries named
// blobs/sha256/HEX.part-0001-of-0003. So `tar x` of all volumes and `cat` of
// the parts give back the layout without this program, and a bundle of one
// volume is an oci-archive as it stands.
//
// # Arithmetic instead of parsing
//
// Where a byte lies follows from the lock and the size of a volume. Whoever
// reads volumes computes the [Layout] again and compares: no tar header from a
// medium is ever parsed, and no byte of a volume lies outside a [Segment].
package archive

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// The limits of a layout.
const (
	// MinVolumeSize is the smallest volume size that can be asked for, in bytes.
	MinVolumeSize = 64 << 10
	// MaxVolumes is the most volumes of a bundle: their names have four digits.
	MaxVolumes = 9999
	// MaxEntrySize is the largest tar entry, in bytes: a size in USTAR has
	// eleven octal digits, and a part ends on a block.
	MaxEntrySize = 8<<30 - blockSize
	// MaxSize is the most bytes of all blobs together.
	MaxSize = 1 << 50
)

// Entry is one file of the image layout: a blob, or a file whose bytes are in
// Inline and whose Blob is zero.
type Entry struct {
	Name   string
	Blob   artifact.Blob
	Inline []byte
}

func (e *Entry) size() int64 {
	if e.Inline != nil {
		return int64(len(e.Inline))
	}
	return e.Blob.Size
}

// Layout is where every byte of every volume lies. Make one with [New], or
// with [Plan] where there is no lock. It does not change and may be shared.
type Layout struct {
	Volumes []Volume

	lock   *lock.Lock // nil after Plan
	places map[artifact.Digest][]Extent
	blobs  []artifact.Blob

	ownersOnce sync.Once
	owners     map[artifact.Digest][]string
}

// Volume is one tar archive.
type Volume struct {
	Size     int64
	Segments []Segment // in the order of Offset, without holes or overlap
}

// Segment is a run of bytes in a volume. It is either Literal or Length bytes
// of Blob from BlobOffset on; of an empty blob it is empty.
type Segment struct {
	// Name is the tar entry that the bytes belong to; "" for the end of the
	// archive. A literal is the padding of the entry before and the header of
	// this one, and the content of an inline file.
	Name       string
	Offset     int64
	Literal    []byte
	Blob       artifact.Blob
	BlobOffset int64
	Length     int64
}

// Size is how many bytes the segment has.
func (s *Segment) Size() int64 { return int64(len(s.Literal)) + s.Length }

// Extent is a run of a blob's bytes: Length bytes from BlobOffset of the blob
// are at Offset of the volume with this index, counted from 0.
type Extent struct {
	Volume     int
	Offset     int64
	BlobOffset int64
	Length     int64
}

// New lays out the bundle that a lock names, without the blobs that are left
// out because the far side holds them. lockDigest is that of the canonical
// text of the lock; volumeSize is in bytes, 0 for one volume of any size.
func New(l *lock.Lock, lockDigest artifact.Digest, leftOut map[artifact.Digest]bool, volumeSize int64) (*Layout, error) {
	entries, err := Entries(l, leftOut)
	if err != nil {
		return nil, err
	}
	header := func(volume, of int) []byte {
		return Header{Format: HeaderFormat, Bundle: l.Name, Stream: l.Stream, Lock: lockDigest, Number: volume, Count: of}.Encode()
	}
	layout, err := Plan(entries, header, volumeSize)
	if err != nil {
		return nil, fmt.Errorf("lay out bundle %s: %w", l.Name, err)
	}
	layout.lock = l
	return layout, nil
}

// Extents are the runs that make up a blob, in the order of its bytes. nil:
// the blob is not in the bundle.
func (l *Layout) Extents(d artifact.Digest) []Extent { return l.places[d] }

// Blobs are all blobs in the order in which they lie in the volumes. Read only.
func (l *Layout) Blobs() []artifact.Blob { return l.blobs }

// Size is that of all volumes together, in bytes.
func (l *Layout) Size() int64 {
	var size int64
	for _, v := range l.Volumes {
		size += v.Size
	}
	return size
}

// MaxVolume is the size of the largest volume, in bytes.
func (l *Layout) MaxVolume() int64 {
	var size int64
	for _, v := range l.Volumes {
		size = max(size, v.Size)
	}
	return size
}

// Fingerprint is a SHA-256 over the place of every byte: two layouts with the
// same one are the same.
func (l *Layout) Fingerprint() [32]byte {
	h := sha256.New()
	for _, v := range l.Volumes {
		fmt.Fprintf(h, "volume %d\n", v.Size)
		for _, s := range v.Segments {
			fmt.Fprintf(h, "%d %q %s %d %d %d\n%s", s.Offset, s.Name, s.Blob.Digest, s.BlobOffset, s.Length, len(s.Literal), s.Literal)
		}
	}
	return [32]byte(h.Sum(nil))
}
