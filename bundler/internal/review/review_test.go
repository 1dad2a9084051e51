package review

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/volume"
)

// store is a source in memory.
type store map[artifact.Digest][]byte

func (s store) Open(_ context.Context, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(s[b.Digest][offset:])), nil
}

func (s store) Fetch(_ context.Context, d artifact.Descriptor) ([]byte, error) {
	if s[d.Digest] == nil {
		return nil, errors.New("gone")
	}
	return s[d.Digest], nil
}

func (s store) add(mediaType, content string) artifact.Descriptor {
	digest := artifact.DigestOf(sha256.Sum256([]byte(content)))
	s[digest] = []byte(content)
	return artifact.Descriptor{Blob: artifact.Blob{Digest: digest, Size: int64(len(content))}, MediaType: mediaType}
}

const (
	layerType  = "application/vnd.oci.image.layer.v1.tar+gzip"
	configType = "application/vnd.oci.image.config.v1+json"
)

// example is a bundle of two images that share a layer, of a chart and of a file,
// in volumes of the given size.
func example(t testing.TB, volumeSize int64) (*Manifest, store) {
	t.Helper()
	s := store{}
	shared := s.add(layerType, "\x1f\x8b\x08"+strings.Repeat("shared", 20_000))
	sbom := s.add("application/spdx+json", `{"spdxVersion":"SPDX-2.3","packages":[{"licenseConcluded":"NOASSERTION","licenseDeclared":"MIT"},{"licenseConcluded":"GPL-2.0-only"}]}`)
	l := &lock.Lock{Version: lock.Version, Name: "ops", Stream: "ops", Marking: "SECRET//NOFORN", Spec: sbom.Digest}
	for _, name := range []string{"app", "tool"} {
		repository := "registry.example/team/" + name
		root := s.add(artifact.MediaTypeOCIManifest, `{"manifest":"`+name+`"}`)
		evidence := s.add(artifact.MediaTypeOCIManifest, `{"evidence":"`+name+`"}`)
		evidence.ArtifactType = "application/spdx+json"
		l.Items = append(l.Items, lock.Item{
			Name: repository + ":1.0", Kind: lock.KindImage, Marking: "UNCLASSIFIED", Why: "images[0], versions >=1.4 <2", Repository: repository, Tag: "1.0", Root: root,
			Blobs:    []artifact.Descriptor{shared, s.add(configType, `{"config":"`+name+`"}`), s.add(layerType, strings.Repeat(name, 50_000)), s.add("application/vnd.oci.image.layer.v1.tar", "")},
			Evidence: []lock.Evidence{{Form: lock.FormReferrer, Subject: root.Digest, Manifest: evidence, Blobs: []artifact.Descriptor{sbom}}},
			Verdict:  lock.Verdict{Trusted: "vendor-a", Signers: []string{"sha256:" + name}},
		})
	}
	l.Items = append(l.Items, lock.Item{
		Name: "files/tools/run", Kind: lock.KindFile, Marking: "SECRET//NOFORN", Why: "files[0]", Repository: "files/tools/run",
		Root: s.add(artifact.MediaTypeOCIManifest, `{"file":"run"}`), Source: "https://dl.example/run",
		Blobs:   []artifact.Descriptor{s.add("application/octet-stream", "\x7fELF...")},
		Verdict: lock.Verdict{Trusted: lock.Checksum},
	})
	if err := l.Arrange(); err != nil {
		t.Fatal(err)
	}
	return manifest(t, l, s, volumeSize), s
}

func manifest(t testing.TB, l *lock.Lock, s store, volumeSize int64) *Manifest {
	t.Helper()
	text, err := lock.Encode(l)
	if err != nil {
		t.Fatal(err)
	}
	digest := artifact.DigestOf(sha256.Sum256(text))
	layout, err := archive.New(l, digest, nil, volumeSize)
	if err != nil {
		t.Fatal(err)
	}
	m := &Manifest{Lock: l, LockDigest: digest, Layout: layout, Types: map[artifact.Digest]string{}, Licences: map[string][]string{}}
	for d, content := range s {
		m.Types[d] = Sniff(content)
	}
	for i := range l.Items {
		if m.Licences[l.Items[i].Name], err = Licences(t.Context(), &l.Items[i], s); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// TestEveryByteBelongsToOneRow writes the volumes, hashes what each row stands
// for, and adds up the rows.
func TestEveryByteBelongsToOneRow(t *testing.T) {
	t.Parallel()
	for _, volumeSize := range []int64{0, 64 << 10, 100 << 10} {
		m, s := example(t, volumeSize)
		dir := t.TempDir()
		if _, err := volume.Write(t.Context(), dir, m.Lock.Name, m.Layout, s, volume.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		volumes := m.Volumes()
		if volumeSize > 0 && len(volumes) < 3 {
			t.Fatalf("%d volumes: nothing is cut", len(volumes))
		}
		sums, rows := map[string]int64{}, map[string]int{}
		for row := range m.Rows() {
			if row.Offset != sums[row.Volume] {
				t.Fatalf("%s: a row at %d, want it at %d", row.Volume, row.Offset, sums[row.Volume])
			}
			sums[row.Volume] += row.Size
			rows[row.Volume]++
			checkBytes(t, filepath.Join(dir, row.Volume), row, s)
		}
		for i, v := range volumes {
			info, err := os.Stat(filepath.Join(dir, v.Name))
			if err != nil {
				t.Fatal(err)
			}
			if sums[v.Name] != info.Size() || v.Size != info.Size() || v.Size != m.Layout.Volumes[i].Size || rows[v.Name] != v.Rows {
				t.Errorf("%s: rows of %d bytes, %d rows, want %d bytes in %d", v.Name, sums[v.Name], rows[v.Name], info.Size(), v.Rows)
			}
		}
	}
}

// checkBytes compares a row with what lies at its place.
func checkBytes(t *testing.T, path string, row Row, s store) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	got := make([]byte, row.Size)
	if _, err := file.ReadAt(got, row.Offset); err != nil && row.Size > 0 {
		t.Fatal(err)
	}
	if row.Kind == KindStructure || row.Kind == KindLayout {
		if artifact.DigestOf(sha256.Sum256(got)) != row.Digest || row.BlobSize != row.Size {
			t.Errorf("%s at %d: another digest", row.Path, row.Offset)
		}
		return
	}
	want := s[row.Digest]
	if int64(len(want)) != row.BlobSize || !bytes.Equal(got, want[row.BlobOffset:row.BlobOffset+row.Size]) {
		t.Errorf("%s at %d is not %s from %d", row.Path, row.Offset, row.Digest, row.BlobOffset)
	}
}

func written(t testing.TB, write func(io.Writer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSniff(t *testing.T) {
	t.Parallel()
	tarHeader := make([]byte, 512)
	copy(tarHeader[257:], "ustar\x0000")
	for want, first := range map[string]string{
		"application/x-gzip": "\x1f\x8b\x08", "application/zstd": "\x28\xb5\x2f\xfd", "application/x-tar": string(tarHeader), "application/x-elf": "\x7fELF\x02",
		"application/json": "\n {\"a\":1}", "text/plain": "hello", "application/x-empty": "", "application/zip": "PK\x03\x04", "text/x-script": "#!/bin/sh",
		"application/vnd.microsoft.portable-executable": "MZ\x90", "application/octet-stream": "\x00\x01\x02", "text/html": "<!DOCTYPE html>", "application/x-pem-file": "-----BEGIN CERTIFICATE-----",
	} {
		if got := Sniff([]byte(first)); got != want {
			t.Errorf("%.20q looks like %s, want %s", first, got, want)
		}
	}
	for _, tt := range []struct {
		declared, sniffed string
		want              bool
	}{
		{layerType, "application/x-gzip", false},
		{layerType, "application/x-elf", true},
		{layerType, "not read", false},
		{configType, "application/json", false},
		{configType, "text/html", true},
		{"application/vnd.oci.image.layer.v1.tar", "application/x-tar", false},
		{"application/vnd.oci.image.layer.v1.tar+zstd", "application/x-gzip", true},
		{"application/octet-stream", "application/x-elf", false},
		{"application/vnd.docker.image.rootfs.diff.tar.gzip", "application/x-elf", true},
	} {
		if got := contradict(tt.declared, tt.sniffed); got != tt.want {
			t.Errorf("%s against %s: %t, want %t", tt.declared, tt.sniffed, got, tt.want)
		}
	}
}

func TestRowsTellWhatTheLockTells(t *testing.T) {
	t.Parallel()
	m, _ := example(t, 0)
	kinds := map[Kind]int{}
	for row := range m.Rows() {
		kinds[row.Kind]++
		if row.Size > 0 && row.Kind == KindContent && len(row.Items) == 2 { // the shared layer
			got := fmt.Sprintf("%v %v %v %v %v", row.Items, row.Signers, row.Licences, row.Sniffed, row.Flags)
			if want := "[registry.example/team/app:1.0 registry.example/team/tool:1.0] [vendor-a: sha256:app vendor-a: sha256:tool] [GPL-2.0-only MIT] application/x-gzip []"; got != want {
				t.Errorf("the shared layer is\n%s, want\n%s", got, want)
			}
		}
	}
	if want := map[Kind]int{KindStructure: 17, KindLayout: 3, KindManifest: 3, KindEvidence: 3, KindContent: 7}; fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", kinds, want)
	}
	var document struct {
		Rows []Row `json:"rows"`
	}
	if err := json.Unmarshal([]byte(written(t, m.WriteJSON)), &document); err != nil || len(document.Rows) != 33 {
		t.Errorf("%d rows in JSON, %v", len(document.Rows), err)
	}
}

// TestTheFormsStayAsTheyAre: people have templates and scripts for them.
func TestTheFormsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	m, _ := example(t, 64<<10)
	for name, write := range map[string]func(io.Writer) error{
		"ops.review.json": m.WriteJSON, "ops.review.csv": m.WriteCSV, "ops.review.txt": m.WriteText,
		"ops.sbom.cdx.json": func(w io.Writer) error { text, err := m.SBOM(); _, _ = w.Write(text); return err },
	} {
		got := written(t, write)
		if os.Getenv("UPDATE") != "" {
			if err := os.WriteFile("testdata/"+name, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s changed:\n%s", name, got)
		}
	}
}
