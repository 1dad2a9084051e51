//go:build unix

package identity_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/platform/identity/identitytest"
)

// TestAttackPipeAsARevocationList: opening a pipe to which nobody writes never ends.
// In the place of a file it would keep every later revocation from being read.
func TestAttackPipeAsARevocationList(t *testing.T) {
	t.Parallel()
	pki := identitytest.NewPKI(t, "Root")
	v, stolen := open(t, pki, newHands()), pki.Client("stolen")
	path := pki.Lists()[0]
	list := contents(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	pki.Revoke(stolen)
	reloaded := make(chan struct{})
	go func() {
		v.Reload()
		close(reloaded)
	}()
	select {
	case <-reloaded:
	case <-time.After(time.Minute):
		t.Fatal("it waits for who writes to the pipe")
	}
	if err := v.Trouble(); err == nil || !strings.Contains(err.Error(), "no plain file") {
		t.Errorf("the operator is told %v", err)
	}
	identitytest.Replace(t, path, list)
	v.Reload()
	if err := handshake(t, v, stolen); err == nil || v.Trouble() != nil {
		t.Errorf("repaired: a revoked client: %v, the operator is told %v", err, v.Trouble())
	}
}

// TestAttackPipeAsTheRecordOfLists keeps a server from starting without a word.
func TestAttackPipeAsTheRecordOfLists(t *testing.T) {
	t.Parallel()
	pki, record := identitytest.NewPKI(t, "Root"), filepath.Join(t.TempDir(), "lists.json")
	if err := syscall.Mkfifo(record, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 1)
	go func() {
		_, err := restarted(t, pki, record)
		refused <- err
	}()
	select {
	case err := <-refused:
		if err == nil || !strings.Contains(err.Error(), "no plain file") {
			t.Errorf("got %v, want that it is no plain file", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for who writes to the pipe")
	}
}
