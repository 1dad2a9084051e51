package archive

import (
	"fmt"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// maxWhole is the size up to which a blob is never cut, in bytes: it starts the
// next volume instead. In small volumes it is a sixteenth of their size.
const maxWhole = 1 << 20

// Plan lays entries out in volumes of at most volumeSize bytes, in their order;
// 0 is one volume of any size. header gives the bytes of volume.json for a
// volume and their count, both from 1; none may be longer than
// header([MaxVolumes], MaxVolumes), which is the room that each volume keeps.
//
// It is an error when a volume size is below [MinVolumeSize], when an inline
// entry does not fit whole into the first volume, when more than [MaxVolumes]
// are needed, and when two entries are the same blob.
func Plan(entries []Entry, header func(volume, of int) []byte, volumeSize int64) (*Layout, error) {
	if volumeSize != 0 && volumeSize < MinVolumeSize {
		return nil, fmt.Errorf("a volume size of %d bytes is too small: ask for at least %d, or 0 for one volume", volumeSize, MinVolumeSize)
	}
	p := newPacker(volumeSize, len(header(MaxVolumes, MaxVolumes)))
	for i := range entries {
		if err := p.place(&entries[i]); err != nil {
			return nil, err
		}
	}
	return p.layout(header)
}

// piece is one tar entry to be: all of an entry or a part of it.
type piece struct {
	entry        *Entry
	offset       int64
	length       int64
	number, of   int  // of parts; of is 0 while the entry is whole
	continuation bool // not the first of its entry
}

// packer fills volumes one after another. It works on pieces only: the names
// of parts need their count, which is known when the entry is placed whole.
type packer struct {
	size    int64 // of a volume, a multiple of the block size; 0 without limit
	start   int64 // bytes that volume.json takes in each volume
	used    int64 // of the volume that is being filled, without its trailer
	volumes [][]piece
	seen    map[artifact.Digest]bool
}

func newPacker(volumeSize int64, headerSize int) *packer {
	start := blockSize + blocks(int64(headerSize))
	return &packer{
		size: volumeSize - volumeSize%blockSize, start: start, used: start,
		volumes: make([][]piece, 1), seen: map[artifact.Digest]bool{},
	}
}

// room is how many bytes of content one more entry may have in this volume.
func (p *packer) room() int64 {
	if p.size == 0 {
		return MaxEntrySize
	}
	return min(p.size-p.used-trailer-blockSize, MaxEntrySize)
}

// whole is the size up to which an entry is never cut.
func (p *packer) whole() int64 {
	if p.size == 0 {
		return maxWhole
	}
	return min(maxWhole, p.size/16)
}

func (p *packer) place(e *Entry) error {
	if e.Inline != nil {
		return p.placeInline(e)
	}
	if e.Blob.Size < 0 || e.Blob.Size > MaxSize {
		return fmt.Errorf("blob %s has a size of %d bytes", e.Blob.Digest, e.Blob.Size)
	}
	if p.seen[e.Blob.Digest] {
		return fmt.Errorf("blob %s is listed twice", e.Blob.Digest)
	}
	p.seen[e.Blob.Digest] = true
	if size := blocks(e.Blob.Size); size <= p.room() || size <= p.whole() {
		return p.placeWhole(e)
	}
	return p.placeParts(e)
}

func (p *packer) placeInline(e *Entry) error {
	size := blocks(e.size())
	if len(p.volumes) > 1 || size > p.room() {
		return fmt.Errorf("%s of %d bytes must fit into the first volume: ask for volumes of at least %d bytes",
			e.Name, e.size(), p.used+size+blockSize+trailer)
	}
	p.append(piece{entry: e, length: e.size()})
	return nil
}

func (p *packer) placeWhole(e *Entry) error {
	if blocks(e.Blob.Size) > p.room() {
		if err := p.next(); err != nil {
			return err
		}
	}
	p.append(piece{entry: e, length: e.Blob.Size})
	return nil
}

// placeParts cuts the entry where volumes end. Each part but the last ends on
// a block, so its length is its share of the volume.
func (p *packer) placeParts(e *Entry) error {
	first := position{len(p.volumes) - 1, len(p.volumes[len(p.volumes)-1])}
	number := 0
	for offset := int64(0); offset < e.Blob.Size; {
		length := min(p.room(), e.Blob.Size-offset)
		if length < blockSize && length < e.Blob.Size-offset {
			if err := p.next(); err != nil {
				return err
			}
			continue
		}
		number++
		p.append(piece{entry: e, offset: offset, length: length, number: number, continuation: number > 1})
		offset += length
	}
	p.count(first, number)
	return nil
}

// position is that of a piece: volume and place in it.
type position struct{ volume, piece int }

// count writes into the parts since first how many they are.
func (p *packer) count(first position, of int) {
	if of == 1 {
		of = 0 // it begins a volume and fits: whole after all
	}
	at := first.piece
	for v := first.volume; v < len(p.volumes); v++ {
		for ; at < len(p.volumes[v]); at++ {
			p.volumes[v][at].of = of
		}
		at = 0
	}
}

func (p *packer) next() error {
	if len(p.volumes) == MaxVolumes {
		return fmt.Errorf("more than %d volumes: ask for larger ones", MaxVolumes)
	}
	p.volumes = append(p.volumes, nil)
	p.used = p.start
	return nil
}

func (p *packer) append(x piece) {
	last := len(p.volumes) - 1
	p.volumes[last] = append(p.volumes[last], x)
	p.used += blockSize + blocks(x.length)
}

// layout turns pieces into segments, now that the number of volumes is known.
func (p *packer) layout(header func(volume, of int) []byte) (*Layout, error) {
	l := &Layout{Volumes: make([]Volume, len(p.volumes)), places: make(map[artifact.Digest][]Extent, len(p.seen))}
	for i, pieces := range p.volumes {
		first := piece{entry: &Entry{Name: HeaderName, Inline: header(i+1, len(p.volumes))}}
		first.length = first.entry.size()
		if blockSize+blocks(first.length) > p.start {
			return nil, fmt.Errorf("%s of volume %d is longer than that of volume %d", HeaderName, i+1, MaxVolumes)
		}
		w := volumeWriter{layout: l, index: i}
		for _, x := range append([]piece{first}, pieces...) {
			if err := w.add(x); err != nil {
				return nil, err
			}
		}
		l.Volumes[i] = w.end()
	}
	return l, nil
}

// volumeWriter writes the segments of one volume.
type volumeWriter struct {
	layout  *Layout
	index   int
	volume  Volume
	padding int64 // of the entry before
}

func (w *volumeWriter) add(x piece) error {
	name := x.entry.Name
	if x.of > 0 {
		if x.of > MaxVolumes {
			return fmt.Errorf("blob %s needs %d parts, the limit is %d: ask for larger volumes", x.entry.Blob.Digest, x.of, MaxVolumes)
		}
		name = fmt.Sprintf("%s.part-%04d-of-%04d", name, x.number, x.of)
	}
	block, err := tarHeader(name, x.length)
	if err != nil {
		return err
	}
	literal := append(make([]byte, w.padding, w.padding+blockSize+int64(len(x.entry.Inline))), block...)
	w.push(Segment{Name: name, Literal: append(literal, x.entry.Inline...)})
	if x.entry.Inline == nil {
		w.blob(name, x)
	}
	w.padding = padding(x.length)
	return nil
}

func (w *volumeWriter) blob(name string, x piece) {
	b := x.entry.Blob
	w.layout.places[b.Digest] = append(w.layout.places[b.Digest],
		Extent{Volume: w.index, Offset: w.volume.Size, BlobOffset: x.offset, Length: x.length})
	if !x.continuation {
		w.layout.blobs = append(w.layout.blobs, b)
	}
	w.push(Segment{Name: name, Blob: b, BlobOffset: x.offset, Length: x.length})
}

func (w *volumeWriter) push(s Segment) {
	s.Offset = w.volume.Size
	w.volume.Segments = append(w.volume.Segments, s)
	w.volume.Size += s.Size()
}

func (w *volumeWriter) end() Volume {
	w.push(Segment{Literal: make([]byte, w.padding+trailer)})
	return w.volume
}
