package review

import (
	"crypto/sha256"
	"iter"
	"slices"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

const tarBlock = 512

// volumeRows are the rows of one volume. Without blobs, only their places are
// filled in.
func (m *Manifest) volumeRows(index int, blobs map[artifact.Digest]*blob) iter.Seq[Row] {
	return func(yield func(Row) bool) {
		v := volumeRows{manifest: m, name: m.volumeName(index), blobs: blobs, yield: yield}
		for i := range m.Layout.Volumes[index].Segments {
			if !v.segment(&m.Layout.Volumes[index].Segments[i]) {
				return
			}
		}
	}
}

type volumeRows struct {
	manifest *Manifest
	name     string
	blobs    map[artifact.Digest]*blob
	padding  int // of the entry before, at the start of the next literal
	yield    func(Row) bool
}

// segment gives the rows of a segment: a run of a blob, or a literal, in which
// padding and header come first and the content of a layout file after them.
func (v *volumeRows) segment(s *archive.Segment) bool {
	if s.Literal == nil {
		v.padding = int(-s.Length & (tarBlock - 1))
		return v.yield(v.content(s))
	}
	structure := s.Literal
	if s.Name != "" {
		structure = s.Literal[:v.padding+tarBlock]
	}
	if !v.yield(v.literal(s, KindStructure, s.Offset, structure)) {
		return false
	}
	file := s.Literal[len(structure):]
	v.padding = -len(file) & (tarBlock - 1)
	return len(file) == 0 || v.yield(v.literal(s, KindLayout, s.Offset+int64(len(structure)), file))
}

func (v *volumeRows) literal(s *archive.Segment, kind Kind, offset int64, text []byte) Row {
	r := v.row(s.Name, kind, offset, int64(len(text)))
	if v.blobs == nil {
		return r
	}
	r.Digest, r.BlobSize = artifact.DigestOf(sha256.Sum256(text)), r.Size
	r.Declared, r.Why = "tar header and padding", []string{"tar format"}
	if kind == KindLayout {
		r.Declared, r.Sniffed, r.Why = "application/json", Sniff(text), []string{"OCI image layout"}
	}
	return r
}

func (v *volumeRows) row(path string, kind Kind, offset, size int64) Row {
	return Row{
		Volume: v.name, Offset: offset, Size: size, Path: path, Kind: kind,
		Items: []string{}, Markings: []string{}, Signers: []string{}, Licences: []string{}, Why: []string{}, Flags: []string{},
	}
}

func (v *volumeRows) content(s *archive.Segment) Row {
	r := v.row(s.Name, KindContent, s.Offset, s.Length)
	b := v.blobs[s.Blob.Digest]
	if b == nil {
		return r
	}
	r.Kind, r.Digest, r.BlobSize, r.BlobOffset, r.Declared = b.kind, s.Blob.Digest, s.Blob.Size, s.BlobOffset, b.declared
	if r.Sniffed = v.manifest.Types[s.Blob.Digest]; r.Sniffed == "" {
		r.Sniffed = "not read"
	}
	r.Items, r.Markings, r.Signers, r.Why = b.union(names), b.union(markings), b.union(signers), b.union(reasons)
	for _, item := range r.Items {
		r.Licences = append(r.Licences, v.manifest.Licences[item]...)
	}
	slices.Sort(r.Licences)
	r.Licences = slices.Compact(r.Licences)
	r.Flags = r.flags()
	return r
}

// flags are what a reader should look at twice.
func (r *Row) flags() []string {
	flags := []string{}
	for _, texts := range [][]string{{r.Declared}, r.Items, r.Markings, r.Signers, r.Licences, r.Why} {
		for _, text := range texts {
			flags = append(flags, Suspect(text)...)
		}
	}
	if contradict(r.Declared, r.Sniffed) {
		flags = append(flags, "type differs")
	}
	slices.Sort(flags)
	return slices.Compact(flags)
}
