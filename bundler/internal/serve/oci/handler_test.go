package oci

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// bundle is two repositories: an app with two tags, a signature tag and two
// referrers, and one with a secret layer.
type bundle struct {
	bundlertest.Memory
	lock                             *lock.Lock
	places                           map[string]string
	app, layer, secret, sbom, signed artifact.Descriptor
}

func newBundle(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{Memory: bundlertest.Memory{}}
	b.layer = b.Add("application/vnd.oci.image.layer.v1.tar+gzip", bytes.Repeat([]byte("0123456789"), 1000))
	b.secret = b.Add("application/vnd.oci.image.layer.v1.tar+gzip", []byte("for others only"))
	b.app = b.AddManifest(t, "", b.layer)
	subject := fmt.Sprintf(`,"subject":{"digest":%q}`, b.app.Digest)
	b.sbom = b.AddManifest(t, subject+`,"artifactType":"application/spdx+json","annotations":{"created-by":"test"}`)
	b.signed = b.AddManifest(t, subject)
	other := b.AddManifest(t, "", b.secret)
	signature := b.AddManifest(t, `,"annotations":{"signature":"yes"}`)
	b.lock = &lock.Lock{Items: []lock.Item{
		{Name: "r.example/app:1", Repository: "r.example/app", Tag: "1", Root: b.app, Blobs: []artifact.Descriptor{b.layer}, Evidence: []lock.Evidence{
			{Form: lock.FormReferrer, Subject: b.app.Digest, Manifest: b.sbom},
			{Form: lock.FormReferrer, Subject: b.app.Digest, Manifest: b.signed},
			{Form: lock.FormSignatureTag, Tag: "sha256-" + b.app.Digest.Hex() + ".sig", Subject: b.app.Digest, Manifest: signature},
		}},
		{Name: "r.example/app:2", Repository: "r.example/app", Tag: "2", Root: b.app, Blobs: []artifact.Descriptor{b.layer}},
		{Name: "r.example/secret/app:1", Repository: "r.example/secret/app", Tag: "1", Root: other, Blobs: []artifact.Descriptor{b.secret}},
	}}
	b.places = map[string]string{"r.example/app:1": "app", "r.example/app:2": "app", "r.example/secret/app:1": "secret/app"}
	return b
}

func (b *bundle) serve(t *testing.T) *httptest.Server {
	t.Helper()
	handler, err := New(t.Context(), Options{Lock: b.lock, Places: b.places, Source: b.Memory})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

type answer struct {
	status int
	header http.Header
	body   string
}

func ask(t *testing.T, server *httptest.Server, method, path string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // only read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

func TestPull(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	server := b.serve(t)
	for _, reference := range []string{"1", "2", string(b.app.Digest)} {
		got := ask(t, server, http.MethodGet, "/v2/app/manifests/"+reference)
		if got.status != http.StatusOK || got.body != string(b.Memory[b.app.Digest]) ||
			got.header.Get("Content-Type") != artifact.MediaTypeOCIManifest || got.header.Get("Docker-Content-Digest") != string(b.app.Digest) {
			t.Errorf("manifest %s: got %d, %v", reference, got.status, got.header)
		}
	}
	content := string(b.Memory[b.layer.Digest])
	path := "/v2/app/blobs/" + string(b.layer.Digest)
	if got := ask(t, server, http.MethodGet, path); got.body != content || got.status != http.StatusOK {
		t.Errorf("blob: got %d and %d bytes, want all %d", got.status, len(got.body), len(content))
	}
	head := ask(t, server, http.MethodHead, path)
	if head.status != http.StatusOK || head.header.Get("Content-Length") != fmt.Sprint(len(content)) || head.body != "" {
		t.Errorf("HEAD: got %d, length %s", head.status, head.header.Get("Content-Length"))
	}
	if got := ask(t, server, http.MethodGet, path, "Range", "bytes=9990-"); got.status != http.StatusPartialContent || got.body != "0123456789" {
		t.Errorf("range: got %d %q", got.status, got.body)
	}
	if got := ask(t, server, http.MethodGet, path, "If-None-Match", `"`+string(b.layer.Digest)+`"`); got.status != http.StatusNotModified {
		t.Errorf("known blob: got %d, want 304", got.status)
	}
	if got := ask(t, server, http.MethodGet, "/v2/"); got.status != http.StatusOK {
		t.Errorf("/v2/: got %d", got.status)
	}
}

func TestTagsArePaged(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	server := b.serve(t)
	var all []string
	path := "/v2/app/tags/list?n=1"
	for range 5 {
		got := ask(t, server, http.MethodGet, path)
		var page struct{ Tags []string }
		if err := json.Unmarshal([]byte(got.body), &page); err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Tags...)
		link := got.header.Get("Link")
		if link == "" {
			break
		}
		path = strings.Trim(strings.SplitN(link, ";", 2)[0], "<>")
	}
	if diff := cmp.Diff([]string{"1", "2", "sha256-" + b.app.Digest.Hex() + ".sig"}, all); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestReferrers(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	server := b.serve(t)
	list := func(path string) (found []string) {
		got := ask(t, server, http.MethodGet, path)
		var index struct{ Manifests []artifact.Referrer }
		if err := json.Unmarshal([]byte(got.body), &index); err != nil || got.header.Get("Content-Type") != artifact.MediaTypeOCIIndex {
			t.Errorf("%s: got %v, %s", path, err, got.header.Get("Content-Type"))
		}
		for _, m := range index.Manifests {
			found = append(found, string(m.Digest)+" "+m.ArtifactType+" "+m.Annotations["created-by"])
		}
		return found
	}
	sbom := string(b.sbom.Digest) + " application/spdx+json test"
	if got := list("/v2/app/referrers/" + string(b.app.Digest)); len(got) != 2 {
		t.Errorf("got %q, want the two referrers", got)
	}
	if diff := cmp.Diff([]string{sbom}, list("/v2/app/referrers/"+string(b.app.Digest)+"?artifactType=application/spdx%2Bjson")); diff != "" {
		t.Errorf("filtered (-want +got):\n%s", diff)
	}
	if got := list("/v2/app/referrers/" + string(b.layer.Digest)); got != nil {
		t.Errorf("referrers of a layer: got %q, want none", got)
	}
}

// TestBlobReadAcrossRepositories is CVE-2024-39897: one store behind many
// repositories must not open the ones that a client may not read.
func TestBlobReadAcrossRepositories(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	server := b.serve(t)
	for _, path := range []string{"/v2/app/blobs/" + string(b.secret.Digest), "/v2/secret/app/manifests/" + string(b.app.Digest)} {
		if got := ask(t, server, http.MethodGet, path); got.status != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, got.status)
		}
	}
}

func TestWritesAreRefused(t *testing.T) {
	t.Parallel()
	server := newBundle(t).serve(t)
	for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodOptions, "TRACE"} {
		for _, path := range []string{"/v2/app/manifests/1", "/v2/app/blobs/uploads/", "/v2/"} {
			if got := ask(t, server, method, path); got.status != http.StatusMethodNotAllowed || !strings.Contains(got.body, "UNSUPPORTED") {
				t.Errorf("%s %s: got %d %s, want 405 and UNSUPPORTED", method, path, got.status, got.body)
			}
		}
	}
}

func TestHostileRequests(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	server := b.serve(t)
	for path, want := range map[string]string{
		"/":                                               "404 UNSUPPORTED",
		"/v2/_catalog":                                    "404 UNSUPPORTED",
		"/v2/app/tags/other":                              "404 UNSUPPORTED",
		"/v2/app":                                         "404 UNSUPPORTED",
		"/v2/none/manifests/1":                            "404 NAME_UNKNOWN",
		"/v2/secret/../app/manifests/1":                   "404 NAME_UNKNOWN",
		"/v2/%2e%2e/app/manifests/1":                      "404 NAME_UNKNOWN",
		"/v2//app/manifests/1":                            "404 NAME_UNKNOWN",
		"/v2/app/manifests/3":                             "404 MANIFEST_UNKNOWN",
		"/v2/app/manifests/sha256:..":                     "404 MANIFEST_UNKNOWN",
		"/v2/app/blobs/sha256:" + "zz":                    "400 DIGEST_INVALID",
		"/v2/app/blobs/..%2f..%2fetc%2fpasswd":            "404 UNSUPPORTED",
		"/v2/app/referrers/latest":                        "400 DIGEST_INVALID",
		"/v2/app/tags/list?n=-1":                          "400 PAGINATION_NUMBER_INVALID",
		"/v2/app/tags/list?n=many":                        "400 PAGINATION_NUMBER_INVALID",
		"/v2/app/blobs/" + "SHA256:" + b.app.Digest.Hex(): "400 DIGEST_INVALID",
	} {
		got := ask(t, server, http.MethodGet, path)
		var body struct{ Errors []struct{ Code string } }
		if err := json.Unmarshal([]byte(got.body), &body); err != nil || len(body.Errors) != 1 {
			t.Errorf("%s: got %d %q", path, got.status, got.body)
			continue
		}
		if found := fmt.Sprint(got.status, " ", body.Errors[0].Code); found != want {
			t.Errorf("%s: got %s, want %s", path, found, want)
		}
	}
}

// TestShortSourceIsNoWholeBlob: a medium that ends early must not look like a
// blob that does.
func TestShortSourceIsNoWholeBlob(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	server := b.serve(t)
	b.Memory[b.layer.Digest] = b.Memory[b.layer.Digest][:5000]
	response, err := server.Client().Get(server.URL + "/v2/app/blobs/" + string(b.layer.Digest))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // only read
	if content, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("got %d bytes and no error, want an error", len(content))
	}
}

func TestRequestsAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	b := newBundle(t)
	handler, err := New(t.Context(), Options{Lock: b.lock, Places: b.places, Source: b.Memory, MaxConcurrent: 1})
	if err != nil {
		t.Fatal(err)
	}
	s, ok := handler.(*server)
	if !ok {
		t.Fatalf("got a %T", handler)
	}
	s.slots <- struct{}{}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v2/", nil))
	if recorder.Code != http.StatusServiceUnavailable || recorder.Header().Get("Retry-After") == "" {
		t.Errorf("got %d, want 503 with Retry-After", recorder.Code)
	}
}

func TestUnservableBundles(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*bundle){
		"an item without a place":      func(b *bundle) { delete(b.places, "r.example/app:2") },
		"a referrer that is not there": func(b *bundle) { delete(b.Memory, b.sbom.Digest) },
		"a referrer with other bytes":  func(b *bundle) { b.Memory[b.sbom.Digest] = []byte("{}") },
		"a referrer that is too large": func(b *bundle) { b.lock.Items[0].Evidence[0].Manifest.Size = artifact.MaxMetadata + 1 },
	} {
		b := newBundle(t)
		spoil(b)
		if _, err := New(t.Context(), Options{Lock: b.lock, Places: b.places, Source: b.Memory}); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}
