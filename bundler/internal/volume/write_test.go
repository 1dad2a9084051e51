package volume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// job is one bundle that is written again and again.
type job struct {
	layout *archive.Layout
	source *content
	want   string // digestOfDir of a run without accidents
}

func newJob(t testing.TB, volumeSize int64, parity int, images ...[]int64) *job {
	t.Helper()
	l, source := corpus(1, images...)
	j := &job{layout: layoutOf(t, l, volumeSize), source: source}
	dir := t.TempDir()
	if _, err := Write(t.Context(), dir, "ops", j.layout, source, WriteOptions{Parity: parity}); err != nil {
		t.Fatal(err)
	}
	j.want = digestOfDir(t, dir)
	source.opened = nil
	return j
}

func (j *job) write(t testing.TB, dir string, o WriteOptions) error {
	t.Helper()
	if o.step == 0 {
		o.step = 64 << 10
	}
	_, err := Write(t.Context(), dir, "ops", j.layout, j.source, o)
	return err
}

// finish writes without accidents and compares.
func (j *job) finish(t testing.TB, dir string, o WriteOptions) {
	t.Helper()
	o.open = nil
	if err := j.write(t, dir, o); err != nil {
		t.Fatal(err)
	}
	if got := digestOfDir(t, dir); got != j.want {
		t.Error("other bytes than those of a run without accidents")
	}
}

func TestSameBytesWithAnyParallelism(t *testing.T) {
	t.Parallel()
	j := newJob(t, 300_000, 2, threeImages...)
	for _, parallel := range []int{1, 2, 16} {
		j.finish(t, t.TempDir(), WriteOptions{Parallel: parallel, Parity: 2})
	}
}

// faulty is a volume whose operations fail when told to.
type faulty struct {
	diskFile
	write, read, sync func() error
}

func (f faulty) WriteAt(p []byte, offset int64) (int, error) {
	if err := f.write(); err != nil {
		return 0, err
	}
	return f.diskFile.WriteAt(p, offset)
}

func (f faulty) ReadAt(p []byte, offset int64) (int, error) {
	if err := f.read(); err != nil {
		return 0, err
	}
	return f.diskFile.ReadAt(p, offset)
}

func (f faulty) Sync() error {
	if err := f.sync(); err != nil {
		return err
	}
	return f.diskFile.Sync()
}

// failAt is a function that fails from its n-th call on.
func failAt(n int64, err error) func() error {
	var calls atomic.Int64
	return func() error {
		if calls.Add(1) >= n {
			return err
		}
		return nil
	}
}

func never() error { return nil }

func openFaulty(write, read, sync func() error) func(string) (diskFile, error) {
	return func(path string) (diskFile, error) {
		file, err := openForWriting(path)
		return faulty{file, write, read, sync}, err
	}
}

func TestFullDiskEndsTheRunAndTheNextContinues(t *testing.T) {
	t.Parallel()
	j := newJob(t, 1<<20, 1, threeImages...)
	for n := int64(1); n < 80; n += 6 {
		dir := t.TempDir()
		err := j.write(t, dir, WriteOptions{Parity: 1, open: openFaulty(failAt(n, syscall.ENOSPC), never, never)})
		if !errors.Is(err, ErrSpace) || !strings.Contains(err.Error(), "same command") {
			t.Fatalf("write %d: error %v, want that of a full disk", n, err)
		}
		if entries, _ := os.ReadDir(dir); len(entries) != 1 {
			t.Errorf("write %d: %d entries in the directory, want the partial one only", n, len(entries))
		}
		j.finish(t, dir, WriteOptions{Parity: 1})
	}
}

func TestDiskErrorsEndTheRunAndTheNextContinues(t *testing.T) {
	t.Parallel()
	j := newJob(t, 1<<20, 2, threeImages...)
	eio := errors.New("input/output error")
	for name, open := range map[string]func(string) (diskFile, error){
		"write":       openFaulty(failAt(30, eio), never, never),
		"short write": openFaulty(failAt(30, io.ErrShortWrite), never, never),
		"read back":   openFaulty(never, failAt(5, eio), never),
		"flush":       openFaulty(never, never, failAt(2, eio)),
		"first flush": openFaulty(never, never, failAt(1, eio)),
		"open":        func(string) (diskFile, error) { return nil, eio },
	} {
		dir := t.TempDir()
		err := j.write(t, dir, WriteOptions{Parity: 2, open: open})
		if err == nil || !errors.Is(err, eio) && !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s: error %v, want that of the disk", name, err)
		}
		j.finish(t, dir, WriteOptions{Parity: 2})
	}
}

// TestFailedFlushIsNotTrustedLater: after a failed flush the page cache may
// hold bytes that never reach the disk, so the volume has to go.
func TestFailedFlushIsNotTrustedLater(t *testing.T) {
	t.Parallel()
	j := newJob(t, 0, 0, threeImages...)
	dir := t.TempDir()
	if err := j.write(t, dir, WriteOptions{open: openFaulty(never, never, failAt(1, syscall.EIO))}); err == nil {
		t.Fatal("no error")
	}
	if _, err := os.Stat(filepath.Join(PartialDir(dir, "ops"), "ops.0001.tar")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the volume that could not be flushed is still there")
	}
	j.finish(t, dir, WriteOptions{})
}

func TestNoSpaceIsSeenBeforeAnythingIsFetched(t *testing.T) {
	t.Parallel()
	j := newJob(t, 1<<20, 0, threeImages...)
	free := j.layout.Size() + 2*j.layout.MaxVolume() - 1
	dir := t.TempDir()
	err := j.write(t, dir, WriteOptions{Parity: 2, free: func(string) int64 { return free }})
	if !errors.Is(err, ErrSpace) || !strings.Contains(err.Error(), fmt.Sprint(free+1)) {
		t.Errorf("error %v, want the %d bytes that are needed", err, free+1)
	}
	if len(j.source.opened) > 0 {
		t.Errorf("%d blobs were opened", len(j.source.opened))
	}
	if limit := j.layout.Size() + 2*j.layout.MaxVolume(); free+1 > limit*11/10 {
		t.Errorf("%d bytes are asked for, the bundle has %d", free+1, limit)
	}
}

// lying is a source that changes what it gives of one blob.
type lying struct {
	*content
	blob   artifact.Digest
	change func([]byte) io.Reader
}

func (l lying) Open(ctx context.Context, b artifact.Blob, offset int64) (io.ReadCloser, error) {
	if b.Digest != l.blob {
		return l.content.Open(ctx, b, offset)
	}
	return io.NopCloser(l.change(l.blobs[b.Digest][offset:])), nil
}

func TestSourceThatLiesIsNamedAndNothingOfItKept(t *testing.T) {
	t.Parallel()
	j := newJob(t, 1<<20, 0, threeImages...)
	victim := largest(j.layout)
	cut := errors.New("connection reset")
	for name, c := range map[string]struct {
		change func([]byte) io.Reader
		wrong  bool
	}{
		"other byte": {func(b []byte) io.Reader {
			b = append([]byte{}, b...)
			b[len(b)-1] ^= 1
			return strings.NewReader(string(b))
		}, true},
		"zeros":       {func(b []byte) io.Reader { return strings.NewReader(strings.Repeat("\x00", len(b))) }, true},
		"longer":      {func(b []byte) io.Reader { return strings.NewReader(string(b) + "x") }, true},
		"endless":     {func(b []byte) io.Reader { return io.MultiReader(strings.NewReader(string(b)), endless{}) }, true},
		"shorter":     {func(b []byte) io.Reader { return strings.NewReader(string(b[:len(b)/2])) }, false},
		"empty":       {func([]byte) io.Reader { return strings.NewReader("") }, false},
		"broken line": {func(b []byte) io.Reader { return io.MultiReader(strings.NewReader(string(b[:len(b)/2])), failing{cut}) }, false},
	} {
		dir := t.TempDir()
		_, err := Write(t.Context(), dir, "ops", j.layout, lying{j.source, victim.Digest, c.change}, WriteOptions{step: 64 << 10})
		var wrong *WrongBytes
		if err == nil || errors.As(err, &wrong) != c.wrong || !strings.Contains(err.Error(), string(victim.Digest)) || !strings.Contains(err.Error(), "registry.example/team/app01:1.0") {
			t.Errorf("%s: error %v, want one that names blob and item, wrong bytes: %v", name, err, c.wrong)
		}
		j.finish(t, dir, WriteOptions{})
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func largest(l *archive.Layout) artifact.Blob {
	var b artifact.Blob
	for _, x := range l.Blobs() {
		if x.Size > b.Size {
			b = x
		}
	}
	return b
}

// TestCutBlobContinuesInside: what was written of it is not fetched again.
func TestCutBlobContinuesInside(t *testing.T) {
	t.Parallel()
	j := newJob(t, 1<<20, 0, threeImages...)
	victim := largest(j.layout)
	dir := t.TempDir()
	cut := lying{j.source, victim.Digest, func(b []byte) io.Reader {
		return io.MultiReader(strings.NewReader(string(b[:len(b)/2])), failing{io.ErrUnexpectedEOF})
	}}
	if _, err := Write(t.Context(), dir, "ops", j.layout, cut, WriteOptions{step: 64 << 10}); err == nil {
		t.Fatal("no error")
	}
	j.source.opened = nil
	j.finish(t, dir, WriteOptions{})
	for _, o := range j.source.opened {
		if o.digest == victim.Digest && o.offset == victim.Size/2 {
			return
		}
	}
	t.Errorf("opened %v, want the blob from byte %d", j.source.opened, victim.Size/2)
}

func TestCancelledRunContinues(t *testing.T) {
	t.Parallel()
	j := newJob(t, 1<<20, 1, threeImages...)
	for n := int64(1); n < 40; n += 4 {
		ctx, cancel := context.WithCancel(t.Context())
		stop := failAt(n, errors.New("stop"))
		dir := t.TempDir()
		_, err := Write(ctx, dir, "ops", j.layout, j.source, WriteOptions{Parity: 1, step: 64 << 10, Progress: func(Event) {
			if stop() != nil {
				cancel()
			}
		}})
		cancel()
		if err == nil {
			continue // everything was there already
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("event %d: error %v, want that of the context", n, err)
		}
		j.finish(t, dir, WriteOptions{Parity: 1})
	}
}

// halfWritten leaves a directory in which everything but the largest blob was
// written.
func (j *job) halfWritten(t testing.TB) (dir string) {
	t.Helper()
	dir = t.TempDir()
	victim := largest(j.layout)
	cut := lying{j.source, victim.Digest, func(b []byte) io.Reader {
		return io.MultiReader(strings.NewReader(string(b[:len(b)/2])), failing{io.ErrUnexpectedEOF})
	}}
	if _, err := Write(t.Context(), dir, "ops", j.layout, cut, WriteOptions{Parallel: 1, step: 64 << 10}); err == nil {
		t.Fatal("no error")
	}
	j.source.opened = nil
	return dir
}

func TestJournalThatLiesIsCaught(t *testing.T) {
	t.Parallel()
	j := newJob(t, 1<<20, 0, threeImages...)
	for name, lie := range map[string]func(partial string) error{
		"claims all": func(partial string) error {
			return appendRecords(partial, j.layout, func(b artifact.Blob) int64 { return b.Size })
		},
		"claims too much": func(partial string) error {
			return appendRecords(partial, j.layout, func(artifact.Blob) int64 { return 1 << 60 })
		},
		"claims parts": func(partial string) error {
			return appendRecords(partial, j.layout, func(b artifact.Blob) int64 { return b.Size / 3 })
		},
		"torn": func(partial string) error {
			return edit(partial, journalName, func(b []byte) []byte { return b[:len(b)-7] })
		},
		"damaged middle": func(partial string) error {
			return edit(partial, journalName, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
		},
		"empty": func(partial string) error { return edit(partial, journalName, func([]byte) []byte { return nil }) },
		"one long line": func(partial string) error {
			return edit(partial, journalName, func(b []byte) []byte { return append(b, make([]byte, 1<<20)...) })
		},
		"gone": func(partial string) error { return os.Remove(filepath.Join(partial, journalName)) },
		"data is zeros": func(partial string) error {
			return edit(partial, "ops.0001.tar", func(b []byte) []byte { clear(b); return b })
		},
		"data is cut":     func(partial string) error { return os.Truncate(filepath.Join(partial, "ops.0002.tar"), 100) },
		"data is longer":  func(partial string) error { return os.Truncate(filepath.Join(partial, "ops.0002.tar"), 1<<22) },
		"volume is gone":  func(partial string) error { return os.Remove(filepath.Join(partial, "ops.0001.tar")) },
		"volumes swapped": swapVolumes,
	} {
		dir := j.halfWritten(t)
		if err := lie(PartialDir(dir, "ops")); err != nil {
			t.Fatal(err)
		}
		j.finish(t, dir, WriteOptions{})
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func appendRecords(partial string, l *archive.Layout, offset func(artifact.Blob) int64) error {
	file, err := os.OpenFile(filepath.Join(partial, journalName), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	jn := &journal{file: file}
	for _, b := range l.Blobs() {
		if err := jn.record(b.Digest, offset(b)); err != nil {
			return err
		}
	}
	return jn.close()
}

func edit(dir, name string, change func([]byte) []byte) error {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), change(text), 0o600)
}

func swapVolumes(dir string) error {
	a, b, c := filepath.Join(dir, "ops.0001.tar"), filepath.Join(dir, "ops.0002.tar"), filepath.Join(dir, "x")
	return errors.Join(os.Rename(a, c), os.Rename(b, a), os.Rename(c, b))
}

func TestUnfinishedBundleOfAnotherLayoutIsDiscarded(t *testing.T) {
	t.Parallel()
	j, other := newJob(t, 1<<20, 0, threeImages...), newJob(t, 100_000, 0, threeImages...)
	dir := other.halfWritten(t)
	var discarded atomic.Bool
	j.finish(t, dir, WriteOptions{Progress: func(e Event) {
		if e.Kind == Discard {
			discarded.Store(true)
		}
	}})
	if !discarded.Load() {
		t.Error("no event says that the earlier run was thrown away")
	}
}

func TestFinishedVolumesOfAnotherBundleAreNotTouched(t *testing.T) {
	t.Parallel()
	j, other := newJob(t, 1<<20, 0, threeImages...), newJob(t, 1<<20, 0, []int64{2 << 20, 5})
	dir := t.TempDir()
	other.finish(t, dir, WriteOptions{})
	if err := j.write(t, dir, WriteOptions{}); err == nil || !strings.Contains(err.Error(), "is of another bundle") {
		t.Errorf("error %v, want a refusal", err)
	}
	os.RemoveAll(PartialDir(dir, "ops"))
	if digestOfDir(t, dir) != other.want {
		t.Error("the other bundle was changed")
	}
}

func TestSameBundleAgainFetchesNothing(t *testing.T) {
	t.Parallel()
	j := newJob(t, 1<<20, 2, threeImages...)
	dir := t.TempDir()
	j.finish(t, dir, WriteOptions{Parity: 2})
	j.source.opened = nil
	j.finish(t, dir, WriteOptions{Parity: 2})
	if len(j.source.opened) > 0 {
		t.Errorf("opened %v, want nothing", j.source.opened)
	}
}

func TestLinksInTheWayAreNotFollowed(t *testing.T) {
	t.Parallel()
	j := newJob(t, 1<<20, 0, threeImages...)
	for _, name := range []string{"ops.0001.tar", journalName} {
		dir := j.halfWritten(t)
		elsewhere := filepath.Join(t.TempDir(), "precious")
		if err := os.WriteFile(elsewhere, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		link := filepath.Join(PartialDir(dir, "ops"), name)
		if err := errors.Join(os.Remove(link), os.Symlink(elsewhere, link)); err != nil {
			t.Fatal(err)
		}
		if err := j.write(t, dir, WriteOptions{}); err == nil {
			t.Errorf("%s: wrote through a link", name)
		}
		if text, _ := os.ReadFile(elsewhere); string(text) != "precious" {
			t.Errorf("%s: the file behind the link was changed", name)
		}
	}
	dir := t.TempDir()
	if err := os.Symlink(t.TempDir(), PartialDir(dir, "ops")); err != nil {
		t.Fatal(err)
	}
	if err := j.write(t, dir, WriteOptions{}); err == nil || !strings.Contains(err.Error(), "no directory") {
		t.Errorf("error %v, want a refusal of the linked directory", err)
	}
}

func TestTwoWritersAtOnceAreToldApart(t *testing.T) {
	t.Parallel()
	j := newJob(t, 1<<20, 0, threeImages...)
	dir := t.TempDir()
	var second error
	var once atomic.Bool
	err := j.write(t, dir, WriteOptions{Progress: func(Event) {
		if once.CompareAndSwap(false, true) {
			_, second = Write(t.Context(), dir, "ops", j.layout, j.source, WriteOptions{})
		}
	}})
	if err != nil || second == nil || !strings.Contains(second.Error(), "another process") {
		t.Errorf("first %v, second %v, want only the second refused", err, second)
	}
}

func TestParityLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		volumes, parity int
		ok              bool
	}{{1, 0, true}, {9999, 0, true}, {1, 32, true}, {223, 32, true}, {224, 32, false}, {1, 33, false}, {1, -1, false}, {254, 1, true}, {255, 1, false}} {
		if err := CheckParity(c.volumes, c.parity); (err == nil) != c.ok {
			t.Errorf("%d volumes and %d parity files: %v", c.volumes, c.parity, err)
		}
	}
	j := newJob(t, 0, 0, []int64{1})
	if err := j.write(t, t.TempDir(), WriteOptions{Parity: 33}); err == nil {
		t.Error("33 parity files were made")
	}
}

func FuzzJournal(f *testing.F) {
	head := journalMagic + strings.Repeat("0", 64) + "\n"
	line := fmt.Sprintf("%s %d", artifact.DigestOf([32]byte{1}), 7)
	f.Add(head + checksum(line) + " " + line + "\n")
	f.Add(head + "garbage")
	f.Fuzz(func(t *testing.T, text string) {
		claims, length, err := readClaims(strings.NewReader(text), head)
		if err != nil || length > int64(len(text)) {
			t.Fatalf("length %d of %d, %v", length, len(text), err)
		}
		if length > 0 && !strings.HasPrefix(text, head) {
			t.Errorf("read a journal of another layout")
		}
		for d, offset := range claims {
			if _, err := artifact.ParseDigest(string(d)); err != nil || offset < 0 {
				t.Errorf("claim %q %d", d, offset)
			}
		}
	})
}
