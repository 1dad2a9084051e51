package oci

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
)

// Options say what is served.
type Options struct {
	Lock *lock.Lock
	// Places is the repository of each item, by the item's name.
	Places map[string]string
	// Source has every blob of the lock, verified.
	Source artifact.Source
	// Log takes a line for each request; nil discards them.
	Log *slog.Logger
	// MaxConcurrent bounds the requests that are served at once, beyond which
	// they are refused with 503; 0 for 256.
	MaxConcurrent int
}

const (
	defaultMaxConcurrent = 256
	maxTagsPage          = 1000
)

// server is Options ready to serve.
type server struct {
	catalogue catalogue
	source    artifact.Source
	log       *slog.Logger
	slots     chan struct{}
}

// New reads the lock and returns the registry as a handler for the whole of a
// server. The error names the item that cannot be served.
func New(ctx context.Context, o Options) (http.Handler, error) {
	c, err := newCatalogue(ctx, o.Lock, o.Places, o.Source)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.MaxConcurrent == 0 {
		o.MaxConcurrent = defaultMaxConcurrent
	}
	return &server{c, o.Source, o.Log, make(chan struct{}, o.MaxConcurrent)}, nil
}

// ServeHTTP implements [http.Handler].
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	recorder := &recorder{ResponseWriter: w}
	defer func() {
		s.log.InfoContext(r.Context(), "request", "method", r.Method, "path", shown(r), "status", recorder.status,
			"bytes", recorder.bytes, "duration", time.Since(start))
	}()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		recorder.Header().Set("Retry-After", "1")
		fail(recorder, failure{http.StatusServiceUnavailable, "TOOMANYREQUESTS", "as many requests as can be are served; try again later"})
		return
	}
	if err := s.serve(recorder, r); err != nil {
		fail(recorder, *err)
	}
}

// serve answers one request, or returns why it does not.
func (s *server) serve(w http.ResponseWriter, r *http.Request) *failure {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return &failure{http.StatusMethodNotAllowed, "UNSUPPORTED", "this registry serves a bundle: it is read-only"}
	}
	if r.URL.Path == "/v2/" || r.URL.Path == "/v2" {
		return sendJSON(w, "application/json", struct{}{})
	}
	path, kind, reference, ok := split(r.URL.Path)
	if !ok {
		return &failure{http.StatusNotFound, "UNSUPPORTED", "no such path: this registry serves the pull endpoints of OCI distribution-spec 1.1"}
	}
	repository, ok := s.catalogue[path]
	if !ok {
		return &failure{http.StatusNotFound, "NAME_UNKNOWN", "the bundle has no such repository"}
	}
	switch kind {
	case "manifests":
		return s.manifest(w, r, repository, reference)
	case "blobs":
		return s.blob(w, r, repository, reference)
	case "referrers":
		return listReferrers(w, r, repository, reference)
	default:
		return listTags(w, r, path, repository)
	}
}

// split cuts /v2/<name>/<kind>/<reference>; the name may hold slashes.
func split(path string) (name, kind, reference string, ok bool) {
	path, ok = strings.CutPrefix(path, "/v2/")
	if !ok {
		return "", "", "", false
	}
	rest, reference, ok := cutLast(path)
	if !ok {
		return "", "", "", false
	}
	name, kind, ok = cutLast(rest)
	known := slices.Contains([]string{"manifests", "blobs", "referrers"}, kind) || kind == "tags" && reference == "list"
	return name, kind, reference, ok && known
}

func cutLast(path string) (before, last string, ok bool) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", "", false
	}
	return path[:i], path[i+1:], true
}

func (s *server) manifest(w http.ResponseWriter, r *http.Request, repository *repository, reference string) *failure {
	descriptor, ok := repository.tags[reference]
	if digest, err := artifact.ParseDigest(reference); err == nil {
		descriptor, ok = repository.manifests[digest]
	}
	if !ok {
		return &failure{http.StatusNotFound, "MANIFEST_UNKNOWN", "the bundle has no such manifest in this repository"}
	}
	s.content(w, r, descriptor.Blob, descriptor.MediaType)
	return nil
}

// blob also serves manifests: the specification leaves it open, and clients
// that copy by digest ask so.
func (s *server) blob(w http.ResponseWriter, r *http.Request, repository *repository, reference string) *failure {
	digest, err := artifact.ParseDigest(reference)
	if err != nil {
		return &failure{http.StatusBadRequest, "DIGEST_INVALID", err.Error()}
	}
	descriptor, ok := repository.blobs[digest]
	if !ok {
		descriptor, ok = repository.manifests[digest]
	}
	if !ok {
		return &failure{http.StatusNotFound, "BLOB_UNKNOWN", "the bundle has no such blob in this repository"}
	}
	s.content(w, r, descriptor.Blob, "application/octet-stream")
	return nil
}

// listTags pages as the specification says: n names after last, and a Link to
// the next page.
func listTags(w http.ResponseWriter, r *http.Request, path string, repository *repository) *failure {
	names := repository.names
	if last := r.URL.Query().Get("last"); last != "" {
		i, found := slices.BinarySearch(names, last)
		if found {
			i++
		}
		names = names[i:]
	}
	n := maxTagsPage
	if text := r.URL.Query().Get("n"); text != "" {
		asked, err := strconv.Atoi(text)
		if err != nil || asked < 0 {
			return &failure{http.StatusBadRequest, "PAGINATION_NUMBER_INVALID", "n is not a number of tags"}
		}
		n = min(n, asked)
	}
	if n < len(names) {
		names = names[:n]
		if n > 0 {
			w.Header().Set("Link", fmt.Sprintf("</v2/%s/tags/list?n=%d&last=%s>; rel=\"next\"", path, n, names[n-1]))
		}
	}
	if names == nil {
		names = []string{}
	}
	return sendJSON(w, "application/json", map[string]any{"name": path, "tags": names})
}

// listReferrers answers with an index, an empty one when nothing refers to the
// digest, whether it is there or not.
func listReferrers(w http.ResponseWriter, r *http.Request, repository *repository, reference string) *failure {
	digest, err := artifact.ParseDigest(reference)
	if err != nil {
		return &failure{http.StatusBadRequest, "DIGEST_INVALID", err.Error()}
	}
	list := []artifact.Referrer{}
	wanted := r.URL.Query().Get("artifactType")
	if wanted != "" {
		w.Header().Set("OCI-Filters-Applied", "artifactType")
	}
	for _, entry := range repository.referrers[digest] {
		if wanted == "" || entry.ArtifactType == wanted {
			list = append(list, entry)
		}
	}
	return sendJSON(w, artifact.MediaTypeOCIIndex, map[string]any{
		"schemaVersion": 2, "mediaType": artifact.MediaTypeOCIIndex, "manifests": list,
	})
}

func sendJSON(w http.ResponseWriter, media string, body any) *failure {
	text, err := json.Marshal(body)
	if err != nil {
		return &failure{http.StatusInternalServerError, "UNKNOWN", "the answer cannot be written"}
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text) // fails when the caller has gone; net/http drops the body of a HEAD
	return nil
}

// failure is an error of the specification (section "Error Codes").
type failure struct {
	status        int
	code, message string
}

func fail(w http.ResponseWriter, f failure) {
	type entry struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	text, err := json.Marshal(map[string][]entry{"errors": {{f.code, f.message}}})
	if err != nil {
		text = []byte("{}")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(f.status)
	_, _ = w.Write(text) // fails when the caller has gone
}

// shown is the path as the log has it: escaped, and cut to a bearable length.
func shown(r *http.Request) string {
	const longest = 512
	path := r.URL.EscapedPath()
	return path[:min(len(path), longest)]
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}
