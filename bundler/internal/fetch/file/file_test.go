package file

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/spec"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/transfer"
)

var content = []byte("#!/bin/sh\necho hello\n")

func digestOf(raw []byte) artifact.Digest { return artifact.DigestOf(sha256.Sum256(raw)) }

func files(t *testing.T, folder string) *Files {
	t.Helper()
	f, err := New(folder, transfer.Options{Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "bin"), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bin", "tool"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func readAll(t *testing.T, from artifact.Source, b artifact.Blob, offset int64) []byte {
	t.Helper()
	body, err := from.Open(t.Context(), b, offset)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer func() { _ = body.Close() }()
	raw, err := io.ReadAll(body)
	if err != nil {
		t.Error(err)
	}
	return raw
}

// serve answers every request with the content and counts requests that carry
// credentials.
func serve(t *testing.T) (url string, credentials *atomic.Int64) {
	t.Helper()
	credentials = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if req.Header.Get("Authorization") != "" || req.Header.Get("Cookie") != "" {
			credentials.Add(1)
		}
		http.ServeContent(w, req, "tool", time.Time{}, bytes.NewReader(content))
	}))
	t.Cleanup(server.Close)
	return server.URL, credentials
}

// TestFileIsTheSameArtifactFromEverywhere: local and remote, its digest written
// down here, so that a change of the wrapping is noticed.
func TestFileIsTheSameArtifactFromEverywhere(t *testing.T) {
	t.Parallel()
	f := files(t, folder(t))
	address, credentials := serve(t)
	for _, s := range []*spec.File{
		{Name: "tools/tool", Path: "bin/tool"},
		{Name: "tools/tool", Path: "bin/tool", SHA256: digestOf(content)},
		{Name: "tools/tool", URL: address + "/tool?token=secret", SHA256: digestOf(content)},
	} {
		item, err := f.Item(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		const want = "sha256:39f44b98ae4d38d2f4709b2660e1d94540c6eef20cfc8d9b131cbf04f30fc4ac"
		if item.Root.Digest != want {
			t.Errorf("%s%s: root %s, want %s", s.Path, s.URL, item.Root.Digest, want)
		}
		if s.URL != "" && item.Source != address+"/tool" {
			t.Errorf("source %q, want the address without its query", item.Source)
		}
		source := f.Source(s, item)
		for d := range item.All() {
			if raw := readAll(t, source, d.Blob, 0); digestOf(raw) != d.Digest {
				t.Errorf("%s: other bytes for %s", item.Name, d.Digest)
			}
		}
		blob := artifact.Blob{Digest: digestOf(content), Size: int64(len(content))}
		if rest := readAll(t, source, blob, 5); !bytes.Equal(rest, content[5:]) {
			t.Errorf("from byte 5: %q", rest)
		}
	}
	if credentials.Load() > 0 {
		t.Error("credentials were sent for a file")
	}
}

func TestWrongChecksumIsRefused(t *testing.T) {
	t.Parallel()
	_, err := files(t, folder(t)).Item(t.Context(), &spec.File{Name: "tool", Path: "bin/tool", SHA256: digestOf(nil)})
	if err == nil || !strings.Contains(err.Error(), string(digestOf(content))) || !strings.Contains(err.Error(), string(digestOf(nil))) {
		t.Errorf("got %v, want both digests", err)
	}
}

// TestLocalFileThroughALink: neither out of the folder nor inside it.
func TestLocalFileThroughALink(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"out": secret, "in": "bin/tool", "folder": filepath.Dir(secret), "inner": "bin", "up": "..",
	} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Skip("no symbolic links here: ", err)
		}
	}
	f := files(t, dir)
	for _, path := range []string{"out", "in", "folder/secret", "inner/tool", "up/secret", "bin", "../secret", "missing"} {
		if item, err := f.Item(t.Context(), &spec.File{Name: "x", Path: path}); err == nil {
			t.Errorf("%s is read as %v", path, item.Blobs)
		}
	}
}

// TestFileChangedAfterLock is refused by its size, or by whoever hashes it.
func TestFileChangedAfterLock(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	f := files(t, dir)
	s := &spec.File{Name: "tool", Path: "bin/tool"}
	item, err := f.Item(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bin", "tool"), append(content, 'x'), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Source(s, item).Open(t.Context(), artifact.Blob{Digest: digestOf(content), Size: int64(len(content))}, 0); err == nil {
		t.Error("a file of another size is opened")
	}
}

// TestRedirectToPlainHTTP from a server with TLS is not followed.
func TestRedirectToPlainHTTP(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.RedirectHandler("http://files.invalid/x", http.StatusFound))
	t.Cleanup(secure.Close)
	f := files(t, t.TempDir())
	f.line = trusting(t, secure)
	_, err := f.Item(t.Context(), &spec.File{Name: "x", URL: secure.URL, SHA256: digestOf(content)})
	if err == nil || !strings.Contains(err.Error(), "not HTTPS") {
		t.Errorf("got %v, want the redirect refused", err)
	}
}

func trusting(t *testing.T, server *httptest.Server) *transfer.Line {
	t.Helper()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	line, err := transfer.New(transfer.Options{CAFile: ca})
	if err != nil {
		t.Fatal(err)
	}
	return line
}

// TestEndlessRedirects end.
func TestEndlessRedirects(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, req.URL.Path+"x", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	_, err := files(t, t.TempDir()).Item(t.Context(), &spec.File{Name: "x", URL: server.URL + "/?token=secret", SHA256: digestOf(content)})
	if err == nil || !strings.Contains(err.Error(), "redirects") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, want an end without the token", err)
	}
}

func TestServerThatDoesNotSayTheSize(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			_, _ = w.Write(content)
			_ = http.NewResponseController(w).Flush()
		}
	}))
	t.Cleanup(server.Close)
	_, err := files(t, t.TempDir()).Item(t.Context(), &spec.File{Name: "x", URL: server.URL, SHA256: digestOf(content)})
	if err == nil || !strings.Contains(err.Error(), "does not say how large") {
		t.Errorf("got %v", err)
	}
}
