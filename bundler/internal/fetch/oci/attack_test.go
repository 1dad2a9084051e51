package oci

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/bundlertest"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/transfer"
)

const hostileDigest = artifact.Digest("sha256:0000000000000000000000000000000000000000000000000000000000000000")

// TestTagMovedBetweenVerifyAndCopy: the tag is asked for once (CVE-2025-24882).
func TestTagMovedBetweenVerifyAndCopy(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	root, _ := app(t, r)
	r.Inject(bundlertest.SecondAnswer("/manifests/1.0", artifact.MediaTypeOCIManifest, []byte(`{"schemaVersion":2}`)))
	g, err := walk(t, r, "1.0")
	if err != nil || g.Root.Digest != root.Digest {
		t.Errorf("walked %v, %v, want %s", g, err, root.Digest)
	}
	if n := r.Asked("GET /v2/team/app/manifests/1.0"); n != 1 {
		t.Errorf("the tag was asked for %d times", n)
	}
}

// TestRegistrySendsAnotherManifest: by digest only the bytes of the digest pass.
func TestRegistrySendsAnotherManifest(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	root, _ := app(t, r)
	r.Inject(bundlertest.Corrupt("/manifests/" + string(root.Digest)))
	_, err := open(t, Options{}).Repository(r.Repository("team/app")).Fetch(t.Context(), root)
	refused(t, err, "sent other bytes")
}

// TestRegistryNamesAnotherDigestThanItSends in Docker-Content-Digest.
func TestRegistryNamesAnotherDigestThanItSends(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	app(t, r)
	r.Inject(bundlertest.Corrupt("/manifests/1.0"))
	_, err := open(t, Options{}).Repository(r.Repository("team/app")).Resolve(t.Context(), "1.0")
	refused(t, err, "the registry says it is")
}

// TestManifestIndexConfusion: a document that one reader takes for an image and
// another for an index (CVE-2021-41190), by its keys, their case, their
// repetition or the type that it was sent as.
func TestManifestIndexConfusion(t *testing.T) {
	t.Parallel()
	entry := fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":1}`, artifact.MediaTypeOCIManifest, hostileDigest)
	for text, mediaType := range map[string]string{
		`{"schemaVersion":2,"config":` + entry + `,"layers":[],"manifests":[]}`:                                              artifact.MediaTypeOCIManifest,
		`{"schemaVersion":2,"manifests":[],"layers":[]}`:                                                                     artifact.MediaTypeOCIIndex,
		`{"schemaVersion":2,"manifests":[],"config":` + entry + `}`:                                                          artifact.MediaTypeOCIIndex,
		`{"schemaVersion":2,"config":` + entry + `,"layers":[],"Manifests":[]}`:                                              artifact.MediaTypeOCIManifest,
		`{"schemaVersion":2,"config":` + entry + `,"layers":[],"layers":[` + entry + `]}`:                                    artifact.MediaTypeOCIManifest,
		`{"schemaVersion":2,"config":` + entry + `,"layers":[],"fsLayers":[]}`:                                               artifact.MediaTypeOCIManifest,
		`{"schemaVersion":2,"mediaType":"` + artifact.MediaTypeOCIIndex + `","config":` + entry + `,"layers":[]}`:            artifact.MediaTypeOCIManifest,
		`{"schemaVersion":2,"config":` + entry + `,"layers":[]}`:                                                             artifact.MediaTypeDockerManifest,
		`{"schemaVersion":1,"config":` + entry + `,"layers":[]}`:                                                             artifact.MediaTypeOCIManifest,
		`{"schemaVersion":2,"config":` + entry + `}`:                                                                         artifact.MediaTypeOCIManifest,
		`{"schemaVersion":2,"config":` + entry + `,"layers":[]} {}`:                                                          artifact.MediaTypeOCIManifest,
		`{"schemaVersion":2,"config":` + entry + `,"layers":[{"digest":"` + string(hostileDigest) + `","size":1,"Size":2}]}`: artifact.MediaTypeOCIManifest,
	} {
		if _, err := parseDocument([]byte(text), mediaType); err == nil {
			t.Errorf("accepted as %s: %s", mediaType, text)
		}
	}
	good := `{"schemaVersion":2,"config":` + entry + `,"layers":[` + entry + `],"annotations":{"Layers":"x"}}`
	if _, err := parseDocument([]byte(good), artifact.MediaTypeOCIManifest); err != nil {
		t.Errorf("%s: %v", good, err)
	}
}

// TestTypeOfHeaderAndListMustAgree: the same bytes, sent as another type than
// they are listed with.
func TestTypeOfHeaderAndListMustAgree(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	root, _ := app(t, r)
	raw, _ := r.Manifest(t, "team/app", string(root.Digest))
	r.Inject(bundlertest.Answer("/manifests/"+string(root.Digest), artifact.MediaTypeOCIIndex, raw))
	_, err := open(t, Options{}).Repository(r.Repository("team/app")).Fetch(t.Context(), root)
	refused(t, err, "it is listed as")
}

// TestLayerPointsOutside: urls, foreign layers and embedded data are never
// followed (CVE-2020-15157).
func TestLayerPointsOutside(t *testing.T) {
	t.Parallel()
	for _, layer := range []string{
		`{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":1,"urls":["https://elsewhere.example/x"]}`,
		`{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":%q,"size":1}`,
		`{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip","digest":%q,"size":1}`,
		`{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":%q,"size":1,"data":"eA=="}`,
	} {
		config := fmt.Sprintf(`{"mediaType":"application/json","digest":%q,"size":2}`, hostileDigest)
		text := `{"schemaVersion":2,"config":` + config + `,"layers":[` + fmt.Sprintf(layer, hostileDigest) + `]}`
		if _, err := parseDocument([]byte(text), artifact.MediaTypeOCIManifest); err == nil {
			t.Errorf("accepted: %s", text)
		}
	}
}

// TestDigestThatIsAPath in a manifest (CVE-2024-3727).
func TestDigestThatIsAPath(t *testing.T) {
	t.Parallel()
	for _, digest := range []string{"sha256:../../../etc/passwd", "sha256:ABCDEF", "", "md5:d41d8cd98f00b204e9800998ecf8427e"} {
		text := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":"application/json","digest":%q,"size":1}]}`, digest)
		if _, err := parseDocument([]byte(text), artifact.MediaTypeOCIIndex); err == nil {
			t.Errorf("accepted the digest %q", digest)
		}
	}
}

// TestOversizedManifest: no more than the limit is read (CVE-2023-25153).
func TestOversizedManifest(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	app(t, r)
	r.Inject(bundlertest.Answer("/manifests/1.0", artifact.MediaTypeOCIManifest, make([]byte, 16<<20)))
	_, err := open(t, Options{}).Repository(r.Repository("team/app")).Resolve(t.Context(), "1.0")
	refused(t, err, "larger than")
}

// TestHugeClaimedSizeAllocatesNothing: a size is a claim until bytes come.
func TestHugeClaimedSizeAllocatesNothing(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	_, layer := app(t, r)
	repository := open(t, Options{}).Repository(r.Repository("team/app"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := repository.Open(t.Context(), artifact.Blob{Digest: layer.Digest, Size: maxBlob}, 0)
	refused(t, err, "and the server sends")
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<30 {
		t.Errorf("allocated %d bytes for a claimed terabyte", grown)
	}
	if _, err := repository.Fetch(t.Context(), artifact.Descriptor{Blob: artifact.Blob{Digest: layer.Digest, Size: maxBlob}}); err == nil {
		t.Error("fetched a claimed terabyte into memory")
	}
}

// TestEndlessTags and the next: lists that never end (CVE-2023-46737).
func TestEndlessTags(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	app(t, r)
	r.Inject(bundlertest.EndlessTags())
	_, err := open(t, Options{}).Repository(r.Repository("team/app")).Tags(t.Context())
	refused(t, err, "does not end")
}

func TestEndlessReferrers(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	root, _ := app(t, r)
	r.Inject(bundlertest.EndlessReferrers(root.Digest))
	_, err := walk(t, r, "1.0")
	refused(t, err, "does not end")
}

// TestThousandSignatures in one index of a referrers tag.
func TestThousandSignatures(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	root, _ := app(t, r)
	index := bundlertest.Document{SchemaVersion: 2, MediaType: artifact.MediaTypeOCIIndex}
	for range 1000 {
		index.Manifests = append(index.Manifests, bundlertest.Descriptor{Descriptor: root})
	}
	r.Inject(bundlertest.Answer("/manifests/sha256-"+root.Digest.Hex(), artifact.MediaTypeOCIIndex, bundlertest.JSON(t, index)))
	_, err := walk(t, r, "1.0")
	refused(t, err, "more than 100")
}

// TestListedEvidenceIsAboutAnotherManifest: the list is not signed.
func TestListedEvidenceIsAboutAnotherManifest(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	root, _ := app(t, r)
	other := r.PushImage(t, "team/app", "2.0", bundlertest.AMD64, bundlertest.Layer(9, 100))
	sbom := r.Attach(t, "team/app", other, "application/spdx+json", "application/spdx+json", bundlertest.Bytes([]byte("{}")), nil)
	r.PushManifest(t, "team/app", "sha256-"+root.Digest.Hex(), artifact.MediaTypeOCIIndex, bundlertest.JSON(t, bundlertest.Document{
		SchemaVersion: 2, MediaType: artifact.MediaTypeOCIIndex, Manifests: []bundlertest.Descriptor{{Descriptor: sbom}},
	}))
	_, err := walk(t, r, "1.0")
	refused(t, err, "is not about it")
}

// TestIndexAsEvidence: it could list evidence without end, and a signature on it
// would be about no image. What to do instead is said.
func TestIndexAsEvidence(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	root, _ := app(t, r)
	index := r.PushManifest(t, "team/app", "", artifact.MediaTypeOCIIndex, bundlertest.JSON(t, bundlertest.Document{
		SchemaVersion: 2, MediaType: artifact.MediaTypeOCIIndex, Subject: &bundlertest.Descriptor{Descriptor: root}, Manifests: []bundlertest.Descriptor{{Descriptor: root}},
	}))
	r.PushManifest(t, "team/app", "sha256-"+root.Digest.Hex(), artifact.MediaTypeOCIIndex, bundlertest.JSON(t, bundlertest.Document{
		SchemaVersion: 2, MediaType: artifact.MediaTypeOCIIndex, Manifests: []bundlertest.Descriptor{{Descriptor: index}},
	}))
	_, err := walk(t, r, "1.0")
	refused(t, err, "of type "+artifact.MediaTypeOCIIndex+": only manifests of single artifacts are carried; copy the image without it")
}

// TestVeryDeepGraph of indexes in indexes (GHSA-298f-872v-2rcx). A cycle cannot
// be made of digests that are checked.
func TestVeryDeepGraph(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	root, _ := app(t, r)
	for range maxDepth + 2 {
		root = r.PushIndex(t, "team/app", "deep", root)
	}
	_, err := walk(t, r, "deep")
	refused(t, err, "nested deeper")
}

// TestVeryDeepEvidence: artifacts about artifacts about artifacts.
func TestVeryDeepEvidence(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	subject, _ := app(t, r)
	for i := range 6 {
		subject = r.Attach(t, "team/app", subject, "application/vnd.test", "application/json", bundlertest.Bytes(fmt.Appendf(nil, "%d", i)), nil)
	}
	_, err := walk(t, r, "1.0")
	refused(t, err, "deeper than")
}

// spy is a server that notes whether it was sent credentials.
func spy(t *testing.T) (*httptest.Server, *atomic.Int64, *atomic.Int64) {
	t.Helper()
	var requests, credentials atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		requests.Add(1)
		if req.Header.Get("Authorization") != "" || req.ContentLength != 0 {
			credentials.Add(1)
		}
		fmt.Fprint(w, `{"token":"stolen"}`)
	}))
	t.Cleanup(server.Close)
	return server, &requests, &credentials
}

// TestCredentialsToAnotherHostByRedirect (GHSA-h3wm-jjqf-8jm2): the redirect is
// followed, the credentials stay.
func TestCredentialsToAnotherHostByRedirect(t *testing.T) {
	t.Parallel()
	for _, way := range []bundlertest.Option{bundlertest.Basic("user", "secret"), bundlertest.Token("user", "secret")} {
		r := bundlertest.Start(t, way)
		_, layer := app(t, r)
		elsewhere, requests, credentials := spy(t)
		r.Inject(bundlertest.Redirect("/blobs/"+string(layer.Digest), elsewhere.URL+"/x?signature=secret"))
		repository := open(t, Options{Keychain: someone{r.Host, "user", "secret"}}).Repository(r.Repository("team/app"))
		_, err := repository.Open(t.Context(), layer.Blob, 0)
		refused(t, err, "the server sends") // as many bytes as the spy has
		if requests.Load() == 0 || credentials.Load() > 0 {
			t.Errorf("%d requests, %d of them with credentials", requests.Load(), credentials.Load())
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error holds a credential: %v", err)
		}
	}
}

// TestCredentialsToAForeignRealm: a registry names somebody else's token
// service.
func TestCredentialsToAForeignRealm(t *testing.T) {
	t.Parallel()
	elsewhere, requests, _ := spy(t)
	r := bundlertest.Start(t)
	r.Inject(bundlertest.On("/v2/", func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+elsewhere.URL+`/token",service="x"`)
			w.WriteHeader(http.StatusUnauthorized)
		})
	}))
	_, err := open(t, Options{Keychain: someone{r.Host, "user", "secret"}}).Repository(r.Repository("team/app")).Resolve(t.Context(), "1.0")
	if err == nil || strings.Contains(err.Error(), "secret") || requests.Load() > 0 {
		t.Errorf("%v after %d requests to the foreign realm", err, requests.Load())
	}
}

// TestRegistryThatCutsConnections: the transfer goes on where it broke, and no
// byte is sent twice that arrived.
func TestRegistryThatCutsConnections(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	_, layer := app(t, r)
	r.Inject(bundlertest.Cut("/blobs/"+string(layer.Digest), 1<<20, 2))
	readWhole(t, open(t, Options{}).Repository(r.Repository("team/app")), layer.Blob)
	if sent := r.Sent(layer.Digest); sent.Whole != 1 || sent.Requests != 3 {
		t.Errorf("%d requests, %d of them from the start, want 3 and 1", sent.Requests, sent.Whole)
	}
}

// TestRegistryThatNeverSendsMore ends after a few attempts in a row.
func TestRegistryThatNeverSendsMore(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	_, layer := app(t, r)
	r.Inject(bundlertest.Cut("/blobs/"+string(layer.Digest), 10, 1000))
	body, err := open(t, Options{}).Repository(r.Repository("team/app")).Open(t.Context(), layer.Blob, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, body)
	refused(t, err, "at byte ")
}

// TestSlowRegistry: one that drips a byte now and then does not hold a run.
func TestSlowRegistry(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	_, layer := app(t, r)
	r.Inject(bundlertest.Slow("/blobs/"+string(layer.Digest), 1, 5*time.Millisecond))
	repository := open(t, Options{Transfer: transfer.Options{Patience: 50 * time.Millisecond}}).Repository(r.Repository("team/app"))
	body, err := repository.Open(t.Context(), layer.Blob, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, body)
	refused(t, err, "sent nothing, or nearly nothing")
}

// TestRegistryThatLimitsTheRate: Retry-After is honoured, within a bound.
func TestRegistryThatLimitsTheRate(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]time.Duration{"7": 7 * time.Second, "86400": 2 * time.Minute} {
		r := bundlertest.Start(t)
		root, _ := app(t, r)
		r.Inject(bundlertest.Status("/manifests/1.0", http.StatusTooManyRequests, 2, asked))
		clock := &pauses{}
		got, err := open(t, Options{Transfer: transfer.Options{Wait: clock.wait}}).Repository(r.Repository("team/app")).Resolve(t.Context(), "1.0")
		if err != nil || got.Digest != root.Digest {
			t.Errorf("%v, %v", got, err)
		}
		if len(clock.asked) != 2 || clock.asked[0] != want || clock.asked[1] != want {
			t.Errorf("waited %v after Retry-After: %s, want %s twice", clock.asked, asked, want)
		}
	}
}

func TestRegistryThatNeverRelents(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	app(t, r)
	r.Inject(bundlertest.Status("/manifests/1.0", http.StatusTooManyRequests, 1000, ""))
	_, err := open(t, Options{}).Repository(r.Repository("team/app")).Resolve(t.Context(), "1.0")
	refused(t, err, "limits the rate")
	if n := r.Asked("GET /v2/team/app/manifests/1.0"); n != 6 {
		t.Errorf("asked %d times, want 6", n)
	}
}

// TestRegistrySendsAnotherLength than the descriptor says, with and without a
// Content-Length.
func TestRegistrySendsAnotherLength(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	_, layer := app(t, r)
	repository := open(t, Options{}).Repository(r.Repository("team/app"))
	for _, size := range []int64{layer.Size - 1, layer.Size + 1} {
		_, err := repository.Open(t.Context(), artifact.Blob{Digest: layer.Digest, Size: size}, 0)
		refused(t, err, "the server sends")
	}
	r.Inject(bundlertest.On("/blobs/"+string(layer.Digest), func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for range 4 {
				_, _ = w.Write(make([]byte, 1<<20)) // without a length: chunked
				_ = http.NewResponseController(w).Flush()
			}
		})
	}))
	body, err := repository.Open(t.Context(), layer.Blob, 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, body)
	refused(t, err, "sends more than")
	if n != layer.Size {
		t.Errorf("passed on %d bytes of a blob of %d", n, layer.Size)
	}
}

// TestRegistryWithoutRange sends everything again: the reader still gets what it
// asked for.
func TestRegistryWithoutRange(t *testing.T) {
	t.Parallel()
	r := bundlertest.Start(t)
	_, layer := app(t, r)
	r.Inject(bundlertest.On("/blobs/"+string(layer.Digest), func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			req.Header.Del("Range")
			next.ServeHTTP(w, req)
		})
	}))
	whole, err := io.ReadAll(layer.Open())
	if err != nil {
		t.Fatal(err)
	}
	body, err := open(t, Options{}).Repository(r.Repository("team/app")).Open(t.Context(), layer.Blob, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(body); err != nil || string(got) != string(whole[1000:]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}
