//go:build linux

package gateway_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
	"github.com/meshwright/terraform-provider-datamesh/internal/platform/configfile"
)

// folder makes a folder with a file in it for each name, and one beside it that
// is nobody's business. It returns both.
func folder(t *testing.T, files map[string]string) (inside, outside string) {
	t.Helper()
	root := t.TempDir()
	inside, outside = filepath.Join(root, "in"), filepath.Join(root, "out")
	files["../out/secret"] = "classified"
	for name, content := range files {
		file := filepath.Join(inside, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		settle := time.Now().Add(-time.Hour)
		if err := os.Chtimes(file, settle, settle); err != nil {
			t.Fatal(err)
		}
	}
	return inside, outside
}

func below(dir string) configfile.Gateway {
	return configfile.Gateway{Directories: []configfile.DirectorySource{{Path: dir, Domains: []string{"sigint"}}}}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	dir, _ := folder(t, map[string]string{"tracks/a b.txt": "0123456789", "tracks/day/1": "one", "other/x": "x"})
	m := from(catalog.PortFile, "file://"+dir+"/tracks")
	endpoint := serve(t, m, below(dir)) + "/data/sigint/tracks/p"
	waitUntilSettled(t, filepath.Join(dir, "tracks/a b.txt"))
	resp, body, err := get(t, endpoint+"/a%20b.txt")
	tag := resp.Header.Get("Etag")
	if err != nil || resp.StatusCode != http.StatusOK || body != "0123456789" || !strings.HasPrefix(tag, `"`) || resp.Header.Get("Content-Type") != "application/octet-stream" {
		t.Fatalf("got %s %q %v %v", resp.Status, body, err, resp.Header)
	}
	checkParts(t, m, endpoint+"/a%20b.txt", tag)
	for path, status := range map[string]int{"/day/1": 200, "/day": 404, "/day/": 404, "": 404, "/": 404, "/day/1/": 404, "/day/1/x": 404, "/nothing": 404, "/nothing/x": 404} {
		if resp, body, err := get(t, endpoint+path); err != nil || resp.StatusCode != status {
			t.Errorf("%s: got %s %q %v, want %d", path, resp.Status, body, err, status)
		}
	}
}

// waitUntilSettled waits until the file is old enough for a strong entity tag.
func waitUntilSettled(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := info.ModTime()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		changed = time.Unix(stat.Ctim.Unix())
	}
	time.Sleep(time.Until(changed.Add(2*time.Second + 10*time.Millisecond))) // a clock is what is awaited
}

func TestPortThatIsAFile(t *testing.T) {
	t.Parallel()
	dir, _ := folder(t, map[string]string{"tracks.txt": "whole", "other.txt": "other"})
	m := from(catalog.PortFile, "file://"+dir+"/tracks.txt")
	m.ports["p"] = catalog.OutputPort{Type: catalog.PortFile, URL: "file://" + dir + "/tracks.txt", ContentType: "text/plain"}
	endpoint := serve(t, m, below(dir)) + "/data/sigint/tracks/p"
	resp, body, err := get(t, endpoint)
	if err != nil || body != "whole" || resp.Header.Get("Content-Type") != "text/plain" || resp.Header.Get("Content-Disposition") != "" {
		t.Errorf("got %s %q %v %v", resp.Status, body, err, resp.Header)
	}
	if resp, _, err := get(t, endpoint+"/other.txt"); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("below a file: got %s %v", resp.Status, err)
	}
}

// TestSymlinkOutOfTheDirectory leads nowhere, out of the port's own folder
// neither; within it, it is followed.
func TestSymlinkOutOfTheDirectory(t *testing.T) {
	t.Parallel()
	dir, outside := folder(t, map[string]string{"tracks/real": "real", "other/x": "classified"})
	for name, to := range map[string]string{
		"absolute": outside + "/secret", "relative": "../../out/secret", "folder": outside, "sibling": "../other/x", "siblings": "../other", "passwd": "/etc/passwd", "loop": "loop",
		"inside": "real",
	} {
		if err := os.Symlink(to, filepath.Join(dir, "tracks", name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	m := from(catalog.PortFile, "file://"+dir+"/tracks")
	endpoint := serve(t, m, below(dir)) + "/data/sigint/tracks/p"
	for path, status := range map[string]int{
		"/absolute": 404, "/relative": 404, "/folder/secret": 404, "/sibling": 404, "/siblings/x": 404, "/passwd": 404, "/loop": 404, "/inside": 200,
	} {
		if resp, body, err := get(t, endpoint+path); err != nil || resp.StatusCode != status || strings.Contains(body, "classified") {
			t.Errorf("%s: got %s %q %v, want %d", path, resp.Status, body, err, status)
		}
	}
	m = from(catalog.PortFile, "file://"+dir+"/elsewhere")
	if resp, body, err := get(t, serve(t, m, below(dir))+"/data/sigint/tracks/p/secret"); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("a port that is a link out: got %s %q %v", resp.Status, body, err)
	}
}

// TestPipesAndDevicesInTheDirectory are not opened: a pipe would wait for a
// writer, a device would never end.
func TestPipesAndDevicesInTheDirectory(t *testing.T) {
	t.Parallel()
	dir, _ := folder(t, map[string]string{})
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	paths := []string{"/pipe"}
	const zero = 1<<8 | 5
	if err := syscall.Mknod(filepath.Join(dir, "zero"), syscall.S_IFCHR|0o600, zero); err == nil {
		paths = append(paths, "/zero")
	} else {
		t.Logf("not tried with a device: %v", err)
	}
	m := from(catalog.PortFile, "file://"+dir)
	endpoint := serve(t, m, below(dir)) + "/data/sigint/tracks/p"
	for _, path := range paths {
		if resp, _, err := get(t, endpoint+path); err != nil || resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %s %v, want 404", path, resp.Status, err)
		}
		if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed {
			t.Errorf("%s: recorded %+v", path, done)
		}
	}
}

// TestEntityTagOfAFile tells contents apart that have the same size and time,
// and is weak while the next change could have the same.
func TestEntityTagOfAFile(t *testing.T) {
	t.Parallel()
	dir, _ := folder(t, map[string]string{"x": "one"})
	m := from(catalog.PortFile, "file://"+dir)
	address := serve(t, m, below(dir)) + "/data/sigint/tracks/p/x"
	file := filepath.Join(dir, "x")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if tag := tagOfFresh(t, file, info.ModTime(), address); !strings.HasPrefix(tag, `W/"`) {
		t.Errorf("a file just written has the tag %s", tag)
	}
	waitUntilSettled(t, file)
	before, _, _ := get(t, address)
	if err := os.WriteFile(file, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	waitUntilSettled(t, file)
	after, body, _ := get(t, address)
	if a, b := before.Header.Get("Etag"), after.Header.Get("Etag"); body != "two" || a == b || strings.HasPrefix(b, "W/") {
		t.Errorf("got the tags %s and %s", a, b)
	}
}

// tagOfFresh changes what the file system keeps of the file, and asks for it while
// the change is fresh, which a loaded machine may miss.
func tagOfFresh(t *testing.T, file string, modified time.Time, address string) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		begun := time.Now()
		if err := os.Chtimes(file, modified, modified); err != nil {
			t.Fatal(err)
		}
		if resp, _, err := get(t, address); err == nil && time.Since(begun) < time.Second {
			return resp.Header.Get("Etag")
		}
	}
	t.Fatal("the machine takes longer for an answer than a change stays fresh")
	return ""
}

// TestFileThatShrinks while it is read never looks whole.
func TestFileThatShrinks(t *testing.T) {
	t.Parallel()
	const size = 64 << 20
	dir, _ := folder(t, map[string]string{"x": ""})
	file := filepath.Join(dir, "x")
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	m := from(catalog.PortFile, "file://"+dir)
	conn := open(t, serve(t, m, below(dir))+"/data/sigint/tracks/p/x")
	if err := os.Truncate(file, size/2); err != nil {
		t.Fatal(err)
	}
	tail(conn)
	if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed || done.Bytes >= size {
		t.Errorf("recorded %+v", done)
	}
}

// TestFileWrittenOverWhileItIsRead: the end of a new record behind the beginning of
// an old one would be delivered under the mark of the old one.
func TestFileWrittenOverWhileItIsRead(t *testing.T) {
	t.Parallel()
	filling := func(word string) string { return strings.Repeat(word, 200_000/len(word)) }
	dir, _ := folder(t, map[string]string{"feed.jsonl": `{"mark":"U"}` + "\n" + `{"mark":"U","text":"` + filling("public ") + `"}` + "\n"})
	file := filepath.Join(dir, "feed.jsonl")
	m := from(catalog.PortFile, "file://"+file)
	m.ports["p"] = catalog.OutputPort{Type: catalog.PortFile, URL: "file://" + file, ContentType: "application/jsonl", RecordMarking: "mark"}
	var once sync.Once
	m.admits = func(mark string) bool {
		once.Do(func() { // the first piece has been read
			if err := os.WriteFile(file, []byte(`{"mark":"S","text":"`+filling("secret ")+filling("secret ")+`"}`+"\n"), 0o600); err != nil {
				t.Error(err)
			}
		})
		return mark == "U"
	}
	_, body, err := get(t, serve(t, m, below(dir))+"/data/sigint/tracks/p")
	if err == nil || strings.Contains(body, "secret") {
		t.Errorf("got %d bytes, %v, with a secret in them: %v", len(body), err, strings.Contains(body, "secret"))
	}
	if done := m.last(t).result(t); done.Outcome != catalog.OutcomeFailed {
		t.Errorf("recorded %+v", done)
	}
}
