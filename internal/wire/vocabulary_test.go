package wire

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/meshwright/terraform-provider-datamesh/internal/catalog"
)

// TestImpactsOfAHostilePlatform: what would show a change board less than there
// is, or something else.
func TestImpactsOfAHostilePlatform(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"no version":            `{"products":[],"policies":[]}`,
		"a product twice":       `{"version":{"to":"2"},"products":[{"product":"a/b"},{"product":"a/b"}]}`,
		"products out of order": `{"version":{"to":"2"},"products":[{"product":"a/c"},{"product":"a/b"}]}`,
		"a product of no name":  `{"version":{"to":"2"},"products":[{}]}`,
		"a policy that is none": `{"version":{"to":"2"},"policies":[{"policy":"../x"}]}`,
		"null":                  `null`,
	} {
		if impact, err := DecodeImpact([]byte(body)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, impact)
		}
	}
	if _, err := DecodeImpact([]byte(`{"version":{"from":"1","to":"2"},"products":[{"product":"a/b"},{"product":"a/c"}],"policies":[]}`)); err != nil {
		t.Error(err)
	}
	for name, body := range map[string]string{"a version that is a path": `{"items":[{"version":"../x"}]}`, "none": `{"items":[{}]}`} {
		if history, err := DecodeHistory([]byte(body)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, history)
		}
	}
}

// TestEndorsementHeaders: the signature of a vocabulary arrives as it was sent,
// and what is none is refused before anything is asked. Elsewhere the header
// means nothing, and nothing is sent in it.
func TestEndorsementHeaders(t *testing.T) {
	t.Parallel()
	endpoint := &url.URL{Scheme: "https", Host: "mesh.example"}
	longest := strings.Repeat("\u2014", catalog.MaxEndorsement/3)
	sent, err := Request{Op: OpPutVocabulary, Write: catalog.WriteOptions{IfMatch: "r1", Endorsement: longest}}.New(context.Background(), endpoint, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Parse(sent); err != nil || got.Write.Endorsement != longest {
		t.Errorf("got %+v, %v", got, err)
	}
	ref := catalog.Ref{Kind: catalog.KindDomain, ID: "a"}
	if _, err := (Request{Op: OpPut, Ref: ref, Write: catalog.WriteOptions{Endorsement: "x"}}).New(context.Background(), endpoint, []byte("{}")); err == nil {
		t.Error("an endorsement of a domain was sent")
	}
	good := base64.StdEncoding.EncodeToString([]byte("x"))
	for name, values := range map[string][]string{
		"empty": {""}, "no base64": {"a note"}, "unpadded": {strings.TrimRight(good, "=")}, "with loose bits": {"eF=="}, "two": {good, good},
		"too long": {base64.StdEncoding.EncodeToString(make([]byte, catalog.MaxEndorsement+1))},
	} {
		sent.Header[EndorsementHeader] = values
		if got, err := Parse(sent); err == nil {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	get := &http.Request{Method: http.MethodGet, URL: sent.URL, Header: http.Header{EndorsementHeader: {"a note"}}}
	if got, err := Parse(get); err != nil || got.Write.Endorsement != "" {
		t.Errorf("a GET: got %+v, %v", got, err)
	}
}
