package bundle

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/archive"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/volume"
)

// TestLockOfAnotherBundleUnderAValidSignature: a packer who signs for two
// streams, or one whose tool is broken, must not get the items of one bundle
// in under the name, the order or the marking of another.
func TestLockOfAnotherBundleUnderAValidSignature(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*lock.Lock)
		mixed  bool
	}{
		"the same":        {change: func(*lock.Lock) {}},
		"another name":    {change: func(l *lock.Lock) { l.Name = "spare" }, mixed: true},
		"another stream":  {change: func(l *lock.Lock) { l.Stream = "spare" }, mixed: true},
		"another marking": {change: func(l *lock.Lock) { l.Marking = "SECRET//NOFORN" }, mixed: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, keys := crafted(t, c.change)
			b, err := Open(dir, keys)
			var refusal *envelope.Refusal
			switch {
			case !c.mixed && err != nil:
				t.Errorf("a sound bundle was refused: %v", err)
			case c.mixed && (!errors.As(err, &refusal) || refusal.Kind != envelope.Mixed):
				t.Errorf("got %v, want a refusal as mixed", err)
			}
			if err == nil {
				_ = b.Close()
			}
		})
	}
}

// crafted writes a bundle of one manifest whose envelope vouches for a changed
// lock, signed with a key of the set.
func crafted(t *testing.T, change func(*lock.Lock)) (string, *signing.KeySet) {
	t.Helper()
	dir, manifest := t.TempDir(), []byte(`{"schemaVersion":2}`)
	root := artifact.Descriptor{Blob: blobOf(manifest), MediaType: artifact.MediaTypeOCIManifest}
	l := &lock.Lock{
		Version: lock.Version, Name: "ops", Stream: "ops", Marking: "UNCLASSIFIED", Spec: blobOf(nil).Digest,
		Items: []lock.Item{{
			Name: "registry.example/team/app:1.0", Kind: lock.KindImage, Marking: "UNCLASSIFIED", Why: "images[0]",
			Verdict:    lock.Verdict{Unsigned: "registry.example/team/app:1.0"},
			Repository: "registry.example/team/app", Tag: "1.0", Root: root, Blobs: []artifact.Descriptor{},
		}},
		Blobs: []artifact.Blob{root.Blob},
	}
	change(l)
	text, err := lock.Encode(l)
	must(t, err)
	layout, err := archive.New(l, blobOf(text).Digest, nil, 0)
	must(t, err)
	written, err := volume.Write(t.Context(), dir, "ops", layout, oneBlob(manifest), volume.WriteOptions{})
	must(t, err)
	e := &envelope.Envelope{
		Format: envelope.Format, Name: "ops", Stream: "ops", Sequence: 1, Marking: "UNCLASSIFIED", Policy: blobOf(nil).Digest,
		Created: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), Lock: blobOf(text), Volumes: written.Volumes,
	}
	return dir, seal(t, dir, e, text)
}

func seal(t *testing.T, dir string, e *envelope.Envelope, lockText []byte) *signing.KeySet {
	t.Helper()
	key, err := signing.Generate(signing.Ed25519)
	must(t, err)
	signer, err := signing.New(key)
	must(t, err)
	keys, err := signing.NewKeySet(1, key.Public())
	must(t, err)
	raw, err := envelope.Seal(t.Context(), e, signer)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, e.EnvelopeName()), raw, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, e.LockName()), lockText, 0o600))
	return keys
}

func blobOf(content []byte) artifact.Blob {
	return artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256(content)), Size: int64(len(content))}
}

// oneBlob is a source that has one blob.
type oneBlob []byte

func (o oneBlob) Open(_ context.Context, _ artifact.Blob, offset int64) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader(o[offset:])), nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
