package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

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

// TestVolumesAreReadByGo reads with the reader of the standard library and puts
// the parts together.
func TestVolumesAreReadByGo(t *testing.T) {
	t.Parallel()
	for _, volumeSize := range []int64{0, MinVolumeSize, 100_000, 1 << 20} {
		s, l := mixedBundle(t, volumeSize)
		got := map[string][]byte{}
		for i, v := range l.Volumes {
			readTar(t, i, s.render(v), got)
		}
		checkRecovered(t, s, got)
	}
}

// mixedBundle has empty, small and large blobs.
func mixedBundle(t *testing.T, volumeSize int64) (store, *Layout) {
	t.Helper()
	s, r := store{}, rand.New(rand.NewPCG(3, 3))
	var blobs []artifact.Blob
	for _, size := range []int64{0, 1, 511, 512, 513, 60_000, 200_000, 3, 1_500_000, 64_000} {
		blobs = append(blobs, s.random(r, size))
	}
	l, err := Plan(append([]Entry{{Name: "index.json", Inline: []byte("{}")}}, blobEntries(blobs...)...), header, volumeSize)
	if err != nil {
		t.Fatal(err)
	}
	return s, l
}

func readTar(t *testing.T, volume int, data []byte, got map[string][]byte) {
	t.Helper()
	input := bytes.NewReader(data)
	reader := tar.NewReader(input)
	for first := true; ; first = false {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg || h.Mode != 0o444 || h.Uid != 0 || h.Gid != 0 || !h.ModTime.Equal(time.Unix(0, 0)) || h.Format != tar.FormatUSTAR {
			t.Errorf("volume %d: entry %+v", volume+1, h)
		}
		if first != (h.Name == HeaderName) {
			t.Errorf("volume %d: %s, first: %v", volume+1, h.Name, first)
		}
		content, err := io.ReadAll(reader)
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = content
	}
	if rest, _ := io.ReadAll(input); len(rest) > 0 || !bytes.Equal(data[len(data)-trailer:], make([]byte, trailer)) {
		t.Errorf("volume %d: %d bytes behind the end", volume+1, len(rest))
	}
}

var partName = regexp.MustCompile(`^(blobs/sha256/[0-9a-f]{64})\.part-(\d{4})-of-(\d{4})$`)

// checkRecovered joins parts as cat would and compares every blob.
func checkRecovered(t *testing.T, s store, files map[string][]byte) {
	t.Helper()
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	blobs := map[string][]byte{}
	for _, name := range names {
		if m := partName.FindStringSubmatch(name); m != nil {
			blobs[m[1]] = append(blobs[m[1]], files[name]...)
		} else {
			blobs[name] = files[name]
		}
	}
	for d, want := range s {
		if got, ok := blobs[BlobName(d)]; !ok || !bytes.Equal(got, want) {
			t.Errorf("blob %s: %d bytes, want %d", d, len(got), len(want))
		}
	}
}

func TestVolumesAreReadByTar(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("tar"); err != nil {
		t.Skip("not run: there is no tar on this machine")
	}
	s, l := mixedBundle(t, 100_000)
	dir := t.TempDir()
	for i, v := range l.Volumes {
		volume := filepath.Join(t.TempDir(), fmt.Sprint(i))
		if err := os.WriteFile(volume, s.render(v), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("tar", "-x", "-f", volume, "-C", dir, "--overwrite").CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("tar: %v: %s", err, out)
		}
	}
	files := map[string][]byte{}
	entries, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if files["blobs/sha256/"+e.Name()], err = os.ReadFile(filepath.Join(dir, "blobs", "sha256", e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	checkRecovered(t, s, files)
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

func TestOneVolumeIsAnOCIArchive(t *testing.T) {
	t.Parallel()
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		t.Skip("not run: there is no skopeo on this machine")
	}
	s, l := imageBundle()
	layout, err := New(l, artifact.DigestOf(sha256.Sum256(nil)), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "ops.0001.tar")
	if err := os.WriteFile(path, s.render(layout.Volumes[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"registry.example/team/app:1.0", "registry.example/team/app:stable"} {
		out, err := exec.Command(skopeo, "inspect", "--raw", "oci-archive:"+path+":"+name).CombinedOutput()
		if err != nil || artifact.DigestOf(sha256.Sum256(out)) != l.Items[0].Root.Digest {
			t.Errorf("skopeo inspect %s: %v: %s, want the manifest", name, err, out)
		}
	}
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

func FuzzParseHeader(f *testing.F) {
	f.Add(header(1, 3))
	f.Add([]byte(`{"format":"datamesh-bundle-volume/1","format":"x"}` + "\n"))
	f.Add([]byte(`{"FORMAT":"datamesh-bundle-volume/1"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := ParseHeader(text)
		if err != nil {
			return
		}
		if !bytes.Equal(h.Encode(), text) || h.Number < 1 || h.Number > h.Count {
			t.Errorf("accepted %q", text)
		}
	})
}

func TestParseHeaderRefusesASecondReading(t *testing.T) {
	t.Parallel()
	good := string(header(2, 3))
	if h, err := ParseHeader([]byte(good)); err != nil || h.Number != 2 || h.Count != 3 {
		t.Fatalf("header %+v, %v", h, err)
	}
	for _, bad := range []string{
		"", "{}\n", good + " ", strings.TrimSuffix(good, "\n"), strings.Replace(good, "{", `{"number":1,`, 1), strings.Replace(good, "number", "Number", 1),
		strings.Replace(good, `"number":2`, `"number":4`, 1), strings.Replace(good, `"number":2`, `"number":2.0`, 1),
		strings.Replace(good, `"ops"`, `"../ops"`, 1), strings.Replace(good, "sha256:", "sha512:", 1), good + strings.Repeat(" ", MaxHeader),
	} {
		if _, err := ParseHeader([]byte(bad)); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
}
