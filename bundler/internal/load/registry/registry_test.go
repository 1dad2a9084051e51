package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/load"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/placement"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/transfer"
)

// wire is a connector without authentication that notes what is sent. hook, if
// set, may stand in for the network.
type wire struct {
	base *url.URL
	hook func(*http.Request) (*http.Response, error) // nil, nil: go on

	mu       sync.Mutex
	requests []string
	sent     int64 // bytes of bodies
}

func (w *wire) Connect(context.Context, string) (*http.Client, *url.URL, error) {
	return &http.Client{Transport: w}, w.base, nil
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.requests = append(w.requests, r.Method+" "+r.URL.Path)
	w.mu.Unlock()
	if w.hook != nil {
		if response, err := w.hook(r); response != nil || err != nil {
			return response, err
		}
	}
	if r.Body != nil {
		r.Body = &counted{r.Body, w}
	}
	return http.DefaultTransport.RoundTrip(r)
}

type counted struct {
	io.ReadCloser
	wire *wire
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.wire.mu.Lock()
	c.wire.sent += int64(n)
	c.wire.mu.Unlock()
	return n, err
}

// changes lists the requests that were no reads.
func (w *wire) changes() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.requests), func(r string) bool { return strings.HasPrefix(r, "HEAD ") || strings.HasPrefix(r, "GET ") })
}

func newWire(t *testing.T, address string) *wire {
	t.Helper()
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return &wire{base: base}
}

const baseSize = 300_000

// threeImages are three signed images in repositories of their own on one base layer.
func threeImages(t *testing.T) (bundlertest.Memory, []lock.Item, map[string]string) {
	t.Helper()
	m := bundlertest.Memory{}
	base := m.Add("application/vnd.oci.image.layer.v1.tar+gzip", bytes.Repeat([]byte("base layer "), baseSize/11+1)[:baseSize])
	config := m.Add("application/vnd.oci.empty.v1+json", []byte("{}"))
	places := map[string]string{}
	var items []lock.Item
	for i := range 3 {
		own := m.Add("application/vnd.oci.image.layer.v1.tar+gzip", fmt.Appendf(nil, "layer of %d", i))
		root := m.AddManifest(t, "", base, own)
		payload := m.Add("application/vnd.dev.cosign.simplesigning.v1+json", fmt.Appendf(nil, `{"of":%q}`, root.Digest))
		subject := fmt.Sprintf(`,"subject":{"mediaType":%q,"digest":%q,"size":%d}`, root.MediaType, root.Digest, root.Size)
		item := lock.Item{
			Name: fmt.Sprintf("r.example/app-%d:1", i), Kind: lock.KindImage, Repository: fmt.Sprintf("r.example/app-%d", i), Tag: "1",
			Root: root, Blobs: []artifact.Descriptor{config, base, own},
			Evidence: []lock.Evidence{
				{Form: lock.FormSignatureTag, Tag: "sha256-" + root.Digest.Hex() + ".sig", Subject: root.Digest, Manifest: m.AddManifest(t, "", payload), Blobs: []artifact.Descriptor{config, payload}},
				{Form: lock.FormReferrer, Subject: root.Digest, Manifest: m.AddManifest(t, subject+`,"artifactType":"application/spdx+json"`, payload), Blobs: []artifact.Descriptor{config, payload}},
				{Form: lock.FormReferrer, Subject: root.Digest, Manifest: m.AddManifest(t, subject+`,"artifactType":"application/vnd.in-toto+json"`, payload), Blobs: []artifact.Descriptor{config, payload}},
			},
		}
		items = append(items, item)
		places[item.Name] = fmt.Sprintf("mirror/app-%d", i)
	}
	return m, items, places
}

func mustLoad(t *testing.T, r *Registry, items []lock.Item, places map[string]string) (moved load.Moved) {
	t.Helper()
	for _, o := range load.All(t.Context(), items, places, r, load.Options{Parallel: 3}) {
		if o.Err != nil {
			t.Fatalf("%s: %v", o.Item, o.Err)
		}
		moved.Blobs += o.Moved.Blobs
		moved.Bytes += o.Moved.Bytes
	}
	return moved
}

// get reads from the registry by hand.
func get(t *testing.T, address string, accept string) (int, string, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // only read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Docker-Content-Digest"), body
}

// TestEverythingArrives loads into a registry with and one without the
// Referrers API and reads all of it back.
func TestEverythingArrives(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]bundlertest.Option{"distribution": nil, "with the Referrers API": {bundlertest.Referrers()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, items, places := threeImages(t)
			far := bundlertest.Start(t, options...)
			w := newWire(t, far.URL)
			mustLoad(t, New(Options{Connector: w, Source: m}), items, places)
			for _, item := range items {
				at := far.URL + "/v2/" + places[item.Name]
				for _, reference := range []string{"1", string(item.Root.Digest)} {
					if status, digest, body := get(t, at+"/manifests/"+reference, item.Root.MediaType); status != http.StatusOK || digest != string(item.Root.Digest) || !bytes.Equal(body, m[item.Root.Digest]) {
						t.Errorf("%s %s: got %d, %s", item.Name, reference, status, digest)
					}
				}
				for _, b := range blobsOf(&item) {
					if status, _, body := get(t, at+"/blobs/"+string(b.Digest), ""); status != http.StatusOK || !bytes.Equal(body, m[b.Digest]) {
						t.Errorf("%s blob %s: got %d", item.Name, b.Digest, status)
					}
				}
				if _, digest, _ := get(t, at+"/manifests/"+item.Evidence[0].Tag, item.Root.MediaType); digest != string(item.Evidence[0].Manifest.Digest) {
					t.Errorf("%s signature tag: got %s", item.Name, digest)
				}
				list := at + "/manifests/sha256-" + item.Root.Digest.Hex()
				if options != nil {
					list = at + "/referrers/" + string(item.Root.Digest)
				}
				_, _, body := get(t, list, artifact.MediaTypeOCIIndex)
				for _, e := range item.Evidence[1:] {
					if !bytes.Contains(body, []byte(e.Manifest.Digest)) {
						t.Errorf("%s: %s is not among the referrers: %s", item.Name, e.Manifest.Digest, body)
					}
				}
			}
		})
	}
}

// TestLoginsOfEveryKind loads with a password and with a token, over HTTPS with
// an authority of our own.
func TestLoginsOfEveryKind(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]bundlertest.Option{"basic": bundlertest.Basic("loader", "secret"), "token": bundlertest.Token("loader", "secret")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, items, places := threeImages(t)
			far := bundlertest.Start(t, bundlertest.TLS(), option)
			loadWith := func(password string) []load.Outcome {
				connection, err := Connect(ConnectionOptions{
					Host: far.Host, Transfer: transfer.Options{CAFile: far.CAFile(t)}, Repositories: placement.Paths(places),
					Keychain: keychain{authn.FromConfig(authn.AuthConfig{Username: "loader", Password: password})},
				})
				if err != nil {
					t.Fatal(err)
				}
				defer connection.Close()
				return load.All(t.Context(), items, places, New(Options{Connector: connection, Source: m}), load.Options{})
			}
			for _, o := range loadWith("secret") {
				if o.Err != nil {
					t.Errorf("%s: %v", o.Item, o.Err)
				}
			}
			for _, o := range loadWith("guess") {
				if o.Err == nil {
					t.Errorf("%s: loaded with a wrong password", o.Item)
				} else if strings.Contains(o.Err.Error(), "guess") {
					t.Errorf("%s: the error tells the password: %v", o.Item, o.Err)
				}
			}
		})
	}
}

type keychain struct{ authn.Authenticator }

func (k keychain) Resolve(authn.Resource) (authn.Authenticator, error) { return k.Authenticator, nil }

func TestASharedBlobCrossesOnce(t *testing.T) {
	t.Parallel()
	m, items, places := threeImages(t)
	w := newWire(t, bundlertest.Start(t).URL)
	moved := mustLoad(t, New(Options{Connector: w, Source: m}), items, places)
	if w.sent >= 2*baseSize {
		t.Errorf("sent %d bytes for three images on one base of %d: it crossed more than once", w.sent, baseSize)
	}
	if want := 1 + 1 + 3*2; moved.Blobs != want { // base, config, and layer and payload of each
		t.Errorf("got %d blobs moved, want %d", moved.Blobs, want)
	}
}

func TestASecondLoadMovesNothing(t *testing.T) {
	t.Parallel()
	m, items, places := threeImages(t)
	far := bundlertest.Start(t)
	mustLoad(t, New(Options{Connector: newWire(t, far.URL), Source: m}), items, places)
	again := newWire(t, far.URL)
	moved := mustLoad(t, New(Options{Connector: again, Source: m}), items, places)
	if changes := again.changes(); moved != (load.Moved{}) || len(changes) > 0 {
		t.Errorf("got %+v moved by %q, want nothing", moved, changes)
	}
}

// TestALoadGoesOnFromTheOtherRepository is what a load that was killed leaves:
// the base is in the repository that the next one comes to last.
func TestALoadGoesOnFromTheOtherRepository(t *testing.T) {
	t.Parallel()
	m, items, places := threeImages(t)
	far := bundlertest.Start(t)
	mustLoad(t, New(Options{Connector: newWire(t, far.URL), Source: m}), items[2:], places)
	w := newWire(t, far.URL)
	r, moved := New(Options{Connector: w, Source: m, Elsewhere: Sharing(items, places)}), load.Moved{}
	for i := range items { // in this order
		moved.Blobs += mustLoad(t, r, items[i:i+1], places).Blobs
	}
	if w.sent >= baseSize {
		t.Errorf("sent %d bytes: the base of %d crossed again", w.sent, baseSize)
	}
	if want := 2 * 2; moved.Blobs != want { // layer and payload of each
		t.Errorf("got %d blobs moved, want %d", moved.Blobs, want)
	}
}

// TestABrokenTransferGoesOn breaks the line once in the middle of each blob.
func TestABrokenTransferGoesOn(t *testing.T) {
	t.Parallel()
	m, items, places := threeImages(t)
	w := newWire(t, bundlertest.Start(t).URL)
	broken := map[string]bool{}
	var mu sync.Mutex
	w.hook = func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		digest := r.URL.Query().Get("digest")
		if r.Method != http.MethodPut || digest == "" || broken[digest] {
			return nil, nil //nolint:nilnil // go on
		}
		broken[digest] = true
		r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, r.ContentLength/2), failing{}))
		return nil, nil //nolint:nilnil // go on
	}
	mustLoad(t, New(Options{Connector: w, Source: m}), items, places)
	if len(broken) == 0 {
		t.Error("no transfer was broken")
	}
}

// TestABrokenTransferWhoseBytesArriveLate: a registry may still write what came
// before the line broke, when it has said how far it is.
func TestABrokenTransferWhoseBytesArriveLate(t *testing.T) {
	t.Parallel()
	m, items, places := threeImages(t)
	w := newWire(t, bundlertest.Start(t).URL)
	broken, late := map[string]bool{}, map[string]bool{}
	var mu sync.Mutex
	var base string // the path of its upload, of which much is on the line when it breaks
	w.hook = func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		digest := r.URL.Query().Get("digest")
		switch {
		case r.Method == http.MethodPut && digest != "" && !broken[digest]:
			broken[digest] = true
			if r.ContentLength == baseSize {
				base = r.URL.Path
			}
			r.Body = io.NopCloser(io.MultiReader(io.LimitReader(r.Body, r.ContentLength/2), failing{}))
		case r.Method == http.MethodGet && r.URL.Path == base:
			return onceSomeCame(r)
		case r.Method == http.MethodPatch && !late[r.URL.Path]:
			late[r.URL.Path] = true
			_ = r.Body.Close()
			return &http.Response{
				StatusCode: http.StatusRequestedRangeNotSatisfiable, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
				Header: http.Header{}, Body: http.NoBody, Request: r,
			}, nil
		}
		return nil, nil //nolint:nilnil // go on
	}
	mustLoad(t, New(Options{Connector: w, Source: m}), items, places)
	if !late[base] {
		t.Error("the upload of the base did not go on")
	}
}

// onceSomeCame asks how much of an upload is there until something is: what was
// on the line when it broke is read when the registry comes to it.
func onceSomeCame(r *http.Request) (*http.Response, error) {
	for {
		response, err := http.DefaultTransport.RoundTrip(r.Clone(r.Context()))
		if err != nil || response.Header.Get("Range") != "0-0" {
			return response, err
		}
		discard(response)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("the line broke") }

// TestPoisonedSourceDoesNotArrive: what the medium gives up under a digest is
// held to it by the registry, and by us for manifests.
func TestPoisonedSourceDoesNotArrive(t *testing.T) {
	t.Parallel()
	for name, pick := range map[string]func(lock.Item) artifact.Digest{
		"layer":    func(i lock.Item) artifact.Digest { return i.Blobs[1].Digest },
		"manifest": func(i lock.Item) artifact.Digest { return i.Root.Digest },
	} {
		m, items, places := threeImages(t)
		far := bundlertest.Start(t)
		digest := pick(items[0])
		m[digest] = bytes.Clone(m[digest])
		m[digest][0] ^= 1
		outcomes := load.All(t.Context(), items[:1], places, New(Options{Connector: newWire(t, far.URL), Source: m}), load.Options{})
		if outcomes[0].Err == nil || !strings.Contains(outcomes[0].Err.Error(), string(digest)) {
			t.Errorf("%s: got %v, want it refused and named", name, outcomes[0].Err)
		}
		if status, _, _ := get(t, far.URL+"/v2/"+places[items[0].Name]+"/manifests/1", items[0].Root.MediaType); status != http.StatusNotFound {
			t.Errorf("%s: got %d for the tag, want none", name, status)
		}
	}
}

// respond is a registry that answers from a table, "METHOD suffix" to status and
// headers.
func respond(answers map[string]func(http.ResponseWriter)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the sender hears the answer
		for rule, answer := range answers {
			method, part, _ := strings.Cut(rule, " ")
			if r.Method == method && strings.Contains(r.URL.Path, part) {
				answer(w)
				return
			}
		}
		w.WriteHeader(http.StatusNotFound)
	})
}

func TestHostileRegistries(t *testing.T) {
	t.Parallel()
	status := func(code int, header ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	uploads := func(more map[string]func(http.ResponseWriter)) map[string]func(http.ResponseWriter) {
		more["PUT /upload"] = status(http.StatusCreated)
		if more["POST /blobs/"] == nil {
			more["POST /blobs/"] = status(http.StatusAccepted, "Location", "/upload")
		}
		return more
	}
	for name, c := range map[string]struct {
		answers map[string]func(http.ResponseWriter)
		want    string
	}{
		"an upload sent to another host with the credentials": {
			uploads(map[string]func(http.ResponseWriter){"POST /blobs/": status(http.StatusAccepted, "Location", "http://evil.example/upload")}), "another host"},
		"an upload without a place":  {uploads(map[string]func(http.ResponseWriter){"POST /blobs/": status(http.StatusAccepted)}), "no place for the upload"},
		"no right to push":           {map[string]func(http.ResponseWriter){"POST /blobs/": status(http.StatusForbidden)}, "log in as somebody who may push"},
		"a manifest that it changed": {uploads(map[string]func(http.ResponseWriter){"PUT /manifests/": status(http.StatusCreated, "Docker-Content-Digest", "sha256:00")}), "it changed what it was given"},
		"referrers that are no index": {uploads(map[string]func(http.ResponseWriter){
			"PUT /manifests/": status(http.StatusCreated),
			"GET /referrers/": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "no JSON") },
		}), "it is no index"},
		"endless referrers": {uploads(map[string]func(http.ResponseWriter){
			"PUT /manifests/": status(http.StatusCreated),
			"GET /referrers/": func(w http.ResponseWriter) { _, _ = w.Write(bytes.Repeat([]byte("[ "), artifact.MaxMetadata)) },
		}), "it is longer than"},
		"a refusal that would take over a terminal": {map[string]func(http.ResponseWriter){"HEAD /blobs/": status(http.StatusInternalServerError), "POST /blobs/": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"errors":[{"code":"\u001b[2J","message":"x"}]}`)
		}}, "the registry answered 500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(respond(c.answers))
			t.Cleanup(server.Close)
			m, items, places := threeImages(t)
			outcomes := load.All(t.Context(), items[:1], places, New(Options{Connector: newWire(t, server.URL), Source: m}), load.Options{})
			if err := outcomes[0].Err; err == nil || !strings.Contains(err.Error(), c.want) || strings.ContainsRune(err.Error(), 0x1b) {
				t.Errorf("got %q, want an error with %q", err, c.want)
			}
		})
	}
}
