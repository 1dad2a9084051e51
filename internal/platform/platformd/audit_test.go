package platformd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestExportAudit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := start(t, Config{DataDir: dir})
	const n = 3
	for i := range n {
		url := fmt.Sprintf("%s/api/v1/domains/domain-%d", s.Endpoint(), i)
		if got, body := ask(t, "PUT", url, s.Ready().Token, sigint); got != http.StatusCreated {
			t.Fatalf("put: got %d: %s", got, body)
		}
	}
	export := func(after int64) []string {
		var b bytes.Buffer
		if err := exportAudit(t.Context(), dir, after, 2, &b); err != nil {
			t.Fatalf("export after %d: %v", after, err)
		}
		return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	}
	beside := export(0)
	if len(beside) != n {
		t.Fatalf("beside the server: got %d lines, want %d: %q", len(beside), n, beside)
	}
	for i, line := range beside {
		var entry struct{ Object string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry.Object != fmt.Sprintf("domains/domain-%d", i) {
			t.Errorf("line %d: got %s, %v", i+1, line, err)
		}
	}
	if got := export(2); len(got) != 1 || got[0] != beside[2] {
		t.Errorf("after 2: got %q, want the third line", got)
	}
	if got := export(99); len(got) != 1 || got[0] != "" {
		t.Errorf("after the end: got %q, want nothing", got)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	if got := export(0); strings.Join(got, "\n") != strings.Join(beside, "\n") {
		t.Errorf("without the server: got %q, want %q", got, beside)
	}
	if err := ExportAudit(t.Context(), filepath.Join(dir, "absent"), 0, io.Discard); err == nil || !strings.Contains(err.Error(), "not a data directory") {
		t.Errorf("no directory: got %v", err)
	}
}
