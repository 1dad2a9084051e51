package volume

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
)

// TestOneFlippedByteAnywhereIsRefusedOrRepaired covers all files that the
// envelope lists; the envelope itself has a test of its own.
func TestOneFlippedByteAnywhereIsRefusedOrRepaired(t *testing.T) {
	t.Parallel()
	b := small(t)
	b.sideFile(t)
	good := b.files(t)
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range good {
			if !yield(name) {
				return
			}
		}
	})
	places := 1000
	if testing.Short() {
		places = 100
	}
	random := rand.New(rand.NewPCG(1, 2))
	for place := range places {
		name := names[random.IntN(len(names))]
		bad := bytes.Clone(good[name])
		bad[random.IntN(len(bad))] ^= 1 << random.IntN(8)
		b.put(t, name, bad)
		b.problem(t, name, Damaged)
		if strings.HasSuffix(name, ".json") || place%8 > 0 {
			b.put(t, name, good[name]) // brought again
			continue
		}
		b.repairs(t, b.dir, []string{name})
		if got := b.files(t); !bytes.Equal(got[name], good[name]) {
			t.Fatalf("%s is not what it was after the repair", name)
		}
	}
}

// sideFile adds a signed side file.
func (b *bundle) sideFile(t testing.TB) {
	t.Helper()
	text := []byte(`{"review":[]}`)
	b.put(t, "ops.review.json", text)
	b.env.Files = append(b.env.Files, envelope.File{Name: "ops.review.json", Blob: artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256(text)), Size: int64(len(text))}})
}

// repairs wants exactly these files rebuilt, and the bundle whole after that.
func (b *bundle) repairs(t testing.TB, to string, names []string) {
	t.Helper()
	set := b.open(t)
	got, err := set.Repair(t.Context(), to, nil)
	if err != nil || !slices.Equal(got, names) {
		t.Fatalf("repaired %q, %v, want %q", got, err, names)
	}
	if _, err := set.Verify(t.Context(), nil); err != nil {
		t.Fatalf("after the repair: %v", err)
	}
	for digest, want := range b.source.blobs {
		r, err := set.Blob(artifact.Blob{Digest: digest, Size: int64(len(want))})
		got := make([]byte, len(want))
		if err == nil {
			_, err = r.ReadAt(got, 0)
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("blob %s after the repair: %v", digest, err)
		}
	}
}

// TestAnyTwoFilesLostWithTwoParityFiles loses every pair of volumes and parity
// files, one by removal and one by damage.
func TestAnyTwoFilesLostWithTwoParityFiles(t *testing.T) {
	t.Parallel()
	b := small(t)
	want := digestOfDir(t, b.dir)
	shards := slices.Concat(b.env.Volumes, b.env.Parity)
	for i := range shards {
		for k := range i {
			path := filepath.Join(b.dir, shards[i].Name)
			if err := errors.Join(os.Remove(path), os.Truncate(filepath.Join(b.dir, shards[k].Name), 1000)); err != nil {
				t.Fatal(err)
			}
			b.repairs(t, b.dir, []string{shards[k].Name, shards[i].Name})
			if digestOfDir(t, b.dir) != want {
				t.Fatalf("%s and %s: other bytes after the repair", shards[k].Name, shards[i].Name)
			}
		}
	}
}

func TestThreeFilesLostWithTwoParityFilesAreAllNamed(t *testing.T) {
	t.Parallel()
	b := small(t)
	lost := []string{b.env.Volumes[0].Name, b.env.Volumes[2].Name, b.env.Parity[1].Name}
	for _, name := range lost {
		if err := os.Remove(filepath.Join(b.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	names, err := b.open(t).Repair(t.Context(), b.dir, nil)
	var damage *Damage
	if !errors.As(err, &damage) || damage.Repairable || len(names) > 0 {
		t.Fatalf("repaired %q, %v, want damage", names, err)
	}
	for _, name := range lost {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want %s in it", err, name)
		}
	}
	if entries, _ := os.ReadDir(b.dir); len(entries) != len(b.env.All())-3 {
		t.Errorf("%d files are left, want nothing written", len(entries))
	}
}

// TestRepairOfReadOnlyMediumGoesElsewhere leaves the bundle's directory alone.
func TestRepairOfReadOnlyMediumGoesElsewhere(t *testing.T) {
	t.Parallel()
	b := small(t)
	name := b.env.Volumes[1].Name
	if err := os.Remove(filepath.Join(b.dir, name)); err != nil {
		t.Fatal(err)
	}
	before, to := digestOfDir(t, b.dir), t.TempDir()
	b.repairs(t, to, []string{name})
	if digestOfDir(t, b.dir) != before {
		t.Error("the directory of the bundle was changed")
	}
	if entries, _ := os.ReadDir(to); len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("entries %v, want the repaired volume only", entries)
	}
}

// TestParityOfTheWrongBytesIsNotUsed damages parity and a volume: the parity
// file is refused by its own hash, and with only one left two are too many.
func TestParityOfTheWrongBytesIsNotUsed(t *testing.T) {
	t.Parallel()
	b := small(t)
	for _, name := range []string{b.env.Parity[0].Name, b.env.Volumes[0].Name} {
		if err := edit(b.dir, name, func(text []byte) []byte { text[99] ^= 1; return text }); err != nil {
			t.Fatal(err)
		}
	}
	b.repairs(t, b.dir, []string{b.env.Volumes[0].Name, b.env.Parity[0].Name})
}

// TestParityIsPinned keeps the parity bytes of the format: another matrix could
// not repair older bundles.
func TestParityIsPinned(t *testing.T) {
	t.Parallel()
	b := small(t)
	const want = "3224ec68c75bdfa4ad88061e90a6c304bee8383aa469020ea5bcfb9ea9e4e3f9"
	h := sha256.New()
	for _, f := range b.env.Parity {
		fmt.Fprintln(h, f.Digest)
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		t.Errorf("SHA-256 of the parity digests %s, want %s", got, want)
	}
}

// unreadable is a medium with a bad sector.
type unreadable struct{ mediumFile }

func (unreadable) ReadAt([]byte, int64) (int, error) { return 0, syscall.EIO }

func TestBadSectorIsRepaired(t *testing.T) {
	t.Parallel()
	b := small(t)
	set := b.open(t)
	set.volumes[0].file = unreadable{set.volumes[0].file}
	report, err := set.Verify(t.Context(), nil)
	if !errors.As(err, new(*Damage)) || report.Problems[0].Kind != Unreadable || !strings.Contains(err.Error(), "input/output error") {
		t.Fatalf("verify: %v", err)
	}
	to := t.TempDir()
	if names, err := set.Repair(t.Context(), to, nil); err != nil || len(names) != 1 {
		t.Fatalf("repaired %q, %v", names, err)
	}
	if _, err := set.Verify(t.Context(), nil); err != nil {
		t.Errorf("after the repair: %v", err)
	}
}

// TestFileChangedBetweenVerifyAndRepair: what is rebuilt from it has not the
// signed hash and is not used.
func TestFileChangedBetweenVerifyAndRepair(t *testing.T) {
	t.Parallel()
	b := small(t)
	if err := os.Remove(filepath.Join(b.dir, b.env.Volumes[0].Name)); err != nil {
		t.Fatal(err)
	}
	set := b.open(t)
	if _, err := set.Verify(t.Context(), nil); err == nil {
		t.Fatal("no damage found")
	}
	if err := edit(b.dir, b.env.Volumes[1].Name, func(text []byte) []byte { text[5000] ^= 1; return text }); err != nil {
		t.Fatal(err)
	}
	if names, err := set.Repair(t.Context(), b.dir, nil); err == nil || !strings.Contains(err.Error(), "not the signed SHA-256") {
		t.Errorf("repaired %q, %v, want a refusal", names, err)
	}
	if entries, _ := os.ReadDir(b.dir); len(entries) != len(b.env.All())-1 {
		t.Errorf("entries %v: something was left", entries)
	}
}
