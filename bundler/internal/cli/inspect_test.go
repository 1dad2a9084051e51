package cli

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/envelope"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/signing"
)

// TestUnverifiedTextCannotDriveTheTerminal: whoever wrote the bundle would
// otherwise clear the line that says that nothing was verified.
func TestUnverifiedTextCannotDriveTheTerminal(t *testing.T) {
	t.Parallel()
	key, err := signing.Generate(signing.Ed25519)
	if err != nil {
		t.Fatal(err)
	}
	attacker, err := signing.New(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../lock/testdata/bundle.lock")
	if err != nil {
		t.Fatal(err)
	}
	dir, sum := t.TempDir(), blobOf(text)
	e := &envelope.Envelope{
		Format: envelope.Format, Name: "ops", Stream: "ops", Sequence: 1, Created: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC),
		Marking: "\x1b[2J\x1b[HUNCLASSIFIED\u202e", Lock: sum, Volumes: []envelope.File{{Name: "ops.0001.tar", Blob: sum}},
	}
	sealed, err := envelope.Seal(t.Context(), e, attacker)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, e.EnvelopeName(), sealed)
	write(t, dir, e.LockName(), text)
	var out, errOut bytes.Buffer
	code := Run("test", []string{"inspect", dir}, strings.NewReader(""), &out, &errOut)
	if code != 0 || !strings.Contains(out.String(), "NOT VERIFIED") || strings.ContainsAny(out.String(), "\x1b\u202e") {
		t.Errorf("exit code %d, %q, %q", code, out.String(), errOut.String())
	}
}

func write(t *testing.T, dir, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func blobOf(content []byte) artifact.Blob {
	return artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256(content)), Size: int64(len(content))}
}
