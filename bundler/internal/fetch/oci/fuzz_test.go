package oci

import (
	"net/http"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
)

// FuzzDocument: whatever is accepted names only blobs that can be named, and is
// an index or a manifest, never both.
func FuzzDocument(f *testing.F) {
	for _, text := range []string{
		`{"schemaVersion":2,"manifests":[]}`,
		`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/json","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":2,"data":"e30="},"layers":[]}`,
		`{"schemaVersion":2,"manifests":[{"mediaType":"a/b","digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","size":1,"platform":{"os":"linux","architecture":"arm","variant":"v7"}}]}`,
	} {
		f.Add([]byte(text), true)
		f.Add([]byte(text), false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, index bool) {
		mediaType := artifact.MediaTypeOCIManifest
		if index {
			mediaType = artifact.MediaTypeOCIIndex
		}
		d, err := parseDocument(raw, mediaType)
		if err != nil {
			return
		}
		if index && (d.config != nil || d.layers != nil) || !index && (d.config == nil || d.manifests != nil) {
			t.Errorf("read as both: %s", raw)
		}
		for _, e := range append(d.layers, d.manifests...) {
			if _, err := artifact.ParseDigest(string(e.Digest)); err != nil || e.Size < 0 || e.Size > maxBlob {
				t.Errorf("accepted %v", e)
			}
		}
	})
}

// FuzzPages reads lists of tags and the links between pages.
func FuzzPages(f *testing.F) {
	f.Add([]byte(`{"name":"x","tags":["1.0"]}`), `</v2/x/tags/list?last=1.0&n=1>; rel="next"`)
	f.Add([]byte(`{"tags":null}`), `<%zz>; rel=next`)
	f.Fuzz(func(t *testing.T, raw []byte, link string) {
		if tags, err := parseTags(raw); err == nil {
			for _, tag := range tags {
				if err := artifact.CheckTag(tag); err != nil {
					t.Error(err)
				}
			}
		}
		_, _ = nextPage(http.Header{"Link": {link}}) // must not panic
	})
}
