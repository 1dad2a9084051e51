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

// small is a bundle of several small volumes and two parity files.
func small(t testing.TB) *bundle {
	t.Helper()
	b := writeBundle(t, 70_000, 2, []int64{150_000, 20_000}, []int64{60_000, 3_000, 9})
	if len(b.env.Volumes) < 3 {
		t.Fatalf("%d volumes, want at least 3", len(b.env.Volumes))
	}
	return b
}

// files are the names and bytes of all files of the bundle.
func (b *bundle) files(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, f := range b.env.All() {
		text, err := os.ReadFile(filepath.Join(b.dir, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = text
	}
	return files
}

// problem wants verification to find exactly one problem, of this kind.
func (b *bundle) problem(t testing.TB, file string, kind ProblemKind) Problem {
	t.Helper()
	set := b.open(t)
	report, err := set.Verify(t.Context(), nil)
	var damage *Damage
	if !errors.As(err, &damage) || len(report.Problems) != 1 {
		t.Fatalf("verify: %v, problems %v, want one", err, report.Problems)
	}
	p := report.Problems[0]
	if p.Kind != kind || p.File != file || !strings.Contains(err.Error(), p.Detail) {
		t.Fatalf("problem %s, want %s of %s", p, kind, file)
	}
	return p
}

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

func TestMissingTruncatedAndLongerVolumes(t *testing.T) {
	t.Parallel()
	b := small(t)
	name := b.env.Volumes[1].Name
	path, good := filepath.Join(b.dir, name), b.files(t)[name]
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if p := b.problem(t, name, Missing); len(p.Items) == 0 {
		t.Error("no item is named")
	}
	b.put(t, name, good[:len(good)-1])
	b.problem(t, name, Truncated)
	b.put(t, name, nil)
	b.problem(t, name, Truncated)
	b.put(t, name, good)
	if _, err := b.open(t).Verify(t.Context(), nil); err != nil {
		t.Errorf("with the volume back: %v", err)
	}
}

// TestTrailingDataBehindTheEnd would be a covert channel.
func TestTrailingDataBehindTheEnd(t *testing.T) {
	t.Parallel()
	b := small(t)
	for _, f := range slices.Concat(b.env.Volumes, b.env.Parity, []envelope.File{{Name: b.env.LockName()}}) {
		good := b.files(t)[f.Name]
		for _, tail := range [][]byte{{0}, make([]byte, 10240), []byte("hidden")} {
			b.put(t, f.Name, append(bytes.Clone(good), tail...))
			b.problem(t, f.Name, Longer)
		}
		b.put(t, f.Name, good)
	}
}

func TestSwappedVolumesAreTold(t *testing.T) {
	t.Parallel()
	b := small(t)
	if err := swapVolumes(b.dir); err != nil {
		t.Fatal(err)
	}
	report, err := b.open(t).Verify(t.Context(), nil)
	if err == nil || len(report.Problems) != 2 {
		t.Fatalf("problems %v, %v, want two", report.Problems, err)
	}
	for i, p := range report.Problems {
		if p.Kind != Swapped || !strings.Contains(p.Detail, fmt.Sprintf("volume %d ", 2-i)) {
			t.Errorf("problem %s, want swapped", p)
		}
	}
}

// TestStalePartOfAnOlderBundleMixedIn is mix-and-match: the right name, a
// volume of another bundle.
func TestStalePartOfAnOlderBundleMixedIn(t *testing.T) {
	t.Parallel()
	b := small(t)
	l, source := corpus(2, []int64{150_000})
	old := filepath.Join(t.TempDir(), "old")
	layout := layoutOf(t, l, 70_000)
	if _, err := Write(t.Context(), old, "ops", layout, source, WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	stale, err := os.ReadFile(filepath.Join(old, "ops.0002.tar"))
	if err != nil {
		t.Fatal(err)
	}
	b.put(t, "ops.0002.tar", stale)
	p := b.problem(t, "ops.0002.tar", Foreign)
	if !strings.Contains(p.Detail, "another bundle") {
		t.Errorf("problem %s", p)
	}
	b.repairs(t, b.dir, []string{"ops.0002.tar"})
}

func TestDamageNamesItemsAndEntries(t *testing.T) {
	t.Parallel()
	b := small(t)
	for i, v := range b.layout.Volumes {
		for _, s := range v.Segments {
			if s.Size() == 0 {
				continue
			}
			good := b.files(t)[b.env.Volumes[i].Name]
			bad := bytes.Clone(good)
			bad[s.Offset+s.Size()-1] ^= 0x10
			b.put(t, b.env.Volumes[i].Name, bad)
			name := s.Name
			if name == "" {
				name = "end of the archive"
			}
			p := b.problem(t, b.env.Volumes[i].Name, Damaged)
			if !slices.Equal(p.Entries, []string{name}) || !slices.Equal(p.Items, b.layout.Items(s.Blob.Digest)) {
				t.Errorf("byte of %s: entries %q, items %q, want it and %q", name, p.Entries, p.Items, b.layout.Items(s.Blob.Digest))
			}
			b.put(t, b.env.Volumes[i].Name, good)
		}
	}
}

// resign changes a volume and the envelope with it: what a packer could do that
// wants to smuggle bytes past the lock.
func (b *bundle) resign(t testing.TB, volume int, change func([]byte)) {
	t.Helper()
	name := b.env.Volumes[volume].Name
	text := b.files(t)[name]
	change(text)
	b.put(t, name, text)
	b.env.Volumes[volume].Digest = artifact.DigestOf(sha256.Sum256(text))
}

// TestHiddenBytesBetweenEntries: signed volumes whose padding, headers or end
// are not what the lock gives.
func TestHiddenBytesBetweenEntries(t *testing.T) {
	t.Parallel()
	good := small(t)
	for i, v := range good.layout.Volumes {
		for _, s := range v.Segments {
			if s.Literal == nil {
				continue
			}
			for _, at := range []int64{s.Offset, s.Offset + s.Size() - 1} {
				b := &bundle{dir: t.TempDir(), layout: good.layout, source: good.source}
				env := *good.env
				env.Volumes = slices.Clone(env.Volumes)
				b.env = &env
				for name, text := range good.files(t) {
					b.put(t, name, text)
				}
				b.resign(t, i, func(text []byte) { text[at] ^= 0x40 })
				_, err := b.open(t).Verify(t.Context(), nil)
				var refusal *envelope.Refusal
				if !errors.As(err, &refusal) || refusal.Kind != envelope.Mixed || !strings.Contains(err.Error(), b.env.Volumes[i].Name) {
					t.Fatalf("byte %d of volume %d: %v, want a refusal", at, i+1, err)
				}
			}
		}
	}
}

func TestEnvelopeAndLockThatDisagreeAreRefused(t *testing.T) {
	t.Parallel()
	b := small(t)
	for name, change := range map[string]func(*envelope.Envelope){
		"volume dropped":   func(e *envelope.Envelope) { e.Volumes = e.Volumes[:1] },
		"volume added":     func(e *envelope.Envelope) { e.Volumes = append(slices.Clone(e.Volumes), e.Volumes[0]) },
		"volume resized":   func(e *envelope.Envelope) { e.Volumes = slices.Clone(e.Volumes); e.Volumes[0].Size += 512 },
		"parity resized":   func(e *envelope.Envelope) { e.Parity = slices.Clone(e.Parity); e.Parity[0].Size-- },
		"too much parity":  func(e *envelope.Envelope) { e.Parity = slices.Repeat(e.Parity, 20) },
		"parity of 256 +2": func(e *envelope.Envelope) { e.Parity = slices.Repeat(e.Parity, 128) },
	} {
		env := *b.env
		change(&env)
		_, err := Open(b.dir, &env, b.layout)
		var refusal *envelope.Refusal
		if !errors.As(err, &refusal) || refusal.Kind != envelope.Mixed {
			t.Errorf("%s: error %v, want a refusal", name, err)
		}
	}
}

func TestExtraFilesAreReported(t *testing.T) {
	t.Parallel()
	b := small(t)
	b.put(t, b.env.AttestationName(), []byte("{}"))
	b.put(t, b.env.EnvelopeName(), []byte("{}"))
	b.put(t, "ops-other.0001.tar", []byte("of another bundle, whose name only starts like ours"))
	if _, err := b.open(t).Verify(t.Context(), nil); err != nil {
		t.Errorf("with what belongs there: %v", err)
	}
	for _, name := range []string{"ops.0099.tar", "ops.p009.parity", "ops.\x1b[2J.txt", "ops.0001.tar.bak"} {
		b.put(t, name, []byte("hidden"))
		p := b.problem(t, fmt.Sprintf("%q", name), Extra)
		if strings.Contains(p.String(), "\x1b") {
			t.Errorf("%q reaches the terminal as it is", name)
		}
		if _, err := b.open(t).Repair(t.Context(), b.dir, nil); err == nil {
			t.Errorf("%q: repaired, want it refused still", name)
		}
		os.Remove(filepath.Join(b.dir, name))
	}
}

func TestLinksAndDevicesInsteadOfVolumes(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(path string) error{
		"link to itself moved away": func(path string) error {
			away := filepath.Join(filepath.Dir(path), "away")
			return errors.Join(os.Rename(path, away), os.Symlink(away, path))
		},
		"dangling link": func(path string) error { return errors.Join(os.Remove(path), os.Symlink("nowhere", path)) },
		"device link":   func(path string) error { return errors.Join(os.Remove(path), os.Symlink("/dev/zero", path)) },
		"FIFO":          func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
		"directory":     func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		b := small(t)
		volume := b.env.Volumes[1].Name
		if err := plant(filepath.Join(b.dir, volume)); err != nil {
			t.Fatal(err)
		}
		if p := b.problem(t, volume, Irregular); len(p.Items) == 0 {
			t.Errorf("%s: no item is named", name)
		}
		lockPath := filepath.Join(b.dir, b.env.LockName())
		if err := plant(lockPath); err != nil {
			t.Fatal(err)
		}
		_, err := ReadFile(b.dir, "ops", envelope.File{Name: b.env.LockName(), Blob: b.env.Lock}, 1<<20)
		var damage *Damage
		if !errors.As(err, &damage) || damage.Problems[0].Kind != Irregular {
			t.Errorf("%s instead of the lock: %v", name, err)
		}
	}
}

func TestBlobInAMissingVolumeIsAnErrorAndOthersAreNot(t *testing.T) {
	t.Parallel()
	b := small(t)
	if err := os.Remove(filepath.Join(b.dir, b.env.Volumes[1].Name)); err != nil {
		t.Fatal(err)
	}
	set := b.open(t)
	for _, blob := range b.layout.Blobs() {
		touches := false
		for _, e := range b.layout.Extents(blob.Digest) {
			touches = touches || e.Volume == 1
		}
		_, err := set.Open(t.Context(), blob, 0)
		var damage *Damage
		if errors.As(err, &damage) != touches || !touches && err != nil {
			t.Errorf("blob %s, in the missing volume: %v: %v", blob.Digest, touches, err)
		}
	}
}

func TestBlobsThatAreNotThere(t *testing.T) {
	t.Parallel()
	b := small(t)
	set := b.open(t)
	blob := b.layout.Blobs()[0]
	for name, open := range map[string]func() error{
		"unknown": func() error {
			_, err := set.Open(t.Context(), artifact.Blob{Digest: lockDigest, Size: 1}, 0)
			return err
		},
		"other size": func() error {
			_, err := set.Open(t.Context(), artifact.Blob{Digest: blob.Digest, Size: blob.Size + 1}, 0)
			return err
		},
		"behind end":   func() error { _, err := set.Open(t.Context(), blob, blob.Size+1); return err },
		"before start": func() error { _, err := set.Open(t.Context(), blob, -1); return err },
	} {
		if err := open(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	r, err := set.Blob(blob)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("read before the start")
	}
	if n, err := r.ReadAt(make([]byte, 10), blob.Size-3); n != 3 || err == nil {
		t.Errorf("read over the end: %d bytes, %v", n, err)
	}
}

func TestLockIsReadOnlyAsItWasSigned(t *testing.T) {
	t.Parallel()
	b := small(t)
	f := envelope.File{Name: b.env.LockName(), Blob: b.env.Lock}
	if text, err := ReadFile(b.dir, "ops", f, 1<<20); err != nil || !bytes.Equal(text, lockText) {
		t.Fatalf("lock %q, %v", text, err)
	}
	if _, err := ReadFile(b.dir, "ops", f, 3); err == nil {
		t.Error("a lock above the limit was read")
	}
	for _, text := range []string{"", "{\"the\": \"Lock\"}\n", string(lockText) + " "} {
		b.put(t, f.Name, []byte(text))
		if _, err := ReadFile(b.dir, "ops", f, 1<<20); !errors.As(err, new(*Damage)) {
			t.Errorf("lock %q: %v, want damage", text, err)
		}
	}
}

func TestFindTheOneBundle(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Find(dir); err == nil {
		t.Error("found a bundle in an empty directory")
	}
	for i, name := range []string{"ops", "other"} {
		if err := os.WriteFile(filepath.Join(dir, name+envelope.Suffix), []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Find(dir)
		if (i == 0) != (err == nil && got == "ops") {
			t.Errorf("%d bundles: found %q, %v", i+1, got, err)
		}
	}
	if _, err := Find(filepath.Join(dir, "none")); err == nil {
		t.Error("found a bundle in no directory")
	}
}

// TestEndlessEnvelopePipe: an envelope that is a FIFO, a device or too large is
// refused without being read.
func TestEndlessEnvelopePipe(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(path string) error{
		"FIFO":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"device": func(path string) error { return os.Symlink("/dev/zero", path) },
		"oversized": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, envelope.MaxBytes+1))
		},
		"missing": func(string) error { return nil },
	} {
		dir := t.TempDir()
		if err := plant(filepath.Join(dir, "ops"+envelope.Suffix)); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadEnvelope(dir, "ops"); err == nil {
			t.Errorf("%s: read", name)
		}
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

func TestNamesThatArePathsAreRefused(t *testing.T) {
	t.Parallel()
	b := small(t)
	for _, name := range []string{"", "../ops", "/etc/ops", "ops.0001", "Ops", strings.Repeat("a", 64)} {
		if _, err := Write(t.Context(), t.TempDir(), name, b.layout, b.source, WriteOptions{}); err == nil {
			t.Errorf("wrote bundle %q", name)
		}
		if _, err := ReadEnvelope(b.dir, name); err == nil || !strings.Contains(err.Error(), "is no name") {
			t.Errorf("read envelope of %q: %v", name, err)
		}
	}
}
