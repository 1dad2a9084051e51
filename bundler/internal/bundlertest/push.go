package bundlertest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// Content is a blob that can be read again and again without being kept.
type Content struct {
	artifact.Blob
	Open func() io.Reader
}

// Bytes is content that is kept.
func Bytes(content []byte) Content {
	return Content{
		Blob: artifact.Blob{Digest: artifact.DigestOf(sha256.Sum256(content)), Size: int64(len(content))},
		Open: func() io.Reader { return bytes.NewReader(content) },
	}
}

// PushBlob puts the content into the repository, by a mount when another one
// has it.
func (r *Registry) PushBlob(t testing.TB, repository string, c Content) {
	t.Helper()
	query := ""
	if from, ok := r.known[c.Digest]; ok {
		query = "?" + url.Values{"mount": {string(c.Digest)}, "from": {from}}.Encode()
	}
	answer := r.do(t, http.MethodPost, "/v2/"+repository+"/blobs/uploads/"+query, "", nil, 0)
	if answer.status == http.StatusCreated {
		return
	}
	location, err := url.Parse(answer.header.Get("Location"))
	if err != nil || answer.status != http.StatusAccepted {
		t.Fatalf("upload of %s to %s: %d, %v", c.Digest, repository, answer.status, err)
	}
	values := location.Query()
	values.Set("digest", string(c.Digest))
	target := location.Path + "?" + values.Encode()
	if answer := r.do(t, http.MethodPut, target, "application/octet-stream", c.Open(), c.Size); answer.status != http.StatusCreated {
		t.Fatalf("upload of %s to %s: %d", c.Digest, repository, answer.status)
	}
	r.known[c.Digest] = repository
}

// PushManifest puts a manifest or index under a tag, or by digest alone when
// the tag is "".
func (r *Registry) PushManifest(t testing.TB, repository, tag, mediaType string, raw []byte) artifact.Descriptor {
	t.Helper()
	content := Bytes(raw)
	reference := tag
	if tag == "" {
		reference = string(content.Digest)
	}
	answer := r.do(t, http.MethodPut, "/v2/"+repository+"/manifests/"+reference, mediaType, bytes.NewReader(raw), content.Size)
	if answer.status != http.StatusCreated {
		t.Fatalf("push of %s to %s: %d %s", reference, repository, answer.status, answer.body)
	}
	return artifact.Descriptor{Blob: content.Blob, MediaType: mediaType}
}

// Manifest returns a manifest and its media type, as a client past all faults
// reads it.
func (r *Registry) Manifest(t testing.TB, repository, reference string) ([]byte, string) {
	t.Helper()
	answer := r.do(t, http.MethodGet, "/v2/"+repository+"/manifests/"+reference, "", nil, 0)
	if answer.status != http.StatusOK {
		t.Fatalf("%s of %s: %d", reference, repository, answer.status)
	}
	return answer.body, answer.header.Get("Content-Type")
}

// Has reports whether the repository holds the manifest under that tag or
// digest.
func (r *Registry) Has(t testing.TB, repository, reference string) bool {
	t.Helper()
	return r.do(t, http.MethodGet, "/v2/"+repository+"/manifests/"+reference, "", nil, 0).status == http.StatusOK
}

// reply is an answer that was read whole.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r *Registry) do(t testing.TB, method, target, contentType string, content io.Reader, size int64) reply {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, r.server.URL+target, content)
	req.ContentLength = size
	req.Host = r.Host
	req.Header.Set("Accept", artifact.MediaTypeOCIIndex+", "+artifact.MediaTypeOCIManifest+", "+artifact.MediaTypeDockerList+", "+artifact.MediaTypeDockerManifest)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	recorder := httptest.NewRecorder()
	r.inner.ServeHTTP(recorder, req)
	return reply{recorder.Code, recorder.Header(), recorder.Body.Bytes()}
}

// JSON is the encoding of a document; documents of tests can be encoded.
func JSON(t testing.TB, document any) []byte {
	t.Helper()
	raw, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
