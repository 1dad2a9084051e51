package volume

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
)

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
