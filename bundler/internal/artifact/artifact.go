// Package artifact is the vocabulary of the bundler: digests, descriptors,
// platforms and the names of what a bundle holds. It has no I/O and stands on
// the standard library alone, because everything stands on it.
//
// Everything that crosses is content-addressed: a blob is known by its
// [Digest] and size, and files on either side are named after digests only,
// never after text from a bundle.
package artifact

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

// Digest is the SHA-256 of a blob, as "sha256:" and 64 lower-case hex digits
// (OCI image-spec v1.1, descriptor.md, section "Digests"). Make one with
// [ParseDigest] or [DigestOf]; the zero Digest is none.
//
// SHA-512 digests are refused: the envelope, the transparency proofs and every
// registry in use name SHA-256, and two names for one blob would be two blobs.
type Digest string

const digestPrefix = "sha256:"

// ParseDigest reads a digest and refuses everything else, upper-case hex
// included, so that a digest can be used as a file name (CVE-2024-3727).
func ParseDigest(text string) (Digest, error) {
	hexadecimal, ok := strings.CutPrefix(text, digestPrefix)
	if !ok || len(hexadecimal) != 64 || strings.Trim(hexadecimal, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%.80q is not a digest: write sha256: and 64 lower-case hex digits", text)
	}
	return Digest(text), nil
}

// DigestOf is the digest with this SHA-256 sum.
func DigestOf(sum [32]byte) Digest { return Digest(digestPrefix + hex.EncodeToString(sum[:])) }

// Hex is the 64 hex digits.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), digestPrefix) }

// MaxMetadata is the largest manifest, index, config or evidence document that
// is ever read into memory, in bytes (CVE-2023-25153).
const MaxMetadata = 4 << 20

// Blob is one sequence of bytes.
type Blob struct {
	Digest Digest `json:"digest"`
	Size   int64  `json:"size"`
}

// Descriptor is a blob and what it is said to be (OCI image-spec v1.1,
// descriptor.md). Annotations and URLs of a source's descriptors are not kept:
// they stay inside the manifest bytes that carry them, and URLs are never
// followed (CVE-2020-15157).
type Descriptor struct {
	Blob
	MediaType    string    `json:"mediaType"`
	ArtifactType string    `json:"artifactType,omitempty"`
	Platform     *Platform `json:"platform,omitempty"`
}

// Platform is what a manifest runs on.
type Platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant,omitempty"`
}

// String is "linux/arm64/v8".
func (p Platform) String() string {
	if p.Variant == "" {
		return p.OS + "/" + p.Architecture
	}
	return p.OS + "/" + p.Architecture + "/" + p.Variant
}

var platformGrammar = regexp.MustCompile(`^[a-z0-9]{1,32}/[a-z0-9_]{1,32}(/[a-z0-9]{1,32})?$`)

// ParsePlatform reads os/architecture or os/architecture/variant.
func ParsePlatform(text string) (Platform, error) {
	if !platformGrammar.MatchString(text) {
		return Platform{}, fmt.Errorf("%.80q is not a platform: write os/architecture, such as linux/amd64", text)
	}
	parts := strings.Split(text, "/")
	p := Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
}

// The media types that the bundler reads into.
const (
	MediaTypeOCIIndex       = "application/vnd.oci.image.index.v1+json"
	MediaTypeOCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	MediaTypeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	MediaTypeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
)

// IsIndex reports whether blobs of the media type list other manifests.
func IsIndex(mediaType string) bool {
	return mediaType == MediaTypeOCIIndex || mediaType == MediaTypeDockerList
}

// IsManifest reports whether blobs of the media type are manifests or indexes.
func IsManifest(mediaType string) bool {
	return IsIndex(mediaType) || mediaType == MediaTypeOCIManifest || mediaType == MediaTypeDockerManifest
}

// Repository is a repository in a registry: "registry.example:5000/team/app".
// Make one with [ParseRepository].
type Repository struct {
	Host string // with a port where there is one
	Path string
}

var (
	hostGrammar = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?|\[[0-9a-f:.]{2,45}\])(:[1-9][0-9]{0,4})?$`)
	// pathGrammar is <name> of OCI distribution-spec v1.1, section "Pulling manifests".
	pathGrammar = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagGrammar  = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

// ParseRepository reads host/path. The host is never guessed: a name without
// one would silently mean somebody's public registry. A host has one spelling
// only, in lower case and without the port that https implies: another one would
// get past the rule of a policy that is written for it.
func ParseRepository(text string) (Repository, error) {
	host, path, ok := strings.Cut(text, "/")
	if !ok || !oneSpelling(host) {
		return Repository{}, fmt.Errorf("%.120q names no registry: write host/path in lower case, without :443, such as registry.example/team/app", text)
	}
	if len(path) > 255 || !pathGrammar.MatchString(path) {
		return Repository{}, fmt.Errorf("%.120q has no repository path that a registry can hold", text)
	}
	return Repository{host, path}, nil
}

func oneSpelling(host string) bool {
	if !hostGrammar.MatchString(host) || strings.HasSuffix(host, ":443") {
		return false
	}
	if inner, _, bracketed := strings.Cut(strings.TrimPrefix(host, "["), "]"); bracketed {
		address, err := netip.ParseAddr(inner)
		return err == nil && address.String() == inner
	}
	return strings.ContainsAny(host, ".:") || host == "localhost"
}

// String is host/path.
func (r Repository) String() string { return r.Host + "/" + r.Path }

// CheckTag says what is wrong with a tag; nil when nothing is.
func CheckTag(tag string) error {
	if !tagGrammar.MatchString(tag) {
		return fmt.Errorf("%.130q is not a tag: 1 to 128 letters, digits, dots, hyphens and underscores", tag)
	}
	return nil
}
