package archive

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

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
