//go:build unix

package file

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
)

// TestLocalFileThatIsAPipe would hold the run for ever.
func TestLocalFileThatIsAPipe(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Skip("no pipes here: ", err)
	}
	_, err := files(t, dir).Item(t.Context(), &spec.File{Name: "x", Path: "pipe"})
	if err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v, want the pipe refused", err)
	}
}
