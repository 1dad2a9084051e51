package cas

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
)

func open(t *testing.T, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// source gives content and notes from where it was read. It breaks after that
// many bytes when breakAfter is not 0.
type source struct {
	content    []byte
	breakAfter int64

	mu      sync.Mutex
	offsets []int64
}

var errBroken = errors.New("the line broke")

func (s *source) Open(_ context.Context, _ artifact.Blob, offset int64) (io.ReadCloser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offsets = append(s.offsets, offset)
	rest := bytes.NewReader(s.content[min(offset, int64(len(s.content))):])
	if s.breakAfter == 0 {
		return io.NopCloser(rest), nil
	}
	return io.NopCloser(io.MultiReader(io.LimitReader(rest, s.breakAfter), broken{})), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func content(t *testing.T, size int64) (artifact.Blob, []byte) {
	t.Helper()
	c := bundlertest.Layer(3, size)
	raw, err := io.ReadAll(c.Open())
	if err != nil {
		t.Fatal(err)
	}
	return c.Blob, raw
}

func stored(t *testing.T, s *Store, b artifact.Blob) {
	t.Helper()
	body, err := s.Open(t.Context(), b, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = body.Close() }()
	raw, err := io.ReadAll(body)
	if err != nil || artifact.DigestOf(sha256.Sum256(raw)) != b.Digest {
		t.Errorf("the store gives other bytes for %s: %v", b.Digest, err)
	}
}

// TestBrokenTransferContinues in the next run, from the byte where it broke.
func TestBrokenTransferContinues(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blob, raw := content(t, 1<<20)
	from := &source{content: raw, breakAfter: 300_000}
	first := open(t, dir, Options{})
	if err := first.Fetch(t.Context(), blob, from, nil); !errors.Is(err, errBroken) {
		t.Fatalf("got %v, want the broken line", err)
	}
	if ok, err := first.Has(t.Context(), blob); ok || err != nil {
		t.Errorf("half a blob counts as whole: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	from.breakAfter = 0
	second := open(t, dir, Options{})
	var arrived int64
	if err := second.Fetch(t.Context(), blob, from, func(n int64) { arrived += n }); err != nil {
		t.Fatal(err)
	}
	if from.offsets[1] != 300_000 || arrived != blob.Size-300_000 {
		t.Errorf("went on at %d and fetched %d bytes, want at 300000 and %d", from.offsets[1], arrived, blob.Size-300_000)
	}
	stored(t, second, blob)
}

// TestPartOfAnotherContentIsNotKept: what lies in partial is only a hint.
func TestPartOfAnotherContentIsNotKept(t *testing.T) {
	t.Parallel()
	for name, left := range map[string][]byte{"wrong bytes": make([]byte, 1000), "longer than the blob": make([]byte, 3<<20)} {
		dir := t.TempDir()
		blob, raw := content(t, 1<<20)
		s := open(t, dir, Options{})
		if err := os.WriteFile(filepath.Join(dir, "partial", blob.Digest.Hex()), left, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.Fetch(t.Context(), blob, &source{content: raw}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		stored(t, s, blob)
	}
}

// TestSourceWithOtherBytes: wrong, more and fewer bytes are refused, and nothing
// of the wrong ones is kept for the next run.
func TestSourceWithOtherBytes(t *testing.T) {
	t.Parallel()
	blob, raw := content(t, 1<<20)
	for name, lie := range map[string][]byte{"other": make([]byte, len(raw)), "more": append(bytes.Clone(raw), 0), "fewer": raw[:1000]} {
		s := open(t, t.TempDir(), Options{})
		if err := s.Fetch(t.Context(), blob, &source{content: lie}, nil); err == nil {
			t.Errorf("%s bytes are accepted", name)
		}
		honest := &source{content: raw}
		if err := s.Fetch(t.Context(), blob, honest, nil); err != nil {
			t.Errorf("%s bytes, then the right ones: %v", name, err)
		}
		stored(t, s, blob)
	}
}

// TestCachePoisoning: a blob of the right size with other bytes is found at its
// first use in a run, deleted and fetched again.
func TestCachePoisoning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	blob, raw := content(t, 1<<20)
	first := open(t, dir, Options{})
	if err := first.Fetch(t.Context(), blob, &source{content: raw}, nil); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	poisoned := bytes.Clone(raw)
	poisoned[len(poisoned)/2] ^= 1
	if err := os.WriteFile(filepath.Join(dir, "blobs", "sha256", blob.Digest.Hex()), poisoned, 0o600); err != nil {
		t.Fatal(err)
	}
	second := open(t, dir, Options{})
	if _, err := second.Open(t.Context(), blob, 0); err == nil {
		t.Error("poisoned bytes are opened")
	}
	from := &source{content: raw}
	if err := second.Fetch(t.Context(), blob, from, nil); err != nil || len(from.offsets) != 1 {
		t.Errorf("%v after %d transfers, want one", err, len(from.offsets))
	}
	stored(t, second, blob)
}

// TestLinkInTheStore: neither a blob nor a folder of it is followed elsewhere.
func TestLinkInTheStore(t *testing.T) {
	t.Parallel()
	blob, raw := content(t, 1000)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := open(t, dir, Options{})
	for _, place := range []string{"blobs/sha256/", "partial/"} {
		link := filepath.Join(dir, place+blob.Digest.Hex())
		if err := os.Symlink(outside, link); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
		if err := s.Fetch(t.Context(), blob, &source{content: []byte("x")}, nil); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("a link in %s: %v", place, err)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
	if found, err := os.ReadFile(outside); err != nil || !bytes.Equal(found, raw) {
		t.Error("the file behind the link was changed")
	}
	other := t.TempDir()
	if err := os.Symlink(t.TempDir(), filepath.Join(other, "blobs")); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(other, Options{}); err == nil {
		_ = s.Close()
		t.Error("a folder that is a link is used")
	}
}

func TestSecondProcessIsKeptOut(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := open(t, dir, Options{})
	if s, err := Open(dir, Options{}); err == nil {
		_ = s.Close()
		t.Error("two have the store open")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, dir, Options{})
}

// TestManyCallersShareOneTransfer of each blob.
func TestManyCallersShareOneTransfer(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Options{})
	blob, raw := content(t, 1<<20)
	from := &source{content: raw}
	var group errgroup.Group
	for range 16 {
		group.Go(func() error { return s.Fetch(t.Context(), blob, from, nil) })
	}
	if err := group.Wait(); err != nil || len(from.offsets) != 1 {
		t.Errorf("%v with %d transfers, want one", err, len(from.offsets))
	}
	if len(s.busy) != 0 {
		t.Errorf("%d turns are left over", len(s.busy))
	}
}

func TestRoomIsAskedForBeforehand(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir(), Options{Quota: 3 << 20})
	blob, raw := content(t, 2<<20)
	if err := s.Fetch(t.Context(), blob, &source{content: raw}, nil); err != nil {
		t.Fatal(err)
	}
	other, _ := content(t, 1<<20)
	if err := s.Room([]artifact.Blob{other}); !errors.Is(err, ErrSpace) {
		t.Errorf("beyond the quota: %v", err)
	}
	if err := s.Room([]artifact.Blob{{Digest: other.Digest, Size: 1 << 61}}); !errors.Is(err, ErrSpace) {
		t.Errorf("beyond the disk: %v", err)
	}
	if err := s.Room(nil); err != nil {
		t.Error(err)
	}
}

func TestMetadataComesBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir, Options{})
	blob, raw := content(t, 1000)
	if err := s.Save(t.Context(), blob, []byte("x")); err == nil {
		t.Error("other bytes are saved under a digest")
	}
	if err := s.Save(t.Context(), blob, raw); err != nil {
		t.Fatal(err)
	}
	if found, ok := s.Load(t.Context(), blob); !ok || !bytes.Equal(found, raw) {
		t.Error("what was saved does not come back")
	}
	stored(t, s, blob)
	if _, ok := s.Load(t.Context(), artifact.Blob{Digest: blob.Digest, Size: 1 << 40}); ok {
		t.Error("a terabyte is loaded into memory")
	}
}
