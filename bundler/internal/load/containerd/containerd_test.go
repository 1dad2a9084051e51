package containerd

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// image is one image of two layers, signed.
func image(t *testing.T) (bundlertest.Memory, *lock.Item) {
	t.Helper()
	m := bundlertest.Memory{}
	a, b := m.Add("layer", bytes.Repeat([]byte("a"), 3000)), m.Add("layer", bytes.Repeat([]byte("b"), 700))
	config := m.Add("application/vnd.oci.empty.v1+json", []byte("{}"))
	return m, &lock.Item{Name: "r.example/team/app:1", Kind: lock.KindImage, Repository: "r.example/team/app", Tag: "1",
		Root: m.AddManifest(t, "", a, b), Blobs: []artifact.Descriptor{config, a, b},
		Evidence: []lock.Evidence{{Form: lock.FormSignatureTag, Manifest: m.AddManifest(t, `,"annotations":{"x":"y"}`)}}}
}

func open(t *testing.T, path string, source artifact.Source) *Directory {
	t.Helper()
	d, err := Open(path, "registry.enclave", source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func archives(t *testing.T, path string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(path, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestArchiveIsAnImageLayout(t *testing.T) {
	t.Parallel()
	m, item := image(t)
	path := t.TempDir()
	moved, err := open(t, path, m).Load(t.Context(), item, "team/app")
	if err != nil || moved.Blobs != 4 {
		t.Fatalf("got %+v, %v, want four blobs moved", moved, err)
	}
	names := archives(t, path)
	if len(names) != 1 || !strings.HasSuffix(names[0], ".tar") {
		t.Fatalf("got %q, want one archive", names)
	}
	file, err := os.Open(names[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // only read
	found := map[string][]byte{}
	for archive := tar.NewReader(file); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if found[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
	var index struct {
		Manifests []struct {
			Digest      artifact.Digest
			Annotations map[string]string
		}
	}
	if err := json.Unmarshal(found["index.json"], &index); err != nil || len(index.Manifests) != 1 {
		t.Fatalf("index: %v, %s", err, found["index.json"])
	}
	want := map[string]string{"io.containerd.image.name": "registry.enclave/team/app:1", "org.opencontainers.image.ref.name": "1"}
	if diff := cmp.Diff(want, index.Manifests[0].Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
	if !bytes.Equal(found["blobs/sha256/"+item.Root.Digest.Hex()], m[item.Root.Digest]) || len(found) != 2+4 {
		t.Errorf("got %d entries, want the layout, its index and four blobs", len(found))
	}
}

func TestASecondLoadWritesNothing(t *testing.T) {
	t.Parallel()
	m, item := image(t)
	path := t.TempDir()
	d := open(t, path, m)
	if _, err := d.Load(t.Context(), item, "team/app"); err != nil {
		t.Fatal(err)
	}
	if moved, err := d.Load(t.Context(), item, "team/app"); err != nil || moved != (load.Moved{}) {
		t.Errorf("got %+v, %v, want nothing moved", moved, err)
	}
	name := archives(t, path)[0]
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1 // same size, other bytes
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	if moved, err := d.Load(t.Context(), item, "team/app"); err != nil || moved.Blobs != 4 {
		t.Errorf("over a damaged archive: got %+v, %v, want it written again", moved, err)
	}
}

func TestPoisonedSourceLeavesNoArchive(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func([]byte) []byte{
		"other bytes": func(b []byte) []byte { b = bytes.Clone(b); b[0] ^= 1; return b },
		"shorter":     func(b []byte) []byte { return b[:10] },
	} {
		m, item := image(t)
		path := t.TempDir()
		layer := item.Blobs[1].Digest
		m[layer] = spoil(m[layer])
		if _, err := open(t, path, m).Load(t.Context(), item, "team/app"); err == nil || !strings.Contains(err.Error(), "verify the bundle") {
			t.Errorf("%s: got %v, want the blob refused", name, err)
		}
		if left := archives(t, path); left != nil {
			t.Errorf("%s: got %q left behind", name, left)
		}
	}
}

func TestLinkInTheImageDirectoryIsNotFollowed(t *testing.T) {
	t.Parallel()
	m, item := image(t)
	path, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
	link := filepath.Join(path, fileName("registry.enclave/team/app:1", item.Root.Digest))
	if err := os.Symlink(outside, link); err != nil {
		t.Skipf("this file system has no symbolic links: %v", err)
	}
	if _, err := open(t, path, m).Load(t.Context(), item, "team/app"); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("got %v, want the link refused", err)
	}
	if _, err := os.Stat(outside); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("outside of the directory: got %v, want nothing there", err)
	}
}

func TestFilesAreNoImages(t *testing.T) {
	t.Parallel()
	m, item := image(t)
	item.Kind = lock.KindFile
	_, err := open(t, t.TempDir(), m).Load(t.Context(), item, "files/tool")
	if skip := (*load.Skip)(nil); !errors.As(err, &skip) {
		t.Errorf("got %v, want it skipped", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string][2]string{
		"no such directory": {filepath.Join(t.TempDir(), "none"), "registry.enclave"},
		"no registry name":  {t.TempDir(), "../x"},
	} {
		if _, err := Open(c[0], c[1], nil); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}
