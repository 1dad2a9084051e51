//go:build unix

package platformd

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAttackPipeAsAnchors: opening a pipe to which nobody writes never ends.
func TestAttackPipeAsAnchors(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := make(chan error, 1)
	go func() {
		_, err := outboundTransport("https://witness.example", []string{path})
		refused <- err
	}()
	select {
	case err := <-refused:
		if err == nil || !strings.Contains(err.Error(), "no plain file") {
			t.Errorf("got %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it waits for who writes to the pipe")
	}
}
