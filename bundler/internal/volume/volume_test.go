package volume

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// content is a source in memory that counts what is opened.
type content struct {
	blobs map[artifact.Digest][]byte
	delay time.Duration // before each read: a slow line, so that a kill meets work

	mu     sync.Mutex
	opened []opening
}

type opening struct {
	digest artifact.Digest
	offset int64
}

func (c *content) Open(_ context.Context, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	data, ok := c.blobs[b.Digest]
	if !ok {
		return nil, errors.New("no such blob")
	}
	c.opened = append(c.opened, opening{b.Digest, offset})
	return io.NopCloser(&slowReader{bytes.NewReader(data[offset:]), c.delay}), nil
}

type slowReader struct {
	io.Reader
	delay time.Duration
}

func (r *slowReader) Read(p []byte) (int, error) {
	if r.delay == 0 {
		return r.Reader.Read(p)
	}
	time.Sleep(r.delay)
	return r.Reader.Read(p[:min(len(p), 4096)])
}

// corpus makes a lock with one image per list of layer sizes, and its blobs.
func corpus(seed uint64, images ...[]int64) (*lock.Lock, *content) {
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	l := &lock.Lock{Version: lock.Version, Name: "ops", Stream: "ops", Marking: "UNCLASSIFIED", Spec: artifact.DigestOf(sha256.Sum256(nil))}
	c := &content{blobs: map[artifact.Digest][]byte{}}
	add := func(size int64) artifact.Blob {
		data := make([]byte, size)
		_, _ = random.Read(data)
		b := artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256(data)), Size: size}
		if _, ok := c.blobs[b.Digest]; !ok {
			l.Blobs = append(l.Blobs, b)
		}
		c.blobs[b.Digest] = data
		return b
	}
	for i, sizes := range images {
		item := lock.Item{
			Name: fmt.Sprintf("registry.example/team/app%02d:1.0", i), Kind: lock.KindImage,
			Repository: fmt.Sprintf("registry.example/team/app%02d", i), Tag: "1.0",
			Root: artifact.Descriptor{Blob: add(400 + int64(i)), MediaType: artifact.MediaTypeOCIManifest},
		}
		for _, size := range sizes {
			item.Blobs = append(item.Blobs, artifact.Descriptor{Blob: add(size), MediaType: "application/vnd.oci.image.layer.v1.tar+gzip"})
		}
		item.Evidence = []lock.Evidence{{
			Form: lock.FormReferrer, Subject: item.Root.Digest,
			Manifest: artifact.Descriptor{Blob: add(300 + int64(i)), MediaType: artifact.MediaTypeOCIManifest},
			Blobs:    []artifact.Descriptor{{Blob: add(900 + int64(i)), MediaType: "application/vnd.dev.sigstore.bundle.v0.3+json"}},
		}}
		l.Items = append(l.Items, item)
	}
	return l, c
}

var lockDigest = artifact.DigestOf(sha256.Sum256([]byte("lock")))

func layoutOf(t testing.TB, l *lock.Lock, volumeSize int64) *archive.Layout {
	t.Helper()
	layout, err := archive.New(l, lockDigest, nil, volumeSize)
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

// bundle is a written bundle with its envelope, unsigned: trust is tested where
// it is decided.
type bundle struct {
	dir    string
	env    *envelope.Envelope
	layout *archive.Layout
	source *content
}

var lockText = []byte("{\"the\": \"lock\"}\n")

func writeBundle(t testing.TB, volumeSize int64, parity int, images ...[]int64) *bundle {
	t.Helper()
	l, source := corpus(1, images...)
	b := &bundle{dir: t.TempDir(), layout: layoutOf(t, l, volumeSize), source: source}
	written, err := Write(t.Context(), b.dir, "ops", b.layout, source, WriteOptions{Parity: parity})
	if err != nil {
		t.Fatal(err)
	}
	b.env = unsigned(b.layout, written)
	b.put(t, b.env.LockName(), lockText)
	return b
}

// unsigned is the description of what was written.
func unsigned(l *archive.Layout, written *Written) *envelope.Envelope {
	return &envelope.Envelope{
		Format: envelope.Format, Name: "ops", Stream: "ops", Sequence: 1, Marking: "UNCLASSIFIED",
		Created: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), VolumeSize: l.MaxVolume(),
		Lock:    artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256(lockText)), Size: int64(len(lockText))},
		Volumes: written.Volumes, Parity: written.Parity,
	}
}

func (b *bundle) put(t testing.TB, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), text, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) open(t testing.TB) *Set {
	t.Helper()
	set, err := Open(b.dir, b.env, b.layout)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = set.Close() })
	return set
}

// digestOfDir hashes names and bytes of all files below a directory.
func digestOfDir(t testing.TB, dir string) string {
	t.Helper()
	h := sha256.New()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(h, "%s %d %x\n", e.Name(), len(data), sha256.Sum256(data))
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

var threeImages = [][]int64{{1 << 20, 300_000, 0}, {5_000_000, 17}, {700, 90_000, 2_500_000}}

func TestWrittenVolumesVerifyAndGiveEveryBlob(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{0, 100_000, 1 << 20, 8 << 20} {
		b := writeBundle(t, size, min(2, int(size)), threeImages...)
		set := b.open(t)
		if report, err := set.Verify(t.Context(), nil); err != nil || len(report.Problems) > 0 {
			t.Fatalf("volumes of %d bytes: verify: %v", size, err)
		}
		for digest, want := range b.source.blobs {
			checkBlob(t, set, digest, want)
		}
		if _, err := os.Stat(PartialDir(b.dir, "ops")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("volumes of %d bytes: the partial directory is still there: %v", size, err)
		}
	}
}

func checkBlob(t *testing.T, set *Set, digest artifact.Digest, want []byte) {
	t.Helper()
	for _, offset := range []int64{0, int64(len(want)) / 2, int64(len(want))} {
		body, err := set.Open(t.Context(), artifact.Blob{Digest: digest, Size: int64(len(want))}, offset)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(got, want[offset:]) {
			t.Errorf("blob %s from %d: %d bytes, %v: want %d bytes of the blob", digest, offset, len(got), err, len(want[offset:]))
		}
	}
}
