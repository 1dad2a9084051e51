package volume

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
)

// The benchmarks compare with what the machine can do at all, in the same run:
// their metric "of-floor" is the throughput as a share of the floor's.

// benchBlobs are the layers of the benchmark, about 1 GB in all.
var benchBlobs = []int64{200 << 20, 150 << 20, 4 << 20, 100 << 20, 90 << 20, 30 << 10, 120 << 20, 80 << 20, 1 << 20, 60 << 20, 50 << 20, 64 << 20, 100 << 20}

// benchServer serves blobs over HTTP on the loopback, out of the page cache.
func benchServer(b *testing.B) (*httptest.Server, *archive.Layout) {
	b.Helper()
	dir := b.TempDir()
	l, source := corpus(7, benchBlobs)
	for d, data := range source.blobs {
		if err := os.WriteFile(filepath.Join(dir, d.Hex()), data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	b.Cleanup(server.Close)
	runtime.GC()
	return server, layoutOf(b, l, 0)
}

// httpSource is the simplest source over HTTP.
type httpSource struct{ base string }

func (s httpSource) Open(ctx context.Context, blob artifact.Blob, offset int64) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+"/"+blob.Digest.Hex(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusPartialContent {
		return nil, errors.New(response.Status)
	}
	return response.Body, nil
}

// floor reads all blobs four at a time, hashes them while they stream, and
// writes them one after another as they come.
func floor(b *testing.B, path string, src artifact.Source, blobs []artifact.Blob) time.Duration {
	b.Helper()
	start := time.Now()
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	var mu sync.Mutex
	var group errgroup.Group
	group.SetLimit(4)
	for _, blob := range blobs {
		group.Go(func() error {
			body, err := src.Open(b.Context(), blob, 0)
			if err != nil {
				return err
			}
			defer body.Close()
			sum := sha256.New()
			buffer := make([]byte, bufferSize)
			for {
				n, err := io.ReadFull(body, buffer)
				sum.Write(buffer[:n])
				mu.Lock()
				_, writeErr := file.Write(buffer[:n])
				mu.Unlock()
				if writeErr != nil {
					return writeErr
				}
				if err != nil {
					return nil
				}
			}
		})
	}
	if err := errors.Join(group.Wait(), file.Close()); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func BenchmarkWriteOverHTTP(b *testing.B) {
	server, layout := benchServer(b)
	src := httpSource{server.URL}
	b.SetBytes(layout.Size())
	var ours, base, oursCPU, baseCPU time.Duration
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		dir := filepath.Join(b.TempDir(), fmt.Sprint(n))
		before := processorTime()
		base += floor(b, dir+".floor", src, layout.Blobs())
		baseCPU += processorTime() - before
		os.Remove(dir + ".floor")
		b.StartTimer()
		start, before := time.Now(), processorTime()
		if _, err := Write(b.Context(), dir, "ops", layout, src, WriteOptions{}); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
		oursCPU += processorTime() - before
		b.StopTimer()
		os.RemoveAll(dir)
		b.StartTimer()
	}
	b.ReportMetric(base.Seconds()/ours.Seconds(), "of-floor")
	b.ReportMetric(baseCPU.Seconds()/oursCPU.Seconds(), "of-floor-cpu")
}

// processorTime is what this process has used of all cores: on a machine that
// others use too, it says more than the wall clock.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// plainSHA256 hashes files one after another per core, as any Go program would.
func plainSHA256(b *testing.B, paths []string) time.Duration {
	b.Helper()
	start := time.Now()
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, path := range paths {
		group.Go(func() error {
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			_, err = io.Copy(sha256.New(), bufio.NewReaderSize(file, 1<<20))
			return err
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start)
}

func benchmarkVerify(b *testing.B, volumeSize int64) {
	l, source := corpus(7, benchBlobs)
	layout := layoutOf(b, l, volumeSize)
	dir := b.TempDir()
	written, err := Write(b.Context(), dir, "ops", layout, source, WriteOptions{})
	if err != nil {
		b.Fatal(err)
	}
	env := &envelope.Envelope{Name: "ops", Volumes: written.Volumes, Lock: artifact.Blob{Digest: lockDigest, Size: 1}}
	var paths []string
	for _, v := range written.Volumes {
		paths = append(paths, filepath.Join(dir, v.Name))
	}
	b.SetBytes(layout.Size())
	var ours, base time.Duration
	for b.Loop() {
		b.StopTimer()
		base += plainSHA256(b, paths)
		b.StartTimer()
		ours += verifyVolumes(b, dir, env, layout)
	}
	b.ReportMetric(base.Seconds()/ours.Seconds(), "of-floor")
}

func verifyVolumes(b *testing.B, dir string, env *envelope.Envelope, layout *archive.Layout) time.Duration {
	b.Helper()
	start := time.Now()
	set, err := Open(dir, env, layout)
	if err != nil {
		b.Fatal(err)
	}
	defer set.Close()
	var checked atomic.Int64
	_, _ = set.Verify(b.Context(), func(e Event) { checked.Add(e.Bytes) }) // only the lock is missing
	if checked.Load() != layout.Size() {
		b.Fatalf("verified %d of %d bytes", checked.Load(), layout.Size())
	}
	return time.Since(start)
}

func BenchmarkVerifyOneVolume(b *testing.B)   { benchmarkVerify(b, 0) }
func BenchmarkVerifyManyVolumes(b *testing.B) { benchmarkVerify(b, 200<<20) }

// BenchmarkParity computes two parity files, beside the hash of the volumes.
func BenchmarkParity(b *testing.B) {
	l, source := corpus(7, benchBlobs)
	layout := layoutOf(b, l, 200<<20)
	dir := b.TempDir()
	written, err := Write(b.Context(), dir, "ops", layout, source, WriteOptions{})
	if err != nil {
		b.Fatal(err)
	}
	var paths []string
	for _, v := range written.Volumes {
		paths = append(paths, filepath.Join(dir, v.Name))
	}
	b.SetBytes(layout.Size())
	var ours, base time.Duration
	for b.Loop() {
		b.StopTimer()
		base += plainSHA256(b, paths)
		b.StartTimer()
		start := time.Now()
		if _, err := writeParity(b.Context(), dir, "ops", written.Volumes, WriteOptions{Parity: 2}.withDefaults()); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(start)
	}
	b.ReportMetric(base.Seconds()/ours.Seconds(), "of-floor")
}
