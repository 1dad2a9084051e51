package spec

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"net/url"
	"path"
	"strings"

	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/artifact"
	"github.com/meshwright/terraform-provider-datamesh/bundler/internal/lock"
	"github.com/meshwright/terraform-provider-datamesh/internal/marking"
	"github.com/meshwright/terraform-provider-datamesh/internal/strictyaml"
)

// Parse reads a bundle.yaml under the embedded marking vocabulary. The error is
// an [Errors].
func Parse(text []byte) (*Spec, error) { return ParseUnder(marking.Default(), text) }

// ParseUnder is [Parse] under an operator's vocabulary.
func ParseUnder(v *marking.Vocabulary, text []byte) (*Spec, error) {
	top, err := document(text)
	if err != nil {
		return nil, err
	}
	r := &specReader{reader: reader{vocabulary: v}, named: map[string]node{}}
	r.spec.Digest = artifact.DigestOf(sha256.Sum256(text))
	r.read(top)
	if err := r.result(); err != nil {
		return nil, err
	}
	return &r.spec, nil
}

type specReader struct {
	reader
	spec  Spec
	named map[string]node // what has been asked for, to refuse it twice
}

func (r *specReader) read(top node) {
	r.object(top,
		required("apiVersion", func(n node) { r.constant(n, APIVersion) }),
		required("kind", func(n node) { r.constant(n, KindBundle) }),
		required("name", func(n node) { r.spec.Name = r.bundleName(n) }),
		optional("stream", func(n node) { r.spec.Stream = r.bundleName(n) }),
		required("marking", func(n node) { r.spec.Marking = r.marking(n) }),
		optional("validFor", func(n node) { r.spec.ValidFor = r.duration(n) }),
		optional("volumes", r.volumes),
		optional("images", func(n node) { r.list(n, r.image) }),
		optional("artifacts", func(n node) { r.list(n, r.artifact) }),
		optional("files", func(n node) { r.list(n, r.file) }),
		optional("mesh", func(n node) { r.list(n, r.mesh) }),
	)
	if len(has(top, "images", "artifacts", "files", "mesh")) == 0 {
		r.fail(top, "asks for nothing", "add images, artifacts, files or mesh")
	}
	if r.spec.Stream == "" {
		r.spec.Stream = r.spec.Name
	}
}

func (r *reader) bundleName(n node) string {
	text, ok := r.text(n, lock.MaxBundleName)
	if !ok {
		return ""
	}
	if err := lock.CheckBundleName(text); err != nil {
		r.failed(n, err, "")
	}
	return text
}

func (r *specReader) volumes(n node) {
	r.object(n,
		optional("size", func(n node) {
			if r.spec.Volumes.Size = r.size(n); r.spec.Volumes.Size > 0 && r.spec.Volumes.Size < MinVolumeSize {
				r.fail(n, "a volume is too small", "write at least "+FormatSize(MinVolumeSize))
			}
		}),
		optional("parity", func(n node) { r.spec.Volumes.Parity = r.number(n, 0, MaxParity) }),
	)
}

// entryFields are the fields of every entry. The entry is marked as the bundle
// unless it says otherwise; the bundle's marking has been read before.
func (r *specReader) entryFields(n node, e *Entry) []field {
	e.Where, e.Marking = n.Path, r.spec.Marking
	return []field{
		optional("trust", func(n node) { e.Trust = r.trustName(n) }),
		optional("marking", func(n node) { e.Marking = r.entryMarking(n) }),
	}
}

func (r *specReader) entryMarking(n node) marking.Marking {
	m, banner := r.marking(n), r.spec.Marking
	if !m.IsZero() && !banner.IsZero() && !r.vocabulary.Dominates(banner, m) {
		r.fail(n, m.Banner()+" is above the bundle's "+banner.Banner(), "mark the bundle "+r.vocabulary.Rollup(banner, m).Banner())
	}
	return m
}

func (r *specReader) image(n node) {
	var image Image
	fields := append(r.selectionFields(&image.Selection), optional("platforms", func(n node) { image.Platforms = r.platforms(n) }))
	r.object(n, append(fields, r.entryFields(n, &image.Entry)...)...)
	r.checkSelection(n, &image.Selection)
	r.spec.Images = append(r.spec.Images, image)
}

func (r *specReader) artifact(n node) {
	var a Artifact
	r.object(n, append(r.selectionFields(&a.Selection), r.entryFields(n, &a.Entry)...)...)
	r.checkSelection(n, &a.Selection)
	r.spec.Artifacts = append(r.spec.Artifacts, a)
}

func (r *specReader) selectionFields(s *Selection) []field {
	return []field{
		optional("ref", func(n node) { s.Ref = r.reference(n); s.Repository = s.Ref.Repository }),
		optional("repo", func(n node) { s.Repository = r.repository(n) }),
		optional("versions", func(n node) { r.versions(n, s) }),
		optional("tags", func(n node) { r.tags(n, s) }),
	}
}

// checkSelection wants ref alone, or repo with versions or tags, and nothing
// twice.
func (r *specReader) checkSelection(n node, s *Selection) {
	if !r.exactlyOne(n, "ref", "repo") {
		return
	}
	if len(has(n, "repo")) == 1 {
		r.exactlyOne(n, "versions", "tags")
		r.once(n, s.String())
		return
	}
	if extra := has(n, "versions", "tags"); len(extra) > 0 {
		r.fail(n, "has "+extra[0]+" beside ref", "write repo instead of ref, or remove "+extra[0])
	}
	if s.Single() {
		r.once(n, s.Ref.Name())
	}
}

// once refuses to be asked twice for what has the name.
func (r *specReader) once(n node, name string) {
	if first, twice := r.named[name]; twice {
		r.fail(n, fmt.Sprintf("asks for %s, as line %d does", strictyaml.Printable(name), first.Line), "keep one of them")
		return
	}
	r.named[name] = n
}

func (r *reader) reference(n node) Reference {
	text, ok := r.text(n, maxReference)
	if !ok {
		return Reference{}
	}
	ref, err := ParseReference(text)
	if err != nil {
		r.failed(n, err, "")
	}
	return ref
}

// maxReference is host, path, tag and digest.
const maxReference = 1024

func (r *reader) repository(n node) artifact.Repository {
	text, ok := r.text(n, maxReference)
	if !ok {
		return artifact.Repository{}
	}
	repository, err := artifact.ParseRepository(text)
	if err != nil {
		r.failed(n, err, "")
	}
	return repository
}

func (r *reader) versions(n node, s *Selection) {
	text, ok := r.text(n, maxVersions)
	if !ok {
		return
	}
	var err error
	if s.constraint, err = parseRange(text); err != nil {
		r.failed(n, err, `write a range such as ">=1.4 <2", "~1.4" or "1.x || 2.x"`)
	}
	s.Versions = text
}

func (r *reader) tags(n node, s *Selection) {
	text, ok := r.text(n, maxExpression)
	if !ok {
		return
	}
	var err error
	if s.expression, err = wholeExpression(text); err != nil {
		r.failed(n, err, "")
	}
	s.Tags = text
}

func (r *reader) platforms(n node) []artifact.Platform {
	var platforms []artifact.Platform
	r.texts(n, maxReference, func(n node, text string) {
		platform, err := artifact.ParsePlatform(text)
		if err != nil {
			r.failed(n, err, "")
		}
		platforms = append(platforms, platform)
	})
	return platforms
}

func (r *specReader) file(n node) {
	var f File
	r.object(n, append([]field{
		required("name", func(n node) { f.Name = r.fileName(n) }),
		optional("url", func(n node) { f.URL = r.fileURL(n) }),
		optional("path", func(n node) { f.Path = r.path(n) }),
		optional("sha256", func(n node) { f.SHA256 = r.sha256(n) }),
	}, r.entryFields(n, &f.Entry)...)...)
	r.exactlyOne(n, "url", "path")
	if len(has(n, "url")) == 1 && len(has(n, "sha256")) == 0 {
		r.fail(n, "has a url without sha256", "add the SHA-256 that its publisher states")
	}
	r.spec.Files = append(r.spec.Files, f)
}

// fileName refuses names that differ in case only: many file systems have one
// file for both.
func (r *specReader) fileName(n node) string {
	text, ok := r.text(n, lock.MaxFileName)
	if !ok {
		return ""
	}
	if err := lock.CheckFileName(text); err != nil {
		r.failed(n, err, "")
	}
	r.once(n, "files/"+strings.ToLower(text))
	return text
}

func (r *reader) fileURL(n node) string {
	text, ok := r.text(n, lock.MaxURL)
	if !ok {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		r.fail(n, "is not a URL", "write https://host/path")
	case u.User != nil:
		r.fail(n, "holds a user", "remove it: credentials never stand in this file")
	case u.Fragment != "" || strings.HasSuffix(text, "#"):
		r.fail(n, "has a fragment", "remove everything from # on")
	}
	return text
}

// path reads a slash-separated path that stays below the folder of the file.
func (r *reader) path(n node) string {
	text, ok := r.text(n, lock.MaxURL)
	if !ok {
		return ""
	}
	clean := path.Clean(text)
	if strings.ContainsAny(text, `\:`) || path.IsAbs(clean) || clean == "." || clean == ".." || strings.HasPrefix(clean, "../") {
		r.fail(n, "is not a path below the folder of this file", "write a relative path with slashes and without ..")
	}
	return clean
}

func (r *reader) sha256(n node) artifact.Digest {
	text, ok := r.text(n, maxReference)
	if !ok {
		return ""
	}
	digest, err := artifact.ParseDigest("sha256:" + text)
	if err != nil {
		r.fail(n, "is not a SHA-256", "write 64 lower-case hex digits")
	}
	return digest
}

func (r *specReader) mesh(n node) {
	var m Mesh
	r.object(n, append([]field{
		required("endpoint", func(n node) { m.Endpoint = r.endpoint(n) }),
		required("products", func(n node) { m.Products = r.patterns(n) }),
		optional("platforms", func(n node) { m.Platforms = r.platforms(n) }),
	}, r.entryFields(n, &m.Entry)...)...)
	r.spec.Mesh = append(r.spec.Mesh, m)
}

// endpoint reads the URL of a platform. A token goes there, so plain http is
// for the loopback device only.
func (r *reader) endpoint(n node) string {
	text, ok := r.text(n, lock.MaxURL)
	if !ok {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		r.fail(n, "is not the URL of a platform", "write https://host or https://host/path")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		r.fail(n, "would send a token in the clear", "write https://")
	}
	return text
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

func (r *reader) patterns(n node) []Pattern {
	var patterns []Pattern
	r.texts(n, maxPattern, func(n node, text string) { patterns = append(patterns, r.parsePattern(n, text)) })
	return patterns
}

func (r *reader) parsePattern(n node, text string) Pattern {
	pattern, err := ParsePattern(text)
	if err != nil {
		r.failed(n, err, "")
	}
	return pattern
}
