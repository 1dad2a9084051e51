package archive

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// checkLayout checks what must hold of every layout.
func checkLayout(t *testing.T, l *Layout, blobs []artifact.Blob, volumeSize int64) {
	t.Helper()
	for i, v := range l.Volumes {
		end := int64(0)
		for _, s := range v.Segments {
			if s.Offset != end {
				t.Fatalf("volume %d: a segment at %d, want it at %d", i+1, s.Offset, end)
			}
			end += s.Size()
		}
		if end != v.Size || volumeSize > 0 && v.Size > volumeSize || v.Size%blockSize != 0 {
			t.Fatalf("volume %d: size %d, segments end at %d, asked for %d", i+1, v.Size, end, volumeSize)
		}
	}
	for _, b := range blobs {
		checkExtents(t, l, b)
	}
}

func checkExtents(t *testing.T, l *Layout, b artifact.Blob) {
	t.Helper()
	extents := l.Extents(b.Digest)
	if len(extents) == 0 {
		t.Fatalf("blob of %d bytes has no extents", b.Size)
	}
	next := int64(0)
	for _, e := range extents {
		if e.BlobOffset != next || e.Length == 0 && b.Size > 0 || e.Length > MaxEntrySize {
			t.Fatalf("blob of %d bytes: extent %+v, want it at %d", b.Size, e, next)
		}
		next += e.Length
	}
	if next != b.Size {
		t.Fatalf("blob of %d bytes: extents cover %d", b.Size, next)
	}
}

func TestEveryByteHasOnePlace(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		var blobs []artifact.Blob
		for i := range r.IntN(40) {
			size := r.Int64N(1 << (1 + r.IntN(30)))
			blobs = append(blobs, artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256(fmt.Append(nil, seed, i))), Size: size})
		}
		volumeSize := MinVolumeSize + r.Int64N(1<<(10+r.IntN(20)))
		if r.IntN(5) == 0 {
			volumeSize = 0
		}
		l, err := Plan(blobEntries(blobs...), header, volumeSize)
		if err != nil {
			if strings.Contains(err.Error(), "ask for larger") {
				continue
			}
			t.Fatalf("seed %d: %v", seed, err)
		}
		checkLayout(t, l, blobs, volumeSize)
	}
}

func TestBlobsAboveTheLimitOfUSTARAreCut(t *testing.T) {
	t.Parallel()
	b := artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256([]byte("huge"))), Size: 20<<30 + 7}
	for _, volumeSize := range []int64{0, 25 << 30, 4 << 30} {
		l, err := Plan(blobEntries(b), header, volumeSize)
		if err != nil {
			t.Fatal(err)
		}
		checkLayout(t, l, []artifact.Blob{b}, volumeSize)
		if n := len(l.Extents(b.Digest)); n < 3 {
			t.Errorf("volumes of %d bytes: %d parts, want at least 3", volumeSize, n)
		}
	}
}

func TestBlobsLeftOutAreInNoVolume(t *testing.T) {
	t.Parallel()
	_, l := imageBundle()
	out := l.Items[0].Blobs[1].Digest
	layout, err := New(l, "x", map[artifact.Digest]bool{out: true, l.Items[0].Root.Digest: true}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if layout.Extents(out) != nil {
		t.Error("the blob has a place, want none")
	}
	for _, s := range layout.Volumes[0].Segments {
		if strings.Contains(string(s.Literal), `"digest":"`+string(l.Items[0].Root.Digest)) {
			t.Errorf("the manifest that is left out is named in %s", s.Name)
		}
	}
}

func TestItemsOfABlob(t *testing.T) {
	t.Parallel()
	_, l := imageBundle()
	layout, err := New(l, "x", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	got := layout.Items(l.Items[0].Blobs[1].Digest)
	if want := []string{"registry.example/team/app:1.0", "registry.example/team/app:stable"}; !slices.Equal(got, want) {
		t.Errorf("items %q, want %q", got, want)
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	digest := func(text string) artifact.Digest { return artifact.DigestOf(sha256.Sum256([]byte(text))) }
	blob := artifact.Blob{Digest: digest("a"), Size: 5}
	for name, c := range map[string]struct {
		entries []Entry
		size    int64
		want    string
	}{
		"small volume":   {blobEntries(blob), MinVolumeSize - 1, "too small"},
		"negative size":  {blobEntries(artifact.Blob{Digest: digest("a"), Size: -1}), 0, "size of -1"},
		"gigantic blob":  {blobEntries(artifact.Blob{Digest: digest("a"), Size: MaxSize + 1}), 0, "size of"},
		"blob twice":     {blobEntries(blob, blob), 0, "listed twice"},
		"large index":    {[]Entry{{Name: "index.json", Inline: make([]byte, MinVolumeSize)}}, MinVolumeSize, "must fit into the first volume"},
		"too many":       {blobEntries(artifact.Blob{Digest: digest("a"), Size: MaxVolumes * MinVolumeSize}), MinVolumeSize, "ask for larger"},
		"name too long":  {[]Entry{{Name: strings.Repeat("n", 300), Inline: []byte("x")}}, 0, "fits no USTAR header"},
		"parts too many": {blobEntries(artifact.Blob{Digest: digest("a"), Size: MaxVolumes * (MaxEntrySize + 1)}), 0, "parts"},
	} {
		if _, err := Plan(c.entries, header, c.size); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestLockWithTwoSizesOfOneDigestIsRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*lock.Lock){
		"two sizes":  func(l *lock.Lock) { l.Items[0].Blobs[0].Size++ },
		"bad digest": func(l *lock.Lock) { l.Items[0].Root.Digest = "sha256:../../../etc/passwd" },
		"no digest":  func(l *lock.Lock) { l.Blobs = append(l.Blobs, artifact.Blob{}) },
		"overflow": func(l *lock.Lock) {
			l.Blobs = append(l.Blobs, artifact.Blob{Digest: artifact.DigestOf([32]byte{1}), Size: MaxSize})
		},
		"negative one": func(l *lock.Lock) {
			l.Items[2].Root = artifact.Descriptor{Blob: artifact.Blob{Digest: artifact.DigestOf([32]byte{1}), Size: -5}}
		},
	} {
		_, l := imageBundle()
		change(l)
		if _, err := Entries(l, nil); err == nil {
			t.Errorf("%s: accepted, want an error", name)
		}
	}
}

func FuzzPlan(f *testing.F) {
	f.Add(int64(0), []byte{1, 2, 3})
	f.Add(int64(MinVolumeSize), []byte{200, 1, 9, 255, 0, 0, 17, 30})
	f.Add(int64(1<<20), []byte{0, 0, 0, 20, 33, 61, 7})
	f.Fuzz(func(t *testing.T, volumeSize int64, sizes []byte) {
		if len(sizes) > 200 {
			return
		}
		var blobs []artifact.Blob
		for i, b := range sizes {
			size := int64(1)<<(b%36) + int64(b)*int64(i) - 1
			blobs = append(blobs, artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256([]byte{byte(i)})), Size: size})
		}
		l, err := Plan(blobEntries(blobs...), header, volumeSize)
		if err != nil {
			return
		}
		checkLayout(t, l, blobs, volumeSize)
	})
}
