package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// store is the bytes of blobs.
type store map[artifact.Digest][]byte

func (s store) add(data []byte) artifact.Blob {
	b := artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256(data)), Size: int64(len(data))}
	s[b.Digest] = data
	return b
}

// random adds a blob of this size.
func (s store) random(r *rand.Rand, size int64) artifact.Blob {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	return s.add(data)
}

// render is a volume as bytes.
func (s store) render(v Volume) []byte {
	var out bytes.Buffer
	for _, x := range v.Segments {
		out.Write(x.Literal)
		out.Write(s[x.Blob.Digest][x.BlobOffset : x.BlobOffset+x.Length])
	}
	return out.Bytes()
}

func header(volume, of int) []byte {
	return Header{Format: HeaderFormat, Bundle: "ops", Stream: "ops", Lock: artifact.DigestOf(sha256.Sum256(nil)), Number: volume, Count: of}.Encode()
}

func blobEntries(blobs ...artifact.Blob) []Entry {
	var entries []Entry
	for _, b := range blobs {
		entries = append(entries, Entry{Name: BlobName(b.Digest), Blob: b})
	}
	return entries
}

// imageBundle is a lock with two names for one real image, its evidence, and a
// file.
func imageBundle() (store, *lock.Lock) {
	s := store{}
	layer := s.add([]byte("not really a layer"))
	config := s.add([]byte(`{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`))
	root := s.add(fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":%d}]}`,
		artifact.MediaTypeOCIManifest, config.Digest, config.Size, layer.Digest, layer.Size))
	signature := s.add([]byte(`{"a":"signature"}`))
	evidence := lock.Evidence{Form: lock.FormSignatureTag, Tag: "sha256-" + root.Digest.Hex() + ".sig", Subject: root.Digest,
		Manifest: artifact.Descriptor{Blob: signature, MediaType: artifact.MediaTypeOCIManifest}}
	item := func(name, tag string) lock.Item {
		return lock.Item{
			Name: name, Kind: lock.KindImage, Repository: "registry.example/team/app", Tag: tag,
			Root:     artifact.Descriptor{Blob: root, MediaType: artifact.MediaTypeOCIManifest, Platform: &artifact.Platform{OS: "linux", Architecture: "amd64"}},
			Blobs:    []artifact.Descriptor{{Blob: config}, {Blob: layer}},
			Evidence: []lock.Evidence{evidence},
		}
	}
	l := &lock.Lock{Version: 1, Name: "ops", Stream: "ops", Items: []lock.Item{
		item("registry.example/team/app:1.0", "1.0"), item("registry.example/team/app:stable", "stable"),
		{Name: "files/tools/x", Kind: lock.KindFile, Repository: "files/tools/x", Root: artifact.Descriptor{Blob: signature, MediaType: artifact.MediaTypeOCIManifest}},
	}}
	for d, data := range s {
		l.Blobs = append(l.Blobs, artifact.Blob{Digest: d, Size: int64(len(data))})
	}
	return s, l
}

// TestLayoutIsPinned keeps the bytes of the format: a change here means that
// two versions of this program make different bundles of one lock.
func TestLayoutIsPinned(t *testing.T) {
	t.Parallel()
	s, l := imageBundle()
	image, err := New(l, artifact.DigestOf(sha256.Sum256(nil)), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	mixed, parts := mixedBundle(t, 100_000)
	for want, got := range map[string][32]byte{
		"1e2e87549122ee7a971d3a348c245cb5967568d1ea5da262da9e7f83f085db68": s.sum(image),
		"dd162fb355ef7163e1f712dc8cccafce261537f403868f4f2aa2f8013e1e321a": mixed.sum(parts),
	} {
		if fmt.Sprintf("%x", got) != want {
			t.Errorf("SHA-256 of the volumes %x, want %s", got, want)
		}
	}
}

// sum is the SHA-256 of all volumes one after another.
func (s store) sum(l *Layout) [32]byte {
	h := sha256.New()
	for _, v := range l.Volumes {
		h.Write(s.render(v))
	}
	return [32]byte(h.Sum(nil))
}

func TestOrderOfTheLockDoesNotMatter(t *testing.T) {
	t.Parallel()
	_, l := imageBundle()
	want, err := New(l, "x", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 0))
		r.Shuffle(len(l.Blobs), func(i, j int) { l.Blobs[i], l.Blobs[j] = l.Blobs[j], l.Blobs[i] })
		r.Shuffle(len(l.Items), func(i, j int) { l.Items[i], l.Items[j] = l.Items[j], l.Items[i] })
		for _, item := range l.Items {
			r.Shuffle(len(item.Blobs), func(i, j int) { item.Blobs[i], item.Blobs[j] = item.Blobs[j], item.Blobs[i] })
		}
		got, err := New(l, "x", nil, 0)
		if err != nil || got.Fingerprint() != want.Fingerprint() {
			t.Fatalf("seed %d: another layout (%v), want the same", seed, err)
		}
	}
}

func TestIndexNamesItemsAndEvidence(t *testing.T) {
	t.Parallel()
	_, l := imageBundle()
	entries, err := Entries(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	var index ociIndex
	if err := json.Unmarshal(entries[1].Inline, &index); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range index.Manifests {
		names = append(names, m.Annotations[annotationRef])
	}
	want := []string{"files/tools/x", "registry.example/team/app:1.0",
		"registry.example/team/app:" + l.Items[0].Evidence[0].Tag, "registry.example/team/app:stable"}
	if len(l.Items[0].Evidence) == 0 || !slices.Equal(names, want) {
		t.Errorf("index names %q, want %q", names, want)
	}
}
