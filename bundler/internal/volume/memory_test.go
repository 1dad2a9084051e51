package volume

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// childBytes is how many bytes the bundle has that a child writes, verifies and
// repairs. They are generated as they are read.
const childBytes = "VOLUME_TEST_CHILD_BYTES"

// maxMemory is the most resident memory, in KiB, at any size of the bundle.
const maxMemory = 64 << 10

// TestMemoryDoesNotGrowWithTheBundle sees the peak of a whole process.
func TestMemoryDoesNotGrowWithTheBundle(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("not run: this system does not tell the peak of a process")
	}
	size := os.Getenv("VOLUME_TEST_BYTES")
	switch {
	case size != "":
	case testing.Short():
		t.Skip("not run: it writes 300 MB")
	default:
		size = "300000000"
	}
	cmd := exec.CommandContext(t.Context(), self(t))
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), childRole+"=large", childBytes+"="+size)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	peak, err := strconv.Atoi(string(out))
	if err != nil || peak > maxMemory {
		t.Errorf("%s bytes took %q KiB, want at most %d", size, out, maxMemory)
	}
	t.Logf("%s bytes took %d KiB", size, peak)
}

func runLarge() error {
	const dir = "."
	size, err := strconv.ParseInt(os.Getenv(childBytes), 10, 64)
	if err != nil {
		return err
	}
	l, source := generatedCorpus(size)
	layout, err := archive.New(l, lockDigest, nil, size/4)
	if err != nil {
		return err
	}
	written, err := Write(context.Background(), dir, "ops", layout, source, WriteOptions{Parity: 2})
	if err != nil {
		return err
	}
	if err := repairOne(dir, layout, written); err != nil {
		return err
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(regexp.MustCompile(`VmHWM:\s*(\d+)`).FindSubmatch(status)[1])
	return err
}

func repairOne(dir string, layout *archive.Layout, written *Written) error {
	b := &bundle{dir: dir, layout: layout}
	b.env = unsigned(layout, written)
	if err := os.WriteFile(dir+"/"+b.env.LockName(), lockText, 0o600); err != nil {
		return err
	}
	if err := os.Remove(dir + "/" + written.Volumes[1].Name); err != nil {
		return err
	}
	set, err := Open(dir, b.env, layout)
	if err != nil {
		return err
	}
	defer set.Close()
	_, err = set.Repair(context.Background(), dir, nil)
	return err
}

// generated is a source whose blobs come out of a generator.
type generated map[artifact.Digest]byte

func (g generated) Open(_ context.Context, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	r := stream(g[b.Digest], b.Size)
	_, err := io.CopyN(io.Discard, r, offset)
	return io.NopCloser(r), err
}

func stream(seed byte, size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), size)
}

// generatedCorpus has one image of 16 layers, so many bytes in all.
func generatedCorpus(size int64) (*lock.Lock, generated) {
	source := generated{}
	item := lock.Item{Name: "registry.example/large:1", Kind: lock.KindImage, Repository: "registry.example/large", Tag: "1"}
	for seed := range byte(17) {
		b := artifact.Blob{Size: size / 16}
		if seed == 0 {
			b.Size = 500
		}
		sum := sha256.New()
		_, _ = io.Copy(sum, stream(seed, b.Size))
		b.Digest = artifact.Digest(fmt.Sprintf("sha256:%x", sum.Sum(nil)))
		source[b.Digest] = seed
		item.Blobs = append(item.Blobs, artifact.Descriptor{Blob: b})
	}
	item.Root, item.Blobs = item.Blobs[0], item.Blobs[1:]
	return &lock.Lock{Version: lock.Version, Name: "ops", Stream: "ops", Items: []lock.Item{item}}, source
}
