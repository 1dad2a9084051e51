package gateway_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestPartsOfTwoVersions: who fetches a resource part by part, each on condition
// that it is still the one of the first part, gets nothing of another.
func TestPartsOfTwoVersions(t *testing.T) {
	t.Parallel()
	dir, _ := folder(t, map[string]string{"x": "one,one"})
	file := filepath.Join(dir, "x")
	address := serve(t, from(catalog.PortFile, "file://"+dir), below(dir)) + "/data/sigint/tracks/p/x"
	waitUntilSettled(t, file)
	first, body, err := get(t, address, "Range", "bytes=0-2")
	if err != nil || body != "one" {
		t.Fatalf("got %s %q %v", first.Status, body, err)
	}
	part := []string{"Range", "bytes=3-", "If-Match", first.Header.Get("Etag")}
	if resp, body, err := get(t, address, part...); err != nil || resp.StatusCode != http.StatusPartialContent || body != ",one" {
		t.Errorf("of the same version: got %s %q %v", resp.Status, body, err)
	}
	if err := os.WriteFile(file, []byte("two,two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if resp, body, err := get(t, address, part...); err != nil || resp.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("of another version: got %s %q %v, want 412", resp.Status, body, err)
	}
}

// TestWeakTagAsACondition: bytes of two versions may have the same one.
func TestWeakTagAsACondition(t *testing.T) {
	t.Parallel()
	up := upstream(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Etag", `W/"v1"`) })
	address := serve(t, from(catalog.PortHTTP, up+"/"), everyone(up+"/")) + "/data/sigint/tracks/p"
	for headers, status := range map[[2]string]int{{"If-Match", `W/"v1"`}: 412, {"If-Match", `"v1"`}: 412, {"If-Match", "*"}: 200, {"If-None-Match", `"v1"`}: 304, {"If-None-Match", `W/"v1"`}: 304} {
		if resp, _, err := get(t, address, headers[:]...); err != nil || resp.StatusCode != status {
			t.Errorf("%q: got %s %v, want %d", headers, resp.Status, err, status)
		}
	}
}

// TestConditionsOnTimes are judged by the second, as they are written.
func TestConditionsOnTimes(t *testing.T) {
	t.Parallel()
	dir, _ := folder(t, map[string]string{"x": "0123456789"})
	at := time.Date(2026, 3, 1, 12, 0, 0, 5e8, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, "x"), at, at); err != nil {
		t.Fatal(err)
	}
	address := serve(t, from(catalog.PortFile, "file://"+dir), below(dir)) + "/data/sigint/tracks/p/x"
	const before, same, after = "Sun, 01 Mar 2026 11:59:59 GMT", "Sun, 01 Mar 2026 12:00:00 GMT", "Sun, 01 Mar 2026 12:00:01 GMT"
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{[]string{"If-Unmodified-Since", before}, 412},
		{[]string{"If-Unmodified-Since", same}, 200},
		{[]string{"If-Unmodified-Since", after}, 200},
		{[]string{"If-Unmodified-Since", "yesterday"}, 200},
		{[]string{"If-Unmodified-Since", before, "If-Match", "*"}, 200}, // which stands above it
		{[]string{"If-Modified-Since", before}, 200},
		{[]string{"If-Modified-Since", same}, 304},
		{[]string{"If-Modified-Since", after}, 304},
		{[]string{"If-Modified-Since", before, "If-Modified-Since", after}, 200}, // two are none
		{[]string{"If-Modified-Since", after, "If-None-Match", `"other"`}, 200},  // which stands above it
		{[]string{"Range", "bytes=-0"}, 416},
	} {
		if resp, body, err := get(t, address, c.headers...); err != nil || resp.StatusCode != c.status {
			t.Errorf("%q: got %s %q %v, want %d", c.headers, resp.Status, body, err, c.status)
		}
	}
}
